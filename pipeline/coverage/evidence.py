"""Evidence from outside (probes, counters, acts on edges, maintenance …): lines of NDJSON, of the types of `EVENTS`, to
typed values; pure. `prebill evidence add` hands them to the store, roster and incident engine read them there."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pipeline.coverage.model import Reading
from pipeline.shape import found_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

MAX_LINE_BYTES = 256 * 1024
_MAX_COUNT = 2**63 - 1
_SCOPES = ("edge", "customer", "origin", "vantage", "control", "support_line", "all")
_SCOPES_OF_ONE = ("control", "support_line", "all")
"""Kinds that need no id: there is one of them."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One event. `at`, `added_at`: epoch seconds. `body`: the line as it was given. `edge`, `stream`: what it is about,
    empty where it names none (an act on an edge without a stream is for all of its streams). `actor`: who added it."""

    at: float
    type: str
    edge: str
    stream: str
    body: dict[str, Any]
    actor: str
    added_at: float

    @property
    def key(self) -> str:
        """The same for the same line, however its keys are ordered and spaced; no line is added twice."""
        text = json.dumps(self.body, sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class EvidenceProblem:
    """One fault: the line (from 1), the key (empty: the line itself), what stands there, and what was expected."""

    line: int
    where: str
    found: str
    expected: str

    def __str__(self) -> str:
        key = f", key {self.where}" if self.where else ""
        return f"line {self.line}{key}: found {self.found}, expected {self.expected}"


class EvidenceError(ValueError):
    """Lines that are no evidence; `problems` has every one of them."""

    def __init__(self, problems: Sequence[EvidenceProblem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class _WrongError(Exception):
    def __init__(self, found: str, expected: str, where: str = "") -> None:
        self.found, self.expected, self.where = found, expected, where


def parse_evidence(text: str | bytes | Iterable[str | bytes], *, actor: str, now: float) -> list[Evidence]:
    """The events of an NDJSON document, in its order; blank lines are passed over, keys that are not known are kept.

    Raises EvidenceError with every fault of every line: either all of a file is taken, or nothing.
    """
    if isinstance(text, str | bytes):
        text = text.split("\n") if isinstance(text, str) else text.split(b"\n")
    found: list[Evidence] = []
    problems: list[EvidenceProblem] = []
    for number, line in enumerate(text, 1):
        try:
            body = _read_line(line)
        except _WrongError as wrong:
            problems.append(EvidenceProblem(number, "", wrong.found, wrong.expected))
            continue
        if body is None:
            continue
        faults = check_event(body)
        problems.extend(EvidenceProblem(number, f.where, f.found, f.expected) for f in faults)
        if not faults:
            found.append(_evidence(body, actor, now))
    if problems:
        raise EvidenceError(problems)
    return found


def check_event(body: dict[str, Any]) -> list[_WrongError]:
    """The faults of one event, none where it is as `EVENTS` says."""
    kind = body.get("type")
    faults: list[_WrongError] = []
    if not isinstance(kind, str) or kind not in EVENTS:
        near = difflib.get_close_matches(str(kind), EVENTS, 1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        return [_WrongError(found_json(kind), f"one of {', '.join(sorted(EVENTS))}{meant}", "type")]
    required, optional = EVENTS[kind]
    for key, check in {"at": _instant, **required, **optional, "taken_at": _instant}.items():
        empty = check is _text and body.get(key) == "" and key not in required  # a prober without words
        if key not in body or body[key] is None or empty:
            if key == "at" or key in required:
                faults.append(_WrongError("nothing", _EXPECTED[check], key))
            continue
        if not check(body[key]):
            faults.append(_WrongError(found_json(body[key]), _EXPECTED[check], key))
    wrong = {fault.where for fault in faults}
    named = [key for key in ("customer", "target") if body.get(key) is not None]
    if kind == "probe" and len(named) != 1 and wrong.isdisjoint(named):
        found = "both" if named else "neither"
        faults.append(_WrongError(found, "either customer or target", "customer"))
    span = {"from", "to"}
    if (
        span <= required.keys()
        and wrong.isdisjoint(span)
        and parse_instant(body["to"]) <= parse_instant(body["from"])
    ):
        faults.append(_WrongError(found_json(body["to"]), f"a time after from ({body['from']})", "to"))
    if kind == "traffic":
        faults += _beyond(body, wrong)
    return faults


def _beyond(body: dict[str, Any], wrong: set[str]) -> Iterator[_WrongError]:
    """Of a minute's requests some fail, and of those some at the origin: never more."""
    for part, whole in (("errors_5xx", "requests"), ("origin_5xx", "errors_5xx")):
        found, most = body.get(part) or 0, body.get(whole) or 0
        if wrong.isdisjoint((part, whole)) and found > most:
            yield _WrongError(str(found), f"no more than {whole} ({most})", part)


def readings_of(rows: Iterable[Evidence]) -> list[Reading]:
    """The counter readings among events."""
    return [
        Reading(row.edge, row.at, row.body["requests_total"], row.body["bytes_sent_total"])
        for row in rows
        if row.type == "counter"
    ]


def parse_instant(text: str) -> float:
    """RFC 3339 with an offset, as epoch seconds; raises ValueError for anything else, and for times outside of
    1970–2105, which the store's minutes cannot hold."""
    if not _RFC3339.fullmatch(text):
        raise ValueError(text)
    at = datetime.fromisoformat(text).astimezone(UTC)
    if not 1970 <= at.year <= 2105:
        raise ValueError(text)
    return at.timestamp()


_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def _read_line(line: str | bytes) -> dict[str, Any] | None:
    if len(line) > MAX_LINE_BYTES:
        raise _WrongError(f"{len(line)} bytes", f"a line of at most {MAX_LINE_BYTES}")
    try:
        text = line.decode("utf-8-sig") if isinstance(line, bytes) else line.removeprefix("\ufeff")
        if not text.strip():
            return None
        body = json.loads(text, object_pairs_hook=_once)
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()  # no lone surrogates, no NaN
    except (ValueError, RecursionError) as error:
        raise _WrongError(f"what is not JSON ({str(error)[:80]})", "a JSON object in UTF-8") from None
    if not isinstance(body, dict):
        raise _WrongError(found_json(body), "a JSON object")
    return body


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object each of whose keys stands there once: of two values nobody knows which was meant."""
    body = dict(pairs)
    if len(body) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise _WrongError(f"the key {found_json(twice)} twice", "every key once")
    return body


def _evidence(body: dict[str, Any], actor: str, now: float) -> Evidence:
    target, scope = body.get("target"), body.get("scope")
    edge = body.get("edge", "")
    if isinstance(target, dict) and target["kind"] == "edge":
        edge = target["id"]
    elif isinstance(scope, dict):
        edge = scope.get("edge", "")
    return Evidence(
        at=parse_instant(body["at"]),
        type=body["type"],
        edge=edge,
        stream=body.get("stream") or "",
        body=body,
        actor=body.get("actor") or actor,
        added_at=now,
    )


# -- what a value may be


def _text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 10_000


def _name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable()


def _instant(value: Any) -> bool:
    try:
        parse_instant(value if isinstance(value, str) else "")
    except (ValueError, OverflowError):
        return False
    return True


def _count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MAX_COUNT  # bool is an int to isinstance


def _score(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 10


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(map(_name, value))


def _target(value: Any) -> bool:
    if not isinstance(value, dict) or value.get("kind") not in ("edge", "origin", "control", "support_line"):
        return False
    return _name(value.get("id")) or ("id" not in value and value["kind"] not in ("edge", "origin"))


def _scope(value: Any) -> bool:
    if not isinstance(value, dict) or len(value) != 1:
        return False
    ((kind, name),) = value.items()
    return kind in _SCOPES and (_name(name) or (name == "" and kind in _SCOPES_OF_ONE))


def _money(value: Any) -> bool:
    keys = ("low", "expected", "high")
    return (
        isinstance(value, dict)
        and all(
            isinstance(value.get(key), str) and re.fullmatch(r"[0-9]{1,30}(\.[0-9]{1,12})?", value[key])
            for key in keys
        )
        and Decimal(value["low"]) <= Decimal(value["expected"]) <= Decimal(value["high"])
    )


def _one_of(*words: str) -> Callable[[Any], bool]:
    def check(value: Any) -> bool:
        return value in words

    _EXPECTED[check] = " or ".join(words)
    return check


_EXPECTED: dict[Callable[[Any], bool], str] = {
    _text: "a text of 1–10,000 characters",
    _name: "a name of 1–255 printable characters",
    _instant: "an RFC 3339 time with its offset, such as 2026-11-01T00:01:00Z",
    _count: "an integer from 0 to 2^63-1",
    _score: "a score from 0 to 10",
    _flag: "true or false",
    _names: "a list of names",
    _target: '{"kind": "edge|origin|control|support_line", "id": name}',
    _scope: 'one of edge, customer, origin, vantage, control, support_line or all, such as {"edge": "e1"}',
    _money: '{"low", "expected", "high"} as decimal strings, none above the next',
}

_Fields = dict[str, "Callable[[Any], bool]"]
_SAID: tuple[_Fields, _Fields] = ({"incident": _name}, {"actor": _name, "text": _text})

EVENTS: dict[str, tuple[_Fields, _Fields]] = {
    "probe": (
        {"vantage": _name, "ok": _flag},
        {"customer": _name, "target": _target, "detail": _text, "politeness": _score},
    ),
    "traffic": (
        {"edge": _name, "minute": _instant, "requests": _count},
        {"customer": _name, "errors_5xx": _count, "origin_5xx": _count, "bytes_sent": _count, "for_errors": _flag},
    ),
    "counter": ({"edge": _name, "requests_total": _count, "bytes_sent_total": _count}, {}),
    "segment": (
        {"edge": _name, "minute": _instant, "state": _one_of("received", "empty", "damaged", "quarantined")},
        {"stream": _name, "lines": _count},
    ),
    "gap": (
        {"edge": _name, "from": _instant, "to": _instant,
         "class": _one_of("missing", "damaged", "sequence", "counter")},
        {"stream": _name, "customers": _names, "per_minute": _money},
    ),
    "gap_closed": ({"edge": _name, "from": _instant, "to": _instant}, {"stream": _name}),
    "edge": (
        {"edge": _name, "action": _one_of("add", "pause", "resume", "decommission")},
        {"stream": _name, "reason": _text, "actor": _name},
    ),
    "maintenance": ({"scope": _scope, "from": _instant, "to": _instant}, {"reason": _text}),
    "request": (
        {"id": _name, "customer": _name, "kind": _one_of("technical", "billing", "question")},
        {"text": _text, "solved": _flag, "actor": _name},
    ),
    "ack": _SAID,
    "resolve": _SAID,
    "note": _SAID,
    "delivery_failed": ({"notice": _name}, {}),
    "tick": ({}, {"away_since": _instant, "away_until": _instant}),
}  # fmt: skip
"""type → (required keys, optional keys), each with what its value may be. Of any: `at`, and `taken_at`, when a
watch took it up, which a replay of its log goes by."""
