"""Finds on which line of a TOML document each key is written, which tomllib does not tell."""

from __future__ import annotations

import re

from pipeline.app.shape import Key

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_STEP = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_ASSIGNMENT = re.compile(rf"^\s*({_STEP}(?:\s*\.\s*{_STEP})*)\s*=")


def find_lines(text: str) -> dict[Key, int]:
    """Key path → line, counted from 1; keys inside inline tables and lists have their holder's line.

    A reading aid, not a parser: a line inside a multi-line string that looks like a key may be taken for one, which
    can at worst point a message to a wrong line.
    """
    lines: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _resolve(_steps(header[2]), counts)
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            lines.setdefault(table, number)
            lines.setdefault(table[:1], number)
        elif assignment := _ASSIGNMENT.match(line):
            lines.setdefault((*table, *_steps(assignment[1])), number)
    return lines


def _steps(dotted: str) -> Key:
    return tuple(step.strip().strip("\"'") for step in dotted.split("."))


def _resolve(steps: Key, counts: dict[Key, int]) -> Key:
    """Inside an array of tables, `[edge.x]` belongs to its latest element."""
    key: Key = ()
    for place, step in enumerate(steps):
        key = (*key, step)
        if place < len(steps) - 1 and key in counts:
            key = (*key, counts[key])
    return key
