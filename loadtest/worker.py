"""A long-lived process that runs one engine on the cores it is given: JSON lines in, times as JSON lines out.

Started by `loadtest.measure`. The cores and the engine are fixed at the start, before any engine is imported, because
some of them size their pools by the cores that they see.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

WAKE_S = 0.4
"""How long cores are kept busy before they are measured: after a single run of 0.07 s the second one was still slow in
one of three benches (1.70 to 1.82 × one thread; after 0.4 s 1.82 to 1.86)."""


def run_ours(fmt: str, path: Path, by: tuple[str, ...], threads: int) -> Any:
    """The same table by our own kernels, as `prebill aggregate` makes it."""
    from pipeline.aggregate import aggregate_files

    return aggregate_files([path], fmt, by=by, threads=threads).to_arrow()


def run_bare_gunzip(path: Path) -> int:
    """The fastest plain loop over isal's decompressor that we found: the limit of any reader of .gz.

    MB/s of output for 64 KiB, 256 KiB, 1 MiB, 4 MiB read at a time: see `loadtest.bench_kernels`.
    """
    from isal import isal_zlib

    size = 0
    with path.open("rb", buffering=0) as file:
        decompress = isal_zlib.decompressobj(wbits=31)
        while chunk := file.read(1 << 18):
            size += len(decompress.decompress(chunk))
    return size


def _run(engine: str, request: dict[str, Any]) -> Any:
    path, by = Path(request["path"]), tuple(request["by"])
    if engine == "prebill":
        return run_ours(request["format"], path, by, request["threads"])
    if engine == "isal":
        return run_bare_gunzip(path)
    from loadtest.peers import PEERS

    return PEERS[engine](request["format"], path, by)


def main() -> int:
    """Serves until standard input ends; the answers go to the standard output that the process was started with."""
    engine, cores = sys.argv[1], {int(core) for core in sys.argv[2].split(",")}
    os.sched_setaffinity(0, cores)
    os.environ["POLARS_MAX_THREADS"] = str(len(cores))
    # Engines may print: what they print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        until = time.perf_counter() + WAKE_S
        while request["wake"] and time.perf_counter() < until:
            _run(engine, request)
        wall, cpu = time.perf_counter(), time.process_time()
        result = _run(engine, request)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        if request.get("keep"):
            _keep(result, Path(request["keep"]))
        rows = result if isinstance(result, int) else result.num_rows
        del result
        print(json.dumps({"wall_s": wall, "cpu_s": cpu, "rows": rows}), file=answers)
    return 0


def _keep(table: Any, path: Path) -> None:
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


if __name__ == "__main__":
    sys.exit(main())
