"""People, rota and channels without the keys that cannot be read, so that rules look at the rest: from the document of
a configuration to what `pipeline.app.configuration.config` checks."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.shape import Key, Problem

SECTIONS = ("person", "oncall", "contact", "channel")
"""Their rules look at one another: one wrong word in one of them must not hide what is wrong in all."""

_NEEDED: dict[str, dict[str, Any]] = {
    "person": {"id": "person[{place}]"},
    "channel": {"id": "channel[{place}]", "kind": "file", "url": "env:unknown"},
    "contact": {"customer": "contact[{place}]", "channels": ["env:unknown"]},
    "override": {"person": "oncall.override[{place}]", "from": "9999-01-01", "to": "1970-01-01"},
    "rotation": {"people": ["rotation"], "from": "1970-01-01"},
}
"""What stands for a key that a table must have; what rules say of it follows from what is told already."""


def mended(document: dict[str, Any], problems: Iterable[Problem]) -> dict[str, Any]:
    """The sections without their wrong keys; defaults stand for these, and something for what must be there."""
    found = {name: copy.deepcopy(document[name]) for name in SECTIONS if name in document}
    for problem in problems:
        if problem.key and problem.key[0] in found:
            _leave_out(found, problem.key)
    for name in ("person", "channel", "contact"):
        _fill(name, found.get(name))
    oncall = _table(found.get("oncall"))
    _fill("override", oncall.get("override"))
    for level in _rows(oncall.get("level")):
        _fill("rotation", level.get("rotation"))
    return found


def only_follows(key: Key, told: Iterable[Key]) -> bool:
    """Whether a rule speaks of what holds a key that could not be read, or of one that stands on it."""
    told = tuple(told)
    if ("oncall", "country") in told and key[:1] == ("oncall",) and key[-1:] == ("on",):
        return True
    if key[:1] == ("channel",) and (*key[:2], "kind") in told and key[2:] != ("id",):
        return True
    if key[:2] == ("oncall", "override") and key[3:] == ("to",) and (*key[:3], "from") in told:
        return True
    if key[5:6] == ("people",) and (*key[:4], "people") in told:  # of a rotation that is no list of them
        return True
    return any(each[: len(key)] == key for each in told)


def _leave_out(found: dict[str, Any], key: Key) -> None:
    """From the innermost table that holds it."""
    node: Any = found
    held: tuple[dict[Any, Any], Any] = (found, key[0])
    for part in key:
        if isinstance(node, dict):
            held = node, part
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            break
    held[0].pop(held[1], None)


def _fill(name: str, given: object) -> None:
    for place, row in enumerate(_rows(given)):
        for key, value in _NEEDED[name].items():
            row.setdefault(key, value.format(place=place) if isinstance(value, str) else value)


def _rows(given: object) -> list[dict[str, Any]]:
    """Tables of a list, or the one that stands for it."""
    return [_table(row) for row in given] if isinstance(given, list) else [_table(given)]


def _table(given: object) -> dict[str, Any]:
    return given if isinstance(given, dict) else {}
