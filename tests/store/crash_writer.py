"""A process that attempts and commits segments until it is killed; run by test_kill.py with a DSN and a first number.

It says `ready`, then for every commit that was acknowledged the last write_id in it.
"""

from __future__ import annotations

import sys

from pipeline.model import Origin
from pipeline.store import Store, open_store
from tests.store.cases import MINUTE, make_batch, make_entry

SEGMENTS = 5
ROWS = 400
"""Facts of a segment: write_id requests in each, so that a sum tells whether all are there."""


def attempt(store: Store, write_id: int) -> None:
    """Facts and commit of SEGMENTS segments, numbered from `write_id`."""
    origins = [Origin("e1", "access", MINUTE + write_id + i) for i in range(SEGMENTS)]
    store.insert_facts(
        make_batch(
            [
                (f"r{row:04d}", origin.minute, "e1", origin.segment_id, write_id + i, write_id + i)
                for i, origin in enumerate(origins)
                for row in range(ROWS)
            ]
        )
    )
    store.commit([make_entry(origin, write_id + i) for i, origin in enumerate(origins)])


def check(store: Store, acknowledged: set[int]) -> None:
    """Whatever was killed: nothing acknowledged is lost, and nothing is half there."""
    cut = store.cut()
    tail = store.ledger_tail(0)
    committed = {entry.write_id for entry in tail}
    assert committed >= acknowledged, "an acknowledged commit is lost"
    assert [entry.seq for entry in tail] == list(range(1, cut + 1)), "numbers without holes"
    assert cut % SEGMENTS == 0, "half a commit"
    facts = store._sessions.rows("SELECT write_id, count(), sum(requests) FROM facts GROUP BY write_id")
    whole = {w for w, rows, requests in facts if (rows, requests) == (ROWS, ROWS * w)}
    assert committed <= whole, "a committed attempt lacks facts"
    assert store.totals(cut)["requests"] == ROWS * sum(committed)


def main() -> None:
    write_id = int(sys.argv[2])
    with open_store(sys.argv[1]) as store:
        print("ready", flush=True)
        while True:
            attempt(store, write_id)
            write_id += SEGMENTS
            print(write_id - 1, flush=True)


if __name__ == "__main__":
    main()
