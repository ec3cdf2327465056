"""Reading tables into structs: what a misspelt key was meant to be is told once, and hides nothing else."""

from __future__ import annotations

import pytest
from msgspec import Struct

from pipeline.shape import Problem, nearest, read_struct, told_keys


class Place(Struct, frozen=True, kw_only=True):
    path: str
    format: str = "tsv"


class Whole(Struct, frozen=True, kw_only=True):
    spool: Place


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"spool": {}}, ["spool.path: required, and not given"]),
        ({"spool": {"paht": "x"}}, ["spool.paht: unknown key; did you mean path?"]),
        ({"spol": {"path": "x"}}, ["spol: unknown key; did you mean spool?"]),
        (
            {"spool": {"fromat": "x", "format": "x"}},
            ["spool.fromat: unknown key; did you mean format?", "spool.path: required, and not given"],
        ),
        (
            {"spool": {"zzz": "x"}},
            ["spool.zzz: unknown key; known here: format, path", "spool.path: required, and not given"],
        ),
    ],
)
def test_a_key_under_another_name_is_not_also_told_as_missing(
    document: dict[str, object], told: list[str]
) -> None:
    problems: list[Problem] = []
    assert read_struct(Whole, document, (), problems) is None
    assert list(map(str, problems)) == told


def test_rules_know_which_key_was_meant_unless_it_is_there_too() -> None:
    problems: list[Problem] = []
    read_struct(Whole, {"spool": {"paht": "x"}}, (), problems)
    assert told_keys(problems) == {("spool", "paht"), ("spool", "path")}
    problems = []
    read_struct(Whole, {"spool": {"paht": "x", "path": "y"}}, (), problems)
    assert told_keys(problems) == {("spool", "paht")}


def test_where_nothing_is_known_the_hint_says_so() -> None:
    assert nearest("stream", []) == "there are none here"
