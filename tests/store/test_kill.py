"""kill -9 in the middle of writing: what was acknowledged is all there, nothing is half there, and it goes on."""

from __future__ import annotations

import random
import subprocess
import sys
import threading

from pipeline.store import open_store
from tests.store.crash_writer import SEGMENTS, check

KILLS = 5


def test_kill_at_random_moments(dsn: str) -> None:
    chance = random.Random(20261122)  # noqa: S311
    acknowledged: set[int] = set()
    for turn in range(KILLS):
        # no write_id twice: the killed writer may have left facts under its last ones
        acknowledged |= _write_and_kill(dsn, turn * 100_000 + 1, chance)
        with open_store(dsn) as store:
            check(store, acknowledged)
    assert len(acknowledged) >= KILLS * SEGMENTS


def _write_and_kill(dsn: str, first: int, chance: random.Random) -> set[int]:
    """Runs a writer, kills it a random moment after a random commit, and returns the acknowledged write_ids."""
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.store.crash_writer", dsn, str(first)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        for _ in range(chance.randrange(1, 4)):
            last = int(writer.stdout.readline())
        # anywhere within the next commit or two
        killer = threading.Timer(chance.uniform(0, 0.12), writer.kill)
        killer.start()
        for line in writer.stdout:
            # a kill can cut a line short: only a whole one is an acknowledgement
            last = int(line) if line.endswith("\n") else last
        killer.join()
        return set(range(first, last + 1))
    finally:
        writer.kill()
        writer.wait()
