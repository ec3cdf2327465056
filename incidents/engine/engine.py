"""The engine: events and time in, transitions out. It owns the order in which subjects are judged and the timers;
what is known and decided is in its neighbours. No clock, no I/O: the caller says what time it is."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import msgspec

from incidents.engine.acts import act
from incidents.engine.canonical import in_order
from incidents.engine.changes import clock_runs, deadline
from incidents.engine.intake import is_news, take
from incidents.engine.judge_customer import counted_loss, judge_customer, judge_origin
from incidents.engine.judge_edge import judge_edge
from incidents.engine.judge_loss import judge_loss, judge_request
from incidents.engine.judge_watch import judge_clock, judge_control, judge_prober, judge_support_line
from incidents.engine.judgement import View, soonest
from incidents.engine.lifecycle import settle
from incidents.engine.limits import limits_of
from incidents.engine.links import Links
from incidents.engine.losses import lost_minutes, take_gap
from incidents.engine.probes import Moment
from incidents.engine.state import VERSION, Away, State
from incidents.engine.subjects import (
    CLOCK,
    CONTROL,
    CUSTOMER,
    EDGE,
    GAP,
    ORIGIN,
    REQUEST,
    SUPPORT_LINE,
    VANTAGE,
    name_of,
    target_of,
)
from incidents.engine.timers import Timers
from incidents.events import DeliveryFailed, Gap, Probe, Said, Tick
from incidents.model import Harm, Kind, Priority, Standing, Status
from incidents.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from incidents.engine.judgement import Judgement
    from incidents.engine.state import Incident, Span
    from incidents.events import Event
    from incidents.model import Transition

# Not in deterministic order: with 100,000 scopes msgspec 0.22's sorting of keys ended in a segmentation fault.
_encode = msgspec.msgpack.Encoder().encode

_JUDGES: dict[str, Callable[[View, str], Judgement]] = {
    CONTROL: judge_control,
    VANTAGE: judge_prober,
    SUPPORT_LINE: judge_support_line,
    CUSTOMER: judge_customer,
    ORIGIN: judge_origin,
    EDGE: judge_edge,
    REQUEST: judge_request,
    GAP: judge_loss,
    CLOCK: judge_clock,
}


class Engine:
    """Feed it with `advance`; read it with `incidents`; keep it with `snapshot` and `restore`."""

    def __init__(self, policy: Policy | None = None, *, replica_of: bytes | None = None) -> None:
        self._limits = limits_of(policy or Policy())
        self._state = _decode(replica_of) if replica_of is not None else State()
        self._links = Links(self._state)
        self._ids = {incident.id: subject for subject, incident in self._state.incidents.items()}
        self._timers = Timers(self._state)

    @classmethod
    def restore(cls, policy: Policy, snapshot: bytes) -> Engine:
        """An engine that goes on where the snapshot was taken; raises ValueError for a snapshot of another
        version."""
        return cls(policy, replica_of=snapshot)

    def snapshot(self) -> bytes:
        """All that it remembers."""
        return _encode(self._state)

    @property
    def now(self) -> float:
        """The instant that it has been brought to."""
        return self._state.now

    @property
    def due(self) -> float | None:
        """When something happens next if nothing is told before; the caller's timer."""
        first = self._timers.first()
        return first[0] if first else None

    @property
    def incidents(self) -> tuple[Standing, ...]:
        """Every incident that is open, or was resolved a short while ago: by urgency, then money, then age."""
        return tuple(sorted((self._standing(one) for one in self._state.incidents.values()), key=_urgency))

    @property
    def settleable(self) -> tuple[tuple[str, str, tuple[Span, ...]], ...]:
        """Open tasks of lost minutes behind which the clients are shown to be served, as (incident, edge, spans)."""
        state = self._state
        return tuple(
            (one.id, name_of(subject), tuple(state.losses[name_of(subject)].spans))
            for subject in sorted(subject for subject in state.incidents if subject.startswith(GAP))
            if (one := state.incidents[subject]).status is not Status.RESOLVED
            and one.priority is Priority.NORMAL
            and one.harm is Harm.NONE
        )

    def find(self, incident: str) -> Standing | None:
        """How one incident stands, None where it is unknown, or long over."""
        subject = self._ids.get(incident)
        return self._standing(self._state.incidents[subject]) if subject else None

    def advance(self, at: float, events: Sequence[Event] = ()) -> list[Transition]:
        """Go to `at` and take up what is known then; the transitions, in time order.

        Timers due before `at` fire first, each at its own time; those of `at` itself are decided with its events.
        `at` never goes back: raises ValueError.
        """
        if at < self._state.now:
            raise ValueError(f"expected a time from {self._state.now} on, found {at}")
        away = [
            (each.away_since, each.away_until or at)
            for each in events
            if isinstance(each, Tick) and each.away_since is not None and each.at > self._state.now
        ]
        lines = self._come_back(*max(away), at) if away else []
        while (due := self._timers.first()) is not None and due < (at, 0):
            lines += self._decide(Moment(due[0], after=bool(due[1])), self._timers.ring(due), ())
        self._state.now = at
        touched = self._timers.ring((at, 0)) if self._timers.first() == (at, 0) else set()
        acts: list[Said | DeliveryFailed] = []
        for event in in_order(events):
            if not is_news(self._state, event):
                continue
            if isinstance(event, Said | DeliveryFailed):
                acts.append(event)
                continue
            found = take(self._state, self._links, self._limits, event)
            if isinstance(event, Probe) and event.ok:
                # an ok opens nothing: only what stands open, or stands on it, is judged
                found = {
                    s
                    for s in found
                    if s in self._state.incidents or (s not in self._state.wakes and s[0] in "01")
                }
            touched |= found
            if isinstance(event, Probe):
                touched.update(self._links.dependents(target_of(event.scope)))
                touched |= self._unwatched(event)
        lines += self._decide(Moment(at), touched, acts)
        return lines

    def _come_back(self, since: float, back: float, at: float) -> list[Transition]:
        """Nobody has watched from `since` to `back`; what was true meanwhile may follow. A restart while one still asks
        first changes nothing: however often it happens, silence is raised once that time is over."""
        lines = self.advance(since) if self._state.now < since < at else []
        if self._limits.grace and 0 < self._state.now < at <= back and self._state.away.until <= back:
            self._state.away = Away(self._state.now, back, back + self._limits.grace)
        return lines

    def _decide(
        self, moment: Moment, touched: Iterable[str], acts: Sequence[Said | DeliveryFailed]
    ) -> list[Transition]:
        """Judge what was touched, lowest rank first, and what stands on what has changed; acts of people come
        last."""
        state = self._state
        state.now = max(state.now, moment.at)
        view = View(state, moment, self._limits, self._ids)
        lines: list[Transition] = []
        lines += self._judge_all(view, touched)
        changed: set[str] = set()
        for event in acts:
            name = event.incident if isinstance(event, Said) else event.notice.split(".", 1)[0]
            subject = self._ids.get(name)
            if subject is None:
                continue
            told = act(view, state.incidents[subject], event)
            lines += told
            if told:
                changed |= {subject, *self._others(subject)}
                if subject.startswith(GAP):  # a person's word settles what was lost
                    changed |= self._links.note_loss(name_of(subject))
        lines += self._judge_all(view, changed)
        return lines

    def _judge_all(self, view: View, touched: Iterable[str]) -> list[Transition]:
        queue = sorted(set(touched))
        queued = set(queue)
        lines: list[Transition] = []
        while queue:
            subject = heapq.heappop(queue)
            queued.discard(subject)
            if not self._exists(subject):
                continue
            changed: set[str] = set()
            told = self._judge(view, subject, changed)
            if told:
                lines += told
                changed |= self._others(subject)
            for more in changed - queued:
                queued.add(more)
                heapq.heappush(queue, more)
        return lines

    def _judge(self, view: View, subject: str, changed: set[str]) -> list[Transition]:
        state = self._state
        burnt = name_of(subject) in state.burning
        found = _JUDGES[subject.split(":", 1)[0] + ":"](view, subject)
        if subject.startswith(VANTAGE):
            vantage = state.vantages[name_of(subject)]
            if vantage.suspect != ("suspect" in found.bad):
                vantage.suspect = not vantage.suspect
                changed.update(vantage.bads)
        elif subject.startswith(CUSTOMER) and burnt != (name_of(subject) in state.burning):
            # whose errors are his own, an edge's surge is reckoned without
            changed.update(EDGE + edge for edge in state.homes.get(name_of(subject), ()))
        if subject.startswith(CUSTOMER) and name_of(subject) in state.fallen:
            denied = counted_loss(view, name_of(subject))
            if denied is not None:
                edge, fall = denied
                lost = Gap(
                    at=fall.at, edge=edge, since=fall.minute, until=fall.minute + 60, loss_class="counter",
                    customers=(name_of(subject),),
                )  # fmt: skip
                changed |= take_gap(state, lost) | self._links.note_loss(edge)
        known = state.incidents.get(subject)
        if known is None and not found.bad:
            self._timers.wake(subject, found.until, 1)
            return []
        if known is not None and known.status is Status.RESOLVED and self._forget(view, known):
            if not found.bad or found.newest <= (known.resolved_at or 0.0) or not self._exists(subject):
                return []  # nothing has been heard since: it is over, and forgotten
            known = None
        above = state.incidents.get(found.followed)
        clock = deadline(above, self._limits) if above is not None else None
        told = settle(view, subject, found)
        if above is not None and deadline(above, self._limits) != clock:
            changed |= {found.followed, subject}  # its deadline has come nearer
        incident = state.incidents.get(subject)
        self._links.note_incident(subject)
        if incident is not None:
            self._ids[incident.id] = subject
            self._arm(view, incident, found)
        else:
            self._timers.wake(subject, found.until, 1)
        return told

    def _forget(self, view: View, incident: Incident) -> bool:
        """An incident that has been over for long is no longer the one that comes back."""
        if view.now < (incident.resolved_at or 0.0) + self._limits.reopen:
            return False
        del self._state.incidents[incident.subject]
        self._ids.pop(incident.id, None)
        if incident.subject.startswith(REQUEST):
            name = name_of(incident.subject)
            asked = self._state.requests.pop(name)
            self._links.forget_request(name, asked.customer)
        return True

    def _arm(self, view: View, incident: Incident, found: Judgement) -> None:
        """When this one is to be judged again, whatever is told or not told."""
        if incident.status is Status.RESOLVED:
            over = (incident.resolved_at or 0.0) + self._limits.reopen
            self._timers.wake(incident.subject, over if over > view.now else None, 0)
            return
        limits = self._limits
        exact = [incident.next_level, incident.next_repeat]
        if incident.clean_at is not None:
            exact.append(incident.clean_at + limits.clean)
        if incident.served_at is not None:
            exact.append(incident.served_at + limits.clean)
        if clock_runs(incident, found):
            exact.append(deadline(incident, limits))
        if incident.muted and incident.muted_until != float("inf"):
            exact.append(incident.muted_until)
        ahead = soonest(*(at for at in exact if at is not None and at > view.now))
        aged = found.until if found.until is not None and found.until >= view.now else None
        if ahead is not None and (aged is None or ahead <= aged):
            self._timers.wake(incident.subject, ahead, 0)
        else:
            self._timers.wake(incident.subject, aged, 1)

    def _others(self, subject: str) -> set[str]:
        """For whom else a change of one incident changes something."""
        state = self._state
        changed: set[str] = set()
        incident = state.incidents[subject]
        open_ = incident.status is not Status.RESOLVED
        if subject.startswith(CONTROL):
            _mark(state.frozen, subject, on=open_)
            if not open_:
                changed.update(state.incidents)
        if incident.kind in (Kind.OUTAGE, Kind.CLIENT_REQUEST):
            before = bool(state.hurt)
            on = open_ and incident.priority is Priority.COMPANY_WIDE
            _mark(state.hurt, subject, on=on)
            if before != bool(state.hurt):
                changed.update(s for s in state.incidents if s.startswith(GAP))
        changed.update(s for s in self._links.dependents(subject) if s in state.incidents)
        changed.discard(subject)
        return changed

    def _unwatched(self, event: Probe) -> set[str]:
        """A prober is watched from its first result on."""
        subject = VANTAGE + event.vantage
        return set() if subject in self._state.wakes else {subject}

    def _exists(self, subject: str) -> bool:
        state, name = self._state, name_of(subject)
        if subject.startswith(VANTAGE):
            return name in state.vantages
        if subject.startswith(REQUEST):
            return name in state.requests
        if subject.startswith((CONTROL, SUPPORT_LINE, ORIGIN)):
            return subject in state.targets or subject in state.incidents
        return True

    def _standing(self, one: Incident) -> Standing:
        loss = self._state.losses.get(name_of(one.subject)) if one.kind is Kind.BILLING_GAP else None
        return Standing(
            id=one.id, kind=one.kind, scope=one.scope, harm=one.harm, priority=one.priority, status=one.status,
            opened_at=one.opened_at, reason=one.reason, evidence=one.facts, resolved_at=one.resolved_at,
            parent=one.parent, flaps=one.flaps, level=one.level, acknowledged_by=tuple(one.acks),
            customers=one.customers, muted_until=one.muted_until if one.muted else 0, waits=one.waits,
            wants_probe=one.wants_probe and one.status is not Status.RESOLVED,
            money=loss.rate if loss else None, lost_minutes=lost_minutes(loss) if loss else 0,
        )  # fmt: skip


def _urgency(one: Standing) -> tuple[bool, int, float, float, str]:
    money = float(one.money.expected) if one.money else 0.0
    return one.status is Status.RESOLVED, -one.priority.rank, -money, one.opened_at, one.id


def _mark(marks: dict[str, None], subject: str, *, on: bool) -> None:
    if on:
        marks[subject] = None
    else:
        marks.pop(subject, None)


def _decode(snapshot: bytes) -> State:
    try:
        state = msgspec.msgpack.decode(snapshot, type=State)
    except msgspec.MsgspecError as error:
        raise ValueError(f"expected a snapshot of the engine, version {VERSION}: {error}") from None
    if state.version != VERSION:
        raise ValueError(f"expected a snapshot of version {VERSION}, found {state.version}")
    return state
