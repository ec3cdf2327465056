"""Finds on which line of a TOML document each key is written, which tomllib does not tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.shape import Key

_PIECE = re.compile(
    r'"""(?:[^\\]|\\.)*?"""' + r"|'''.*?'''" + r'|"(?:[^"\\\n]|\\.)*"' + r"|'[^'\n]*'"
    r"|#[^\n]*|\n|[\[\]{},=.]|[^\s\[\]{},=.#\"']+",
    re.DOTALL,
)


@dataclass(slots=True)
class _Holder:
    """What is open at a place of the text: the document, an inline table or a list."""

    key: Key
    is_list: bool = False
    steps: list[str] = field(default_factory=list)
    value: Key | None = None
    place: int = 0
    header: str = ""


def find_lines(text: str) -> dict[Key, int]:
    """Key path → line, counted from 1, elements of lists and keys of inline tables too.

    A reading aid, not a parser: it fails on no text, and is right for every document that tomllib takes.
    """
    lines: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    stack = [_Holder(())]
    for piece, line in _pieces(text):
        top = stack[-1]
        if top.header:
            _header(piece, line, top, lines, counts)
        elif piece == "[" and len(stack) == 1 and top.value is None and not top.steps:
            top.header = piece
        elif piece in ("[", "{") and (top.is_list or top.value is not None):
            key: Key = (*top.key, top.place) if top.is_list else top.value or ()
            lines.setdefault(key, line)
            stack.append(_Holder(key, is_list=piece == "["))
        elif piece in ("]", "}"):
            if len(stack) > 1:
                stack.pop()
        elif piece == "," and top.is_list:
            top.place += 1
        elif piece in (",", "\n"):
            if piece == "," or len(stack) == 1:
                top.steps, top.value = [], None
        elif top.is_list:
            lines.setdefault((*top.key, top.place), line)
        elif top.value is None:
            _step(piece, line, top, lines)
    return lines


def _pieces(text: str) -> Iterator[tuple[str, int]]:
    line, done = 1, 0
    for found in _PIECE.finditer(text):
        line += text.count("\n", done, found.start())
        done = found.start()
        if not found[0].startswith("#"):
            yield found[0], line


def _step(piece: str, line: int, top: _Holder, lines: dict[Key, int]) -> None:
    """A part of a key, or the sign that it is whole."""
    if piece == "=":
        top.value = (*top.key, *top.steps)
        lines.setdefault(top.value, line)
    elif piece != ".":
        top.steps.append(_plain(piece))


def _header(piece: str, line: int, top: _Holder, lines: dict[Key, int], counts: dict[Key, int]) -> None:
    """A part of `[a.b]` or `[[a.b]]`; with its end the keys that follow are under it."""
    if piece == "[" and not top.steps:
        top.header = "[["
    elif piece == "]":
        table = _resolve(tuple(top.steps), counts)
        if top.header == "[[":
            counts[table] = counts.get(table, -1) + 1
            table = (*table, counts[table])
        lines.setdefault(table, line)
        lines.setdefault(table[:1], line)
        top.key, top.steps, top.header, top.value = table, [], "", None
    elif piece == "\n":
        top.steps, top.header = [], ""
    elif piece != ".":
        top.steps.append(_plain(piece))


def _plain(piece: str) -> str:
    return piece[1:-1] if len(piece) > 1 and piece[0] in "\"'" else piece


def _resolve(steps: tuple[str, ...], counts: dict[Key, int]) -> Key:
    """Inside an array of tables, `[edge.x]` belongs to its latest element."""
    key: Key = ()
    for place, step in enumerate(steps):
        key = (*key, step)
        if place < len(steps) - 1 and key in counts:
            key = (*key, counts[key])
    return key
