"""Given transitions, gaps and acts, the queue has one task an incident, the dearest first, each with its fate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.events import Probe
from incidents.model import Change, Harm, Kind, Priority, Scope, Status, Transition
from incidents.people.settings import OncallSettings
from incidents.tasks.acts import Act, act_body, act_name, act_of
from incidents.tasks.build import loose_gaps, lost_of, money_of, tasks_of
from incidents.tasks.days import working_days
from incidents.tasks.model import Answer, Lost, Money, Outcome, OutcomeKind, TaskState
from incidents.tasks.settings import TaskSettings
from incidents.tasks.sheet import state_text
from pipeline.configured import Instant
from pipeline.coverage.model import Amount, Gap, GapState, Loss, LossClass, Share, Stream

Make = Callable[..., Transition]
DAY = 86_400.0


def test_a_task_opens_with_the_answer_and_counts_its_money(
    make_transition: Make, make_lost: Callable[..., Lost], make_probe: Callable[..., Probe], now: float
) -> None:
    losses = [make_lost(), make_lost(gap="g2", minutes=15, since=now - 1800)]
    (task,) = tasks_of([make_transition()], losses, [], [make_probe()], now=now)

    assert (task.id, task.state, task.served.answer) == ("i1", TaskState.OPEN, Answer.YES)
    assert task.minutes == 20
    assert task.money == (Money(Decimal(18), Decimal(20), Decimal(24), "RUB"),)
    assert task.per_minute == (Money(Decimal("0.9"), Decimal(1), Decimal("1.2"), "RUB"),)
    assert task.edges == ("e1",)
    assert task.customers == ("c1",)


def test_it_is_due_a_margin_before_its_data_is_beyond_recovery(
    make_transition: Make, make_lost: Callable[..., Lost], now: float
) -> None:
    def due(**keys: float | None) -> float | None:
        return tasks_of([make_transition()], [make_lost(**keys)], [], [], now=now)[0].due

    opened = now - 600
    assert due(recoverable_until=None) == opened + 3 * DAY
    assert due(recoverable_until=now + 30 * DAY) == opened + 3 * DAY
    assert due(recoverable_until=now + 2 * DAY) == now + DAY
    assert due(recoverable_until=now + 60) == opened, "never before it was opened"


@pytest.mark.parametrize(
    ("opened", "due"),
    [
        ("2026-11-24T12:00+03:00", "2026-11-27T12:00+03:00"),
        ("2026-11-27T12:00+03:00", "2026-12-02T12:00+03:00"),  # over a weekend
        ("2026-11-28T12:00+03:00", "2026-12-03T00:00+03:00"),  # on a Saturday
        ("2026-10-30T12:00+03:00", "2026-11-05T12:00+03:00"),  # over Unity Day
        (
            "2026-12-30T12:00+03:00",
            "2027-01-13T12:00+03:00",
        ),  # over the New Year's holidays and a moved day off
        (
            "2026-12-18T12:00+03:00",
            "2026-12-21T12:00+03:00",
        ),  # a Saturday and a Sunday of one's own working days
    ],
)
def test_by_default_it_is_due_after_working_days(make_transition: Make, opened: str, due: str) -> None:
    def at(text: str) -> float:
        return datetime.fromisoformat(text).timestamp()

    own = tuple(Instant(date(2026, 12, day)) for day in (19, 20))
    days = working_days(OncallSettings(tz="Europe/Moscow", country="RU", working_days=own))
    (task,) = tasks_of([make_transition(at=at(opened))], [], [], [], now=at(opened) + 60, calendar=days)
    assert task.due == at(due)
    assert not task.late(at(due) - 1)


def test_the_dearest_comes_first_then_the_longest_and_closed_ones_last(
    make_transition: Make, make_lost: Callable[..., Lost], now: float
) -> None:
    def money(amount: int) -> Money:
        return Money(Decimal(amount), Decimal(amount), Decimal(amount), "RUB")

    transitions = [make_transition(incident=name) for name in ("a", "b", "c", "d", "e")]
    transitions.append(make_transition(incident="e", at=now, status=Status.RESOLVED, change=Change.RESOLVED))
    losses = [
        make_lost(gap="1", task="a", money=money(5)),
        make_lost(gap="2", task="b", money=money(50)),
        make_lost(gap="3", task="c", money=None, minutes=3),
        make_lost(gap="4", task="d", money=None, minutes=30),
        make_lost(gap="5", task="e", money=money(500), state="closed"),
    ]
    assert [task.id for task in tasks_of(transitions, losses, [], [], now=now)] == ["b", "a", "d", "c", "e"]


def test_a_task_waits_while_clients_may_be_hurt(make_transition: Make, now: float) -> None:
    below = make_transition(parent="outage-1")
    unsure = make_transition(priority=Priority.HIGH, harm=Harm.SUSPECTED)
    for last in (below, unsure):
        assert tasks_of([last], [], [], [], now=now)[0].state is TaskState.HELD


def test_outages_and_the_watchdog_are_no_tasks(make_transition: Make, now: float) -> None:
    others = [make_transition(incident=kind.value, kind=kind) for kind in (Kind.OUTAGE, Kind.WATCHDOG)]
    assert tasks_of(others, [], [], [], now=now) == []


def test_people_take_it_set_its_date_and_tick_its_steps(
    make_transition: Make, make_lost: Callable[..., Lost], now: float
) -> None:
    acts = [
        Act(at=now - 50, task="i1", actor="anna", assignee="anna"),
        Act(at=now - 40, task="i1", actor="head", assignee="boris"),
        Act(at=now - 30, task="i1", actor="boris", due=now + 3600),
        Act(at=now - 20, task="i1", actor="boris", step="look"),
        Act(at=now + 20, task="i1", actor="boris", step="later"),
        Act(at=now - 20, task="other", actor="boris", step="send_again"),
    ]
    (task,) = tasks_of([make_transition()], [make_lost()], acts[::-1], [], now=now)
    assert (task.state, task.assignee, task.due, task.due_by) == (
        TaskState.TAKEN,
        "boris",
        now + 3600,
        "boris",
    )
    assert task.done == {"look"}
    assert not task.late(now)
    assert task.late(now + 3600)


def test_when_its_data_comes_it_closes_as_recovered(
    make_transition: Make, make_lost: Callable[..., Lost], now: float
) -> None:
    history = [
        make_transition(),
        make_transition(
            at=now - 60, status=Status.RESOLVED, change=Change.RESOLVED, reason="its data has come"
        ),
    ]
    (task,) = tasks_of(history, [make_lost(state="closed")], [], [], now=now)
    assert task.state is TaskState.CLOSED
    assert task.outcome == Outcome(kind=OutcomeKind.RECOVERED, reason="its data has come")
    assert task.money == ()
    assert task.due is None


@pytest.mark.parametrize("kind", [Kind.CLIENT_REQUEST, Kind.DATA_QUALITY])
def test_what_is_not_about_data_is_solved_and_nothing_is_recovered(
    make_transition: Make, now: float, kind: Kind
) -> None:
    history = [
        make_transition(kind=kind),
        make_transition(
            kind=kind, at=now - 60, status=Status.RESOLVED, change=Change.RESOLVED, reason="he was told"
        ),
    ]
    (task,) = tasks_of(history, [], [], [], now=now)
    assert task.outcome == Outcome(kind=OutcomeKind.SOLVED, reason="he was told")
    assert state_text(task, "en", now) == "solved"
    assert state_text(task, "ru", now) == "решено"
    before = Act(
        at=now - 30, task="i1", actor="anna", reason="told", outcome=Outcome(kind=OutcomeKind.RECOVERED)
    )
    (task,) = tasks_of([make_transition(kind=kind)], [], [before], [], now=now)
    assert task.outcome is not None
    assert task.outcome.kind is OutcomeKind.SOLVED, "as acts of before are read"


def test_what_was_accepted_is_lost_or_partly_lost_with_who_accepted_it(
    make_transition: Make, make_lost: Callable[..., Lost], now: float
) -> None:
    history = [
        make_transition(),
        make_transition(status=Status.RESOLVED, change=Change.RESOLVED, actor="anna"),
    ]
    accepted = make_lost(state="accepted", accepted="anna: gone")
    (lost,) = tasks_of(history, [accepted], [], [], now=now)
    (partly,) = tasks_of(history, [accepted, make_lost(gap="g2", state="closed")], [], [], now=now)
    assert lost.outcome is not None
    assert partly.outcome is not None
    assert (lost.outcome.kind, lost.outcome.accepted_by) == (OutcomeKind.LOST, "anna: gone")
    assert partly.outcome.kind is OutcomeKind.PARTLY
    assert lost.outcome.amount == accepted.money


def test_the_word_of_who_closed_it_counts(
    make_transition: Make, make_lost: Callable[..., Lost], now: float
) -> None:
    said = Outcome(kind=OutcomeKind.LOST, accepted_by="head", reason="the disk is gone")
    acts = [Act(at=now - 1, task="i1", actor="anna", reason="the disk is gone", outcome=said)]
    history = [make_transition(), make_transition(status=Status.RESOLVED, change=Change.RESOLVED)]
    (task,) = tasks_of(history, [make_lost()], acts, [], now=now)
    assert task.outcome == said


def test_closing_counts_before_the_engine_hears_of_it_and_until_it_is_opened_again(
    make_transition: Make, make_lost: Callable[..., Lost], now: float
) -> None:
    said = Outcome(kind=OutcomeKind.LOST, accepted_by="head")
    acts = [Act(at=now - 60, task="i1", actor="anna", outcome=said)]
    (closed,) = tasks_of([make_transition()], [make_lost()], acts, [], now=now)
    assert (closed.state, closed.closed, closed.outcome) == (TaskState.CLOSED, now - 60, said)
    again = [make_transition(), make_transition(at=now - 30, change=Change.REOPENED)]
    (task,) = tasks_of(again, [make_lost()], acts, [], now=now)
    assert (task.state, task.outcome) == (TaskState.OPEN, None)


def test_an_act_is_the_same_after_it_was_written_down(now: float) -> None:
    amount = Money(Decimal("1.5"), Decimal(2), Decimal("3.25"), "RUB")
    for act in (
        Act(at=now, task="i1", actor="anna", assignee="boris", reason="he knows e1"),
        Act(at=now, task="i1", actor="anna", due=now + 60),
        Act(at=now, task="i1", actor="anna", step="look"),
        Act(
            at=now, task="i1", actor="anna", reason="gone",
            outcome=Outcome(kind=OutcomeKind.PARTLY, amount=amount, accepted_by="head", reason="gone"),
        ),
    ):  # fmt: skip
        read = act_of(
            act_name(act), at=act.at, task=act.task, actor=act.actor, reason=act.reason, body=act_body(act)
        )
        assert read == act


def test_a_row_that_is_no_act_is_none() -> None:
    for name, body in (
        ("take", {}),
        ("take", {"assignee": 3}),
        ("due", {"due": "soon"}),
        ("close", {"kind": "gone"}),
        ("close", {"kind": "lost", "amount": {"low": "1", "expected": "x", "high": "NaN"}}),
        ("hand_over", {"to": "anna"}),
    ):
        assert act_of(name, at=0, task="i1", actor="a", reason="", body=body) is None


def test_a_gap_that_names_no_task_goes_to_its_edges_open_one(
    make_transition: Make, make_lost: Callable[..., Lost], now: float
) -> None:
    old = [
        make_transition(incident="old", at=now - 9 * DAY),
        make_transition(incident="old", at=now - 8 * DAY, status=Status.RESOLVED, change=Change.RESOLVED),
    ]
    mine, strange = make_lost(task=""), make_lost(gap="g2", edge="e2", task="")
    tasks = tasks_of([*old, make_transition()], [mine, strange], [], [], now=now)
    assert {task.id: task.missing for task in tasks} == {"i1": (mine,), "old": ()}
    assert loose_gaps([*old, make_transition()], [mine, strange]) == [strange]


def test_a_gap_of_coverage_is_told_with_its_money() -> None:
    loss = Loss(Stream("e1"), LossClass.MISSING, 100, 105, None, Amount(1, 2, 3, None, "neighbours"))
    gap = Gap("g1", loss, GapState.SHRUNK, 7000.0, 7000.0, (Share("c1", 0.5),), 9000.0, "i1")
    found = lost_of(gap, {"low": "1.50", "expected": "2", "high": "3", "currency": "RUB"})
    assert (found.gap, found.minutes, found.since, found.until) == ("g1", 5, 6000.0, 6300.0)
    assert found.money == Money(Decimal("1.50"), Decimal(2), Decimal(3), "RUB")
    assert found.still
    assert money_of({"low": None, "expected": None, "high": None, "currency": None}) is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 10**6), st.booleans()), max_size=12))
def test_no_money_is_lost_or_counted_twice_on_the_way_to_the_queue(
    drawn: list[tuple[str, int, bool]],
) -> None:
    transitions = [
        Transition(
            at=0.0, incident=name, kind=Kind.BILLING_GAP, scope=Scope("edge", "e1"), harm=Harm.NONE,
            priority=Priority.NORMAL, status=Status.OPEN, change=Change.OPENED,
        )
        for name in "abc"
    ]  # fmt: skip
    losses = [
        Lost(
            gap=f"g{number}", edge="e1", stream="access", loss_class="missing", since=0, until=60, minutes=1,
            bytes=(0, 0, 0), state="open" if still else "accepted", first_seen=0, task=name,
            money=Money(Decimal(0), Decimal(amount), Decimal(amount), "RUB"),
        )
        for number, (name, amount, still) in enumerate(drawn)
    ]  # fmt: skip
    tasks = tasks_of(transitions, losses, [], [], now=100.0, settings=TaskSettings())
    assert len(tasks) == 3
    told = sum((money.expected for task in tasks for money in task.money), Decimal(0))
    assert told == sum(amount for _, amount, still in drawn if still)
    amounts = [task.money[0].expected if task.money else Decimal(0) for task in tasks]
    assert all(before >= after for before, after in pairwise(amounts))
