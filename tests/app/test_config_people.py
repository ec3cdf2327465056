"""What is wrong with people and the rota is told at once, whatever else is wrong beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.app.test_config import MINIMAL, problems_of

if TYPE_CHECKING:
    from pathlib import Path


def test_a_wrong_word_of_a_person_or_the_rota_hides_no_rule_and_makes_none_up(tmp_path: Path) -> None:
    people = """
[[person]]
id = "anna"
lang = "de"
tz = "Europe/Moskau"
channels = ["nowhere"]
[[person]]
id = "anna"
country = "XX"
[oncall]
tz = "Mars/Base"
country = 7
queue = ["nobody"]
[[oncall.level]]
people = [3]
[[oncall.level]]
people = ["boris"]
rotation = {people = ["anna"], from = 2026-11-01, on = "workdays"}
[[oncall.override]]
from = 2026-12-30
to = 2026-12-30
person = "vera"
level = 9
"""
    told = problems_of(tmp_path, MINIMAL + people)
    found = "\n".join(told)
    for key in ("person[0].lang", "person[0].tz", "person[0].channels[0]", "person[1].id", "person[1].country",
                "oncall.tz", "oncall.country", "oncall.queue[0]", "oncall.level[0].people[0]",
                "oncall.level[1].people[0]", "oncall.override[0].person",
                "oncall.override[0].level", "oncall.override[0].to"):  # fmt: skip
        assert key in found, key
    assert len(told) == 13, found


def test_what_must_be_there_and_is_not_hides_nothing_and_makes_nothing_up(tmp_path: Path) -> None:
    people = """
[[channel]]
id = "siren"
kind = "webhok"
secret = "env:S"
url = "https://siren.example"
[[channel]]
kind = "apprise"
url = "tgram//nothing"
[[person]]
lang = "de"
[[person]]
id = 7
tz = "Europe/Moskau"
[[person]]
id = "vera"
channels = ["sirene"]
[[contact]]
channels = ["nowhere"]
[oncall]
queue = ["nobody"]
[[oncall.level]]
people = ["vera"]
rotation = {from = 2026-11-01, on = "workdays"}
[[oncall.override]]
to = 2026-12-30
person = "boris"
[[oncall.override]]
from = 2026-12-01
to = 2026-12-31
person = "vera"
level = 9
"""
    told = problems_of(tmp_path, MINIMAL + people)
    found = "\n".join(told)
    for key in ("channel[0].kind", "channel[1].id", "channel[1].url", "person[0].id", "person[0].lang", "person[1].id",
                "person[1].tz", "person[2].channels[0]", "contact[0].customer", "contact[0].channels[0]",
                "oncall.queue[0]", "oncall.level[0].rotation.people", "oncall.level[0].rotation[0].on",
                "oncall.override[0].from", "oncall.override[0].person", "oncall.override[1].level"):  # fmt: skip
        assert key in found, key
    assert len(told) == 16, found


def test_a_rate_of_nothing_is_told_beside_a_wrong_objective(tmp_path: Path) -> None:
    found = problems_of(tmp_path, MINIMAL + '[incidents]\nobjective_percent = "100"\nburn_rate = "0"\n')
    assert len(found) == 2
    assert any("burn_rate" in problem for problem in found)
