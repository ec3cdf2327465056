"""How much usage no charge counts: held against a count row by row, and in every form of a bill."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rating.bill_entries import bill_digest
from pipeline.rating.exports.bill_csv import write_csv
from pipeline.rating.exports.bill_json import from_json, to_json
from pipeline.rating.exports.view import view_bill
from pipeline.rating.meter import matches
from pipeline.rating.model import Charge, Hours, Meter, Model, Period, Plan, Uncounted, Where
from pipeline.rating.simulate import simulate
from pipeline.rating.uncounted import Places, uncounted
from pipeline.rating.uncounted_usage import uncounted_usage
from pipeline.rating.usage import Usage, usage_of
from tests.rating.bill_samples import BILL

ZONES, NAMES = ("eu", "", "ru"), ("a.example", "b.a.example")
BEGIN = datetime(2026, 10, 1, tzinfo=UTC)
DAYS = Period(BEGIN, BEGIN + timedelta(days=3), "UTC")
FIRST = int(BEGIN.timestamp()) // 60
TRAFFIC = (Meter.BYTES_SENT, Meter.BODY_BYTES, Meter.P95_BPS)


def charge(meter: Meter, where: Where, hours: Hours | None) -> Charge:
    unit = {Meter.REQUESTS: "requests", Meter.P95_BPS: "Mbps"}.get(meter, "GB")
    return Charge(
        f"{meter.value}", meter, Model.PER_UNIT, unit, unit_price=Decimal(1), where=where, hours=hours
    )


def plan_of(*charges: Charge) -> Plan:
    return Plan("p", 1, {}, "RUB", BEGIN.date(), None, charges)


charges = st.builds(
    charge,
    st.sampled_from([*TRAFFIC, Meter.REQUESTS]),
    st.builds(
        Where,
        st.sampled_from([(), ("eu",), ("ru", "eu")]),
        st.sampled_from([(), ("a.example",), ("*.a.example",)]),
    ),
    st.sampled_from([None, Hours(time(8), time(20), "UTC"), Hours(time(20), time(8), "Europe/Moscow")]),
)


def make_usage(seed: int, rows: int) -> Usage:
    rng = np.random.default_rng(seed)
    counts = {name: rng.integers(0, 2**62, rows) for name in ("requests", "bytes_sent", "body_bytes")}
    return usage_of(
        FIRST + rng.integers(-100, 3 * 1440 + 100, rows),
        resource=(NAMES, rng.integers(0, 2, rows)),
        zone=(ZONES, rng.integers(0, 3, rows)),
        **counts,
    )


def inside(minute: int, hours: Hours | None) -> bool:
    if hours is None:
        return True
    at = datetime.fromtimestamp(minute * 60 + (3 * 3600 if hours.tz != "UTC" else 0), UTC).time()
    return hours.begin <= at < hours.end if hours.begin < hours.end else at >= hours.begin or at < hours.end


def slow(plan: Plan, usage: Usage) -> list[tuple[Meter, str, int]]:
    """Row by row."""
    found = []
    for meters in (TRAFFIC, (Meter.REQUESTS,)):
        own = [each for each in plan.charges if each.meter in meters]
        if not own:
            continue
        meter = Meter.REQUESTS if Meter.REQUESTS in meters else Meter.BYTES_SENT
        if all(each.meter is Meter.BODY_BYTES for each in own):
            meter = Meter.BODY_BYTES
        sums = dict.fromkeys(sorted(ZONES), 0)
        for i in range(len(usage)):
            minute, zone = int(usage.minute[i]), ZONES[usage.zone[i]]
            counted = any(
                (not each.where.zones or zone in each.where.zones)
                and matches(NAMES[usage.resource[i]], each.where.resources)
                and inside(minute, each.hours)
                for each in own
            )
            if FIRST <= minute < FIRST + 3 * 1440 and not counted:
                sums[zone] += int(getattr(usage, meter.value)[i])
        found += [(meter, zone, total) for zone, total in sums.items() if total]
    return found


@given(st.lists(charges, min_size=1, max_size=4), st.integers(0, 99), st.sampled_from([0, 1, 60]))
def test_it_is_what_a_count_of_every_row_leaves(drawn: list[Charge], seed: int, rows: int) -> None:
    plan, usage = plan_of(*drawn), make_usage(seed, rows)
    found = uncounted_usage(plan, usage, DAYS)
    sizes = {"GB": 10**9, "requests": 1}
    assert [(each.meter, each.zone, int(each.units * sizes[each.unit])) for each in found] == slow(
        plan, usage
    )
    if not uncounted(plan, Places(usage)):
        hours = {each.hours.tz for each in drawn if each.hours}
        assert not found or len(hours) > 1  # places alone cannot tell of hours in two zones of time


def test_of_nothing_nothing_is_left() -> None:
    nothing = np.zeros(0, np.uint32), np.zeros(0, np.uint64)
    empty = Usage((), (), nothing[0], nothing[0], nothing[0], nothing[1], nothing[1], nothing[1])
    assert uncounted_usage(plan_of(charge(Meter.BYTES_SENT, Where(("eu",)), None)), empty, DAYS) == ()


def test_a_simulation_tells_it_of_the_plan_he_is_on() -> None:
    rows = usage_of([FIRST, FIRST + 1], zone=(["mars", "eu"], [0, 1]), bytes_sent=[5 * 10**9, 10**9])
    own = plan_of(charge(Meter.BYTES_SENT, Where(("eu",)), None))
    found = simulate(rows, [own], DAYS, current=own)
    assert [each.text for each in found.uncounted] == ["5 GB in zone mars is counted by no charge"]
    assert found.current_bill is not None
    assert found.current_bill.uncounted == found.uncounted
    assert found.free == "nothing in it prices traffic in zone mars"
    counted = simulate(rows, [own], DAYS, current=plan_of(charge(Meter.BYTES_SENT, Where(), None)))
    assert (counted.uncounted, counted.free) == ((), "")


FREE = replace(
    BILL,
    uncounted=(
        Uncounted(Meter.BYTES_SENT, "mars", Decimal("5.5"), "GB"),
        Uncounted(Meter.REQUESTS, "", Decimal(12000), "requests"),
    ),
)


@pytest.mark.parametrize(
    ("lang", "told"),
    [
        ("en", ("5.5 GB in zone mars", "12,000 requests in no zone")),
        ("ru", ("5,5 ГБ в зоне mars", "12\u00a0000 запросов вне зон")),
    ],
)
def test_every_form_of_a_bill_tells_it(lang: str, told: tuple[str, str]) -> None:
    assert view_bill(FREE, None, lang).uncounted == told
    out = io.BytesIO()
    write_csv(FREE, None, lang, out)
    assert "12000 requests in no zone is counted by no charge" in out.getvalue().decode()
    assert view_bill(BILL, None, lang).uncounted_title == ""


def test_it_comes_back_from_json_and_says_nothing_of_what_is_owed() -> None:
    document = to_json(FREE, None)
    assert document["uncounted"][0] == {
        "meter": "bytes_sent",
        "zone": "mars",
        "quantity": "5.5",
        "unit": "GB",
        "text": "5.5 GB in zone mars is counted by no charge",
    }
    assert from_json(document)[0] == FREE
    del document["uncounted"]  # of a document that was issued before
    assert from_json(document)[0] == BILL
    assert bill_digest(FREE) == bill_digest(BILL)
