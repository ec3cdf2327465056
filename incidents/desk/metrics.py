"""The desk's figures of a span of time: how quickly, how many letters, promises kept, how clients felt, what it
earned. Pure; out of desk events, by what is known at `now`."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.desk.clocks import Clock, Clocks, State, What
from incidents.desk.model import NpsGiven
from incidents.desk.paid import Profit, profits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from incidents.desk.model import Called, Request
    from incidents.desk.requests import Desk


class Speed(Struct, frozen=True, kw_only=True):
    """Of what had to be done: how much was, how quickly (seconds that count), and how much of it in time. `pending`:
    not done, and not late yet; those are in no share. Who is late and waits on is in the percentiles with what he has
    waited so far; `…_at_least`: it will be that, or more."""

    count: int = 0
    done: int = 0
    pending: int = 0
    p50: float | None = None
    p90: float | None = None
    p50_at_least: bool = False
    p90_at_least: bool = False
    in_time: int = 0
    target_met: int = 0
    broken: int = 0

    @property
    def share(self) -> float | None:
        """In time, of all that is decided; None where nothing is."""
        decided = self.count - self.pending
        return self.in_time / decided if decided else None


class Letters(Struct, frozen=True, kw_only=True):
    """Our letters to requests that were closed."""

    requests: int = 0
    letters: int = 0
    most: int = 0
    too_many: int = 0

    @property
    def mean(self) -> float | None:
        """Letters a request."""
        return self.letters / self.requests if self.requests else None


class Promises(Struct, frozen=True, kw_only=True):
    """Promised dates that were decided: closed by the first date, only by a later one, or by none."""

    kept: int = 0
    moved: int = 0
    broken: int = 0

    @property
    def share(self) -> float | None:
        """Kept, of all; None where none was decided."""
        count = self.kept + self.moved + self.broken
        return self.kept / count if count else None


class Nps(Struct, frozen=True, kw_only=True):
    """Net promoter score: 9 and 10 promote, 0 to 6 detract; per cent of the one less per cent of the other."""

    asked: int = 0
    promoters: int = 0
    passives: int = 0
    detractors: int = 0

    @property
    def answered(self) -> int:
        """Scores given."""
        return self.promoters + self.passives + self.detractors

    @property
    def score(self) -> float | None:
        """-100 to 100; None where nobody answered."""
        return 100 * (self.promoters - self.detractors) / self.answered if self.answered else None


class Calls(Struct, frozen=True, kw_only=True):
    """Calls to the support line: how many were answered, and how politely (0 to 10)."""

    count: int = 0
    answered: int = 0
    tests: int = 0
    tests_failed: int = 0
    scored: int = 0
    mean: float | None = None
    lowest: int | None = None


class Figures(Struct, frozen=True, kw_only=True):
    """All of a span."""

    received: int
    received_by_kind: dict[str, int]
    closed: int
    open_at_end: int
    acknowledged: Speed
    manager: Speed
    first_answer: Speed
    next_answer: Speed
    closing: Speed
    letters: Letters
    promises: Promises
    nps: Nps
    calls: Calls
    profits: tuple[Profit, ...]


def figures(desk: Desk, clocks: Clocks, since: float, until: float, now: float) -> Figures:
    """The figures of [since, until). Speeds are of what was asked in the span (a request, a reply, a promise), so
    that a week's figures settle when its requests do; letters and NPS are of what was closed and said in it."""
    known = min(until, now)
    requests = list(desk.requests.values())
    came = [each for each in requests if since <= each.received_at < known]
    closed = [each for each in requests if each.closed_at is not None and since <= each.closed_at < known]
    watched = [(clock, request) for request in requests for clock in clocks.of(request, now)]

    def speed(what: What) -> Speed:
        return _speed([clock for clock, _ in watched if clock.what is what and since <= clock.since < known])

    s = clocks.settings
    kinds = ("technical", "billing", "question")
    rate = Decimal(s.cost_rate)
    return Figures(
        received=len(came),
        received_by_kind={kind: sum(each.kind == kind for each in came) for kind in kinds},
        closed=len(closed),
        open_at_end=sum(_is_open_at(each, known) for each in requests),
        acknowledged=speed(What.ACKNOWLEDGE),
        manager=speed(What.MANAGER),
        first_answer=speed(What.FIRST_ANSWER),
        next_answer=speed(What.NEXT_ANSWER),
        closing=_durations(closed),
        letters=_letters(closed, s.letters),
        promises=_promises(requests, clocks, since, known),
        nps=_nps(requests, since, known),
        calls=_calls([call for call in desk.calls if since <= call.at < known]),
        profits=tuple(profits(desk, since, until, now, cost_rate=rate, cost_currency=s.currency)),
    )


def percentile(values: Iterable[float], rank: int) -> float | None:
    """Nearest rank: the least value that so many per cent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-rank * len(ordered) // 100) - 1)] if ordered else None


def _speed(found: Sequence[Clock]) -> Speed:
    done = [clock for clock in found if clock.done_at is not None]
    waits = (State.RUNNING, State.DUE, State.PAUSED)
    late = [clock for clock in found if clock.state in (State.LATE, State.BROKEN)]
    so_far = [clock.took for clock in (*done, *late)]
    (p50, p50_at_least), (p90, p90_at_least) = (
        (least := percentile(so_far, rank), least != percentile(_ends(done, late), rank)) for rank in (50, 90)
    )
    return Speed(
        count=len(found),
        done=len(done),
        pending=sum(clock.state in waits for clock in found),
        p50=p50,
        p90=p90,
        p50_at_least=p50_at_least,
        p90_at_least=p90_at_least,
        in_time=sum(clock.state is State.MET for clock in found),
        target_met=sum(
            clock.target_by is not None and clock.done_at is not None and clock.done_at <= clock.target_by
            for clock in found
        ),
        broken=sum(_is_broken(clock) for clock in found),
    )


def _ends(done: Sequence[Clock], late: Sequence[Clock]) -> list[float]:
    """What it takes in the end, where who waits still waits for ever."""
    return [clock.took for clock in done] + [float("inf")] * len(late)


def _is_broken(clock: Clock) -> bool:
    if clock.done_at is None or clock.limit_by is None:
        return clock.state is State.BROKEN
    return clock.done_at > clock.limit_by


def _durations(closed: Sequence[Request]) -> Speed:
    """From coming to closing, by the wall's clock; the promise is judged elsewhere."""
    took = [each.closed_at - each.received_at for each in closed if each.closed_at is not None]
    return Speed(count=len(took), done=len(took), p50=percentile(took, 50), p90=percentile(took, 90))


def _is_open_at(request: Request, at: float) -> bool:
    """Open before `at`: it came, and was not closed last."""
    if request.received_at >= at:
        return False
    ends = [each for each in request.closings if each < at]
    again = [turn.since for turn in request.turns if turn.since < at]
    return not ends or max(again, default=0.0) > max(ends)


def _letters(closed: Sequence[Request], most: int) -> Letters:
    counts = [len(each.letters) for each in closed]
    return Letters(
        requests=len(counts),
        letters=sum(counts),
        most=max(counts, default=0),
        too_many=sum(count > most for count in counts),
    )


def _promises(requests: Sequence[Request], clocks: Clocks, since: float, until: float) -> Promises:
    """Each request once, when its first promise was decided: closed, or the date over."""
    kept = moved = broken = 0
    for request in requests:
        if not request.promises:
            continue
        first, last = (clocks.promise(request, until, first=which) for which in (True, False))
        done = first.done_at if first.done_at is not None and first.done_at < until else None
        ends = [at for at in (done, first.due_by) if at is not None]
        if not ends or not since <= min(ends) < until:
            continue
        if done is not None and first.due_by is not None and done <= first.due_by:
            kept += 1
        elif last.due_by is None or (until if done is None else done) <= last.due_by:
            moved += 1
        else:
            broken += 1
    return Promises(kept=kept, moved=moved, broken=broken)


def _nps(requests: Sequence[Request], since: float, until: float) -> Nps:
    """The last score of each request that was given in the span."""
    scores = []
    for request in requests:
        given = [e for e in request.history if isinstance(e, NpsGiven) and since <= e.at < until]
        scores += [given[-1].score] if given else []
    return Nps(
        asked=sum(r.nps_asked_at is not None and since <= r.nps_asked_at < until for r in requests),
        promoters=sum(score >= 9 for score in scores),
        passives=sum(7 <= score <= 8 for score in scores),
        detractors=sum(score <= 6 for score in scores),
    )


def _calls(calls: Sequence[Called]) -> Calls:
    scores = [call.score for call in calls if call.score is not None]
    return Calls(
        count=len(calls),
        answered=sum(call.answered for call in calls),
        tests=sum(call.test for call in calls),
        tests_failed=sum(call.test and not call.answered for call in calls),
        scored=len(scores),
        mean=sum(scores) / len(scores) if scores else None,
        lowest=min(scores, default=None),
    )
