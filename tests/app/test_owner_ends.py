"""Two runs over one store: when the one that holds it is killed, the other holds it and goes on, without noise."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from pipeline.app.commands.run import StopEvent, housekeeping
from pipeline.app.context import Context
from pipeline.store.errors import OwnerEndedError, StoreError
from tests.empty_store import lay_store
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pipeline.store.store import Store

LINE = "1795343400.1\t1\ta.ru\tGET\t/\t200\t77\t3\tHIT\t5\tc\n"
WITHIN_S = 120


def start(folder: Path, name: str) -> subprocess.Popen[bytes]:
    with (folder / name).open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline.app.main", "--config", str(folder / "prebill.toml"), "run"],
            stdout=said,
            stderr=subprocess.STDOUT,
        )


def test_a_second_run_takes_over_when_the_owner_is_killed(tmp_path: Path) -> None:
    dsn = lay_store(tmp_path / "store")
    (tmp_path / "spool" / "e1").mkdir(parents=True)
    (tmp_path / "prebill.toml").write_text(
        f'[store]\ndsn = "{dsn}"\n[spool]\npath = "{tmp_path}/spool"\nformat = "edge-tsv"\n'
        '[[edge]]\nid = "e1"\nfrom = 2026-11-22T10:00:00Z\n'
    )
    address = tmp_path / "store" / "owner.json"
    runs = [start(tmp_path, "first.txt")]
    try:
        wait_until(address.exists, "the first run holds the store", WITHIN_S)
        runs.append(start(tmp_path, "second.txt"))
        wait_until(
            lambda: _connected(runs[1].pid, json.loads(address.read_text())["port"]),
            "the second run visits it",
            WITHIN_S,
        )
        runs[0].kill()
        wait_until(
            lambda: address.exists() and json.loads(address.read_text())["pid"] == runs[1].pid,
            "the second run holds it",
            WITHIN_S,
        )
        runs[1].send_signal(signal.SIGTERM)
        assert runs[1].wait(WITHIN_S) == 128 + signal.SIGTERM
    finally:
        for run in runs:
            run.kill()
            run.wait()
    # killed while the second still opened the store, the first is no news to it; later it is, in one sentence
    said = (tmp_path / "second.txt").read_text()
    assert "urllib3" not in said
    assert "will be tried again" not in said


@pytest.mark.parametrize(("error", "told"), [(StoreError("busy"), 1), (OwnerEndedError("it has ended"), 0)])
def test_what_is_done_beside_the_work_leaves_the_end_of_the_owner_to_it(
    error: StoreError, told: int, capsys: pytest.CaptureFixture[str]
) -> None:
    swept = threading.Event()

    class Failing:
        def sweep(self, _now: object) -> None:
            swept.set()
            raise error

    with housekeeping(cast("Store", Failing()), Context(), StopEvent()):
        assert swept.wait(WITHIN_S)
    said = capsys.readouterr().err
    assert said.count("the sweep of superseded facts failed and will be tried again: busy") == told
    assert bool(said) == bool(told)


def _connected(pid: int, port: int) -> bool:
    import psutil

    return any(c.raddr and c.raddr.port == port for c in psutil.Process(pid).net_connections(kind="tcp4"))
