"""A month closed over the real store: whole or not at all, once, wherever it is killed; and what comes after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.coverage.closing import Order, Outcome, close_month
from pipeline.coverage.model import Amount, Coverage, Gap, GapState, Loss, LossClass, Share, State, Stream
from pipeline.coverage.periods import Month, Term
from pipeline.model import Origin
from pipeline.store import Store, open_store
from pipeline.store.closes import Closes
from tests.empty_store import lay_store
from tests.store.cases import make_batch, make_entry

OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)
FIRST, AFTER = OCTOBER.minutes("Europe/Moscow")
NOW = datetime(2026, 11, 10, tzinfo=UTC).timestamp()
TERMS = (Term("c1", "Europe/Moscow", 0), Term("c2", "America/New_York", 0))
OWNERS = {"a.ru": "c1", "b.com": "c2", "late.ru": "c1"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(lay_store(tmp_path / "store")) as opened:
        yield opened


@dataclass
class Desk:
    """Closes months of a store whose coverage is made up: all is received but these gaps and unknown minutes."""

    store: Store
    gaps: list[Gap] = field(default_factory=list)
    unknown: tuple[int, int] | None = None
    recorded: int = 0
    next_id: int = 1

    def put(self, edge: str, minute: int, rows: list[tuple[str, int, int]], lines: int = 0) -> None:
        origin = Origin(edge, "access", minute)
        write_id, self.next_id = self.next_id, self.next_id + 1
        facts = [(name, at, edge, origin.segment_id, write_id, n) for name, at, n in rows]
        self.store.insert_facts(make_batch(facts))
        self.store.commit([make_entry(origin, write_id, lines=lines or sum(n for *_, n in rows))])

    def check(self, first: int, after: int) -> Any:
        states = np.full((1, after - first), State.RECEIVED, np.uint8)
        if self.unknown:
            states[0, self.unknown[0] - first : self.unknown[1] - first] = State.UNKNOWN
        coverage = Coverage((Stream("e1"),), first, states)
        gaps = {gap.id: gap for gap in (*self.gaps, *self.store.gaps())}
        return SimpleNamespace(coverage=coverage, gaps=tuple(gaps.values()), cut=self.store.cut())

    def record(self, _checked: Any) -> None:
        self.recorded += 1

    def close(self, month: Month = OCTOBER, now: float = NOW, **changes: Any) -> Outcome:
        order = replace(Order(month, TERMS, 259_200.0, "anna"), **changes)
        return close_month(self.store, order, now=now, owner=OWNERS.get, check=self.check, record=self.record)


@pytest.fixture
def desk(store: Store) -> Desk:
    found = Desk(store)
    found.put("e1", FIRST, [("a.ru", FIRST, 40), ("b.com", FIRST, 4), ("nobody.ru", FIRST, 1)])
    found.put("e1", AFTER - 1, [("a.ru", AFTER - 1, 7), ("a.ru", AFTER, 5), ("b.com", AFTER - 1, 2)])
    return found


def gap(first: int, customers: tuple[str, ...] = ()) -> Gap:
    loss = Loss(Stream("e1"), LossClass.MISSING, first, first + 3, None, Amount(1, 2, 3, None, "neighbours"))
    return Gap(f"g{first}", loss, GapState.OPEN, 0.0, 0.0, tuple(Share(name, 0.5) for name in customers))


def usage_of(outcome: Outcome) -> dict[str, int]:
    return {close.customer: close.body["usage"]["requests"] for close in outcome.closed}


def test_a_month_is_closed_by_contract_and_zone(desk: Desk) -> None:
    outcome = desk.close()
    # of b.com's two minutes the first is still September in New York
    assert usage_of(outcome) == {"c1": 47, "c2": 2}
    assert {close.cut for close in outcome.closed} == {desk.store.cut()}
    proof = outcome.closed[0].body["proof"]
    assert (proof["complete"], proof["expected_minutes"], proof["edges"]) == (True, AFTER - FIRST, 1)
    assert proof["digest"] == f"sha256:{outcome.closed[0].digest}"
    assert desk.store.closes("2026-10") == list(outcome.closed)
    assert desk.recorded == 1


def test_a_second_close_changes_nothing_and_says_so(desk: Desk) -> None:
    first = desk.close()
    desk.put("e1", AFTER + 9, [("a.ru", AFTER + 9, 100)])
    before = desk.store.query("SELECT count() AS n FROM closed_usage").to_pylist()
    second = desk.close(now=NOW + 86_400)
    assert second == Outcome(already=first.closed)
    assert desk.recorded == 1
    assert desk.store.query("SELECT count() AS n FROM closed_usage").to_pylist() == before
    assert desk.store.closes() == list(first.closed)


def test_one_gap_keeps_all_from_being_closed_and_writes_nothing(desk: Desk) -> None:
    desk.gaps = [gap(FIRST + 600, ("c1",))]
    outcome = desk.close()
    assert [(each.kind, each.gap, each.customers) for each in outcome.refused] == [
        ("gap", f"g{FIRST + 600}", ("c1", "c2"))
    ]
    assert (outcome.closed, desk.store.closes(), desk.recorded) == ((), [], 0)
    assert desk.store.query("SELECT count() AS n FROM closed_resources").to_pylist() == [{"n": 0}]


def test_a_person_may_accept_what_is_lost_with_a_reason(desk: Desk) -> None:
    desk.gaps = [gap(FIRST + 600, ("c1",))]
    desk.unknown = (FIRST + 700, FIRST + 710)
    assert len(desk.close().refused) == 2
    outcome = desk.close(reason="the disk of e1 burnt")
    assert [each.id for each in outcome.accepted] == [f"g{FIRST + 600}"]
    assert [(g.state, g.reason) for g in desk.store.gaps()] == [
        (GapState.ACCEPTED, "anna: the disk of e1 burnt")
    ]
    c1 = outcome.closed[0]
    assert (c1.actor, c1.reason) == ("anna", "the disk of e1 burnt")
    assert c1.body["proof"]["unsettled_minutes"] == 10
    assert [g["state"] for g in c1.body["proof"]["gaps"]] == ["accepted"]
    # a reason does not bring a month to its end
    assert [e.kind for e in desk.close(NOVEMBER, reason="no time").refused] == ["early", "early"]


def test_a_customer_may_be_closed_alone_and_the_rest_later(desk: Desk) -> None:
    first = desk.close(terms=TERMS[:1])
    assert usage_of(first) == {"c1": 47}
    second = desk.close()
    assert (usage_of(second), second.already) == ({"c2": 2}, first.closed)


def test_a_month_that_has_not_begun_is_refused_without_a_check(desk: Desk) -> None:
    desk.gaps = [gap(FIRST)]
    outcome = desk.close(Month(2027, 5))
    assert [each.kind for each in outcome.refused] == ["early", "early"]
    assert outcome.closed == ()


STEPS = ("begin", "take", "taken", "digests", "finish")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_step_it_can_be_run_again(
    desk: Desk, step: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = getattr(Closes, step)

    def dies(*args: Any, **named: Any) -> Any:
        if when == "after":
            whole(*args, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Closes, step, dies)
        with pytest.raises(KeyboardInterrupt):
            desk.close()
    done = (step, when) == ("finish", "after")
    counted = desk.store.query("SELECT sum(requests) AS n FROM closed").to_pylist()
    assert counted == [{"n": 49 if done else 0}]
    again = desk.close()
    assert (len(again.closed), len(again.already)) == ((0, 2) if done else (2, 0))
    assert desk.store.query("SELECT sum(requests) AS n FROM closed").to_pylist() == [{"n": 49}]
    assert len(desk.store.closes()) == 2


def test_late_data_becomes_an_adjustment_on_its_own_period(desk: Desk) -> None:
    first = desk.close()
    desk.put("e1", FIRST + 5, [("late.ru", FIRST + 5, 3), ("nobody.ru", FIRST + 5, 9)])
    # the segment over the month's end comes again, with two more lines on each side of it
    desk.put("e1", AFTER - 1, [("a.ru", AFTER - 1, 9), ("a.ru", AFTER, 7), ("b.com", AFTER - 1, 2)], lines=18)
    second = desk.close()
    assert second.already == first.closed
    (adjustment,) = second.adjustments
    assert (adjustment.close, adjustment.totals["requests"]) == (first.closed[0], 5)
    document = adjustment.to_json()
    assert (document["period"], document["resources"], document["rows"]) == (
        "2026-10",
        ["a.ru", "late.ru"],
        2,
    )
    assert desk.store.closed_usage(first.closed[0])["requests"].to_pylist() == [40, 7]
    # what belongs to November is no adjustment: November is open, and counts it
    november = desk.close(NOVEMBER, now=NOW + 40 * 86_400, terms=TERMS[:1])
    assert usage_of(november) == {"c1": 7}


def test_a_resource_stays_with_whom_it_was_closed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.close()
    monkeypatch.setitem(OWNERS, "a.ru", "c2")
    desk.put("e1", FIRST + 5000, [("a.ru", FIRST + 5000, 3)])
    found = desk.close().adjustments
    assert [(each.close.customer, each.totals["requests"]) for each in found] == [("c1", 3)]


@pytest.mark.parametrize("seed", range(4))
def test_changes_are_usage_now_less_usage_at_the_cut(desk: Desk, seed: int) -> None:
    """Against the slow way: both usages in full, subtracted. Segments are new, replaced, beaten and repeated."""
    draw = np.random.default_rng(seed)
    cuts = []
    for segments in (16, 24):
        facts, entries = [], []
        for _ in range(segments):
            minute = int(draw.integers(FIRST - 3, FIRST + 8))
            names = draw.choice(["a.ru", "b.com", "c.ru"], size=2, replace=False)
            rows = [(str(n), minute + int(draw.integers(-2, 3)), int(draw.integers(1, 5))) for n in names]
            origin = Origin(f"e{draw.integers(1, 3)}", "access", minute)
            facts += [(name, at, origin.edge, origin.segment_id, desk.next_id, n) for name, at, n in rows]
            entries.append(make_entry(origin, desk.next_id, lines=int(draw.integers(1, 9))))
            desk.next_id += 1
        desk.store.insert_facts(make_batch(facts))
        cuts.append(desk.store.commit(entries))
    (since, cut), first, after = cuts, FIRST, FIRST + 5
    changes = desk.store.closing.changes(since, cut, first, after)
    found = {
        (changes.resources[r], int(m), changes.edges[e]): int(n)
        for r, m, e, n in zip(changes.resource, changes.minute, changes.edge, changes.sums[0], strict=True)
    }

    def usage(at: int) -> dict[tuple[str, int, str], int]:
        table = desk.store.usage(at, minutes=(first, after)).to_pylist()
        return {(r["resource"], r["minute"], r["edge"]): r["requests"] for r in table}

    now, then = usage(cut), usage(since)
    slow = {key: now.get(key, 0) - then.get(key, 0) for key in now.keys() | then.keys()}
    assert found == {key: value for key, value in slow.items() if value}
    assert found
