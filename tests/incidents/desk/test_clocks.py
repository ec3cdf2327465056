"""The clocks of requests: working time, the limit that no weekend moves, pauses, promises, who is late, who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.desk import acts
from incidents.desk.clocks import Clock, State, What, late_now, warnings
from incidents.desk.model import Named, Replied, Standing, Warned
from incidents.desk.requests import read_desk
from tests.incidents.desk.cases import WEDNESDAY, MemoryLog, at, desk_office

if TYPE_CHECKING:
    from incidents.desk.model import DeskEvent, Request, RequestKind

HOUR = 3_600.0
OFFICE = desk_office()


def received(when: float = WEDNESDAY, kind: RequestKind = "question") -> MemoryLog:
    log = MemoryLog()
    log.append(
        lambda desk: acts.receive(
            desk, at=when, actor="boss", key="k1", kind=kind, channel="cli", customer="c1", text="?"
        )
    )
    return log


def do(log: MemoryLog, act: Any, when: float, **more: Any) -> list[DeskEvent]:
    return log.append(lambda desk: act(desk, "1", at=when, actor="olga", **more))


def reply(log: MemoryLog, when: float, key: str = "r1") -> None:
    log.append(lambda _: [Replied(at=when, actor="boss", key=key, request="1", text="more")])


def clock(log: MemoryLog, what: What, now: float) -> Clock:
    (found,) = [each for each in OFFICE.clocks.of(log.read().requests["1"], now) if each.what is what][-1:]
    return found


def test_the_first_answer_has_a_target_a_warning_and_a_limit() -> None:
    log = received()
    found = clock(log, What.FIRST_ANSWER, WEDNESDAY)
    assert (found.target_by, found.due_by, found.limit_by) == (
        WEDNESDAY + HOUR, WEDNESDAY + 3 * HOUR, WEDNESDAY + 24 * HOUR,
    )  # fmt: skip
    for hours, state in ((1, State.RUNNING), (2, State.DUE), (4, State.LATE), (25, State.BROKEN)):
        assert clock(log, What.FIRST_ANSWER, WEDNESDAY + hours * HOUR).state is state
    assert clock(log, What.FIRST_ANSWER, WEDNESDAY + 4 * HOUR).late_by(WEDNESDAY + 4 * HOUR) == HOUR


def test_no_weekend_moves_the_limit_of_a_day() -> None:
    friday = at("2026-11-20 17:50")
    found = clock(received(friday), What.FIRST_ANSWER, friday)
    assert found.due_by == found.limit_by == friday + 24 * HOUR
    assert clock(received(friday), What.FIRST_ANSWER, friday + 23 * HOUR).state is State.RUNNING
    working = desk_office(limit_counts="working")
    (request,) = received(friday).read().requests.values()
    (first,) = [c for c in working.clocks.of(request, friday) if c.what is What.FIRST_ANSWER]
    assert first.due_by == at("2026-11-23 11:50")


def test_a_technical_request_is_served_round_the_clock() -> None:
    night = at("2026-11-21 02:00")
    assert clock(received(night, "technical"), What.FIRST_ANSWER, night).due_by == night + 3 * HOUR


def test_the_client_is_waited_for_only_after_he_was_asked() -> None:
    log = received()
    with pytest.raises(acts.ActError, match="it is he who waits"):
        do(log, acts.pause, WEDNESDAY + 60, reason="")
    do(log, acts.answer, WEDNESDAY + HOUR, text="Which host?")
    do(log, acts.pause, WEDNESDAY + HOUR, reason="asked for the host")
    assert log.read().requests["1"].standing is Standing.WAITING
    reply(log, WEDNESDAY + 5 * HOUR)
    request = log.read().requests["1"]
    assert request.standing is Standing.OPEN
    assert clock(log, What.NEXT_ANSWER, WEDNESDAY + 5 * HOUR).since == WEDNESDAY + 5 * HOUR


def test_time_that_waits_for_the_client_moves_the_promised_date() -> None:
    log = received()
    do(log, acts.answer, WEDNESDAY + HOUR, text="by tomorrow")
    do(log, acts.promise, WEDNESDAY + HOUR, due=WEDNESDAY + 24 * HOUR)
    do(log, acts.pause, WEDNESDAY + 2 * HOUR, reason="")
    assert clock(log, What.CLOSING, WEDNESDAY + 30 * HOUR).state is State.PAUSED
    reply(log, WEDNESDAY + 12 * HOUR)
    assert clock(log, What.CLOSING, WEDNESDAY + 12 * HOUR).due_by == WEDNESDAY + 34 * HOUR
    do(log, acts.close, WEDNESDAY + 33 * HOUR, text="")
    assert clock(log, What.CLOSING, WEDNESDAY + 40 * HOUR).state is State.MET


def test_a_pause_after_the_date_does_not_undo_its_lateness() -> None:
    log = received()
    do(log, acts.answer, WEDNESDAY + HOUR, text="soon")
    do(log, acts.promise, WEDNESDAY + HOUR, due=WEDNESDAY + 2 * HOUR)
    do(log, acts.pause, WEDNESDAY + 3 * HOUR, reason="")
    found = clock(log, What.CLOSING, WEDNESDAY + 4 * HOUR)
    assert found.state is State.LATE
    assert found.late_by(WEDNESDAY + 4 * HOUR) == 2 * HOUR


def test_a_reply_opens_a_closed_request_again() -> None:
    log = received()
    with pytest.raises(acts.ActError, match="never answered"):
        do(log, acts.close, WEDNESDAY, text="")
    do(log, acts.answer, WEDNESDAY + HOUR, text="done")
    do(log, acts.close, WEDNESDAY + HOUR, text="")
    assert OFFICE.clocks.running(log.read().requests["1"], WEDNESDAY + 99 * HOUR) == []
    reply(log, WEDNESDAY + 3 * HOUR)
    request = log.read().requests["1"]
    assert (request.standing, request.closed_at, request.closings) == (
        Standing.OPEN,
        None,
        (WEDNESDAY + HOUR,),
    )


def test_who_is_late_longest_stands_first() -> None:
    log = received()
    log.append(
        lambda desk: acts.receive(
            desk, at=WEDNESDAY + HOUR, actor="b", key="k2", kind="question", channel="cli", customer="c2", text="?"
        )
    )  # fmt: skip
    now = WEDNESDAY + 5 * HOUR
    requests = list(log.read().requests.values())
    late = late_now(requests, OFFICE.clocks, now)
    assert [each.request.id for each in late] == ["1", "2"]
    assert late[0].clock.what is What.MANAGER  # 20 minutes after it came: that is longest ago
    assert late[0].late_by == 5 * HOUR - 20 * 60


def test_the_fifth_letter_and_each_lateness_are_told_once() -> None:
    log = received()
    log.append(lambda _: [Named(at=WEDNESDAY, actor="desk", key="n", request="1", manager="olga")])
    for number in range(4):
        do(log, acts.answer, WEDNESDAY + number * 60, text="one more question")
    now = WEDNESDAY + HOUR
    assert warnings(list(log.read().requests.values()), OFFICE.clocks, now) == []
    do(log, acts.answer, WEDNESDAY + 300, text="and one more")
    (warning,) = warnings(list(log.read().requests.values()), OFFICE.clocks, now)
    assert (warning.what, warning.letters) == ("letters", 5)
    log.append(lambda _: [Warned(at=now, actor="desk", key="w", request="1", what=warning.what)])
    assert warnings(list(log.read().requests.values()), OFFICE.clocks, now) == []


def test_a_manager_who_answers_what_nobody_is_on_is_on_it() -> None:
    log = received()
    for when, actor in ((60, "somebody"), (120, "olga"), (180, "ivan")):
        log.append(
            lambda desk, w=when, who=actor: acts.answer(  # type: ignore[misc]
                desk, "1", text="x", managers=OFFICE.managers, at=WEDNESDAY + w, actor=who
            )
        )
    request = log.read().requests["1"]
    assert (request.manager, request.manager_at) == ("olga", WEDNESDAY + 120)
    assert clock(log, What.MANAGER, WEDNESDAY + HOUR).state is State.MET


def test_managers_take_turns_by_load_language_and_hours() -> None:
    log = MemoryLog()
    for number in range(5):
        lang = "ru" if number == 4 else "en"
        log.append(
            lambda desk, number=number, lang=lang: acts.receive(  # type: ignore[misc]
                desk,
                at=WEDNESDAY,
                actor="b",
                key=f"k{number}",
                kind="question",
                channel="cli",
                lang=lang,
                text="?",
            )
        )
        log.append(lambda desk: acts.name_managers(desk, OFFICE.managers, set(), WEDNESDAY))
    assert [each.manager for each in log.read().requests.values()] == ["olga", "ivan", "olga", "ivan", "olga"]
    night = WEDNESDAY + 12 * HOUR
    assert OFFICE.managers.choose(log.read(), "ru", night) is None
    assert OFFICE.managers.choose(log.read(), "en", night, anyone=True) == OFFICE.settings.manager[1]


def _acts() -> st.SearchStrategy[list[tuple[str, int]]]:
    names = st.sampled_from(["answer", "promise", "pause", "resume", "reply", "close", "nps"])
    return st.lists(st.tuples(names, st.integers(1, 2_000)), max_size=12)


def _story(steps: list[tuple[str, int]]) -> MemoryLog:
    """What people try, one after another; what may not be done is refused and leaves nothing."""
    log, now = received(), WEDNESDAY
    more: dict[str, dict[str, Any]] = {
        "answer": {"text": "x"}, "pause": {"reason": ""}, "resume": {"reason": ""}, "close": {"text": ""},
        "nps": {"score": 7, "text": ""},
    }  # fmt: skip
    for number, (name, minutes) in enumerate(steps):
        now += 60 * minutes
        if name == "reply":
            reply(log, now, f"r{number}")
            continue
        given = {"due": now + 7_200} if name == "promise" else more[name]
        try:
            do(log, acts.give_nps if name == "nps" else getattr(acts, name), now, **given)
        except acts.ActError:
            continue
    return log


@settings(max_examples=60, deadline=None)
@given(_acts(), st.randoms(use_true_random=False), st.integers(0, 20_000))
def test_state_is_a_function_of_the_events(steps: list[tuple[str, int]], random: Any, minutes: int) -> None:
    """Repeated events change nothing; what is read up to a time is what was known then; clocks never raise, and a clock
    that is late stays late until it is done."""
    from incidents.desk.log import decode_event

    log = _story(steps)
    events = [decode_event(body) for body in log.bodies]
    repeated = events + [random.choice(events) for _ in range(3)]
    assert read_desk(repeated) == read_desk(events)
    now = WEDNESDAY + 60 * minutes
    assert read_desk(events, now) == read_desk([event for event in events if event.at <= now])
    request: Request | None = read_desk(events, now).requests.get("1")
    if request is None:
        return
    for each in OFFICE.clocks.running(request, now):
        if each.state in (State.LATE, State.BROKEN):
            later = {c.what: c for c in OFFICE.clocks.running(request, now + 7_200)}
            assert later[each.what].late_by(now + 7_200) == pytest.approx(each.late_by(now) + 7_200)
    assert (request.closed_at is None) == request.is_open
