"""The clocks of a request: acknowledgement, manager, first and next answer, the promised date; who is late
now, and by how much; what the head of support is to be told. A pure function of request, settings and now."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.desk.calendar import Calendar, EveryHour, counted, deadline, desk_calendar
from incidents.desk.model import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from incidents.desk.model import Request
    from incidents.desk.settings import SupportSettings
    from pipeline.configured import Duration


class What(StrEnum):
    """What a clock waits for."""

    ACKNOWLEDGE = "acknowledge"
    MANAGER = "manager"
    FIRST_ANSWER = "first_answer"
    NEXT_ANSWER = "next_answer"
    CLOSING = "closing"


class State(StrEnum):
    """Where a clock stands."""

    MET = "met"
    MISSED = "missed"
    """done, and too late"""
    RUNNING = "running"
    DUE = "due"
    """past its target, not yet late"""
    LATE = "late"
    BROKEN = "broken"
    """past what must never be passed"""
    PAUSED = "paused"


class Clock(Struct, frozen=True, kw_only=True):
    """One clock. `target_by`: when it should be done; `due_by`: after that it is late; `limit_by`: never after
    that. None: a pause holds it. `done_at`: when it was done. `took`: seconds that counted until then, or until now."""

    what: What
    since: float
    target_by: float | None
    due_by: float | None
    limit_by: float | None
    took: float
    state: State
    done_at: float | None = None

    def late_by(self, now: float) -> float:
        """Seconds by the wall's clock since it was due; 0 where it is not late, or done."""
        if self.state not in (State.LATE, State.BROKEN) or self.due_by is None:
            return 0.0
        return now - self.due_by


class Clocks:
    """Reads requests' clocks; makes the calendars once."""

    def __init__(self, settings: SupportSettings) -> None:
        self.settings = settings
        self.desk = desk_calendar(settings)
        self._always = EveryHour()

    def calendar(self, request: Request) -> Calendar:
        """The time that counts for a request: all of it for kinds that are served round the clock."""
        return self._always if request.kind in self.settings.round_the_clock else self.desk

    def of(self, request: Request, now: float) -> list[Clock]:
        """Every clock that was ever started, in the order in which they were."""
        return list(self._clocks(request, now))

    def running(self, request: Request, now: float) -> list[Clock]:
        """Those that are not done."""
        return [clock for clock in self._clocks(request, now) if clock.done_at is None]

    def worst(self, request: Request, now: float) -> Clock | None:
        """The clock that is late for longest; None where none is."""
        late = [clock for clock in self.running(request, now) if clock.late_by(now) > 0]
        return max(late, key=lambda clock: clock.late_by(now), default=None)

    def _clocks(self, request: Request, now: float) -> Iterator[Clock]:
        s = self.settings
        begun = request.received_at
        gone = request.closed_at  # nobody waits any more for what was not done before
        if not request.automatic:
            acked = request.acknowledged_at
            waits = gone is None and request.bounced_at is None
            if request.withheld_at is None and (acked is not None or waits):
                yield self._plain(What.ACKNOWLEDGE, self._always, begun, acked, s.acknowledge, now)
        if request.manager_at is not None or gone is None:
            calendar = self.calendar(request)
            yield self._plain(What.MANAGER, calendar, begun, request.manager_at, s.name_manager, now)
        for number, turn in enumerate(request.turns):
            if turn.until is None and gone is not None:
                continue
            if request.automatic and turn.since == request.received_at:
                continue  # a machine waits for no answer
            yield self._turn(request, turn, now, first=number == 0)
        if request.promises:
            yield self.promise(request, now, first=False)

    def _plain(
        self, what: What, calendar: Calendar, since: float, done: float | None, within: Duration, now: float
    ) -> Clock:
        by = calendar.after(since, within.span.total_seconds())
        state = _state(done, by, by, None, now, held=by is None)
        took = calendar.between(since, now if done is None else done)
        return Clock(
            what=what,
            since=since,
            target_by=by,
            due_by=by,
            limit_by=None,
            took=took,
            state=state,
            done_at=done,
        )

    def _turn(self, request: Request, turn: Span, now: float, *, first: bool) -> Clock:
        s = self.settings
        what = What.FIRST_ANSWER if first else What.NEXT_ANSWER
        target, warn, limit = (
            getattr(s, what.value + end).span.total_seconds() for end in ("", "_warn", "_limit")
        )
        calendar = self.calendar(request)
        limits: Calendar = self._always if s.limit_counts == "clock" else calendar
        # nobody can wait for a client before he was written to: a pause does not hold the first answer
        pauses = () if first else request.pauses
        target_by = deadline(calendar, turn.since, target, pauses)
        warn_by = deadline(calendar, turn.since, warn, pauses)
        limit_by = deadline(limits, turn.since, limit, pauses)
        due_by = min((by for by in (warn_by, limit_by) if by is not None), default=None)
        if target_by is not None and due_by is not None:
            target_by = min(target_by, due_by)
        held = not first and bool(pauses) and pauses[-1].until is None
        return Clock(
            what=what,
            since=turn.since,
            target_by=target_by,
            due_by=due_by,
            limit_by=limit_by,
            took=counted(calendar, turn.since, now if turn.until is None else turn.until, pauses),
            state=_state(turn.until, target_by, due_by, limit_by, now, held=held),
            done_at=turn.until,
        )

    def promise(self, request: Request, now: float, *, first: bool) -> Clock:
        """The first, or the last promised date; the time that it waited for the client after the promise is added."""
        promise = request.promises[0 if first else -1]
        due: float | None = promise.due
        for pause in request.pauses:
            if pause.until is None or due is None:
                due = due if due is not None and pause.since >= due else None
            elif pause.since < due:
                due += max(0.0, pause.until - max(pause.since, promise.at))
        done = request.closed_at
        return Clock(
            what=What.CLOSING,
            since=promise.at,
            target_by=due,
            due_by=due,
            limit_by=None,
            took=(now if done is None else done) - promise.at,
            state=_state(done, due, due, None, now, held=due is None),
            done_at=done,
        )


def _state(
    done: float | None,
    target_by: float | None,
    due_by: float | None,
    limit_by: float | None,
    now: float,
    *,
    held: bool,
) -> State:
    if done is not None:
        return State.MET if due_by is None or done <= due_by else State.MISSED
    if held:
        return State.PAUSED
    if limit_by is not None and now > limit_by:
        return State.BROKEN
    if due_by is not None and now > due_by:
        return State.LATE
    return State.DUE if target_by is not None and now > target_by else State.RUNNING


class HeadWarning(Struct, frozen=True, kw_only=True):
    """What the head of support is to be told, once: `what` is the same for the same reason."""

    request: str
    what: str
    clock: Clock | None = None
    letters: int = 0
    bounced: bool = False


def warnings(requests: Sequence[Request], clocks: Clocks, now: float) -> list[HeadWarning]:
    """What the head was not told yet: clocks that are late, those that broke their limit, the letter too many, a client
    whom letters do not reach."""
    found: list[HeadWarning] = []
    for request in requests:
        if len(request.letters) > clocks.settings.letters:
            found.append(HeadWarning(request=request.id, what="letters", letters=len(request.letters)))
        if request.is_open and request.bounced_at is not None and not request.automatic:
            what = f"bounced:{round(request.bounced_at)}"
            found.append(HeadWarning(request=request.id, what=what, bounced=True))
        if request.is_open:
            for clock in clocks.running(request, now):
                if clock.state in (State.LATE, State.BROKEN):
                    what = f"{clock.what}:{clock.state}:{round(clock.since)}"
                    found.append(HeadWarning(request=request.id, what=what, clock=clock))
    told = {request.id: request.warned for request in requests}
    return [warning for warning in found if warning.what not in told[warning.request]]


class Late(Struct, frozen=True, kw_only=True):
    """Who is late now: with what, and by how many seconds."""

    request: Request
    clock: Clock
    late_by: float


def late_now(requests: Sequence[Request], clocks: Clocks, now: float) -> list[Late]:
    """Open requests with a late clock, the latest first."""
    found = [
        Late(request=request, clock=clock, late_by=clock.late_by(now))
        for request in requests
        if request.is_open and (clock := clocks.worst(request, now)) is not None
    ]
    return sorted(found, key=lambda late: -late.late_by)
