"""`prebill incidents ack`: who may, and what is said to who has done it already."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from incidents.model import Change, Status
from pipeline.app.watch.log import change_row
from pipeline.store.connect import open_store
from tests.app.watch_cdn import make_config
from tests.incidents.channels.givens import transition

if TYPE_CHECKING:
    from pathlib import Path

    from incidents.model import Transition
    from tests.app.conftest import Prebill

PEOPLE = '[[person]]\nid = "anna"\n[[person]]\nid = "boris"\n'


def story() -> list[Transition]:
    """An incident that anna has acknowledged."""
    return [
        transition(incident="i1cafe"),
        transition(incident="i1cafe", status=Status.ACKNOWLEDGED, change=Change.ACKNOWLEDGED, actor="anna"),
    ]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    make_config(tmp_path, PEOPLE)
    with open_store(f"chdb://{tmp_path}/store") as store:
        store.incidents.append_changes([change_row(each, 0) for each in story()])
    return tmp_path


def acks(here: Path) -> int:
    with open_store(f"chdb://{here}/store") as store:
        return len(list(store.evidence(["ack"], 0.0)))


def test_who_acknowledged_already_is_told_so_at_once(prebill: Prebill, here: Path) -> None:
    again = ("incidents", "ack", "i1c", "--actor", "anna", "--reason", "still mine")
    done = prebill(*again, cwd=here)
    assert (done.returncode, done.stderr.strip()) == (
        0,
        "i1cafe: acknowledged by anna already; nothing to be done",
    )
    assert json.loads(prebill(*again, "--json", cwd=here).stdout)["taken_up"] is True
    assert acks(here) == 0
    other = prebill("incidents", "ack", "i1c", "--actor", "boris", "--reason", "me too", cwd=here)
    assert "ack by boris is written down" in other.stderr
    assert acks(here) == 1


def test_only_one_of_the_people_acknowledges(prebill: Prebill, here: Path) -> None:
    for actor, hint in (("borris", "did you mean boris?"), ("x", "known here: anna, boris")):
        said = prebill("incidents", "ack", "i1c", "--actor", actor, "--reason", "mine", cwd=here)
        assert said.returncode == 2
        assert f"no [[person]] has the id '{actor}'; {hint}" in said.stderr
    noted = prebill("incidents", "note", "i1c", "--actor", "x", "--reason", "a client called", cwd=here)
    assert noted.returncode == 0
    assert acks(here) == 0
