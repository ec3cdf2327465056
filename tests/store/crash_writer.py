"""A process that attempts and commits segments until it is killed; run by test_kill.py with a DSN and a first number.

It says `ready`, then for every commit that was acknowledged the last write_id in it.
"""

from __future__ import annotations

import sys

from pipeline.store import open_store
from tests.store.cases import MINUTE, make_batch, make_entry

SEGMENTS = 5
ROWS = 400
"""Facts of a segment: write_id requests in each, so that a sum tells whether all are there."""


def main() -> None:
    from pipeline.model import Origin

    write_id = int(sys.argv[2])
    with open_store(sys.argv[1]) as store:
        print("ready", flush=True)
        while True:
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
            write_id += SEGMENTS
            print(write_id - 1, flush=True)


if __name__ == "__main__":
    main()
