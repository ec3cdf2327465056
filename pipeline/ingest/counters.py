"""Takes counter files of a spool in: which of them are still to be read, what they say, and what is wrong with others.

Files come from the looks of a source, readings go to the store. Nothing here outlives the process: after a restart all
files are read again, and the store drops what it has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from pipeline.coverage.model import Reading
from pipeline.ingest.names import show_path
from pipeline.ingest.sidecar import CounterReading, SidecarProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipeline.ingest.spool import CountersFile

FILES_AT_ONCE = 1_000
"""Files read between two batches of segments, a fraction of a second's work."""


@dataclass(slots=True)
class Counted:
    """What some files said. `files` are settled once the store has the `readings`."""

    readings: list[Reading] = field(default_factory=list)
    files: list[CountersFile] = field(default_factory=list)


class CounterFiles:
    """The counter files of one source by path; a file that changes is read again. `problems`: path → what is wrong."""

    def __init__(self) -> None:
        self._pending: dict[str, CountersFile] = {}
        self._done: dict[str, int] = {}  # of each path its fingerprint's hash: there are many
        self.problems: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def offer(self, files: Iterable[CountersFile]) -> None:
        """Take note of those that were not read in this version."""
        for file in files:
            if self._done.get(file.path) != hash(file.fingerprint):
                self._pending[file.path] = file

    def keep_only(self, paths: set[str]) -> None:
        """Forget what is no longer in the source."""
        self._pending = {path: file for path, file in self._pending.items() if path in paths}
        self._done = {path: mark for path, mark in self._done.items() if path in paths}
        self.problems = {path: why for path, why in self.problems.items() if path in paths}

    def read(
        self, read: Callable[[CountersFile], CounterReading | SidecarProblem], most: int = FILES_AT_ONCE
    ) -> Counted:
        """Read some files. The edge is the one that the path names; a file without both totals is a problem."""
        counted = Counted()
        for file in list(islice(self._pending.values(), most)):
            found = read(file)
            counted.files.append(file)
            self.problems.pop(file.path, None)
            if isinstance(found, SidecarProblem):
                self._refuse(file, found.where, found.found, found.expected)
            elif found.requests_total is None or found.bytes_sent_total is None:
                silent = "requests_total" if found.requests_total is None else "bytes_sent_total"
                self._refuse(file, silent, "nothing", "an integer")
            else:
                at = found.at.timestamp()
                counted.readings.append(
                    Reading(file.origin.edge, at, found.requests_total, found.bytes_sent_total)
                )
        return counted

    def settle(self, counted: Counted) -> None:
        """The store has what these files said; those with a problem are read again when they are offered again."""
        for file in counted.files:
            if file.path not in self.problems:
                self._done[file.path] = hash(file.fingerprint)
            if self._pending.get(file.path) == file:
                del self._pending[file.path]

    def _refuse(self, file: CountersFile, where: str, found: str, expected: str) -> None:
        place = f"counters key {where}" if where else "counters"
        self.problems[file.path] = (
            f"{place}: found {found}, expected {expected}; write {show_path(file.path)} again as it should be"
        )
