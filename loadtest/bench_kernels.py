"""Benchmarks of the bare aggregation: against peers, in any order, on two threads, from .gz, for `loadtest.bench`."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadtest.generate import generate, write_log
from loadtest.measure import Bench, Job, Timing
from loadtest.peers import FOUR, PEERS, TWO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORMATS = {
    "edge-tsv": "edge-tsv",
    "vhost-combined": "vhost-combined",
    "cloudflare-logpush": "Cloudflare NDJSON",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One measured line: what, its cells by column, the bar and whether it holds (None: no bar), the raw figures."""

    name: str
    cells: dict[str, str]
    bar: str = ""
    holds: bool | None = None
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the report."""

    title: str
    rows: tuple[Row, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Data:
    """Where generated logs are kept between runs, and how many lines they have."""

    folder: Path
    lines: int

    def log(self, fmt: str, *, shuffled: bool = False) -> Path:
        """The log of a format, generated when it is not there."""
        path = self.folder / f"{fmt}-{self.lines}{'-shuffled' if shuffled else ''}.log"
        return self._made(path, lambda: generate(fmt, self.lines, shuffled=shuffled))

    def gzipped(self, fmt: str) -> Path:
        """The same log as gzip's default, level 6, makes it: its rate of decompression depends on that."""
        plain = self.log(fmt)
        return self._made(plain.with_name(plain.name + ".gz"), lambda: _deflate(plain))

    def _made(self, path: Path, chunks: Callable[[], Iterator[Any]]) -> Path:
        """The file, made or written once more: a log that has just been written, as it is when it is read in earnest.

        Systems that page out what lies idle bring it back in small pages, scattered, and reading them takes three times
        as long (6 and 17 ns a line of edge-tsv), whoever reads. So every comparison begins with a fresh file.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            fresh = path.with_name(f".{path.name}.new")
            with path.open("rb") as source, fresh.open("wb") as target:
                while chunk := source.read(1 << 22):
                    target.write(chunk)
                os.fsync(target.fileno())  # or the disk is written while engines are timed
            fresh.replace(path.resolve())
        else:
            write_log(path, chunks())
        return path


def _deflate(path: Path) -> Iterator[bytes]:
    compressor = zlib.compressobj(6, wbits=31)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield compressor.compress(chunk)
    yield compressor.flush()


def compare_with_peers(bench: Bench, data: Data) -> Table:
    """(minute, resource) of each format, one core, ours and every peer in the same rounds."""
    bars = {"edge-tsv": 4.0, "vhost-combined": 5.0, "cloudflare-logpush": 3.8}
    rows = [_against_peers(bench, data, fmt, TWO, bar) for fmt, bar in bars.items()]
    return Table("Requests, bytes, hits and errors by minute and resource", tuple(rows))


def compare_four_keys(bench: Bench, data: Data) -> Table:
    """(minute, resource, edge, cache) where the format knows the cache's answer; edge-tsv has one edge a file."""
    rows = [_against_peers(bench, data, fmt, FOUR, 3.0) for fmt in ("edge-tsv", "cloudflare-logpush")]
    return Table("The same by minute, resource, edge and cache", tuple(rows))


def _against_peers(bench: Bench, data: Data, fmt: str, by: tuple[str, ...], bar: float) -> Row:
    path = data.log(fmt)
    size = path.stat().st_size
    ours, *others = bench.time([Job(engine, fmt, path, by) for engine in ("prebill", *PEERS)])
    peers = dict(zip(PEERS, others, strict=True))
    fastest = min(peers, key=lambda name: peers[name].wall_s)
    lead = peers[fastest].wall_s / ours.wall_s
    lead_cpu = min(timing.cpu_s for timing in peers.values()) / ours.cpu_s
    cells = {"prebill": f"{_gb_s(size, ours)} GB/s, {data.lines / ours.wall_s / 1e6:.1f} M lines/s"}
    cells |= {name: f"{_gb_s(size, timing)}" for name, timing in peers.items()}
    cells |= {"lead, wall": f"{lead:.1f} × {fastest}", "lead, CPU": f"{lead_cpu:.1f} ×"}
    raw = {"format": fmt, "by": by, "bytes": size, "lines": data.lines, "groups": ours.rows, "lead": lead}
    raw |= {"lead_cpu": lead_cpu, "prebill": _raw(ours)} | {
        name: _raw(timing) for name, timing in peers.items()
    }
    return Row(FORMATS[fmt], cells, f"≥ {bar:g} ×", lead >= bar, raw)


def compare_orders(bench: Bench, data: Data) -> Table:
    """Lines in random order against the same lines in order."""
    jobs = [Job("prebill", "edge-tsv", data.log("edge-tsv", shuffled=mixed), TWO) for mixed in (True, False)]
    return _ratio_table("Lines in random order", "in order", bench.time(jobs, fresh=True), 0.9, jobs)


def compare_threads(bench: Bench, data: Data) -> Table:
    """Two threads on two cores against one, in one process, each with its cores awake: with a process each, or in turn
    without waking, the second core had slept, and the figure was its waking (1.4 to 1.76)."""
    path = data.log("edge-tsv")
    jobs = [Job("prebill", "edge-tsv", path, TWO, threads=threads, width=2, wake=True) for threads in (2, 1)]
    return _ratio_table("Two threads", "one thread", bench.time(jobs), 1.8, jobs)


def compare_gzip(bench: Bench, data: Data) -> Table:
    """A .gz through the whole aggregation against the bare decompressor, one core each."""
    packed = data.gzipped("edge-tsv")
    jobs = [Job(engine, "edge-tsv", packed, TWO) for engine in ("prebill", "isal")]
    size = data.log("edge-tsv").stat().st_size
    return _ratio_table(
        "From .gz", "the bare isal decompressor", bench.time(jobs, compare=False), 0.7, jobs, size
    )


def _ratio_table(
    name: str, base_name: str, timings: list[Timing], bar: float, jobs: list[Job], size: int | None = None
) -> Table:
    measured, base = timings
    size = size or jobs[0].path.stat().st_size
    ratio = base.wall_s / measured.wall_s
    cells = {"rate": f"{_gb_s(size, measured)} GB/s", "against": f"{base_name}, {_gb_s(size, base)} GB/s"}
    cells |= {"ratio": f"{ratio:.2f}"}
    raw = {"ratio": ratio, "measured": _raw(measured), "base": _raw(base), "bytes": size}
    return Table("prebill against itself, edge-tsv", (Row(name, cells, f"≥ {bar:g}", ratio >= bar, raw),))


def _gb_s(size: int, timing: Timing) -> str:
    return f"{size / timing.wall_s / 1e9:.2f}"


def _raw(timing: Timing) -> dict[str, float]:
    return {
        "wall_s": timing.wall_s,
        "cpu_s": timing.cpu_s,
        "fastest_s": timing.fastest_s,
        "slowest_s": timing.slowest_s,
    }
