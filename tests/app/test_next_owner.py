"""A watch and a prober beside the process that holds the store: when that one is killed, they find the next one, or are
it, and go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pipeline.app.context import Context
from pipeline.app.failures import OwnerFailure
from pipeline.app.incidents.probe_store import LastingStore
from pipeline.coverage.evidence import parse_evidence
from tests.empty_store import lay_store
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.coverage.evidence import Evidence

WITHIN_S = 120


class Site:
    """A store and a spool, and the commands that run over it until the end of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.config = folder, folder / "prebill.toml"
        dsn = lay_store(folder / "store")
        (folder / "spool" / "e1").mkdir(parents=True)
        self.config.write_text(
            f'[store]\ndsn = "{dsn}"\n[spool]\npath = "{folder}/spool"\nformat = "edge-tsv"\n'
            '[[edge]]\nid = "e1"\nfrom = 2026-11-22T10:00:00Z\n'
        )
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, said: str, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / said).open("wb") as told:
            process = subprocess.Popen(
                [sys.executable, "-m", "pipeline.app.main", "--config", str(self.config), *command],
                stdout=told,
                stderr=subprocess.STDOUT,
            )
        self.running.append(process)
        return process

    def hold(self, said: str, *command: str) -> subprocess.Popen[bytes]:
        """Starts it, and waits until it holds the store."""
        process = self.start(said, *command)
        wait_until(lambda: self.holder == process.pid, "it holds the store", WITHIN_S, process)
        return process

    def said(self, name: str, words: str, times: int = 1) -> None:
        told = self.folder / name
        wait_until(lambda: told.read_text().count(words) >= times, f"{words!r}", WITHIN_S, told=told)

    @property
    def holder(self) -> int:
        try:
            return int(json.loads((self.folder / "store" / "owner.json").read_text())["pid"])
        except FileNotFoundError:
            return 0


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def stop(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(WITHIN_S)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    for process in made.running:
        end(process)


def test_a_watch_that_stands_by_takes_over_when_the_owner_is_killed(site: Site) -> None:
    first = site.hold("first", "up")
    site.said("first", "watching:")
    second = site.start("second", "watch", "--wait")
    site.said("second", "waiting for its end")
    end(first)
    site.said("second", "watching:")
    assert site.holder == second.pid
    assert stop(second) == 128 + signal.SIGTERM


def test_a_watch_goes_on_with_the_next_owner(site: Site) -> None:
    first = site.hold("first", "run")
    watch = site.start("watch", "watch")
    site.said("watch", "watching:")
    watch.send_signal(signal.SIGSTOP)  # so that it is not the next one itself
    end(first)
    following = site.hold("next", "run")
    watch.send_signal(signal.SIGCONT)
    site.said("watch", "watching:", times=2)
    assert site.holder == following.pid
    assert stop(watch) == 128 + signal.SIGTERM
    said = (site.folder / "watch").read_text()
    assert "going on without it" in said
    assert "another prebill" not in said


def look(second: int) -> list[Evidence]:
    at = f"2026-11-22T10:00:{second:02}Z"
    line = {"at": at, "type": "probe", "customer": "c1", "vantage": "v", "ok": True}
    return parse_evidence(json.dumps(line), actor="probe", now=0.0)


def test_a_prober_hands_on_what_waits_to_the_next_owner(site: Site) -> None:
    first = site.hold("first", "run")
    with LastingStore(Context(config_path=str(site.config))) as lasting:
        assert lasting.add(look(1)) == 1
        end(first)
        for _ in range(2):
            with pytest.raises(OwnerFailure, match="has ended, and no other one holds it yet"):
                lasting.add(look(2))
        following = site.hold("next", "run")
        assert lasting.add(look(2)) == 1
        end(following)
        lasting.end()
        assert lasting.add(look(3)) == 1
        assert site.holder == os.getpid(), "the last of it needs nobody else"


def test_a_watch_that_was_killed_does_not_watch(site: Site) -> None:
    site.hold("first", "run")
    watch = site.start("watch", "watch")
    site.said("watch", "watching:")
    end(watch)  # its lease is to last another half a minute
    listed = site.start("listed", "incidents", "list")
    assert listed.wait(WITHIN_S) == 0
    assert "Nobody watches" in (site.folder / "listed").read_text()
