"""The engine and its log, together: what is taken up is written before the engine knows it, what it decides is written
before anybody hears of it; a start after any crash comes to the same state."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from msgspec import convert, to_builtins

from incidents.engine import Engine
from incidents.events import event_of
from incidents.model import Transition
from pipeline.store.incident_rows import ChangeRow, Snapshot
from pipeline.store.leases import LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incidents.policy import Policy
    from pipeline.coverage.evidence import Evidence
    from pipeline.store.store import Store

SNAPSHOT_EVERY_S, SNAPSHOT_EVERY_EVENTS = 600.0, 20_000


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
        for some in self._log.events(self._seq):
            for taken_at, of_instant in groupby(some, key=lambda taken: taken.taken_at):
                rows = list(of_instant)
                events = [event for row in rows if (event := event_of(row.evidence)) is not None]
                # an instant that two pieces share is advanced to twice, and the engine holds that
                made = self.engine.advance(max(taken_at, self._at), events)
                self._seq, self._at = rows[-1].seq, max(taken_at, self._at)
                self._log.append_changes([change_row(transition, self._seq) for transition in made])
                self.replayed += len(rows)

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

    def step(self, now: float, rows: Sequence[Evidence]) -> list[Transition]:
        """Takes up what is new, and time itself; returns what the engine made of it, which is in the log by then.

        Raises LeaseLostError where another one has written.
        """
        # each step is an instant of its own, as the log keeps instants
        at = max(round(now, 6), round(self._at + 1e-6, 6))
        if not rows and (end := self._log.end()[0]) != self._seq:
            raise LeaseLostError(
                f"the incident log goes on to {end} behind {self._seq}: another prebill watches"
            )
        seq = self._log.append_events(rows, at, after=self._seq)
        made = self.engine.advance(at, [event for row in rows if (event := event_of(row)) is not None])
        self._seq, self._at = seq, at
        if made:
            self._log.append_changes([change_row(transition, seq) for transition in made])
        if at - self._kept_at >= SNAPSHOT_EVERY_S or seq - self._kept_seq >= SNAPSHOT_EVERY_EVENTS:
            self.keep()
        return made

    def keep(self) -> None:
        """Keeps the engine's state, so that the next start is quick."""
        if self._seq > 0 and (self._seq, self._at) != (self._kept_seq, self._kept_at):
            self._log.append_snapshot(Snapshot(self._seq, self._at, self.engine.snapshot()))
            self._kept_seq, self._kept_at = self._seq, self._at


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
