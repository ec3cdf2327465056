"""Where segments come from while prebill runs: a spool and its watcher, as looks that say what is new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pipeline.ingest.spool import Look, Spool
from pipeline.ingest.watch import Changes, watch_spool

if TYPE_CHECKING:
    import os

    from pipeline.ingest.sidecar import CounterReading, SidecarProblem
    from pipeline.ingest.spool import CountersFile, Found
    from pipeline.model import Segment

RESCAN_S = 60.0
"""A watcher gives hints only: everything is looked at this often, whatever it says."""


class Source(Protocol):
    """Something that segments come from."""

    def look(self, now_s: float) -> tuple[Look, bool]:
        """What is new since the last look, and whether all that there is was looked at."""

    def claim(self, found: Found) -> Segment:
        """A found segment with what its sidecar claims."""

    def read_counters(self, counters: CountersFile) -> CounterReading | SidecarProblem:
        """What a file of an edge's own counters says."""

    def due_s(self) -> float | None:
        """When the first of the files that may still be written should be looked at again."""

    def wait(self, timeout_s: float) -> bool:
        """Wait for something to look at; whether there is."""

    def close(self) -> None:
        """Let go of what is held."""


class SpoolSource:
    """A spool folder. Looks at everything at first and every RESCAN_S, between these at what the watcher names and
    at files whose waiting time is over."""

    def __init__(self, root: str | os.PathLike[str], pattern: str | None = None) -> None:
        self._spool = Spool(root, pattern)
        self._watcher = watch_spool(
            root, self._spool.pattern.depth
        )  # before the first look: nothing falls between
        self._changes = Changes(everything=True)
        self._waiting: dict[str, float] = {}
        self._scanned_s = float("-inf")

    def look(self, now_s: float) -> tuple[Look, bool]:
        """See Source. Raises UnreadableError when the spool itself cannot be read."""
        changes = self._merge(self._watcher.wait(0.0))
        self._changes = Changes()
        due = {path for path, until_s in self._waiting.items() if until_s <= now_s}
        everything = changes.everything or now_s - self._scanned_s >= RESCAN_S
        if everything:
            look = self._spool.look(now_s, moved=changes.moved)
            self._scanned_s = now_s
            self._waiting = {}
        elif changes.paths or due:
            look = self._spool.look(now_s, changes.paths | due, changes.moved)
            for path in changes.paths | due:
                self._waiting.pop(path, None)
        else:
            return Look(), False
        self._waiting |= {waiting.path: waiting.until_s for waiting in look.waiting}
        return look, everything

    def claim(self, found: Found) -> Segment:
        """See Source."""
        return self._spool.claim(found)

    def read_counters(self, counters: CountersFile) -> CounterReading | SidecarProblem:
        """See Source."""
        return self._spool.read_counters(counters)

    def wait(self, timeout_s: float) -> bool:
        """See Source."""
        if not self._changes:
            self._changes = self._merge(self._watcher.wait(timeout_s))
        return bool(self._changes)

    def due_s(self) -> float | None:
        """See Source."""
        return min(self._waiting.values(), default=None)

    def close(self) -> None:
        """See Source."""
        self._watcher.close()

    def _merge(self, more: Changes) -> Changes:
        held = self._changes
        # What was written after it was moved is no longer whole by contract.
        moved = (held.moved - (more.paths - more.moved)) | more.moved
        return Changes(held.paths | more.paths, moved, held.everything or more.everything)
