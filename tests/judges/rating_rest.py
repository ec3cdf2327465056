"""More of the product's answers to outside rating cases: windows, changes of plan, discounts, telephone records read as
usage, percentiles, comparisons. Importing it registers them in tests/judges/rating_models.py."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from fractions import Fraction
from itertools import accumulate
from typing import Any

import numpy as np

from pipeline.rating.charge import rate_charge
from pipeline.rating.discounts import distribute
from pipeline.rating.meter import meter_plan
from pipeline.rating.model import (
    Charge,
    Commitment,
    Discount,
    Hours,
    Line,
    Meter,
    Percentile,
    Period,
    Rounding,
    Tier,
    Where,
)
from pipeline.rating.percentiles import percentiles, rank_from_top
from pipeline.rating.rate import rate_plan
from pipeline.rating.rerate import rate_slice, rerate
from pipeline.rating.rounding import add_up, negated
from pipeline.rating.units import base_of
from pipeline.rating.usage import usage_of
from tests.judges.rating_models import ANSWERS, Answer, answers, bill_of
from tests.judges.rating_nouns import (
    CENTS,
    MONEY,
    Case,
    UnsupportedError,
    charge_of,
    commitment_of,
    flat_charge,
    number,
    of,
    plan_of,
    ratio,
)

__all__ = ["ANSWERS"]

# A Thursday and a Friday.
DAYS = Period(datetime(2026, 11, 5, tzinfo=UTC), datetime(2026, 11, 7, tzinfo=UTC), "UTC")
FIRST_MINUTE = int(DAYS.begin.timestamp()) // 60


def bucketed(model: str) -> Callable[[Case, Case], Answer]:
    def answer(params: Case, usage: Case) -> Answer:
        charge = charge_of({**params, "free_units": None}, model, window_s=3600)
        return {"amount": windows_line(charge, usage["buckets"]).amount}

    return answer


for name in ("per_unit", "package", "graduated", "volume"):
    ANSWERS[f"bucketed_{name}"] = bucketed(name)


def windows_line(charge: Charge, windows: list[str]) -> Line:
    return rate_charge(charge, of(charge, add_up(number(each) for each in windows), *windows))


@answers("window_commitment")
def window_commitment(params: Case, usage: Case) -> Answer:
    charge = commitment_of(params)
    line = windows_line(charge, usage["windows"])
    windows = [windows_line(charge, [each]).amount for each in usage["windows"]]
    return {"amount": line.amount, "per_window": windows, **commitment_use(line)}


def commitment_use(*lines: Line) -> Answer:
    """What of a promise was used, what went over it, and what was paid without use, as the parts of lines tell."""
    names = {"overage": "overage", "committed, not used": "true_up"}
    use = dict.fromkeys(("utilized", *names.values()), number("0"))
    for part in (part for line in lines for part in line.parts):
        use[names.get(part.what, "utilized")] += part.amount
    return use


def inside(at: str, begin: str, end: str) -> bool:
    """Whether a time of day is in [begin, end), which may run over midnight."""
    return begin <= at < end if begin < end else at >= begin or at < end


@answers("window_commitment_time_of_day")
def commitments_by_hour(params: Case, usage: Case) -> Answer:
    lines, left = [], list(usage["windows"])
    for bucket in params["buckets"]:
        own = [each for each in left if inside(each[0], bucket["from"], bucket["to"])]
        left = [each for each in left if each not in own]
        lines.append(windows_line(commitment_of(bucket), [units for _, units in own]))
    lines.append(windows_line(commitment_of(params["otherwise"]), [units for _, units in left]))
    return {"amount": add_up(line.amount for line in lines), **commitment_use(*lines)}


@answers("plan_change_proration")
def plan_change(params: Case, usage: Case) -> Answer:
    left = Fraction(int(params["days"]), int(params["of_days"]))
    sides = [(usage[f"{side}_price"], usage[f"{side}_qty"]) for side in ("old", "new")]
    return _changed(sides, left, MONEY, "")


@answers("plan_change_factor")
def plan_change_factor(params: Case, usage: Case) -> Answer:  # noqa: ARG001
    sides = [(params["old_cents"], "1"), (params["new_cents"], "1")]
    return _changed(sides, ratio(params["factor"]), CENTS, "_cents")


@answers("slots_proration")
def slots(params: Case, usage: Case) -> Answer:  # noqa: ARG001
    sides = [(params["price_cents"], params["old"]), (params["price_cents"], params["new"])]
    return {"amount_cents": _changed(sides, ratio(params["factor"]), CENTS, "")["net"]}


def _changed(sides: list[tuple[str, str]], left: Fraction, rounding: Any, suffix: str) -> Answer:
    old, new = (
        (charge_of({"unit": price}, "per_unit", meter=Meter.FLAT, rounding=rounding), units)
        for price, units in sides
    )
    credit = negated(rate_charge(old[0], of(*old), left).amount)
    charge = rate_charge(new[0], of(*new), left).amount
    return {f"net{suffix}": add_up((credit, charge)), f"credit{suffix}": credit, f"charge{suffix}": charge}


@answers("coupon_stack")
def coupons(params: Case, usage: Case) -> Answer:  # noqa: ARG001
    discounts = [
        Discount(str(i), percent=number(each["value"]))
        if each["kind"] == "percent"
        else Discount(str(i), amount=number(each["value"]))
        for i, each in enumerate(params["coupons"])
    ]
    bill = bill_of(flat_charge(params["subtotal_cents"]), discounts=discounts, rounding=CENTS)
    return {"discount_cents": -add_up(line.amount for line in bill.lines if line.kind == "discount")}


@answers("discount_distribution")
def distribution(params: Case, usage: Case) -> Answer:
    lines = [number(each) for each in usage["lines_cents"]]
    shares = distribute(number(params["discount_cents"]), lines, CENTS)
    return {"lines_after_cents": [line - share for line, share in zip(lines, shares, strict=True)]}


@answers("increments")
def increments(params: Case, usage: Case) -> Answer:
    """A first block, then smaller ones."""
    first, then = number(params["first_increment_s"]), number(params["then_increment_s"])
    price = number(params["unit_per_s"])
    tiers = (
        Tier(first, price * first, number("0"), first),
        Tier(None, price * then, number("0"), then),
    )
    charge = charge_of({"tiers": []}, "blocks", tiers=tiers)
    return {"amount": rate_charge(charge, of(charge, usage["seconds"])).amount}


@answers("rerate_order")
def in_order(params: Case, usage: Case) -> Answer:
    """Records as slices of one cumulative quantity: whoever comes first takes the free units."""
    every = number(params["rate_unit_s"])
    charge = charge_of(
        {"unit": params["rate"], "free_units": str(number(params["free_seconds"]) / every)}, "per_unit"
    )
    records = usage["records_in_arrival_order"]
    if "rerate" in params:
        records = sorted(records, key=lambda record: str(record["start"]))
    ends = list(accumulate(number(record["seconds"]) / every for record in records))
    costs = [line.amount for line in rerate(charge, ends, ())]
    return {
        "cost_in_arrival_order": costs,
        "cost_in_start_order": costs,
        "balance": -add_up(costs),
    }


@answers("rerate_new_tariff")
def new_tariff(params: Case, usage: Case) -> Answer:
    units = number(usage["seconds"]) / number(params["rate_unit_s"])
    old, new = (charge_of({"unit": params[f"{which}_rate"]}, "per_unit") for which in ("old", "new"))
    before = rate_charge(old, of(old, units)).amount
    delta = rate_slice(new, number("0"), units, before).amount
    return {"cost_before": before, "cost_after": add_up((before, delta))}


@answers("overuse")
def overuse(params: Case, usage: Case) -> Answer:
    charge = charge_of({"unit": "1", "free_units": params["allowed"]}, "per_unit")
    return {"overuse": rate_charge(charge, of(charge, usage["used"])).amount}


@answers("graduated_cumulative_daily")
def daily(params: Case, usage: Case) -> Answer:
    days = list(accumulate(number(each) for each in usage["gb_by_day"]))
    lines = rerate(charge_of(params, "graduated"), days, ())
    return {"booked_by_day": [line.amount for line in lines]}


@answers("plan_comparison")
def comparison(params: Case, usage: Case) -> Answer:
    plans = {
        "traffic": (params["traffic_price_per_gb"], usage["gb"]),
        "bandwidth": (params["bandwidth_price_per_mbps_day"], usage["peak_mbps"]),
    }
    totals = {
        name: bill_of(charge_of({"unit": price}, "per_unit"), units={"c": units}).total
        for name, (price, units) in plans.items()
    }
    return {
        **{f"by_{name}": total for name, total in totals.items()},
        "cheaper": min(totals, key=totals.__getitem__),
    }


@answers("rate_from_bytes")
def rate_from_bytes(params: Case, usage: Case) -> Answer:
    """All in the first minute of one sample of that length, as the highest rate of the day."""
    how = Percentile(number("100"), int(params["window_s"]), "nearest_rank", "sum", "zero", valid_days=False)
    charge = charge_of({"unit": "1"}, "per_unit", meter=Meter.PEAK_BPS, unit="Mbps", percentile=how)
    counted = usage_of([FIRST_MINUTE], bytes_sent=[int(number(usage["megabytes"]) * base_of("MB")[1])])
    return {"mbps": meter_plan(plan_of(charge), counted, DAYS)[0].units}


def clock(text: str) -> time:
    """The first time of day in a text like `23:50 (weekday)`."""
    found = re.search(r"([0-2][0-9]):([0-5][0-9])", text)
    if found is None:
        raise UnsupportedError(f"no time of day in {text!r}")
    return time(int(found[1]), int(found[2]))


@answers("time_of_day")
def time_of_day(params: Case, usage: Case) -> Answer:
    """Seconds of a call as requests of its minutes on two weekdays; each timing a charge on its hours."""
    timings = [each for each in params["timings"] if each["days"] == "Mon-Fri"]
    begins = [clock(each["from"]) for each in timings]
    charges = [
        charge_of(
            {"unit": each["unit_per_s"]},
            "per_unit",
            str(i),
            meter=Meter.REQUESTS,
            unit="requests",
            hours=Hours(begin, end, "UTC"),
        )
        for i, (each, begin, end) in enumerate(zip(timings, begins, [*begins[1:], begins[0]], strict=True))
    ]
    start = clock(str(usage.get("from", usage.get("at"))))
    first = FIRST_MINUTE + start.hour * 60 + start.minute
    if "seconds" in usage:
        seconds = int(usage["seconds"])
    else:
        end = clock(usage["to"])
        seconds = 60 * ((end.hour * 60 + end.minute - start.hour * 60 - start.minute) % 1440)
    rows = [min(60, seconds - at) for at in range(0, seconds, 60)]
    plan = plan_of(*charges)
    if params["connect_fee_from"] == "first interval":
        at_start = [each for each, begin in zip(timings, begins, strict=True) if begin <= start][-1]
        plan = plan_of(*charges, flat_charge(at_start["connect_fee"], "connection"))
    counted = usage_of(range(first, first + len(rows)), requests=rows)
    return {"amount": rate_plan(plan, meter_plan(plan, counted, DAYS), DAYS).total}


@answers("per_unit_days")
def each_day(params: Case, usage: Case) -> Answer:
    charge = charge_of({"unit": params["unit_per_day"]}, "per_unit", window_s=86400)
    days = [usage["quantity"]] * int(params["days"])
    return {"per_day": windows_line(charge, days[:1]).amount, "amount": windows_line(charge, days).amount}


@answers("valid_day_factor")
def valid_days(params: Case, usage: Case) -> Answer:
    """1 Mbps on so many days of a month of that length, at 1 for 1 Mbps: what is paid is the factor."""
    how = Percentile(
        number("95"), 300, "nearest_rank", "sum", "zero", valid_days=True, valid_days_factor=True
    )
    charge = charge_of(
        {"unit": "1"},
        "per_unit",
        meter=Meter.P95_BPS,
        unit="Mbps",
        percentile=how,
        rounding=Rounding(scale=8),
    )
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    month = Period(begin, begin + timedelta(days=int(params["month_days"])), "UTC")
    first = int(begin.timestamp()) // 60
    minutes = range(first, first + int(usage["valid_days"]) * 1440)
    counted = usage_of(minutes, bytes_sent=[7_500_000] * len(minutes))
    plan = plan_of(charge)
    return {"factor": rate_plan(plan, meter_plan(plan, counted, month), month).total}


@answers("overage")
def overage(params: Case, usage: Case) -> Answer:
    charge = charge_of({"unit": params["unit"], "free_units": params["included"]}, "per_unit")
    return {"amount": rate_charge(charge, of(charge, usage["quantity"])).amount}


@answers("overage_blocks")
def overage_blocks(params: Case, usage: Case) -> Answer:
    charge = charge_of(
        {"package_size": params["block_size"], "package_price": params["block_price"]}, "package"
    )
    return {"amount": rate_charge(charge, of(charge, usage["over"])).amount}


@answers("sum_of_meters")
def meters(params: Case, usage: Case) -> Answer:
    charges = [charge_of(each, "per_unit", name) for name, each in params["meters"].items()]
    return {"amount": bill_of(*charges, units=usage).total}


@answers("regional_per_unit")
def regions(params: Case, usage: Case) -> Answer:
    charges = [
        charge_of({"unit": price}, "per_unit", zone, where=Where(zones=(zone,)))
        for zone, price in params["unit_by_region"].items()
    ]
    units = {zone: usage["gb_by_region"].get(zone, "0") for zone in params["unit_by_region"]}
    return {"amount": bill_of(*charges, units=units).total}


@answers("commit_flat")
def commit_flat(params: Case, usage: Case) -> Answer:
    price = number(params["unit_per_mbps"])
    promise = Commitment(number(params["commit_mbps"]), price, price)
    charge = charge_of({}, "percentile", commitment=promise)
    # The source says "up to 1000": both ends cost the same.
    ends = {rate_charge(charge, of(charge, units)).amount for units in ("0", usage["p95_mbps"].split()[-1])}
    return {"amount": ends.pop() if len(ends) == 1 else ends}


def method_of(rule: str) -> str:
    """Our name of a rule: `cacti` rounds the place down, which throws the greater number of samples away."""
    if "round(" in rule:
        return "librenms"
    if "ceil" in rule:
        return "cacti"
    return "discard_floor"


@answers("percentile_index", "percentile_drop", "percentile_drop_ceil")
def percentile_place(params: Case, usage: Case) -> Answer:
    rule = str(params.get("rule", ""))
    n, percent = int(usage["n"]), number(params["percent"])
    top = rank_from_top(method_of(rule), percent, n)
    return {"index": n - top, "dropped": top - 1, "kept": n - top + 1, "rank_from_top": top}


def rate_of(samples: list[str], percent: str) -> Any:
    """The percentile of samples in Mbps, through the kernel, whose samples are whole numbers."""
    scaled = np.array([[int(number(each) * 10**6) for each in samples]], np.uint64)
    found = percentiles(scaled, rank=number(percent), method="discard_floor")
    return number(str(int(found[0]))).scaleb(-6)


@answers("percentile_value")
def percentile_value(params: Case, usage: Case) -> Answer:
    samples = [usage["top_5_percent_mbps"]] * 5 + [usage["rest_max_mbps"]] * 95
    return {"billable_mbps": rate_of(samples, params["percent"])}


@answers("percentile_max_of_directions")
def directions(params: Case, usage: Case) -> Answer:
    found = {way: rate_of(usage[way], params["percent"]) for way in ("in", "out")}
    charges = [
        charge_of({"unit": "1"}, "percentile", way, group="larger", unit_price=number("1")) for way in found
    ]
    return {
        "in_p95": found["in"],
        "out_p95": found["out"],
        "billable": bill_of(*charges, units=found).total,
    }
