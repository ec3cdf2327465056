"""What the product answers to an outside rating case, by its model; tests/judges/test_rating_cases.py compares."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pipeline.rating.bill_changes import delta_bill
from pipeline.rating.charge import rate_charge, rate_exactly
from pipeline.rating.credit import credit_part
from pipeline.rating.model import Bill, Charge, Discount, Line, Tax, Tier
from pipeline.rating.rate import rate_plan
from pipeline.rating.rerate import rate_slice, rerate
from pipeline.rating.rounding import add_up, exact, negated
from tests.judges.rating_nouns import (
    CENTS,
    MONEY,
    MONTH,
    Case,
    UnsupportedError,
    charge_of,
    flat_charge,
    number,
    of,
    optional,
    part_of,
    plan_of,
    priced_by,
    ratio,
)

Answer = dict[str, Any]
ANSWERS: dict[str, Callable[[Case, Case], Answer]] = {}


def answers(*models: str) -> Callable[[Callable[[Case, Case], Answer]], Callable[[Case, Case], Answer]]:
    """Names the models that a function answers."""

    def register(function: Callable[[Case, Case], Answer]) -> Callable[[Case, Case], Answer]:
        ANSWERS.update(dict.fromkeys(models, function))
        return function

    return register


def bill_of(*charges: Charge, units: dict[str, Any] | None = None, **other: Any) -> Bill:
    """A plan of charges, rated on units by charge."""
    plan_keys = {"minimum", "cap", "rounding"}
    plan = plan_of(*charges, **{key: value for key, value in other.items() if key in plan_keys})
    given = [of(charge, (units or {})[charge.id]) for charge in charges if charge.id in (units or {})]
    rest = {key: value for key, value in other.items() if key not in plan_keys}
    return rate_plan(plan, given, MONTH, **rest)


def simple(model: str) -> Callable[[Case, Case], Answer]:
    def answer(params: Case, usage: Case) -> Answer:
        charge = charge_of(params, model)
        return {"amount": rate_charge(charge, of(charge, usage["quantity"])).amount}

    return answer


for name, model in {
    "per_unit": "per_unit",
    "graduated": "graduated",
    "graduated_percentage": "graduated",
    "volume": "volume",
    "package": "package",
    "multiplier": "per_unit",
}.items():
    ANSWERS[name] = simple(model)


def line_answer(line: Line) -> Answer:
    """A line in a period: what it comes to, and what was taken off on the way."""
    off, capped = -part_of(line, "% off"), -part_of(line, "cap")
    limits = ("% off", "cap", "minimum", "booked before")
    steps = [part for part in line.parts if not any(word in part.what for word in limits)]
    return {
        "amount": line.amount,
        "gross": Fraction(add_up(part.amount for part in steps)),
        "discount": Fraction(off + capped),
        "discount_percent": off,
        "discount_max": capped,
        "components": [part.amount for part in steps if part.amount],
    }


def sliced(model: str) -> Callable[[Case, Case], Answer]:
    def answer(params: Case, usage: Case) -> Answer:
        before, own = number(usage["pre_quantity"]), number(usage["quantity"])
        booked = optional(usage.get("previously_billed"))
        return line_answer(rate_slice(charge_of(params, model), before, before + own, booked))

    return answer


for name, model in {
    "graduated_line": "graduated",
    "package_line": "package",
    "per_unit_line": "per_unit",
    "multiplier_line": "per_unit",
}.items():
    ANSWERS[name] = sliced(model)


WHOLE = {"ceil": "up", "floor": "down", "none": ""}


@answers("unit_conversion", "unit_conversion_line", "unit_conversion_graduated")
def converted(params: Case, usage: Case) -> Answer:
    # The source converts each line alone: what stood before it has no part in it.
    model = "graduated" if "tiers" in params else "per_unit"
    charge = charge_of(params, model, whole_units=WHOLE[params["rounding"]])
    line = rate_charge(charge, of(charge, number(usage["quantity"]) / number(params["divide_by"])))
    return line_answer(line)


@answers("package_count")
def packages(params: Case, usage: Case) -> Answer:
    charge = charge_of({**params, "package_price": "1"}, "package")
    line = rate_charge(charge, of(charge, usage["quantity"]))
    return {"packages": add_up(part.units for part in line.parts if "packages" in part.what)}


@answers("percentage", "percentage_simple")
def percentage(params: Case, usage: Case) -> Answer:
    free_events, free_total = params.get("free_events"), params.get("free_total")
    if free_events is not None and free_total is not None:
        raise UnsupportedError("two allowances over payments, by number and by sum, whichever ends later")
    events = str(usage.get("event_count", usage.get("billable_events")))
    free = free_total
    if free_total is not None:
        # An event that ends within what is free is free of its fixed part too.
        free_events = str(sum(number(each) <= number(free_total) for each in usage["running_total"]))
    elif free_events is not None:
        reached = min(int(free_events), int(events))
        free = [*usage["running_total"], usage["total"]][reached - 1] if reached else "0"
    share = charge_of({**params, "free_units": free}, "percentage", "share")
    fixed = charge_of({"unit": params.get("fixed_per_event"), "free_units": free_events}, "per_unit", "fixed")
    return {"amount": bill_of(share, fixed, units={"share": usage["total"], "fixed": events}).total}


@answers("percentage_per_event")
def percentage_per_event(params: Case, usage: Case) -> Answer:
    if "free_total" in params or "free_events" in params:
        raise UnsupportedError("allowances over single payments: a CDN has no payments to take a share of")
    limits = {"minimum_amount": params.get("per_event_min"), "maximum_amount": params.get("per_event_max")}
    share = number(params["rate_percent"]).scaleb(-2)
    tiers = (Tier(None, share, number(params.get("fixed_per_event"))),)
    charges = [
        charge_of({**limits, "tiers": []}, "graduated", str(i), tiers=tiers)
        for i in range(len(usage["events"]))
    ]
    units = {charge.id: event for charge, event in zip(charges, usage["events"], strict=True)}
    return {"amount": bill_of(*charges, units=units).total}


def unsupported(reason: str) -> Callable[[Case, Case], Answer]:
    def answer(params: Case, usage: Case) -> Answer:  # noqa: ARG001 one signature for all models
        raise UnsupportedError(reason)

    return answer


for name, reason in {
    "volume_prorated": "seats that are had for a part of the month: bytes are not prorated",
    "prorated_graduated": "seats added and removed, each prorated from its own day: bytes are not prorated",
    "dynamic": "the price is given from outside, nothing is rated",
    "increments_rounded": "every second rounded up to money: the source itself calls it a fault",
    "rerate_failed_record": "a prepaid telephone balance",
}.items():
    ANSWERS[name] = unsupported(reason)


@answers("minimum_spend", "minimum_commitment")
def true_up(params: Case, usage: Case) -> Answer:
    fees = usage.get("charge_cents", usage.get("fees_cents"))
    fees = fees if isinstance(fees, list) else [fees]
    least = number(params.get("minimum_cents", params.get("commitment_cents")))
    # What was charged is given as it is: proration is of the minimum.
    charges = [charge_of({"unit": "1"}, "per_unit", str(i)) for i in range(len(fees))]
    units = {str(i): fee for i, fee in enumerate(fees)}
    factor = ratio(params.get("ratio", "1"))
    bill = bill_of(*charges, units=units, minimum=least, rounding=CENTS, factor=factor)
    lifted = [line for line in bill.lines if line.kind == "minimum"]
    precise = sum((exact(part.amount) for line in lifted for part in line.parts), Fraction(0))
    return {
        "true_up_cents": add_up(line.amount for line in lifted),
        "precise_true_up_cents": precise,
        "total_cents": bill.total,
    }


@answers("minimum_charge")
def minimum_charge(params: Case, usage: Case) -> Answer:
    charge = charge_of({"unit": "1"}, "per_unit")
    bill = bill_of(charge, units={"c": usage["usage_charges"]}, minimum=number(params["minimum"]))
    shortfall = add_up(line.amount for line in bill.lines if line.kind == "minimum")
    return {"amount": bill.total, "shortfall": shortfall}


@answers("flat_prorated_tax")
def flat_with_tax(params: Case, usage: Case) -> Answer:  # noqa: ARG001
    tax = Tax("tax", number(params["tax_percent"]), included=False)
    flat = flat_charge(params["flat_cents"], rounding=CENTS)
    bill = bill_of(flat, tax=tax, factor=ratio(params["ratio"]), rounding=CENTS)
    return {"total_cents": bill.total, "tax_cents": bill.tax, "subtotal_cents": bill.net}


def left_to_pay(bill: Bill, *paid: str | None) -> Decimal:
    """What a bill of the product's leaves when the source's own payments are taken off: payments are none of ours."""
    return max(Decimal(0), add_up((bill.total, *(negated(number(each)) for each in paid))))


@answers("day_proration", "day_proration_dates", "day_proration_net")
def by_days(params: Case, usage: Case) -> Answer:
    period = usage.get("period_days") or params["period_days"]
    factor = Fraction(int(usage["days"]), int(period))
    if "flat_cents" in params:
        return {
            "amount_cents": bill_of(flat_charge(params["flat_cents"], rounding=CENTS), factor=factor).total
        }
    bill = bill_of(flat_charge(params.get("flat") or params["charge_flat"], rounding=MONEY), factor=factor)
    return {"amount": left_to_pay(bill, params.get("credit"))}


@answers("credit_note_tax")
def credit_note(params: Case, usage: Case) -> Answer:
    tax = Tax("tax", number(params["tax_percent"]), included=False)
    gross = number(usage["credited_total_cents"])
    issued = bill_of(flat_charge(gross, rounding=CENTS), tax=tax, rounding=CENTS)
    note = credit_part(issued, gross, tax, CENTS, "a case")
    return {"subtotal_cents": -note.net, "tax_cents": -note.tax, "total_cents": -note.total}


@answers("invoice_stack")
def invoice(params: Case, usage: Case) -> Answer:
    if params["order"] != ["fees", "coupons", "tax", "credit_notes", "prepaid"]:
        raise UnsupportedError(f"an order of a bill other than ours: {params['order']}")
    fees = [flat_charge(fee, str(i)) for i, fee in enumerate(usage["fees"])]
    tax = Tax("tax", number(usage["tax_percent"]), included=False)
    bill = bill_of(*fees, tax=tax, discounts=[Discount("coupon", amount=number(usage["coupon"]))])
    due = left_to_pay(bill, usage["credit_note"], usage["prepaid"])
    return {"subtotal": bill.net, "tax": bill.tax, "total": bill.total, "due": due}


@answers("rerate_delta")
def deltas(params: Case, usage: Case) -> Answer:
    lines = rerate(priced_by(params), [number(each) for each in usage["cumulative_by_phase"]], ())
    return {"booked_by_phase": [line.amount for line in lines]}


@answers("late_event_attribution")
def late_events(params: Case, usage: Case) -> Answer:
    charge, runs = priced_by(params), usage["cumulative_snapshots_per_run"]
    booked: list[Decimal] = []
    by_run = []
    for i, snapshot in enumerate(runs):
        lines = rerate(charge, [number(each) for each in snapshot], booked, final=i == len(runs) - 1)
        by_run.append(add_up(line.amount for line in lines))
        old = [*booked, *[Decimal(0)] * (len(lines) - len(booked))]
        booked = [add_up((amount, line.amount)) for amount, line in zip(old, lines, strict=True)]
    return {"booked_by_run": by_run}


def with_flat(params: Case, *charges: Charge, units: dict[str, Any]) -> Bill:
    fixed = [flat_charge(params["flat"])] if "flat" in params else []
    return bill_of(*charges, *fixed, units=units)


@answers("blocks_all_tiers", "late_usage_next_invoice")
def blocks(params: Case, usage: Case) -> Answer:
    units = {"c": usage.get("quantity", usage.get("late_quantity"))}
    return {"amount": with_flat(params, charge_of(params, "blocks"), units=units).total}


@answers("blocks_top_tier")
def top_blocks(params: Case, usage: Case) -> Answer:
    charge = charge_of(params, "blocks", top_tier=True)
    return {"amount": with_flat(params, charge, units={"c": usage["quantity"]}).total}


@answers("blocks_multi_usage")
def block_usages(params: Case, usage: Case) -> Answer:
    charges = [
        charge_of({"tiers": [{**each, "max_blocks": None}]}, "blocks", unit)
        for unit, each in params["usages"].items()
    ]
    return {"amount": bill_of(*charges, units=usage).total}


def multi_unit(tiers: list[Case], usage: Case, *, top_tier: bool) -> Bill:
    """Every unit climbs its own tiers."""
    units = list(tiers[0])
    charges = [
        charge_of({"tiers": [tier[unit] for tier in tiers]}, "blocks", unit, top_tier=top_tier)
        for unit in units
    ]
    return bill_of(*charges, units={unit: usage.get(unit, "0") for unit in units})


@answers("blocks_multi_unit_all_tiers")
def multi_all(params: Case, usage: Case) -> Answer:
    return {"amount": multi_unit(params["tiers"], usage, top_tier=False).total}


@answers("blocks_multi_unit_top_tier")
def multi_top(params: Case, usage: Case) -> Answer:
    return {"amount": multi_unit(params["tiers"], usage, top_tier=True).total}


def capacities(tiers: list[Case], usage: Case) -> list[Charge]:
    """One charge a unit, all of one group: the highest tier that any of them needs is paid."""
    units = dict.fromkeys(unit for tier in tiers for unit in tier["limits"])
    return [
        charge_of(
            {},
            "capacity",
            unit,
            group="all",
            tiers=tuple(
                Tier(optional(tier["limits"].get(unit)), Decimal(0), number(tier["price"])) for tier in tiers
            ),
        )
        for unit in units
        if unit in usage
    ]


@answers("capacity_max_tier")
def capacity(params: Case, usage: Case) -> Answer:
    return {"amount": with_flat(params, *capacities(params["tiers"], usage), units=usage).total}


@answers("rerate_existing_item")
def existing(params: Case, usage: Case) -> Answer:
    already = number(usage["already_invoiced"])
    used = {unit: value for unit, value in usage.items() if unit != "already_invoiced"}
    if "tiers" in params:
        charge = charge_of(params, "blocks", top_tier=params.get("policy") == "top_tier")
        units = add_up(number(each) for each in usage["quantity"])
        line = rate_slice(charge, Decimal(0), units, already)
        return {"recomputed": rate_charge(charge, of(charge, units)).amount, "to_invoice": line.amount}
    if "capacity_tiers" in params:
        bill = bill_of(*capacities(params["capacity_tiers"], used), units=used)
    else:
        bill = multi_unit(params["multi_unit_tiers"], used, top_tier=params["policy"] == "top_tier")
    issued = bill_of(flat_charge(already, "issued"))
    return {"recomputed": bill.total, "to_invoice": delta_bill(issued, bill, "a case").total}


@answers("rerate_rounding")
def rerounded(params: Case, usage: Case) -> Answer:
    charge = charge_of(params, "per_unit", rounding=MONEY)
    units, already = number(usage["quantity"]), number(usage["already_invoiced"])
    line = rate_slice(charge, Decimal(0), units, already)
    return {"recomputed": rate_exactly(charge, of(charge, units)).amount, "to_invoice": line.amount}
