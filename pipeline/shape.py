"""Reads plain tables into msgspec structs, and collects every problem instead of stopping at the first."""

from __future__ import annotations

import difflib
import functools
import json
import types
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import Enum
from typing import Any, Literal, Protocol, TypeVar, Union, get_args, get_origin, runtime_checkable

import msgspec
from msgspec import NODEFAULT, Struct

Key = tuple[str | int, ...]
S = TypeVar("S", bound=Struct)

ONE_OR_MANY = {"one_or_many": True}
"""`extra` of a tuple's Meta: a table in place of the list is a list of one, and is named without a number."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at a key, and what was expected; `meant`: the key that was to be written there."""

    key: Key
    what: str
    meant: Key | None = None

    def __str__(self) -> str:
        return f"{key_text(self.key)}: {self.what}" if self.key else self.what


@runtime_checkable
class Parsed(Protocol):
    """A type that reads itself from one value; ValueError says what was expected."""

    @classmethod
    def parse(cls, value: object) -> Any: ...


def key_text(key: Key) -> str:
    """`edge[0].zone`: a key as a person would name it."""
    text = ""
    for step in key:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def holders(key: Key) -> Iterator[Key]:
    """A key and every key that holds it: what is wrong there already is not told again as a broken rule."""
    return (key[:depth] for depth in range(1, len(key) + 1))


def top_level_keys(shape: type[Struct]) -> set[str]:
    """The names that the outermost table may hold."""
    return set(_fields(shape))


@functools.cache
def _fields(shape: type[Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """By the name in the file; resolving the types costs a thousand times more than reading a value."""
    return {field.encode_name: field for field in msgspec.structs.fields(shape)}


def read_struct(
    shape: type[S], table: object, key: Key, problems: list[Problem], *, salvage: bool = False
) -> S | None:
    """A `shape` out of a table; `None` when something needed was wrong, with every problem added to `problems`.

    `salvage`: what is wrong has its default, or None whatever its type says, so that rules can look at the rest.
    """
    if not isinstance(table, dict):
        problems.append(Problem(key, f"expected a table, found {found(table)}"))
        return None
    fields = _fields(shape)
    known = sorted(fields)
    meant = {name: _nearest(name, known) for name in table if name not in fields}
    for name, other in meant.items():
        instead = None if other is None or other in table else (*key, other)
        problems.append(Problem((*key, name), f"unknown key; {nearest(name, known)}", instead))
    values: dict[str, Any] = {}
    whole = True
    for name, field in fields.items():
        if name in table:
            before = len(problems)
            value = read_value(field.type, table[name], (*key, name), problems, salvage=salvage)
            if len(problems) == before or value is not None or not _has_default(field):
                values[field.name] = value
            whole = whole and len(problems) == before
        elif not _has_default(field):
            # A table that is missing altogether is told by its required keys, which is what has to be written.
            if name in meant.values():
                pass  # it is there, under a name that is told
            elif isinstance(field.type, type) and issubclass(field.type, Struct):
                read_struct(field.type, {}, (*key, name), problems)
            else:
                problems.append(Problem((*key, name), "required, and not given"))
            values[field.name] = None
            whole = False
    return shape(**values) if whole or salvage else None


def _has_default(field: msgspec.structs.FieldInfo) -> bool:
    return field.default is not NODEFAULT or field.default_factory is not NODEFAULT


def read_value(kind: Any, value: object, key: Key, problems: list[Problem], *, salvage: bool = False) -> Any:
    """One value of type `kind`: a struct, a tuple of one type, an optional, a self-reading type or a scalar."""
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(option for option in get_args(kind) if option is not type(None))
    origin = get_origin(kind)
    if isinstance(kind, type) and issubclass(kind, Struct):
        return read_struct(kind, value, key, problems, salvage=salvage)
    if _reads_itself(kind):
        try:
            return kind.parse(value)
        except ValueError as error:
            problems.append(Problem(key, f"expected {error}, found {found(value)}"))
            return None
    plain = get_args(kind)[0] if hasattr(kind, "__metadata__") else kind
    origin = get_origin(plain)
    if origin is Literal or (isinstance(plain, type) and issubclass(plain, Enum)):
        return _read_choice(plain, value, key, problems)
    if origin is tuple:
        if not isinstance(value, list) and _is_one_or_many(kind):
            return (read_value(get_args(plain)[0], value, key, problems, salvage=salvage),)
        if not isinstance(value, list):
            problems.append(Problem(key, f"expected a list, found {found(value)}"))
            return ()
        if not value and any(getattr(meta, "min_length", None) for meta in getattr(kind, "__metadata__", ())):
            problems.append(Problem(key, "expected at least one, found an empty list"))
        item = get_args(plain)[0]
        return tuple(
            read_value(item, each, (*key, place), problems, salvage=salvage)
            for place, each in enumerate(value)
        )
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        problems.append(Problem(key, f"expected {_expected(kind, plain)}, found {found(value)}"))
        return None


@functools.cache
def _reads_itself(kind: Any) -> bool:
    """Remembered, since asking a protocol is what takes longest of all."""
    return isinstance(kind, type) and isinstance(kind, Parsed)


def _read_choice(kind: Any, value: object, key: Key, problems: list[Problem]) -> Any:
    """One of a few words: the member of an enum, or the word of a Literal."""
    if get_origin(kind) is Literal:
        known = {word: word for word in get_args(kind)}
    else:
        known = {str(member.value): member for member in kind}
    if isinstance(value, str) and value in known:
        return known[value]
    hint = f"; {nearest(value, list(known))}" if isinstance(value, str) and value else ""
    hint = hint if "did you mean" in hint else ""
    problems.append(Problem(key, f"expected one of {', '.join(known)}, found {found(value)}{hint}"))
    return None


def _is_one_or_many(kind: Any) -> bool:
    return any(getattr(meta, "extra", None) == ONE_OR_MANY for meta in getattr(kind, "__metadata__", ()))


def found_json(value: object) -> str:
    """A value as it would be written in JSON, shortened."""
    text = "nothing" if value is None else json.dumps(value)  # ASCII: a lone surrogate cannot be printed
    return text if len(text) <= 80 else text[:79] + "…"


def found(value: object) -> str:
    """A value as it would be written in TOML, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, datetime | date | time):
        return f"{value.isoformat()}{'' if getattr(value, 'tzinfo', True) else ', which has no offset'}"
    text = repr(value) if not isinstance(value, str) else '"' + value + '"'
    return text if len(text) <= 60 else text[:57] + "…"


def _expected(kind: Any, plain: Any) -> str:
    described = [
        meta.description for meta in getattr(kind, "__metadata__", ()) if getattr(meta, "description", None)
    ]
    if described:
        return str(described[0])
    names = {str: "a text in quotes that is not empty", bool: "true or false", int: "a whole number"}
    return names.get(plain, str(plain))


def told_keys(problems: Iterable[Problem]) -> set[Key]:
    """Every key of which something is told, also under another name: what rules say of it only follows."""
    return {key for problem in problems for key in (problem.key, problem.meant) if key is not None}


def nearest(name: str, known: Sequence[str]) -> str:
    """A hint at what was meant: the known name most like a given one, or all that are known."""
    if close := _nearest(name, known):
        return f"did you mean {close}?"
    return f"known here: {', '.join(known)}" if known else "there are none here"


def _nearest(name: str, known: Sequence[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.5)), None)
