"""People, rota and channels without the keys that cannot be read, so that rules look at the rest: from the document of
a configuration to what `pipeline.app.config` checks."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.shape import Key, Problem

SECTIONS = ("person", "oncall", "contact", "channel")
"""Their rules look at one another: one wrong word in one of them must not hide what is wrong in all."""


def mended(document: dict[str, Any], problems: Iterable[Problem]) -> dict[str, Any]:
    """Those of the sections that are tables still when their wrong keys are left out; defaults stand for these."""
    found = {name: copy.deepcopy(document[name]) for name in SECTIONS if name in document}
    for problem in problems:
        if problem.key and problem.key[0] in found:
            _leave_out(found, problem.key)
    return found


def only_follows(key: Key, told: Iterable[Key]) -> bool:
    """Whether a rule speaks of what holds a key that could not be read, or of one that stands on it."""
    told = tuple(told)
    if ("oncall", "country") in told and key[:1] == ("oncall",) and key[-1:] == ("on",):
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
