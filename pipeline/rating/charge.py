"""One charge on one quantity: the dispatcher over the models, with free units, proration, minimum, cap and rounding.

From a plan's charge and a metered quantity (pipeline.rating.meter), to a line of a bill that explains itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from pipeline.rating.charges.blocks import rate_blocks
from pipeline.rating.charges.capacity import rate_capacity
from pipeline.rating.charges.commitment import rate_commitment
from pipeline.rating.charges.flat import rate_flat
from pipeline.rating.charges.graduated import rate_graduated
from pipeline.rating.charges.package import rate_package
from pipeline.rating.charges.per_unit import rate_per_unit
from pipeline.rating.charges.percentage import rate_percentage
from pipeline.rating.charges.percentile import rate_percentile
from pipeline.rating.charges.step import Step, flat_sum, float_free, units_at, whole_blocks
from pipeline.rating.charges.volume import rate_volume
from pipeline.rating.minimums import limit_steps
from pipeline.rating.model import Line, Meter, Model, Part
from pipeline.rating.rates import rate_words
from pipeline.rating.rounding import RateError, add_up, exact, round_to, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal

    from pipeline.rating.model import Charge, Quantity

MODELS: dict[Model, Callable[[Charge, Fraction, Fraction], list[Step]]] = {
    Model.FLAT: rate_flat,
    Model.PER_UNIT: rate_per_unit,
    Model.GRADUATED: rate_graduated,
    Model.VOLUME: rate_volume,
    Model.PACKAGE: rate_package,
    Model.BLOCKS: rate_blocks,
    Model.CAPACITY: rate_capacity,
    Model.PERCENTAGE: rate_percentage,
    Model.COMMITMENT: rate_commitment,
    Model.PERCENTILE: rate_percentile,
}
# Not sums over time: half a month at 100 Mbps is 100 Mbps, so the month's whole price is taken in part.
RATES = frozenset({Meter.P95_BPS, Meter.PEAK_BPS, Meter.FLAT})


@dataclass(frozen=True, slots=True)
class Rated:
    """A line with its amount before rounding, and the highest tier it hit."""

    charge: Charge
    line: Line
    amount: Fraction
    tier: int


def rate_charge(charge: Charge, quantity: Quantity, factor: Fraction | Decimal = Fraction(1)) -> Line:
    """The line of a charge for `quantity.units` of its unit; `factor` is the part of the month that is billed."""
    return rate_exactly(charge, quantity, factor).line


def rate_exactly(charge: Charge, quantity: Quantity, factor: Fraction | Decimal = Fraction(1)) -> Rated:
    """The same with the amount before rounding beside it. Raises RateError for what cannot be rated."""
    part = exact(factor, f"charge {charge.id}: factor")
    if part < 0:
        raise RateError(f"charge {charge.id}: expected a factor of 0 or more, found {factor}")
    if quantity.charge != charge.id:
        raise RateError(f"charge {charge.id}: expected its own quantity, found that of {quantity.charge}")
    in_part = _is_rate(charge)
    scale = Fraction(1) if in_part else part
    rounding = charge.rounding
    if rounding.at not in ("line", "total", "tier"):
        raise RateError(
            f"charge {charge.id}: expected rounding at line, total or tier, found {rounding.at!r}"
        )

    def rounded(amount: Fraction) -> Fraction:
        """At every tier: limits then hold for rounded sums, and are rounded themselves."""
        return Fraction(round_to(amount, rounding)) if rounding.at == "tier" else amount

    steps = [replace(step, amount=rounded(step.amount)) for step in _steps(charge, quantity, scale)]
    if charge.percent_off is not None:
        off = exact(charge.percent_off, f"charge {charge.id}: percent_off")
        if not 0 <= off <= 100:
            raise RateError(
                f"charge {charge.id}: expected percent_off from 0 to 100, found {charge.percent_off}"
            )
        steps.append(flat_sum(f"{charge.percent_off} % off", -rounded(_sum(steps) * off / 100)))
    for step in limit_steps(charge, _sum(steps), scale):
        steps.append(flat_sum(step.what, rounded(_sum(steps) + step.amount) - _sum(steps)))
    if quantity.valid_days is not None and quantity.valid_days[0] != quantity.valid_days[1]:
        valid, days = quantity.valid_days
        steps.append(flat_sum(f"{valid} of {days} days", rounded(_sum(steps) * valid / days) - _sum(steps)))
    if in_part and part != 1:
        steps.append(
            flat_sum(f"for {float_free(part)} of the month", rounded(_sum(steps) * part) - _sum(steps))
        )
    total = _sum(steps)
    amount = round_to(total, rounding)
    line = Line(
        kind="charge",
        id=charge.id,
        names=charge.names,
        quantity=quantity.units,
        unit=charge.unit,
        amount=amount,
        parts=tuple(Part(s.what, shown(s.units), shown(s.price), shown(s.amount)) for s in steps),
        rule=rule_of(charge, part, quantity.note),
    )
    return Rated(charge, line, total, max((step.tier for step in steps), default=0))


def _is_rate(charge: Charge) -> bool:
    """Whether the month's whole price is taken in part; windows are as many as the span has."""
    return charge.meter in RATES and charge.model is not Model.PERCENTAGE and charge.window_s is None


def _is_prorated(charge: Charge) -> bool:
    """Whether a part of the month asks for less, or gives less, than the whole does for the same usage."""
    given = (charge.free_units, charge.minimum, charge.cap)
    if _is_rate(charge) or any(each is not None for each in given):
        return True
    if charge.window_s is not None:
        return False
    return charge.model in (Model.CAPACITY, Model.COMMITMENT) or any(tier.flat for tier in charge.tiers)


def _sum(steps: list[Step]) -> Fraction:
    return sum((step.amount for step in steps), Fraction(0))


def _steps(charge: Charge, quantity: Quantity, scale: Fraction) -> list[Step]:
    """The model's steps, after whole units and free units."""
    rate = MODELS[charge.model]
    if charge.window_s is None:
        windows = [_whole(charge, _units(charge, quantity.units))]
    elif add_up(quantity.windows) != quantity.units:
        raise RateError(
            f"charge {charge.id}: expected windows of {charge.window_s} s that sum to {quantity.units} {charge.unit}, "
            f"found {len(quantity.windows)} that sum to {add_up(quantity.windows)}"
        )
    else:
        windows = [_whole(charge, _units(charge, window)) for window in quantity.windows]
    steps: list[Step] = []
    if charge.free_units is not None:
        left = free = exact(charge.free_units, f"charge {charge.id}: free_units") * scale
        for i, window in enumerate(windows):
            # The month's allowance: the first windows use it up.
            windows[i] = max(window - left, Fraction(0))
            left = max(left - window, Fraction(0))
        steps.append(units_at("free units", free - left, Fraction(0)))
    if charge.window_s is None:
        return steps + rate(charge, windows[0], scale)
    # A window is whole, however short the span that is billed.
    return steps + _added(step for window in windows for step in rate(charge, window, Fraction(1)))


def _added(steps: Iterable[Step]) -> list[Step]:
    """Equal steps of many windows as one, with the sum of their units and amounts."""
    sums: dict[tuple[str, Fraction, int], tuple[Fraction, Fraction]] = {}
    for step in steps:
        key = (step.what, step.price, step.tier)
        units, amount = sums.get(key, (Fraction(0), Fraction(0)))
        sums[key] = (units + step.units, amount + step.amount)
    return [Step(what, units, price, amount, tier) for (what, price, tier), (units, amount) in sums.items()]


def _units(charge: Charge, units: Decimal) -> Fraction:
    value = exact(units, f"charge {charge.id}: quantity")
    if value < 0:
        raise RateError(f"charge {charge.id}: expected a quantity of 0 or more, found {units}")
    return value


def _whole(charge: Charge, units: Fraction) -> Fraction:
    if charge.whole_units not in ("", "up", "down"):
        raise RateError(f"charge {charge.id}: expected whole_units up or down, found {charge.whole_units!r}")
    return whole_blocks(units, Fraction(1), charge.whole_units == "up") if charge.whole_units else units


def rule_of(charge: Charge, factor: Fraction = Fraction(1), note: str = "") -> str:
    """The rule of a line in words: model, how a rate came about, limits, rounding. `note`: what metering says of it."""
    words = [charge.model.value, *rate_words(charge, note)]
    if charge.window_s is not None:
        words.append(f"each {charge.window_s} s alone")
    if charge.whole_units:
        words.append(f"whole units, rounded {charge.whole_units}")
    if charge.top_tier:
        words.append("the tier reached prices all")
    words += [
        f"{name.replace('_', ' ')} {value}"
        for name in ("free_units", "percent_off", "minimum", "cap")
        if (value := getattr(charge, name)) is not None
    ]
    if factor != 1 and _is_prorated(charge):
        words.append(f"for {float_free(factor)} of the month")
    rounding = charge.rounding
    return f"{', '.join(words)}; rounded {rounding.mode} to {rounding.scale} decimals at {rounding.at}"
