"""Many customers reduced at once against pipeline.rating.meter, one at a time, over drawn plans, zones and clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.rating.book_needs import needs_of
from pipeline.rating.book_usage import LARGEST, Member, Piece, Reduced, reduce_pieces
from pipeline.rating.compiled_book import compile_book
from pipeline.rating.meter import Metering
from pipeline.rating.model import Charge, Hours, Meter, Model, Percentile, Period, Plan, Where
from pipeline.rating.usage import Usage, usage_of
from tests.rating.drawn_plans import plan

ZONES = ("", "eu", "ru")
NAMES = ("a.example", "b.example", "x.wide.example", "y.wide.example", "nobody.example")
MOSCOW, BERLIN, HAVANA = "Europe/Moscow", "Europe/Berlin", "America/Havana"


def days(tz: str, count: int, day: int = 24) -> Period:
    """Around the end of October, when clocks go back in Berlin (25th) and, at midnight of another day, in Havana."""
    begin = datetime(2026, 10, day, tzinfo=ZoneInfo(tz))
    return Period(begin.astimezone(UTC), (begin + timedelta(days=count)).astimezone(UTC), tz)


PERIODS = (days(MOSCOW, 3), days(BERLIN, 3), days(HAVANA, 3, 31), days("UTC", 9))
wheres = st.builds(
    Where,
    zones=st.sampled_from([(), ("eu",), ("eu", "ru"), ("us",)]),
    resources=st.sampled_from([(), (), ("*.wide.example",), ("a.example", "x.wide.example")]),
)
hours = st.one_of(
    st.none(),
    st.builds(
        Hours,
        begin=st.sampled_from([time(0), time(8), time(22, 30)]),
        end=st.sampled_from([time(0), time(6), time(20, 1)]),
        tz=st.sampled_from([MOSCOW, BERLIN, "UTC"]),
    ),
)
percentiles = st.builds(
    Percentile,
    rank=st.sampled_from([Decimal(95), Decimal(50), Decimal("99.9")]),
    sample_s=st.sampled_from([300, 3600, 60 * 7]),
    method=st.sampled_from(["nearest_rank", "discard_floor", "librenms", "cacti"]),
    of=st.sampled_from(["sum", "max_of_zones", "sum_of_zones"]),
    missing_samples=st.sampled_from(["zero", "skip"]),
    valid_days=st.booleans(),
)


@st.composite
def counting(draw: st.DrawFn, number: int) -> Charge:
    meter = draw(st.sampled_from([each for each in Meter if each is not Meter.FLAT]))
    rate = meter in (Meter.P95_BPS, Meter.PEAK_BPS)
    unit = "Mbps" if rate else "request" if meter is Meter.REQUESTS else "GB"
    return Charge(
        f"c{number}",
        meter,
        Model.PER_UNIT,
        unit,
        unit_price=Decimal(1),
        where=draw(wheres),
        hours=draw(hours),
        percentile=draw(st.none() | percentiles) if rate else None,
        window_s=None if rate else draw(st.sampled_from([None, None, 3600, 60 * 7, 86_400])),
    )


@st.composite
def plans(draw: st.DrawFn) -> list[Plan]:
    return [
        replace(plan(*(draw(counting(i)) for i in range(draw(st.integers(1, 3))))), id=f"p{number}")
        for number in range(draw(st.integers(1, 4)))
    ]


Rows = tuple[np.ndarray, ...]


def draw_rows(seed: int, rows: int) -> Rows:
    rng = np.random.default_rng(seed)
    low = min(int(each.begin.timestamp()) // 60 for each in PERIODS) - 100
    high = max(int(each.end.timestamp()) // 60 for each in PERIODS) + 100
    # few minutes, so that they meet in samples
    minutes = rng.choice(rng.integers(low, high, max(1, rows // 3)), rows)
    sent = rng.lognormal(10, 4, rows).astype(np.uint64) * (rng.random(rows) < 0.8)
    return (
        rng.integers(0, len(NAMES), rows).astype(np.uint32),
        rng.integers(0, len(ZONES), rows).astype(np.uint16),
        minutes.astype(np.uint32),
        rng.integers(0, 100, rows).astype(np.uint64),
        sent.astype(np.uint64),
        (sent // np.uint64(2)).astype(np.uint64),
    )


def usage_of_member(rows: Rows, owners: np.ndarray, who: int, member: Member) -> Usage:
    name, zone, minute, requests, sent, body = rows
    own = (owners[name] == who) & (minute >= member.first) & (minute < member.after)
    there = np.unique(zone[own])
    return usage_of(
        minute[own],
        resource=(NAMES, name[own]),
        zone=([ZONES[i] for i in there], np.searchsorted(there, zone[own])),
        requests=requests[own],
        bytes_sent=sent[own],
        body_bytes=body[own],
    )


def check(found: Reduced, drawn: list[Plan], rows: Rows, owners: np.ndarray, members: list[Member]) -> None:
    needs = needs_of(compile_book(drawn))
    for who, member in enumerate(members):
        usage = usage_of_member(rows, owners, who, member)
        metering = Metering(usage, member.period)
        for place, charge in enumerate(needs.columns):
            base, note = metering.base(charge)
            assert found.columns[place, who] == base, (who, charge)
            if note:
                assert f" {found.samples[place, who]} samples" in note
        for windows, charge in zip(found.windows, needs.windows, strict=True):
            assert tuple(windows[who].tolist()) == metering.windows(charge), (who, charge)
        assert {ZONES[i] for i in np.flatnonzero(found.zones[who])} == set(usage.zones)
        if needs.by_resource:
            pairs = {
                (usage.zones[z], NAMES[n])
                for z, n in zip(usage.zone.tolist(), usage.resource.tolist(), strict=True)
            }
            assert {(ZONES[z], NAMES[n]) for z, n in found.pairs[who]} == pairs
    assert not found.large.any()


def members_of(starts: list[int]) -> list[Member]:
    """The first days of a month may have no contract."""
    found = []
    for place, start in enumerate(starts):
        period = PERIODS[place % len(PERIODS)]
        first, after = (int(at.timestamp()) // 60 for at in (period.begin, period.end))
        found.append(Member(period, first + start, after))
    return found


@settings(deadline=None, max_examples=60)  # kernels are compiled at their first call
@given(plans(), st.integers(0, 999), st.sampled_from([0, 3, 400]), st.integers(0, 700))
def test_columns_are_those_of_metering_each(drawn: list[Plan], seed: int, count: int, start: int) -> None:
    rows, members = draw_rows(seed, count), members_of([0, start, 0, 0])
    owners = np.array([0, 1, 2, 0, -1], np.int32)
    needs = needs_of(compile_book(drawn))
    found = reduce_pieces(needs, members, NAMES, owners, ZONES, [Piece(*rows)], threads=1 + seed % 2)
    check(found, drawn, rows, owners, members)


@settings(deadline=None, max_examples=25)
@given(plans(), st.integers(0, 999), st.integers(1, 300))
def test_a_customer_in_pieces_is_the_same(drawn: list[Plan], seed: int, cut: int) -> None:
    rows, members = draw_rows(seed, 300), members_of([0])
    owners = np.array([0, -1, 0, 0, -1], np.int32)
    pieces = [Piece(*(column[some].copy() for column in rows)) for some in (slice(cut), slice(cut, None))]
    needs = needs_of(compile_book(drawn))
    check(reduce_pieces(needs, members, NAMES, owners, ZONES, pieces), drawn, rows, owners, members)


def test_rows_that_do_not_count_are_left() -> None:
    rows, members, owners = draw_rows(3, 400), members_of([0, 0]), np.array([0, 1, -1, -1, -1], np.int32)
    wanted = (np.arange(400) % 3 > 0).astype(np.uint8)
    drawn = [plan(Charge("t", Meter.BYTES_SENT, Model.PER_UNIT, "GB", unit_price=Decimal(1)))]
    found = reduce_pieces(
        needs_of(compile_book(drawn)), members, NAMES, owners, ZONES, [replace(Piece(*rows), wanted=wanted)]
    )
    kept = tuple(column[wanted != 0] for column in rows)
    check(found, drawn, kept, owners, members)
    assert found.rows == sum(len(usage_of_member(kept, owners, i, m)) for i, m in enumerate(members))


def test_what_is_too_large_is_named() -> None:
    name, zone, minute, requests, _, body = draw_rows(4, 50)
    members, owners = members_of([0, 4000]), np.array([0, 1, 1, 1, 1], np.int32)
    minute[:] = members[0].first
    sent = np.full(50, LARGEST, np.uint64)
    drawn = [plan(Charge("t", Meter.BYTES_SENT, Model.PER_UNIT, "GB", unit_price=Decimal(1)))]
    piece = Piece(name, zone, minute, requests, sent, body)
    found = reduce_pieces(needs_of(compile_book(drawn)), members, NAMES, owners, ZONES, [piece])
    assert found.large.tolist() == [True, False]  # the other's month begins later
