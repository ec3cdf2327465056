"""Reads sidecars and counter files, the small JSON documents beside segments, into typed values; pure.

A sidecar that is wrong never stops its segment: what can be used of it is used, and each fault is kept as evidence.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from pipeline.model import Claims, Sequence, SequenceUnit
from pipeline.shape import found_json

MAX_SIDECAR_BYTES = 64 * 1024
_MAX = 2**63 - 1
_MOST_LINES, _MOST_BYTES = 10**12, 10**18
"""Of a segment; more is no claim, and of a gap of years a sum would not fit the store."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SidecarProblem:
    """One fault: at which key (empty: the document itself), what stands there, and what was expected."""

    where: str
    found: str
    expected: str

    def __str__(self) -> str:
        place = f"sidecar key {self.where}" if self.where else "sidecar"
        return f"{place}: found {self.found}, expected {self.expected}"


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What a sidecar claims, and its faults; a key with a fault claims nothing."""

    claims: Claims
    problems: tuple[SidecarProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class CounterReading:
    """An edge's own cumulative counters at an instant; `None` where the file is silent."""

    at: datetime
    requests_total: int | None
    bytes_sent_total: int | None


class _WrongError(Exception):
    """Carries a SidecarProblem out of a reader of one key."""

    def __init__(self, where: str, found: str, expected: str) -> None:
        self.problem = SidecarProblem(where, found, expected)


def parse_sidecar(raw: bytes) -> Sidecar:
    """Reads a sidecar's bytes; never raises. Keys that are not known are left alone: writers may be newer than we."""
    try:
        document = _document(raw)
    except _WrongError as wrong:
        return Sidecar(Claims(), (wrong.problem,))
    problems: list[SidecarProblem] = []
    claims = Claims(
        lines=_try(lambda: _count(document, "lines", most=_MOST_LINES), problems),
        bytes_sent=_try(lambda: _count(document, "bytes_sent", most=_MOST_BYTES), problems),
        sha256=_try(lambda: _sha256(document), problems),
        sequence=_try(lambda: _sequence(document), problems),
    )
    return Sidecar(claims, tuple(problems))


def parse_counters(raw: bytes) -> CounterReading | SidecarProblem:
    """Reads a counters file `{"at", "requests_total", "bytes_sent_total"}`; `at` and one total must be there."""
    try:
        document = _document(raw)
        at = _instant(document)
        requests = _count(document, "requests_total")
        bytes_sent = _count(document, "bytes_sent_total")
        if requests is None and bytes_sent is None:
            raise _WrongError("requests_total", "no counter", "requests_total or bytes_sent_total")
    except _WrongError as wrong:
        return wrong.problem
    return CounterReading(at, requests, bytes_sent)


def _try(read: Callable[[], _T], problems: list[SidecarProblem]) -> _T | None:
    try:
        return read()
    except _WrongError as wrong:
        problems.append(wrong.problem)
        return None


def _document(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_SIDECAR_BYTES:
        raise _WrongError("", f"more than {MAX_SIDECAR_BYTES} bytes", "a small JSON object")
    try:
        document = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:  # also not UTF-8, an integer of thousands of digits
        raise _WrongError("", f"what is not JSON ({str(error)[:80]})", "a JSON object in UTF-8") from None
    if not isinstance(document, dict):
        raise _WrongError("", found_json(document), "a JSON object")
    return document


def _count(document: dict[str, Any], key: str, where: str = "", most: int = _MAX) -> int | None:
    value = document.get(key)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= most:  # bool is an int to isinstance
        end = "2^63-1" if most == _MAX else f"{most:,}"
        raise _WrongError(where or key, found_json(value), f"an integer from 0 to {end}")
    return value


def _sha256(document: dict[str, Any]) -> bytes | None:
    value = document.get("sha256")
    if value is None:
        return None
    if not isinstance(value, str) or len(value) != 64 or not set(value.lower()) <= set("0123456789abcdef"):
        raise _WrongError("sha256", found_json(value), "64 hexadecimal digits")
    return bytes.fromhex(value)


def _sequence(document: dict[str, Any]) -> Sequence | None:
    value = document.get("seq")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _WrongError("seq", found_json(value), 'an object {"unit", "epoch", "first", "next"}')
    unit = value.get("unit")
    if unit not in ("line", "byte"):
        raise _WrongError("seq.unit", found_json(unit), '"line" or "byte"')
    epoch = value.get("epoch", "")
    if not isinstance(epoch, str) or len(epoch) > 255 or not _encodable(epoch):
        raise _WrongError("seq.epoch", found_json(epoch), "a string of at most 255 characters")
    first = _count(value, "first", "seq.first")
    after = _count(value, "next", "seq.next")
    if first is None or after is None:
        raise _WrongError("seq." + ("first" if first is None else "next"), "nothing", "an integer")
    if after < first:
        raise _WrongError("seq.next", f"{after}, before first = {first}", "next ≥ first (next is exclusive)")
    return Sequence(SequenceUnit(unit), epoch, first, after)


def _instant(document: dict[str, Any]) -> datetime:
    value = document.get("at")
    expected = "an RFC 3339 time with its zone, such as 2026-11-01T00:01:00Z"
    if not isinstance(value, str) or len(value) > 64:
        raise _WrongError("at", found_json(value), expected)
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is None or "T" not in value.upper():
            raise ValueError
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _WrongError("at", found_json(value), expected) from None


def _encodable(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)
