"""What a run did, and while it runs, how far it is: from the runner to whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.ingest.errors import ContentError
from pipeline.store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.model import LedgerEntry

FAILURES_KEPT = 10
REASONS_KEPT = 100


@dataclass
class RunReport:
    """Counts over all batches so far. `states`: attempts by the state that they ended in. `readings`: new ones of the
    edges' own counters. `with_reason`: attempts with something against their segment or its sidecar; `reasons`: the
    last of them, path to state and reason. `postponed`: segments that could not be read yet, with the reason.
    `waiting`: files that may still be written. `problems`: what lies in a source and cannot be taken in. `failures`:
    looks and batches that failed as a whole and were or will be tried again. `seconds`: time by step, of all threads
    together. `all_in_at`: when a run that ends looked last, if then all was in that lay in the sources (epoch seconds).
    """

    batches: int = 0
    segments: int = 0
    states: dict[str, int] = field(default_factory=dict)
    lines: int = 0
    parsed: int = 0
    malformed: int = 0
    duplicates: int = 0
    flagged: int = 0
    content_bytes: int = 0
    bytes_sent: int = 0
    rows: int = 0
    seq: int = 0
    readings: int = 0
    pending_segments: int = 0
    pending_bytes: int = 0
    failures: list[str] = field(default_factory=list)
    with_reason: int = 0
    reasons: dict[str, str] = field(default_factory=dict)
    postponed: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    stopped: bool = False
    all_in_at: float | None = None

    @property
    def left_out(self) -> bool:
        """Whether anything was there that is not whole in the store: damaged, quarantined, or not taken in."""
        return bool(self.postponed or self.problems or {"damaged", "quarantined"} & self.states.keys())

    def add(self, entries: Sequence[LedgerEntry]) -> None:
        """Count committed attempts."""
        for entry in entries:
            self.segments += 1
            self.states[entry.state.value] = self.states.get(entry.state.value, 0) + 1
            if entry.reason and not entry.preferred:
                self.with_reason += 1
                self.reasons.pop(entry.path, None)
                self.reasons[entry.path] = f"{entry.state.value}: {entry.reason}"
                if len(self.reasons) > REASONS_KEPT:
                    del self.reasons[next(iter(self.reasons))]
            for name in (
                "lines",
                "parsed",
                "malformed",
                "duplicates",
                "flagged",
                "content_bytes",
                "bytes_sent",
            ):
                setattr(self, name, getattr(self, name) + getattr(entry, name))

    def fail(self, error: BaseException) -> None:
        """Note a look or a batch that failed, in the words of the spool, the store or the system; other faults are
        ours."""
        plain = isinstance(error, ContentError | StoreError | OSError) and str(error)
        told = plain or f"an error of prebill's own, {type(error).__name__}: {error}"
        self.failures = [*self.failures, told[:500]][-FAILURES_KEPT:]

    def spend(self, seconds: Mapping[str, float]) -> None:
        """Add time by step."""
        for what, spent in seconds.items():
            self.seconds[what] = self.seconds.get(what, 0.0) + spent
