"""Measures how fast a watch tells: from evidence in the store to the first notice in the hands of a channel.

`python -m loadtest.bench_incidents [--incidents 60]`. A live `prebill watch` owns an embedded store and has
a file for a channel; evidence about one customer after another is added through the store's door, as any prober does
it. Every time is from the answer of the store to the line in the file, by one clock.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.coverage.evidence import parse_evidence

if TYPE_CHECKING:
    from pipeline.store import Store

INCIDENTS, BAR_S, PATIENCE_S = 60, 5.0, 60.0
SEED = 5

CONFIG = """
[store]
dsn = "chdb://{folder}/store"
[spool]
path = "{folder}/spool"
[[channel]]
id = "book"
kind = "file"
url = "{folder}/notices.ndjson"
hears = ["queue", "on_call", "company", "client"]
"""


class Tail:
    """When each customer was first spoken of in the file, by the monotonic clock."""

    def __init__(self, path: Path) -> None:
        self.first: dict[str, float] = {}
        self._path, self._done = path, threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        rest = b""
        while not self._path.exists() and not self._done.wait(0.005):
            pass
        if self._done.is_set():
            return
        with self._path.open("rb") as file:
            while not self._done.is_set():
                data = file.read()
                if not data:
                    self._done.wait(0.005)
                    continue
                at = time.monotonic()
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    for notice in json.loads(line)["notices"]:
                        for customer in notice["scope"].values():
                            self.first.setdefault(customer, at)

    def stop(self) -> None:
        """No more."""
        self._done.set()
        self._thread.join(5)


def measure(incidents: int, seed: int = SEED) -> list[float]:
    """Seconds from evidence to notice, one an incident; raises RuntimeError where one never came."""
    from pipeline.store import open_store

    draw = random.Random(seed)  # noqa: S311 - moments, not secrets
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "spool").mkdir()
        (folder / "prebill.toml").write_text(CONFIG.format(folder=folder))
        command = [
            sys.executable,
            "-m",
            "pipeline.app.main",
            "watch",
            "--config",
            str(folder / "prebill.toml"),
        ]
        with (folder / "watch.err").open("w") as errors:
            watch = subprocess.Popen(command, stdout=errors, stderr=errors)  # noqa: S603 - our own
            tail = Tail(folder / "notices.ndjson")
            try:
                _wait_for(folder / "store" / "owner.json", watch)
                with open_store(f"chdb://{folder}/store") as store:
                    added = {}
                    for place in range(incidents):
                        added[f"c{place}"] = _fail(store, f"c{place}")
                        time.sleep(draw.uniform(0.05, 1.0))
                    until = time.monotonic() + PATIENCE_S
                    while len(tail.first) < incidents and time.monotonic() < until:
                        time.sleep(0.05)
                missing = sorted(set(added) - set(tail.first))
                if missing:
                    told = (folder / "watch.err").read_text()[-2000:]
                    raise RuntimeError(f"no notice about {missing[:5]} within {PATIENCE_S:.0f} s: {told}")
                return [tail.first[name] - at for name, at in added.items()]
            finally:
                tail.stop()
                watch.terminate()
                watch.wait(30)


def _fail(store: Store, customer: str) -> float:
    """A probe of this customer fails; when the store had it."""
    now = datetime.now(UTC)
    line: dict[str, Any] = {
        "at": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "type": "probe",
        "customer": customer, "vantage": "bench", "ok": False, "detail": "connect timeout",
    }  # fmt: skip
    store.add_evidence(parse_evidence(json.dumps(line), actor="bench", now=now.timestamp()))
    return time.monotonic()


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not path.exists():
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"prebill watch did not begin: it ended with {process.poll()}")
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--incidents", type=int, default=INCIDENTS)
    found = sorted(measure(parser.parse_args().incidents))
    p99 = found[min(len(found) - 1, int(0.99 * len(found)))]
    print(
        f"{len(found)} incidents, evidence in the store → first notice handed to the channel: "
        f"p50 {statistics.median(found):.2f} s, p99 {p99:.2f} s, longest {found[-1]:.2f} s (bar: p99 ≤ {BAR_S:.0f} s)"
    )
    sys.exit(0 if p99 <= BAR_S else 1)


if __name__ == "__main__":
    main()
