"""Whether a month may be closed: too early, gaps that nobody accepted, minutes not settled, contracts changed since."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from pipeline.coverage.close import Concerned, find_unsettled, part_closed, refuse
from pipeline.coverage.model import (
    Amount,
    Close,
    Coverage,
    Gap,
    GapState,
    Loss,
    LossClass,
    Share,
    State,
    Stream,
)
from pipeline.coverage.periods import ContractMonth, Month, Term, contract_months

OCTOBER = Month(2026, 10)
MOSCOW = OCTOBER.minutes("Europe/Moscow")
NEW_YORK = OCTOBER.minutes("America/New_York")
KATHMANDU = OCTOBER.minutes("Asia/Kathmandu")
C1 = ContractMonth(OCTOBER, "c1", *MOSCOW, "Europe/Moscow")
C2 = ContractMonth(OCTOBER, "c2", *NEW_YORK, "America/New_York")
C3 = ContractMonth(OCTOBER, "c3", *KATHMANDU, "Asia/Kathmandu")
LONG_AFTER = NEW_YORK[1] * 60 + 10 * 86_400.0
HOURS_72 = 72 * 3600.0


def gap(
    edge: str = "e1",
    first: int = MOSCOW[0],
    minutes: int = 5,
    state: GapState = GapState.OPEN,
    customers: tuple[str, ...] = (),
) -> Gap:
    amount = Amount(1, 2, 3, None, "neighbours")
    loss = Loss(Stream(edge), LossClass.MISSING, first, first + minutes, None, amount)
    shares = tuple(Share(name, 1 / len(customers)) for name in customers)
    return Gap(f"g-{edge}-{first}", loss, state, 0.0, 0.0, shares)


def closed(month: ContractMonth, close_id: int = 1) -> Close:
    span = (month.first, month.after)
    return Close(str(month.month), month.tz, month.customer, *span, 9, "d", 1, 0.0, "anna", id=close_id)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("now", "early"),
    [
        ("2026-11-03T20:59:59", ["Asia/Kathmandu", "Europe/Moscow", "America/New_York"][1:]),
        ("2026-11-03T18:14:59", ["Asia/Kathmandu", "Europe/Moscow", "America/New_York"]),
        ("2026-11-03T18:15:00", ["Europe/Moscow", "America/New_York"]),
        ("2026-11-03T21:00:00", ["America/New_York"]),
        ("2026-11-04T03:59:59", ["America/New_York"]),
        ("2026-11-04T04:00:00", []),
    ],
)
def test_each_zone_ripens_at_its_own_time(now: str, early: list[str]) -> None:
    found = refuse([C1, C2, C3], now=at(now), close_after_s=HOURS_72)
    assert [each.text.split(":")[0] for each in found] == early
    assert all(each.kind == "early" and not each.acceptable for each in found)


def test_it_says_from_when_on_it_may_be_closed() -> None:
    (found,) = refuse([C1], now=at("2026-11-01T00:00:00"), close_after_s=HOURS_72)
    assert "ends 2026-10-31T21:00:00Z and may be closed from 2026-11-03T21:00:00Z on" in found.text
    assert found.customers == ("c1",)


@pytest.mark.parametrize(
    ("state", "stands"),
    [(GapState.OPEN, True), (GapState.SHRUNK, True), (GapState.CLOSED, False), (GapState.ACCEPTED, False)],
)
def test_gaps_that_nobody_accepted_stand_against_it(state: GapState, stands: bool) -> None:
    found = refuse([C1], now=LONG_AFTER, close_after_s=HOURS_72, gaps=[gap(state=state)])
    assert [each.gap for each in found] == ([gap().id] if stands else [])
    assert all(each.acceptable for each in found)


@pytest.mark.parametrize(
    ("first", "minutes", "holds_up"),
    [
        (MOSCOW[0] - 5, 5, ["c3"]),
        (MOSCOW[0] - 5, 6, ["c1", "c3"]),
        (MOSCOW[1] - 1, 1, ["c1", "c2"]),
        (MOSCOW[1], 5, ["c2"]),
        (NEW_YORK[1] - 1, 9, ["c2"]),
        (NEW_YORK[1], 9, []),
    ],
)
def test_a_gap_stands_against_the_months_that_it_touches(
    first: int, minutes: int, holds_up: list[str]
) -> None:
    found = refuse([C1, C2, C3], now=LONG_AFTER, close_after_s=HOURS_72, gaps=[gap("e1", first, minutes)])
    assert [list(each.customers) for each in found] == ([holds_up] if holds_up else [])


def test_a_gap_concerns_whom_its_edge_served_and_who_has_a_share_and_else_everybody() -> None:
    served = {C1: frozenset({"e1"}), C2: frozenset({"e1", "e2"}), C3: frozenset[str]()}
    whom = Concerned([C1, C2, C3], served)
    middle = MOSCOW[0] + 5000
    assert whom.customers("e2", middle, middle + 1) == ("c2",)
    assert whom.customers("e1", middle, middle + 1) == ("c1", "c2")
    assert whom.customers("e2", middle, middle + 1, ["c3"]) == ("c2", "c3")
    assert whom.customers("e9", middle, middle + 1) == ("c1", "c2", "c3")
    assert whom.customers("e9", middle, middle + 1, ["somebody else"]) == ()


def test_minutes_that_are_not_settled_stand_against_it() -> None:
    middle = MOSCOW[0] + 5000
    states = np.full((2, 10), State.RECEIVED, np.uint8)
    states[1, 3:5] = State.UNKNOWN
    states[1, 7] = State.LATE
    coverage = Coverage((Stream("e1"), Stream("e2")), middle, states)
    unsettled = find_unsettled(coverage, middle, middle + 6)
    assert [(u.stream.edge, u.first - middle, u.after - middle, u.minutes) for u in unsettled] == [
        ("e2", 3, 5, 2)
    ]
    assert find_unsettled(coverage, middle + 20, middle + 30) == []
    (found,) = refuse([C1], now=LONG_AFTER, close_after_s=HOURS_72, unsettled=unsettled)
    assert found.kind == "unsettled"
    assert found.acceptable
    served = {C1: frozenset({"e1"}), C2: frozenset({"e2"})}
    (found,) = refuse([C1, C2], now=LONG_AFTER, close_after_s=HOURS_72, unsettled=unsettled, served=served)
    assert found.customers == ("c2",)


def test_what_is_closed_is_left_and_a_changed_contract_is_refused() -> None:
    todo, done, refused = part_closed([C1, C2, C3], [closed(C1)])
    assert (todo, [c.customer for c in done], refused) == ([C2, C3], ["c1"], [])
    # the contract was moved to another zone afterwards: some of its October was counted already
    moved = contract_months([Term("c1", "America/New_York", 0)], OCTOBER)
    todo, done, refused = part_closed(moved, [closed(C1)])
    assert (todo, done) == ([], [])
    assert refused[0].kind == "changed"
    assert not refused[0].acceptable
    assert "a closed period never changes" in refused[0].text
    november = contract_months([Term("c1", "America/New_York", 0)], OCTOBER.following)
    assert part_closed(november, [closed(C1)]) == (november, [], [])
    november = contract_months([Term("c1", "Asia/Kathmandu", 0)], OCTOBER.following)
    assert [each.kind for each in part_closed(november, [closed(C1)])[2]] == ["changed"]


def test_everything_that_stands_against_it_is_told_at_once() -> None:
    found = refuse(
        [C1, C2],
        now=at("2026-11-02T00:00:00"),
        close_after_s=HOURS_72,
        gaps=[gap("e2", MOSCOW[0] + 9), gap("e1")],
    )
    assert [each.kind for each in found] == ["early", "early", "gap", "gap"]
    assert [each.gap for each in found[2:]] == [gap("e1").id, gap("e2", MOSCOW[0] + 9).id]
