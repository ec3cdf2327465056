"""Usage out of log files for a person who wants a table: no store, no configuration."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kernels import layout as at
from pipeline.file_range import FileRange, next_line
from pipeline.formats.compiled import compile_format
from pipeline.model import MEASURES
from pipeline.tally import Tally
from pipeline.union import Union, unite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from pipeline.formats.model import LogFormat


SPLIT = 4 << 20
"""Bytes of a plain file that are worth a thread of their own."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Usage of some files, grouped by `by`.

    `malformed_at`: (path, offset, reason), the first hundred of each file. `faults`: (path, why it could not be read to
    its end); what came before is counted. `known`: the measures that the format can know. `bytes_read`: unpacked.
    """

    by: tuple[str, ...]
    known: frozenset[str]
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

    def to_arrow(self) -> pa.Table:
        """The groups, in no order: the dimensions of `by` (names as dictionaries of bytes), then the known measures."""
        return self.union.to_arrow(self.by, [measure for measure in MEASURES if measure in self.known])


@dataclass(frozen=True, slots=True)
class _Part:
    """Bytes [begin, end) of a plain file, the lines that begin in there; or a whole file, `end` None."""

    path: str
    begin: int = 0
    end: int | None = None


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
    parts = [part for path in paths for part in _split(os.fspath(path), fmt, threads)]
    progress = _Progress(on_progress)
    workers = min(threads, len(parts))
    readings: list[list[_Reading]]
    if workers <= 1:
        readings = [_read_all(parts, fmt, tuple(by), progress)]
        usage = unite([readings[0][0].tally], tuple(by)) if parts else unite([Tally()], tuple(by))
    else:
        with ThreadPoolExecutor(workers, thread_name_prefix="prebill-aggregate") as pool:
            shares = [parts[i::workers] for i in range(workers)]
            readings = list(pool.map(lambda share: _read_all(share, fmt, tuple(by), progress), shares))
            usage = unite([share[0].tally for share in readings], tuple(by), pool.map)
    tallies = [reading.tally for share in readings for reading in share[:1]]
    flat = [reading for share in readings for reading in share]

    def count(what: int) -> int:
        return sum(tally.count(what) for tally in tallies)

    result = Aggregate(
        by=tuple(by),
        known=frozenset().union(*(tally.known for tally in tallies)) or fmt.known,
        lines=count(at.LINES),
        parsed=count(at.PARSED),
        malformed=count(at.MALFORMED),
        blank=count(at.BLANK),
        comments=count(at.COMMENTS),
        malformed_at=sorted(place for reading in flat for place in reading.malformed_at),
        faults=sorted(reading.fault for reading in flat if reading.fault is not None),
        seconds=time.perf_counter() - started,
        bytes_read=sum(reading.bytes for reading in flat),
        union=usage,
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
    """What reading one part came to; `tally` is its thread's, shared by all parts of that thread."""

    tally: Tally
    malformed_at: list[tuple[str, int, str]]
    fault: tuple[str, str] | None
    bytes: int


class _Progress:
    """Adds up what all threads have read."""

    def __init__(self, tell: Callable[[int], None] | None) -> None:
        self._tell = tell
        self._done: dict[_Part, int] = {}

    def part(self, part: _Part, done: int) -> None:
        """So many bytes of a part are done."""
        if self._tell is not None:
            self._done[part] = done
            self._tell(sum(self._done.values()))


def _read_all(
    parts: Sequence[_Part], fmt: LogFormat, by: tuple[str, ...], progress: _Progress
) -> list[_Reading]:
    """Read parts one after another into one tally."""
    tally = _idle_tally()
    tally.clear(
        sum(Path(part.path).stat().st_size if part.end is None else part.end - part.begin for part in parts)
    )
    return [_read(part, fmt, by, tally, progress) for part in parts]


def _read(part: _Part, fmt: LogFormat, by: tuple[str, ...], tally: Tally, progress: _Progress) -> _Reading:
    from pipeline.ingest.codecs import open_content
    from pipeline.ingest.errors import DamagedError, UnreadableError

    compiled = compile_format(fmt)
    for place, dimension in ((at.BY_EDGE, "edge"), (at.BY_STATUS, "status_class"), (at.BY_CACHE, "cache")):
        compiled.spec[place] = dimension in by
    tally.state[at.BAD_USED] = 0
    fault = None
    with open_content(part.path) as packed:
        content = packed if part.end is None else FileRange(part.path, part.begin, part.end)

        def on_block(done: int) -> None:
            progress.part(part, done if part.end is not None else packed.packed)

        read = 0
        try:
            read = tally.scan(content, compiled, offset=part.begin, on_block=on_block)
        except DamagedError as error:
            fault, read = (part.path, error.reason), error.at
        except UnreadableError as error:
            if not packed.unpacked:
                raise
            fault, read = (part.path, error.reason), packed.unpacked
    places = [(part.path, offset, reason) for offset, reason in tally.malformed_at()]
    return _Reading(tally, places, fault, read)


def _split(path: str, fmt: LogFormat, threads: int) -> list[_Part]:
    """The parts in which a file may be read at once: several of a large plain one, where no header renames columns."""
    from pipeline.ingest.codecs import open_content

    size = Path(path).stat().st_size
    if threads <= 1 or fmt.header or size < 2 * SPLIT or not Path(path).is_file():
        return [_Part(path)]
    with open_content(path) as content:
        if content.codec != "plain":
            return [_Part(path)]
    count = min(threads, size // SPLIT)
    with Path(path).open("rb", buffering=0) as file:
        cuts = [next_line(file.fileno(), size * i // count, size) for i in range(count)]
    return [
        _Part(path, begin, end) for begin, end in zip(cuts, [*cuts[1:], size], strict=True) if begin < end
    ]
