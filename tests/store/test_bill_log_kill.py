"""kill -9 in the middle of approvals: an approval is there with both of its documents, or not at all."""

from __future__ import annotations

import random
import subprocess
import sys
import threading

from pipeline.store import open_store
from tests.store.crash_approver import check

KILLS = 3


def test_killed_while_it_approves(dsn: str) -> None:
    chance = random.Random(20261122)  # noqa: S311
    acknowledged: set[str] = set()
    for turn in range(KILLS):
        acknowledged |= _approve_and_kill(dsn, turn * 100_000, chance)
        with open_store(dsn) as store:
            check(store, acknowledged)
    assert len(acknowledged) >= KILLS


def _approve_and_kill(dsn: str, first: int, chance: random.Random) -> set[str]:
    """Runs an approver, kills it a random moment after a random approval; the rebills that it acknowledged."""
    command = [sys.executable, "-m", "tests.store.crash_approver", dsn, str(first)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    said: set[str] = set()
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for _ in range(chance.randrange(1, 6)):
            said.add(process.stdout.readline().strip())
        threading.Event().wait(chance.random() * 0.1)
    finally:
        process.kill()
        rest = process.communicate()[0] or ""
    # a line that was cut off acknowledges nothing
    return said | {line.strip() for line in rest.splitlines(keepends=True) if line.endswith("\n")}
