"""A process that has everything imported and forks one runner after another, so that many can be killed in little time.

Run as `python -m tests.flow.zygote SPOOL DSN`. Each line on stdin is a command: `run` or `once` starts a runner, and
answers with its pid; when it ended, `end <status>` follows. It owns no store itself: whatever runs opens its own.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime


def bring_in(spool: str, dsn: str, *, once: bool) -> None:
    """What `prebill run` does."""
    from pipeline.flow_source import SpoolSource
    from pipeline.formats.load import load_format
    from pipeline.runners import run
    from pipeline.store.connect import open_store

    with open_store(dsn) as store:
        source = SpoolSource(spool)
        batch_bytes = 1 << 18  # many small batches: many places to die in
        report = run(
            [source],
            store,
            load_format("edge-tsv"),
            once=once,
            now=lambda: datetime.now(UTC),
            batch_bytes=batch_bytes,
        )
        left = {**report.postponed, **report.waiting, **report.problems}
        if once and left:
            raise SystemExit(f"not everything came in: {left}")


def main(spool: str, dsn: str) -> None:
    """Obey until stdin ends."""
    from pipeline.runners import load_beam

    load_beam()
    import pipeline.aggregate
    import pipeline.flow
    import pipeline.store.connect  # noqa: F401

    for command in sys.stdin:
        pid = os.fork()
        if pid == 0:
            bring_in(spool, dsn, once=command.strip() == "once")
            os._exit(0)
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print("end", os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
