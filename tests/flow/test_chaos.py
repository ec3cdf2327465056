"""A small CDN with everything wrong comes in while its runner is killed again and again: every total must be exact.

The truth is summed by `loadtest.truth`, which shares no code with the pipeline.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from loadtest.cdn import Cdn, Shape, make_cdn
from loadtest.spool import deliver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAULTS = {
    "malformed": 5,
    "repeated": 20,
    "flagged": 5,
    "overlapping": 150,
    "short_first": 100,
    "damaged": 60,
    "again": 80,
    "late": 100,
    "missing": 10,
    "empty": 30,
}
SMALL = Shape(edges=6, minutes=20, lines=60, resources=12, codecs=("", "gz", "zst", "lz4"), **FAULTS)
WHOLE = Shape(edges=20, minutes=60, lines=120, resources=60, codecs=("", "gz", "zst", "lz4"), **FAULTS)


class Zygote:
    """Starts runners and kills them."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def start(self, command: str) -> int:
        assert self.process.stdin
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return int(self._read())

    def wait(self) -> int:
        word, status = self._read().split()
        assert word == "end"
        return int(status)

    def _read(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "the zygote died"
        return line


@contextmanager
def zygote(spool: Path, dsn: str) -> Iterator[Zygote]:
    command = [sys.executable, "-m", "tests.flow.zygote", str(spool), dsn]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Zygote(process)
        finally:
            process.kill()


def survive(cdn: Cdn, folder: Path, kills: int, seed: int) -> None:
    """Deliver in as many parts as there are kills, one runner a part, each killed at a random moment."""
    spool, dsn = folder / "spool", f"chdb://{folder}/store"
    spool.mkdir()
    rng = random.Random(seed)  # noqa: S311
    cuts = [len(cdn.deliveries) * n // (kills + 1) for n in range(kills + 2)]
    with zygote(spool, dsn) as runners:
        for n in range(kills):
            half = (cuts[n] + cuts[n + 1]) // 2
            for delivery in cdn.deliveries[cuts[n] : half]:
                deliver(spool, delivery)
            pid = runners.start("run")
            # Some die while they open the store, most while they read, write and commit.
            after_s = rng.choice([0.05, 0.3, 0.5, 0.8, 1.2, 1.8]) * rng.uniform(0.7, 1.3)
            killer = subprocess.Popen(["sh", "-c", f"sleep {after_s}; kill -9 {pid}"])
            for delivery in cdn.deliveries[half : cuts[n + 1]]:
                deliver(spool, delivery)
            assert runners.wait() == -signal.SIGKILL
            killer.wait()
        for delivery in cdn.deliveries[cuts[kills] :]:
            deliver(spool, delivery)
        runners.start("once")
        assert runners.wait() == 0
    check(cdn, dsn)


def check(cdn: Cdn, dsn: str) -> None:
    """Every key and every measure equal to the truth, no fact twice, every segment in the ledger."""
    from pipeline.model import MEASURES
    from pipeline.store.connect import open_store

    with open_store(dsn) as store:
        table = store.usage(store.cut())
        found = {
            key: list(sums)
            for key, sums in zip(
                zip(*(table[name].to_pylist() for name in ("minute", "resource", "edge")), strict=True),
                zip(*(table[name].to_pylist() for name in MEASURES), strict=True),
                strict=True,
            )
        }
        wrong = {k: (found.get(k), cdn.truth.usage.get(k)) for k in found.keys() ^ cdn.truth.usage.keys()}
        wrong |= {k: (found[k], v) for k, v in cdn.truth.usage.items() if k in found and found[k] != v}
        assert not wrong, (
            f"{len(wrong)} of {len(cdn.truth.usage)} keys differ, such as {dict(list(wrong.items())[:5])}"
        )
        twice = store.query(
            "SELECT write_id, resource, minute, edge, count() AS n FROM facts"
            " GROUP BY write_id, resource, minute, edge HAVING n > 1"
        )
        assert twice.num_rows == 0
        segments = store.query(
            "SELECT edge, toUInt32(minute) AS at, state, lines, malformed FROM segments"
        ).to_pylist()
        assert {(s["edge"], s["at"] // 60) for s in segments} == set(cdn.truth.segments)
        for s in segments:
            counts = cdn.truth.segments[s["edge"], s["at"] // 60]
            assert (s["lines"], s["malformed"]) == (counts.lines, counts.malformed)


def test_killed_at_a_few_moments(tmp_path: Path) -> None:
    survive(make_cdn(SMALL), tmp_path, kills=4, seed=int(os.environ.get("CHAOS_SEED", "1")))


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_25_moments(tmp_path: Path, seed: int) -> None:
    survive(make_cdn(WHOLE), tmp_path, kills=25, seed=seed)
