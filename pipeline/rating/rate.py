"""A plan on a month's quantities: charges, groups, minimum or cap, discounts, taxes, in that order, as a bill.

From pipeline.rating.meter's quantities and a contract's plan, tax and discounts, to a Bill that is its lines' sum.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.rating.charge import Rated, rate_exactly
from pipeline.rating.charges.step import float_free
from pipeline.rating.discounts import distribute, share_coins, take_discounts
from pipeline.rating.minimums import limit_steps
from pipeline.rating.model import Bill, Line, Meter, Model, Part, Quantity
from pipeline.rating.rounding import RateError, add_up, exact, negated, round_to, shown
from pipeline.rating.taxes import tax_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.rating.model import Charge, Discount, Period, Plan, Rounding, Tax


def rate_plan(
    plan: Plan,
    quantities: Sequence[Quantity],
    period: Period,
    *,
    factor: Fraction | Decimal = Fraction(1),
    tax: Tax | None = None,
    discounts: Sequence[Discount] = (),
    customer: str = "",
) -> Bill:
    """The bill of a plan. Raises RateError, with every fault of the quantities at once, for what cannot be rated."""
    rated = _rate_charges(plan, _by_charge(plan, quantities), factor)
    lines = [each.line for each in rated]
    lines += _limit_lines(plan, lines, factor)
    taken = take_discounts(discounts, lines, plan.rounding)
    taxes = _tax_lines(plan, lines, [shares for _, shares in taken], tax)
    return make_bill(customer, plan, period, (*lines, *(line for line, _ in taken), *taxes))


def make_bill(customer: str, plan: Plan, period: Period, lines: Sequence[Line]) -> Bill:
    """A bill of lines: net is all but taxes, total is all."""
    net = add_up(line.amount for line in lines if line.kind != "tax")
    owed = add_up(line.amount for line in lines if line.kind == "tax")
    return Bill(
        customer,
        plan.id,
        plan.version,
        period,
        plan.currency,
        tuple(lines),
        net,
        owed,
        add_up((net, owed)),
        plan_names=dict(plan.names),
    )


def _by_charge(plan: Plan, quantities: Sequence[Quantity]) -> dict[str, Quantity]:
    """Each charge's quantity; a flat charge needs none, a percentage takes the amounts of other charges.

    What a meter says of a percentage is dropped: it counts nothing, and its base is known only once others are rated.
    """
    found = {quantity.charge: quantity for quantity in quantities}
    ids = [charge.id for charge in plan.charges]
    counted = [quantity.charge for quantity in quantities]
    faults = [f"charge {each} twice in the plan" for each in {i for i in ids if ids.count(i) > 1}]
    faults += [f"quantity of {each} twice" for each in {i for i in counted if counted.count(i) > 1}]
    faults += [f"quantity of {each}, which the plan does not have" for each in found if each not in ids]
    for charge in plan.charges:
        if _is_share(charge):
            found.pop(charge.id, None)
            continue
        if charge.id in found:
            continue
        if charge.meter is Meter.FLAT:
            found[charge.id] = Quantity(charge.id, Decimal(1), 1)
        else:
            faults.append(f"no quantity of {charge.id} ({charge.meter.value})")
    if faults:
        raise RateError(f"plan {plan.id}: expected one quantity a charge, found {'; '.join(sorted(faults))}")
    return found


def _is_share(charge: Charge) -> bool:
    """A share of other charges' amounts; on another meter a percentage is of a sum that is told."""
    return charge.model is Model.PERCENTAGE and charge.meter is Meter.FLAT


def _rate_charges(plan: Plan, quantities: dict[str, Quantity], factor: Fraction | Decimal) -> list[Rated]:
    """Every charge in the plan's order; shares of others' amounts come after those."""
    rated: dict[str, Rated] = {}
    for charge in plan.charges:
        if charge.id in quantities:
            rated[charge.id] = rate_exactly(charge, quantities[charge.id], factor)
    _settle_groups(rated)
    _round_totals(rated)
    for charge in plan.charges:
        if charge.id not in rated:
            rated[charge.id] = rate_exactly(charge, _base_of(charge, rated), factor)
    return [rated[charge.id] for charge in plan.charges]


def _base_of(charge: Charge, rated: dict[str, Rated]) -> Quantity:
    """The amounts that a percentage takes its share of: those it names, or all that are not percentages."""
    unknown = [each for each in charge.of if each not in rated]
    if unknown:
        raise RateError(f"charge {charge.id}: expected charges before it in of, found {', '.join(unknown)}")
    ids = charge.of or [each for each, r in rated.items() if not _is_share(r.charge)]
    return Quantity(charge.id, add_up(rated[each].line.amount for each in ids), 0)


def _settle_groups(rated: dict[str, Rated]) -> None:
    """Of a group the dearest charge is paid; of capacities, that of the highest tier needed. The rest cost nothing."""
    groups: dict[str, list[Rated]] = defaultdict(list)
    for each in rated.values():
        if each.charge.group:
            groups[each.charge.group].append(each)
    for name, members in groups.items():
        tiered = all(each.charge.model is Model.CAPACITY for each in members)
        winner = max(members, key=lambda each: (each.tier if tiered else 0, each.amount))
        for each in members:
            if each is winner:
                continue
            given = Part(
                f"paid by {winner.charge.id} in group {name}", Decimal(0), Decimal(0), shown(-each.amount)
            )
            zero = round_to(Fraction(0), each.charge.rounding)
            line = replace(each.line, amount=zero, parts=(*each.line.parts, given))
            rated[each.charge.id] = replace(each, line=line, amount=Fraction(0))


def _round_totals(rated: dict[str, Rated]) -> None:
    """Charges rounded `at` total: their sum is rounded once, and its coins are shared over their lines."""
    groups: dict[Rounding, list[Rated]] = defaultdict(list)
    for each in rated.values():
        if each.charge.rounding.at == "total":
            groups[each.charge.rounding].append(each)
    for rounding, members in groups.items():
        total = round_to(sum((each.amount for each in members), Fraction(0)), rounding)
        coin = Fraction(1, 10**rounding.scale)
        shares = share_coins([each.amount / coin for each in members], int(exact(total) / coin))
        for each, share in zip(members, shares, strict=True):
            line = replace(each.line, amount=round_to(share * coin, rounding))
            rated[each.charge.id] = replace(each, line=line)


def _limit_lines(plan: Plan, lines: list[Line], factor: Fraction | Decimal) -> list[Line]:
    """The plan's true-up to its minimum, or what its cap takes off: the limit is rounded, and met to the last digit."""
    amount = add_up(line.amount for line in lines)
    part = exact(factor, "factor")
    made = []
    for step in limit_steps(plan, exact(amount, "lines"), part):
        limit = round_to(exact(amount) + step.amount, plan.rounding)
        months = "" if part == 1 else f" for {float_free(part)} of the month"
        rule = f"{step.what} {getattr(plan, step.what)}{months}, against {amount}"
        parts = (Part(step.what, Decimal(0), shown(step.amount), shown(step.amount)),)
        made.append(
            Line(
                step.what,
                f"plan-{step.what}",
                {},
                Decimal(0),
                "",
                add_up((limit, negated(amount))),
                parts,
                f"{rule}; rounded {plan.rounding.mode} to {plan.rounding.scale} decimals",
            )
        )
    return made


def _tax_lines(plan: Plan, lines: list[Line], discounted: list[list[Decimal]], tax: Tax | None) -> list[Line]:
    """Each tax on the lines that it is of, after cap and discounts were shared over them."""
    own = {charge.id: charge.tax for charge in plan.charges if charge.tax is not None}
    left = [line.amount for line in lines]
    for shares in discounted:
        left = [add_up((amount, negated(share))) for amount, share in zip(left, shares, strict=True)]
    if lines and lines[-1].kind == "cap":
        taken = left.pop()
        # Lines may have finer digits than the plan, and so may what the cap takes.
        exponent = taken.as_tuple().exponent
        scale = max(plan.rounding.scale, -exponent if isinstance(exponent, int) else 0)
        finest = replace(plan.rounding, scale=scale)
        shares = distribute(negated(taken), [max(exact(a), Fraction(0)) for a in left], finest)
        left = [add_up((amount, negated(share))) for amount, share in zip(left, shares, strict=True)]
    bases: dict[Tax, list[Decimal]] = defaultdict(list)
    for line, amount in zip(lines, left, strict=False):
        of = own.get(line.id, tax) if line.kind == "charge" else tax
        if of is not None:
            bases[of].append(amount)
    return [line for of, amounts in bases.items() for line in tax_lines(of, add_up(amounts), plan.rounding)]
