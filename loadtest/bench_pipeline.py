"""Measures the whole pipeline, spool to store: its rate against the bare kernel and decompressor, latency, memory.

`python -m loadtest.bench_pipeline`; every measurement runs in a process of its own, on spools made by `loadtest.bulk`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadtest.bench_kernels import Row, Table
from loadtest.bulk import BulkTruth, write_bulk
from loadtest.spool import compress
from loadtest.traffic import START_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadtest.bench_kernels import Data
    from loadtest.measure import Bench
    from pipeline.flow_report import RunReport

RATE_BAR, GZIP_BAR, P50_BAR_S, P99_BAR_S, FLAT_BAR = 0.35, 0.60, 1.0, 3.0, 0.10
STREAM = {"edges": 50, "minutes": 480, "lines": 100}
"""What is streamed in quick motion: eight hours of fifty edges."""


def bench_rate(folder: Path, gib: float, rounds: int, codec: str = "") -> Table:
    """`run --once` on a spool of 200 segments, against two bare threads in the same rounds."""
    spool = folder / f"spool-{gib:g}{codec}"
    truth = _make_spool(spool, gib, codec)
    bare = "bare isal" if codec else "bare kernel"
    pairs = []
    for _ in range(rounds):
        base = _child("unpack" if codec else "scan", spool)
        whole = _child("once", spool, f"chdb://{folder}/store-{codec}")
        _check(whole, truth)
        shutil.rmtree(folder / f"store-{codec}")
        pairs.append((base, whole))
    base_s = statistics.median(base["wall_s"] for base, _ in pairs)
    base_cpu_s = statistics.median(base["cpu_s"] for base, _ in pairs)
    whole = sorted((whole for _, whole in pairs), key=lambda w: w["wall_s"])[len(pairs) // 2]
    share = base_s / whole["wall_s"]
    bar = GZIP_BAR if codec else RATE_BAR
    size = truth.content_bytes
    cells = {
        "rate": f"{size / whole['wall_s'] / 1e9:.2f} GB/s",
        "against": f"{bare}, two threads, {size / base_s / 1e9:.2f} GB/s",
        "share": f"{share:.0%}",
        "by CPU time": f"{base_cpu_s / whole['cpu_s']:.0%}",
        "start-up": f"{whole['start_s']:.1f} s",
        "memory": f"{whole['rss_mib']:.0f} MiB",
    }
    name = f"{size / 2**30:.1f} GiB in {truth.segments} segments, {truth.facts:,} facts" + (
        ", .gz" if codec else ""
    )
    rows = [Row(name, cells, f"≥ {bar:.0%}", share >= bar, {"share": share, **whole})]
    return Table("The whole pipeline, store included", tuple(rows), _breakdown(whole))


def _breakdown(whole: dict[str, Any]) -> str:
    """Where the time goes; threads overlap, so that the parts are more than the whole."""
    parts = ", ".join(f"{what} {seconds:.2f}" for what, seconds in whole["seconds"].items())
    return f"Seconds by step, all threads together: {parts}; wall {whole['wall_s']:.2f}, CPU {whole['cpu_s']:.2f}."


def bench_latency(folder: Path, count: int) -> Table:
    """A segment renamed into the spool of an idle runner, until a reader of the store sees it."""
    spool = folder / "spool-latency"
    spool.mkdir()
    found = _child("latency", spool, f"chdb://{folder}/store-latency", str(count))
    seen = sorted(found["seconds"])
    p50, p99 = seen[len(seen) // 2], seen[min(len(seen) - 1, len(seen) * 99 // 100)]
    cells = {"p50": f"{p50:.2f} s", "p99": f"{p99:.2f} s", "most": f"{seen[-1]:.2f} s"}
    held = p50 <= P50_BAR_S and p99 <= P99_BAR_S
    rows = [
        Row(
            f"{count} segments, one after another",
            cells,
            f"p50 ≤ {P50_BAR_S:g} s, p99 ≤ {P99_BAR_S:g} s",
            held,
            found,
        )
    ]
    return Table("From rename to visible", tuple(rows))


def bench_flatness(folder: Path, minutes: int) -> Table:
    """Hours of one-minute segments of fifty edges stream through: how far memory goes from where it is once the first
    tenth is over."""
    spool, segments = folder / "spool-stream", STREAM["edges"] * minutes
    spool.mkdir()
    size = segments * STREAM["lines"] * 178
    writer = [sys.executable, "-m", "loadtest.bulk", str(spool), "--segments", str(segments)]
    writer += ["--content-bytes", str(size), "--edges", str(STREAM["edges"]), "--resources", "60"]
    with subprocess.Popen(writer, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        found = _child("stream", spool, f"chdb://{folder}/store-stream", str(segments))
        process.wait()
    # A merge in the store takes some 40 MiB while it lasts: so the median of a tenth stands for it, not one moment.
    _, level, *later = (statistics.median(tenth) for tenth in found["rss_mib"] if tenth)
    worst = max(abs(rss - level) / level for rss in later)
    cells = {
        "second tenth": f"{level:.0f} MiB",
        "last": f"{later[-1]:.0f} MiB",
        "furthest": f"{worst:.0%}",
        "most at any moment": f"{max(itertools.chain(*found['rss_mib'])):.0f} MiB",
        "segments a second": f"{segments / found['wall_s']:.0f}",
    }
    name = f"{segments:,} segments of {STREAM['edges']} edges"
    return Table("Memory", (Row(name, cells, f"± {FLAT_BAR:.0%}", worst <= FLAT_BAR, found),))


def compare_pipeline(_bench: Bench, data: Data) -> Table:
    """For `loadtest.bench`: the rate on 4 GiB, or a quarter of that for a quick look."""
    with tempfile.TemporaryDirectory(dir=data.folder) as scratch:
        return bench_rate(Path(scratch), 4 if data.lines >= 3_000_000 else 1, 3)


# -- spools


def _make_spool(spool: Path, gib: float, codec: str) -> BulkTruth:
    kept = spool.with_name(spool.name + ".json")
    if kept.exists():
        return BulkTruth(**json.loads(kept.read_text()))
    spool.mkdir(parents=True)
    truth = write_bulk(spool, content_bytes=int(gib * 2**30), codec=codec)
    for sidecar in spool.glob("*/*.json"):
        # Without the digest: SHA-256 alone takes 0.5 s a gigabyte, and is only computed where it is claimed.
        claims = json.loads(sidecar.read_text())
        sidecar.write_text(json.dumps({name: claim for name, claim in claims.items() if name != "sha256"}))
    kept.write_text(json.dumps(asdict(truth)))
    return truth


def _check(found: dict[str, Any], truth: BulkTruth) -> None:
    wanted = (truth.segments, truth.lines, truth.bytes_sent, truth.facts)
    got = (found["segments"], found["lines"], found["bytes_sent"], found["rows"])
    if got != wanted:
        raise SystemExit(f"the pipeline counted {got}, expected {wanted} (segments, lines, bytes_sent, rows)")


# -- what runs in a process of its own


def _child(what: str, *arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-m", "loadtest.bench_pipeline", "--child", what, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)  # noqa: S603
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _segments(spool: str) -> list[Path]:
    return sorted(path for path in Path(spool).glob("*/*.log*") if path.suffix != ".json")


def scan(spool: str) -> dict[str, Any]:
    """The bare kernel: two threads over the files, as `aggregate` drives it; no digest, no ledger, no store."""
    from pipeline.formats.compiled import compile_format
    from pipeline.formats.load import load_format
    from pipeline.tally import Tally

    fmt = load_format("edge-tsv")
    tallies = [Tally(), Tally()]

    def read(tally: Tally, paths: list[Path]) -> None:
        for path in paths:
            tally.clear()
            with path.open("rb", buffering=0) as file:
                tally.scan(file, compile_format(fmt))

    return _time_two(
        lambda half: read(tallies[half], _segments(spool)[half::2]),
        warm=lambda: read(tallies[0], _segments(spool)[:1]),
    )


def unpack(spool: str) -> dict[str, Any]:
    """The bare decompressor: two threads of isal over the files."""
    from isal import igzip_lib

    def read(paths: list[Path]) -> None:
        for path in paths:
            decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
            with path.open("rb", buffering=0) as file:
                while chunk := file.read(256 << 10):
                    decoder.decompress(chunk, 128 * 1024 - 64)
                    while not decoder.needs_input and not decoder.eof:
                        decoder.decompress(b"", 128 * 1024 - 64)

    return _time_two(lambda half: read(_segments(spool)[half::2]), warm=lambda: read(_segments(spool)[:1]))


def _time_two(work: Callable[[int], None], warm: Callable[[], None]) -> dict[str, Any]:
    warm()
    with ThreadPoolExecutor(2) as pool:
        at, cpu = time.perf_counter(), time.process_time()
        list(pool.map(work, (0, 1)))
        return {"wall_s": time.perf_counter() - at, "cpu_s": time.process_time() - cpu}


def once(spool: str, dsn: str) -> dict[str, Any]:
    """`prebill run --once`; imports, the store's start and the kernels' loading are start-up."""
    started = time.perf_counter()
    from pipeline.flow_source import SpoolSource
    from pipeline.formats.load import load_format
    from pipeline.runners import run, warm_up
    from pipeline.store.connect import open_store

    with open_store(dsn) as store:
        fmt = load_format("edge-tsv")
        warm_up(fmt)
        source = SpoolSource(spool)
        at, cpu = time.perf_counter(), time.process_time()
        report = run([source], store, fmt, once=True, now=lambda: datetime.now(UTC))
        wall_s, cpu_s = time.perf_counter() - at, time.process_time() - cpu
        source.close()
    return {
        **asdict(report),
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "start_s": at - started,
        "rss_mib": _rss_mib(peak=True),
    }


def latency(spool: str, dsn: str, count: str) -> dict[str, Any]:
    """Segments come one by one; a second thread asks the store for its cut."""
    import random
    import threading

    from pipeline.flow_source import SpoolSource
    from pipeline.formats.load import load_format
    from pipeline.runners import run, warm_up
    from pipeline.store.connect import open_store

    rng, stop, seconds = random.Random(1), threading.Event(), []  # noqa: S311
    with open_store(dsn) as store:
        fmt = load_format("edge-tsv")
        warm_up(fmt)
        source = SpoolSource(spool)
        clock = lambda: datetime.now(UTC)  # noqa: E731
        runner = threading.Thread(
            target=lambda: run([source], store, fmt, once=False, now=clock, stop_event=stop)
        )
        runner.start()
        for n in range(int(count)):
            time.sleep(rng.uniform(0.2, 0.8))  # idle before: that is what is measured
            minute = START_S // 60 + n
            lines = "".join(
                f"{minute * 60 + i % 60}.000\t{n * 500 + i}\tr{i % 50}.example\tGET\t/\t200\t1\t1\tHIT\t1\t-\n"
                for i in range(500)
            )
            folder = Path(spool) / f"e{n % 7}"
            folder.mkdir(exist_ok=True)
            unfinished = folder / f".{n}.part"
            unfinished.write_bytes(compress(lines.encode(), ""))
            before, at = store.cut(), time.perf_counter()
            unfinished.rename(folder / f"{datetime.fromtimestamp(minute * 60, UTC):%Y%m%dT%H%MZ}.log")
            while store.cut() == before:
                time.sleep(0.002)
            seconds.append(time.perf_counter() - at)
        stop.set()
        runner.join()
        source.close()
    return {"seconds": seconds}


def stream(spool: str, dsn: str, segments: str) -> dict[str, Any]:
    """Runs until so many segments are in; the resident memory whenever some came in, for each tenth of them."""
    import threading

    from pipeline.flow_source import SpoolSource
    from pipeline.formats.load import load_format
    from pipeline.runners import run, warm_up
    from pipeline.store.connect import open_store

    wanted, stop = int(segments), threading.Event()
    tenths: list[list[float]] = [[] for _ in range(10)]

    def watch(report: RunReport) -> None:
        tenths[min(9, report.segments * 10 // wanted)].append(_rss_mib())
        if report.segments >= wanted:
            stop.set()

    with open_store(dsn) as store:
        fmt = load_format("edge-tsv")
        warm_up(fmt)
        source = SpoolSource(spool)
        at = time.perf_counter()
        report = run(
            [source],
            store,
            fmt,
            once=False,
            now=lambda: datetime.now(UTC),
            on_progress=watch,
            stop_event=stop,
        )
        wall_s = time.perf_counter() - at
        source.close()
    return {"rss_mib": tenths, "wall_s": wall_s, "batches": report.batches, "seconds": report.seconds}


def _rss_mib(*, peak: bool = False) -> float:
    if peak:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


CHILDREN: dict[str, Callable[..., dict[str, Any]]] = {
    "scan": scan,
    "unpack": unpack,
    "once": once,
    "latency": latency,
    "stream": stream,
}


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit 0, or 1 when `--check` was given and a bar is missed."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["--child"]:
        print(json.dumps(CHILDREN[arguments[1]](*arguments[2:])))
        return 0
    from loadtest.bench import to_text

    parser = argparse.ArgumentParser(prog="python -m loadtest.bench_pipeline", description=__doc__)
    parser.add_argument("--gib", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--segments", type=int, default=60, help="for latency")
    parser.add_argument("--minutes", type=int, default=STREAM["minutes"], help="of fifty edges, for memory")
    parser.add_argument("--only", choices=("rate", "gzip", "latency", "memory"))
    parser.add_argument("--folder", type=Path, help="for spools and stores, kept; default: a temporary one")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="prebill-bench-") as scratch:
        folder: Path = options.folder or Path(scratch)
        folder.mkdir(exist_ok=True)
        benchmarks: dict[str, Callable[[], Table]] = {
            "rate": lambda: bench_rate(folder, options.gib, options.rounds),
            "gzip": lambda: bench_rate(folder, options.gib, options.rounds, "gz"),
            "latency": lambda: bench_latency(folder, options.segments),
            "memory": lambda: bench_flatness(folder, options.minutes),
        }
        tables = [measure() for name, measure in benchmarks.items() if options.only in (None, name)]
    if options.json:
        print(json.dumps([asdict(table) for table in tables]))
    else:
        print("\n\n".join(f"{to_text(table)}\n{table.note}".rstrip() for table in tables))
    missed = any(row.holds is False for table in tables for row in table.rows)
    return int(options.check and missed)


if __name__ == "__main__":
    sys.exit(main())
