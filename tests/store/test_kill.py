"""kill -9 in the middle of writing: what was acknowledged is all there, nothing is half there, and it goes on."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from pipeline.store import open_store
from tests.store.crash_writer import ROWS, SEGMENTS

if TYPE_CHECKING:
    from pathlib import Path

KILLS = 5


def test_kill_at_random_moments(tmp_path: Path) -> None:
    dsn = f"chdb://{tmp_path}/store"
    chance = random.Random(20261122)  # noqa: S311
    acknowledged: set[int] = set()
    for turn in range(KILLS):
        # no write_id twice: the killed writer may have left facts under its last ones
        acknowledged |= _write_and_kill(dsn, turn * 100_000 + 1, chance)
        with open_store(dsn) as store:
            cut = store.cut()
            tail = store.ledger_tail(0)
            committed = {entry.write_id for entry in tail}
            assert committed >= acknowledged, "an acknowledged commit is lost"
            assert [entry.seq for entry in tail] == list(range(1, cut + 1)), "numbers without holes"
            assert cut % SEGMENTS == 0, "half a commit"
            facts = store._sessions.rows(
                "SELECT write_id, count(), sum(requests) FROM facts GROUP BY write_id"
            )
            whole = {w for w, rows, requests in facts if (rows, requests) == (ROWS, ROWS * w)}
            assert committed <= whole, "a committed attempt lacks facts"
            assert store.totals(cut)["requests"] == ROWS * sum(committed)
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
