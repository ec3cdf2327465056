"""The engine and its log, together: what is taken up is written before the engine knows it, what it decides is written
before anybody hears of it; a start after any crash comes to the same state."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

from msgspec import convert, to_builtins

from incidents.engine import Engine
from incidents.events import event_of
from incidents.model import Transition
from pipeline.store.incident_rows import ChangeRow, Snapshot
from pipeline.store.instants import micros
from pipeline.store.leases import LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incidents.policy import Policy
    from pipeline.coverage.evidence import Evidence
    from pipeline.store.store import Store

SNAPSHOT_EVERY_S, SNAPSHOT_EVERY_EVENTS = 600.0, 20_000
ROWS_AT_ONCE = 20_000


class WatchLog:
    """The engine as the log has it; for one thread, and for the one that holds the lease of the watch.

    `replayed`: the events that were read again at the start.
    """

    def __init__(self, store: Store, policy: Policy) -> None:
        self._log = store.incidents
        self._policy = policy
        self.replayed = 0
        self._load()

    def _load(self) -> None:
        snapshot = self._log.snapshot()
        self.engine = self._restored(snapshot)
        self._seq, self._at = (snapshot.event_seq, snapshot.at) if self._restored_from else (0, 0.0)  # type: ignore[union-attr]
        self._kept_seq, self._kept_at = self._seq, self._at
        last = max((each.updated for each in self._log.incidents()), default=0.0)
        told = {_place(row) for row in self._log.changes(since=last)}
        for some in self._log.events(self._seq):
            for taken_at, of_instant in groupby(some, key=lambda taken: taken.taken_at):
                rows = list(of_instant)
                events = [event for row in rows if (event := event_of(row.evidence)) is not None]
                # an instant that two pieces share is advanced to twice, and the engine holds that
                made = self.engine.advance(max(taken_at, self._at), events)
                self._seq, self._at = rows[-1].seq, max(taken_at, self._at)
                self._append_untold(made, last, told)
                self.replayed += len(rows)
        if last > self._at:  # a timer has fired behind the last event
            self._at = _next(last, last)
            self._append_untold(self.engine.advance(self._at, []), last, told)

    def _append_untold(self, made: Sequence[Transition], last: float, told: set[tuple[str, ...]]) -> None:
        """What was decided up to `last` stands as it was written, since another version may put it otherwise; of that
        instant a crash may have left out some."""
        rows = [change_row(transition, self._seq) for transition in made]
        self._log.append_changes(
            [
                row
                for row in rows
                if micros(row.at) > micros(last)
                or (micros(row.at) == micros(last) and _place(row) not in told)
            ]
        )

    def _restored(self, snapshot: Snapshot | None) -> Engine:
        self._restored_from = None
        if snapshot is None:
            return Engine(self._policy)
        try:
            engine = Engine.restore(self._policy, snapshot.state)
        except ValueError:  # of another version: the log has all that it was made of
            return Engine(self._policy)
        self._restored_from = snapshot
        return engine

    @property
    def at(self) -> float:
        """How far the engine's time has come, epoch seconds."""
        return self._at

    def due(self, now: float) -> bool:
        """Whether a timer of the engine waits to fire."""
        due = self.engine.due
        return due is not None and due <= now

    def take_up(self, rows: Sequence[Evidence], since: float, until: float) -> list[Transition]:
        """Takes up each of these at the instant from which it is true, the engine's timers firing between; what was
        true before `since` at that instant, and nothing later than `until`. Raises LeaseLostError as `step`."""
        made: list[Transition] = []
        waiting: list[tuple[float, list[Evidence]]] = []
        before, count = self._at, 0
        ordered = sorted(rows, key=lambda row: row.at)
        for at, of_instant in groupby(ordered, lambda row: _next(before, min(max(row.at, since), until))):
            some = list(of_instant)
            if waiting and (count + len(some) > ROWS_AT_ONCE or _month(at) != _month(waiting[-1][0])):
                made += self._take(waiting)
                waiting, count = [], 0
            waiting.append((at, some))
            count += len(some)
        return made + self._take(waiting)

    def _take(self, instants: Sequence[tuple[float, Sequence[Evidence]]]) -> list[Transition]:
        """In one INSERT of events, and one of what the engine made of them."""
        rows = [row for _, some in instants for row in some]
        taken = [at for at, some in instants for _ in some]
        self._log.append_events(rows, taken, after=self._seq)
        changes: list[ChangeRow] = []
        made: list[Transition] = []
        for at, some in instants:
            told = self.engine.advance(at, [event for row in some if (event := event_of(row)) is not None])
            self._seq, self._at = self._seq + len(some), at
            changes += [change_row(transition, self._seq) for transition in told]
            made += told
        if changes:
            self._log.append_changes(changes)
        self._keep_at_times()
        return made

    def step(self, now: float, rows: Sequence[Evidence]) -> list[Transition]:
        """Takes up what is new, and time itself; returns what the engine made of it, which is in the log by then.

        Raises LeaseLostError where another one has written.
        """
        at = _next(self._at, now)
        if not rows and (end := self._log.end()[0]) != self._seq:
            raise LeaseLostError(
                f"the incident log goes on to {end} behind {self._seq}: another prebill watches"
            )
        seq = self._log.append_events(rows, at, after=self._seq)
        made = self.engine.advance(at, [event for row in rows if (event := event_of(row)) is not None])
        self._seq, self._at = seq, at
        if made:
            self._log.append_changes([change_row(transition, seq) for transition in made])
        self._keep_at_times()
        return made

    def _keep_at_times(self) -> None:
        late = self._at - self._kept_at >= SNAPSHOT_EVERY_S
        if late or self._seq - self._kept_seq >= SNAPSHOT_EVERY_EVENTS:
            self.keep()

    def keep(self) -> None:
        """Keeps the engine's state, so that the next start is quick."""
        if self._seq > 0 and (self._seq, self._at) != (self._kept_seq, self._kept_at):
            self._log.append_snapshot(Snapshot(self._seq, self._at, self.engine.snapshot()))
            self._kept_seq, self._kept_at = self._seq, self._at


def _next(last: float, at: float) -> float:
    """Each step is an instant of its own, as the log keeps instants."""
    return max(round(at, 6), round(last + 1e-6, 6))


def _place(row: ChangeRow) -> tuple[str, ...]:
    """What tells a change from the others of its instant, however it is worded."""
    return row.incident, row.change, row.notice, row.priority, row.status


def _month(at: float) -> str:
    """A piece of the log is of one partition: it is there whole, or not at all."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m}"


def change_row(transition: Transition, event_seq: int) -> ChangeRow:
    """A transition as a row of the log."""
    return ChangeRow(
        at=transition.at,
        incident=transition.incident,
        kind=transition.kind.value,
        scope_kind=transition.scope.kind,
        scope_id=transition.scope.id,
        harm=transition.harm.value,
        priority=transition.priority.value,
        status=transition.status.value,
        change=transition.change.value,
        body=to_builtins(transition),
        audience=transition.audience.value if transition.audience else "",
        level=transition.level,
        draft=transition.draft,
        flaps=transition.flaps,
        notice=transition.notice,
        actor=transition.actor,
        parent=transition.parent,
        reason=transition.reason,
        event_seq=event_seq,
    )


def transition_of(row: ChangeRow) -> Transition:
    """The transition that a row of the log holds."""
    return convert(row.body, Transition)
