"""Usage out of log files for a person who wants a table: no store, no configuration."""

from __future__ import annotations

import itertools
import os
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kernels import layout as at
from pipeline.crew import Crew
from pipeline.file_range import WORTH, FileRange, Part, Shares
from pipeline.formats.compiled import compile_format
from pipeline.model import MEASURES
from pipeline.tally import OVERFLOWN, Tally
from pipeline.union import Union, unite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from pipeline.formats.model import LogFormat


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Usage of some files, grouped by `by`.

    `malformed_at`: (path, offset, reason), the first hundred of each file. `faults`: (path, why it could not be read to
    its end); what came before is counted. `known`: the measures that some lines told, or without lines the format can;
    `unknown_at`: (measure, path) of those that not all lines of a file told. `bytes_read`: unpacked. `overflown`: lines
    claim so many bytes that no sum of them is right.
    """

    by: tuple[str, ...]
    known: frozenset[str]
    unknown_at: list[tuple[str, str]]
    lines: int
    parsed: int
    malformed: int
    blank: int
    comments: int
    malformed_at: list[tuple[str, int, str]]
    faults: list[tuple[str, str]]
    seconds: float
    bytes_read: int
    union: Union
    overflown: bool

    def to_arrow(self) -> pa.Table:
        """The groups, in no order: the dimensions of `by` (names as dictionaries of bytes), then the known measures."""
        return self.union.to_arrow(self.by, [measure for measure in MEASURES if measure in self.known])


def aggregate_files(
    paths: Sequence[str | Path],
    fmt: LogFormat | str,
    *,
    by: Sequence[str] = ("minute", "resource"),
    threads: int = 1,
    on_progress: Callable[[int], None] | None = None,
) -> Aggregate:
    """Sum files, plain or packed, on some threads; a large plain file is shared among them.

    `on_progress` is told the bytes done so far, packed ones of packed files. Raises UnreadableError of pipeline.ingest
    for a file of which nothing can be read.
    """
    if isinstance(fmt, str):
        from pipeline.formats.load import load_format

        fmt = load_format(fmt)
    started = time.perf_counter()
    parts = [_part(os.fspath(path), fmt) for path in paths]
    progress = _Progress(on_progress)
    shares = Shares(parts)
    size = sum(part.range.left if part.range else Path(part.path).stat().st_size for part in parts)
    worth = sum(max(1, part.range.left // WORTH) if part.range else 1 for part in parts)
    workers = max(1, min(threads, worth))
    tallies = [_idle_tally() for _ in range(workers)]

    def read_share(tally: Tally) -> list[_Reading]:
        tally.clear(size // workers)
        readings = []
        while (part := shares.take()) is not None:
            readings.append(_read(part, fmt, tuple(by), tally, progress))
        return readings

    with Crew(workers) as crew:
        read = crew.do([partial(read_share, tally) for tally in tallies])
        usage = unite(tallies, tuple(by), crew)
    readings = list(itertools.chain.from_iterable(read))
    knew = {(reading.path, known) for reading in readings for known in reading.knew}
    known = frozenset[str]().union(*(some for _, some in knew)) or fmt.known

    def count(what: int) -> int:
        return sum(tally.count(what) for tally in tallies)

    result = Aggregate(
        by=tuple(by),
        known=known,
        unknown_at=sorted({(measure, path) for path, some in knew for measure in known - some}),
        lines=count(at.LINES),
        parsed=count(at.PARSED),
        malformed=count(at.MALFORMED),
        blank=count(at.BLANK),
        comments=count(at.COMMENTS),
        malformed_at=sorted(place for reading in readings for place in reading.malformed_at),
        faults=sorted(reading.fault for reading in readings if reading.fault is not None),
        seconds=time.perf_counter() - started,
        bytes_read=sum(reading.bytes for reading in readings),
        union=usage,
        overflown=any(tally.overflown for tally in tallies),
    )
    with _IDLE_LOCK:
        _IDLE.extend(tallies)
    return result


_IDLE: list[Tally] = []
"""Tallies to use again: their tables are in memory already, which saves a tenth of the time on a large file."""

_IDLE_LOCK = threading.Lock()


def _idle_tally() -> Tally:
    with _IDLE_LOCK:
        return _IDLE.pop() if _IDLE else Tally()


@dataclass(frozen=True, slots=True)
class _Reading:
    """What reading one part came to, beside what its thread's tally has; `knew` as there."""

    path: str
    knew: frozenset[frozenset[str]]
    malformed_at: list[tuple[str, int, str]]
    fault: tuple[str, str] | None
    bytes: int


class _Progress:
    """Adds up what all threads have read."""

    def __init__(self, tell: Callable[[int], None] | None) -> None:
        self._tell = tell
        self._done: dict[Part, int] = {}

    def part(self, part: Part, done: int) -> None:
        """So many bytes of a part are done."""
        if self._tell is not None:
            self._done[part] = done
            self._tell(sum(self._done.values()))


def _read(part: Part, fmt: LogFormat, by: tuple[str, ...], tally: Tally, progress: _Progress) -> _Reading:
    from pipeline.ingest.codecs import open_content
    from pipeline.ingest.errors import DamagedError, UnreadableError
    from pipeline.ingest.unpack import NO_LIMITS

    compiled = compile_format(fmt)
    for place, dimension in ((at.BY_EDGE, "edge"), (at.BY_STATUS, "status_class"), (at.BY_CACHE, "cache")):
        compiled.spec[place] = dimension in by
    tally.state[at.BAD_USED] = 0
    tally.knew.clear()
    fault, overflown = None, tally.overflown
    with open_content(part.path, limits=NO_LIMITS) as packed:  # a person's own file, however large
        content, begin = (packed, 0) if part.range is None else (part.range, part.range.begin)

        def on_block(done: int) -> None:
            progress.part(part, done if part.range is not None else packed.packed)

        read = 0
        try:
            read = tally.scan(content, compiled, offset=begin, on_block=on_block)
        except DamagedError as error:
            fault, read = (part.path, error.reason), error.at
        except UnreadableError as error:
            if not packed.unpacked:
                raise
            fault, read = (part.path, error.reason), packed.unpacked
    if tally.overflown and not overflown:
        fault = (part.path, f"{OVERFLOWN} Sums of bytes are wrong")
    places = [(part.path, offset, reason) for offset, reason in tally.malformed_at()]
    return _Reading(part.path, frozenset(tally.knew), places, fault, read)


def _part(path: str, fmt: LogFormat) -> Part:
    """A file, as a range where it is large and plain, and no header renames columns: threads can share that."""
    from pipeline.ingest.codecs import open_content

    size = Path(path).stat().st_size
    if fmt.header or size < 2 * WORTH or not Path(path).is_file():
        return Part(path)
    with open_content(path) as content:
        return Part(path, FileRange(path, 0, size)) if content.codec == "plain" else Part(path)
