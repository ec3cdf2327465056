"""Usage that a plan would leave free by oversight: held against a count of every (place, minute) of a day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.rating.book import SHIPPED, read_book
from pipeline.rating.meter import matches
from pipeline.rating.model import Charge, Hours, Meter, Model, Period, Plan, Where
from pipeline.rating.simulate import simulate
from pipeline.rating.uncounted import Places, uncounted
from pipeline.rating.usage import usage_of

ZONES, RESOURCES = ("eu", "ru", ""), ("a.example", "b.a.example")
OCTOBER = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), "UTC")
clocks = st.sampled_from([time(0), time(6, 30), time(12), time(23, 59)])
hours = (
    st.tuples(clocks, clocks, st.sampled_from([(), (0,), (5, 6), (0, 1, 2, 3, 4)]))
    .filter(lambda drawn: drawn[0] != drawn[1] or bool(drawn[2]))
    .map(lambda drawn: Hours(drawn[0], drawn[1], "UTC", drawn[2]))
)
wheres = st.builds(
    Where,
    st.lists(st.sampled_from(ZONES[:2]), max_size=2).map(tuple),
    st.lists(st.sampled_from(["a.example", "*.a.example"]), max_size=1).map(tuple),
)


def charge(name: str, where: Where, when: Hours | None, meter: Meter = Meter.BYTES_SENT) -> Charge:
    unit = "requests" if meter is Meter.REQUESTS else "GB"
    return Charge(name, meter, Model.PER_UNIT, unit, unit_price=Decimal(1), where=where, hours=when)


def plan_of(*charges: Charge, plan_id: str = "p") -> Plan:
    return Plan(plan_id, 1, {}, "RUB", date(2026, 1, 1), None, charges)


def places_at(*pairs: tuple[str, str]) -> Places:
    """Usage there, a row each."""
    zones, resources = ([*dict.fromkeys(each)] for each in zip(*pairs, strict=True))
    return Places(
        usage_of(
            range(len(pairs)),
            resource=(resources, [resources.index(resource) for _, resource in pairs]),
            zone=(zones, [zones.index(zone) for zone, _ in pairs]),
        )
    )


def is_counted(each: Charge, zone: str, resource: str, day: int, at: time) -> bool:
    """The slow rule."""
    if each.where.zones and zone not in each.where.zones:
        return False
    if not matches(resource, each.where.resources):
        return False
    if each.hours is None:
        return True
    begin, end = each.hours.begin, each.hours.end
    if begin < end:
        return begin <= at < end and day in (each.hours.days or range(7))
    begun = day if at >= begin else (day - 1) % 7
    return (begin == end or at >= begin or at < end) and begun in (each.hours.days or range(7))


@settings(deadline=None)
@given(
    st.lists(st.tuples(wheres, st.none() | hours), min_size=1, max_size=4),
    st.sets(st.tuples(st.sampled_from(ZONES), st.sampled_from(RESOURCES)), min_size=1),
)
def test_a_reason_is_given_exactly_where_some_minute_of_some_place_is_free(
    drawn: list[tuple[Where, Hours | None]], places: set[tuple[str, str]]
) -> None:
    charges = [charge(f"c{n}", where, when) for n, (where, when) in enumerate(drawn)]
    free = any(
        not any(is_counted(each, zone, resource, day, time(minute // 60, minute % 60)) for each in charges)
        for zone, resource in places
        for day in range(7)
        for minute in (0, 389, 390, 719, 720, 1438, 1439)  # on both sides of each drawn time
    )
    assert bool(uncounted(plan_of(*charges), places_at(*sorted(places)))) == free


def test_the_reason_says_what_and_where() -> None:
    zoned = plan_of(
        charge("a", Where(("ru",)), None), charge("r", Where((), ("a.example",)), None, Meter.REQUESTS)
    )
    assert uncounted(zoned, places_at(("eu", "a.example"))) == "nothing in it prices traffic in zone eu"
    assert uncounted(zoned, places_at(("", ""))) == "nothing in it prices traffic in no zone"
    assert (
        uncounted(zoned, places_at(("ru", "b.example")))
        == "nothing in it prices requests of b.example in zone ru"
    )
    by_day = plan_of(charge("a", Where(), Hours(time(8), time(20), "UTC")))
    assert (
        uncounted(by_day, places_at(("ru", "a.example")))
        == "nothing in it prices traffic from 20:00 to 08:00 (UTC)"
    )
    assert uncounted(plan_of(), places_at(("eu", "a.example"))) == ""
    week = plan_of(charge("a", Where(), Hours(time(), time(), "UTC", (0, 1, 2, 3, 4))))
    assert (
        uncounted(week, places_at(("ru", "a.example")))
        == "nothing in it prices traffic from sat 00:00 to mon 00:00 (UTC)"
    )


def test_the_places_of_usage_are_those_with_rows() -> None:
    usage = usage_of(
        [1, 2, 3], resource=(RESOURCES, [1, 1, 0]), zone=(ZONES, [0, 0, 2]), bytes_sent=[1, 1, 1]
    )
    places = Places(usage)
    assert places.zones == ("", "eu")  # in order, whatever the order of rows
    assert places.pairs == (("", "a.example"), ("eu", "b.a.example"))
    nowhere = Places(usage_of([]))
    assert (nowhere.zones, nowhere.pairs) == ((), ())


def test_a_plan_that_leaves_traffic_free_wins_no_comparison() -> None:
    minute = int(OCTOBER.begin.timestamp()) // 60 + np.arange(60)
    usage = usage_of(minute, zone=(("mars",), np.zeros(60, np.int64)), bytes_sent=np.full(60, 10**12))
    book = read_book(SHIPPED)
    start, zones = (book.find(each, date(2026, 10, 1)) for each in ("start", "zones"))
    found = simulate(usage, [start, zones], OCTOBER)
    assert [each.plan.id for each in found.ranked] == ["start"]
    assert [(plan.id, why) for plan, why in found.left_out] == [
        ("zones", "nothing in it prices traffic in zone mars")
    ]
    # his own is compared whatever it leaves free
    own = simulate(usage, [start, zones], OCTOBER, current=zones)
    assert own.current is not None
    assert own.current.net == Decimal(5000)
