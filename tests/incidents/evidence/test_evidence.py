"""Figures to lines of evidence: gaps as they change, usage as it matters, falls against what is usual."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from incidents.events import event_of
from incidents.evidence.gaps import Spans, Told, gap_lines, without
from incidents.evidence.lines import (
    counter_line,
    evidence_of,
    failed_line,
    own_probe_line,
    tick_line,
)
from incidents.evidence.usage import Served, TrafficTold, by_customer, fallen
from incidents.model import MoneyRate
from pipeline.coverage.evidence import check_event

AT = 60_000_090.25
MINUTE = 1_000_000

spans = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 9)).map(lambda s: (s[0], s[0] + s[1])), max_size=6
)


def gap(first: int, after: int, rate: MoneyRate | None = None) -> Told:
    return Told("e1", "access", MINUTE + first, MINUTE + after, "missing", ("c1",), rate)


def minutes(line: dict[str, Any]) -> tuple[str, str, str]:
    return line["type"], line["from"][14:16], line["to"][14:16]


@given(spans, spans)
def test_what_is_left_is_what_a_set_of_minutes_says(some: Spans, others: Spans) -> None:
    left = without(some, others)
    covered = {minute for first, after in some for minute in range(first, after)}
    taken = {minute for first, after in others for minute in range(first, after)}
    assert [minute for first, after in left for minute in range(first, after)] == sorted(covered - taken)


def test_a_gap_is_told_when_it_is_new_grows_shrinks_and_closes() -> None:
    rate = MoneyRate("1", "2", "3")
    base = {"g1": gap(0, 10, rate)}
    (line,) = gap_lines({}, base, AT)
    assert minutes(line)[0] == "gap"
    assert (line["customers"], line["per_minute"]["expected"]) == (["c1"], "2")
    assert gap_lines(base, base, AT) == []
    assert [each["type"] for each in gap_lines(base, {"g1": gap(0, 12, rate)}, AT)] == ["gap"]
    shrunk = gap_lines(base, {"g1": gap(0, 4, rate)}, AT)
    assert [each["type"] for each in shrunk] == ["gap", "gap_closed"]
    first, after = (line[key] for line, key in ((shrunk[1], "from"), (shrunk[1], "to")))
    assert (first, after) == ("1971-11-26T10:44:00Z", "1971-11-26T10:50:00Z")
    assert [each["type"] for each in gap_lines(base, {}, AT)] == ["gap_closed"]


def test_a_gap_that_falls_in_two_loses_only_its_middle() -> None:
    lines = gap_lines({"g1": gap(0, 10)}, {"g1": gap(0, 3), "g2": gap(6, 10)}, AT)
    assert [each["type"] for each in lines] == ["gap", "gap", "gap_closed"]
    assert (lines[2]["from"], lines[2]["to"]) == ("1971-11-26T10:43:00Z", "1971-11-26T10:46:00Z")


def test_every_line_is_evidence_as_the_interface_has_it() -> None:
    told = TrafficTold()
    cells = {("e1", MINUTE): {"": Served(3, 1, 10), "c1": Served(2, 1, 9)}}
    lines = [
        *gap_lines({"g0": gap(0, 1)}, {"g1": gap(2, 4, MoneyRate("0", "0.5", "1"))}, AT),
        *told.lines(cells, {("e1", MINUTE)}, {"c1"}, AT),
        counter_line("e1", AT, 1, 2),
        own_probe_line("coverage", AT, ok=False, detail="x" * 20_000, vantage="watchdog"),
        failed_line("n1", AT),
        tick_line(AT),
    ]
    for line in lines:
        assert check_event(line) == []
        evidence = evidence_of(line, AT)
        assert evidence.at <= AT
        assert event_of(evidence) is not None
    assert {line["type"] for line in lines} == {
        "gap", "gap_closed", "traffic", "counter", "probe", "delivery_failed", "tick",
    }  # fmt: skip


def test_errors_are_told_at_once_and_little_traffic_only_of_a_whole_minute() -> None:
    told, cell = TrafficTold(), ("e1", MINUTE)

    def lines(
        served: dict[str, Served], *, whole: bool, wanted: frozenset[str] = frozenset()
    ) -> list[tuple[str, int, int]]:
        found = told.lines({cell: served}, {cell} if whole else set(), wanted, AT)
        return [(line.get("customer", ""), line["requests"], line["errors_5xx"]) for line in found]

    assert lines({"": Served(5), "c1": Served(5)}, whole=False) == []
    assert lines({"": Served(9, 2), "c1": Served(6, 2), "c2": Served(3)}, whole=False) == [
        ("", 9, 2),
        ("c1", 6, 2),
    ]
    assert lines({"": Served(9, 2), "c1": Served(6, 2), "c2": Served(3)}, whole=False) == []
    assert lines({"": Served(20, 2), "c1": Served(9, 2), "c2": Served(11)}, whole=True) == [
        ("", 20, 2),
        ("c1", 9, 2),
    ]


def test_who_is_wanted_and_gets_nothing_is_told_so_where_he_was_served() -> None:
    told = TrafficTold()
    wanted = {"c1", "c9"}
    told.lines({("e1", MINUTE): {"": Served(5), "c1": Served(5)}}, {("e1", MINUTE)}, wanted, AT)
    later = told.lines({}, {("e1", MINUTE + 1), ("e2", MINUTE + 1)}, wanted, AT + 60)
    assert [(line["edge"], line.get("customer", ""), line["requests"]) for line in later] == [
        ("e1", "", 0), ("e1", "c1", 0), ("e2", "", 0),
    ]  # fmt: skip


def test_rows_are_added_up_by_their_owner() -> None:
    rows = [
        ("e1", 1, "a", 1, 0, 10),
        ("e1", 1, "b", 2, 1, 20),
        ("e1", 1, "x", 9, 0, 90),
        ("e1", 1, "", 12, 1, 120),
    ]
    owner = {"a": "c1", "b": "c1"}.get
    assert by_customer(rows, owner) == {("e1", 1): {"c1": Served(3, 1, 30), "": Served(12, 1, 120)}}


def test_a_fall_is_below_the_least_of_what_is_usual() -> None:
    hour, day = {"c1": 1000.0, "c2": 1000.0, "c3": 90.0}, {"c1": 800.0, "c2": 300.0, "c3": 80.0}
    week: dict[str, float] = {}
    kinds = {"share": 0.2, "floor": 100.0}
    now = {"c1": 150.0, "c2": 70.0}
    assert fallen(now, (hour, day, week), **kinds) == {"c1"}, (
        "c2 is as quiet at this time every day; c3 is too small"
    )
    assert fallen({}, (hour, day, week), **kinds) == {"c1", "c2"}
    assert fallen(now, (hour, {"c2": 900.0}), **kinds) == {"c2"}, "of c1 nothing is known at this time"
    assert fallen(now, ({}, {}), **kinds) == set()
