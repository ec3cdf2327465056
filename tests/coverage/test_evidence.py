"""Evidence from NDJSON: every event of `EVENTS` is taken, every fault of every line is told at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from incidents.events import Probe, event_of
from pipeline.coverage.evidence import EVENTS, EvidenceError, parse_evidence, readings_of
from pipeline.coverage.model import Reading

T = "2026-11-01T00:01:00Z"
AT = 1793491260.0

GOOD: list[dict[str, Any]] = [
    {"type": "probe", "customer": "c1", "vantage": "msk-1", "ok": False, "detail": "connect timeout"},
    {"type": "probe", "target": {"kind": "edge", "id": "e1"}, "vantage": "msk-1", "ok": True},
    {"type": "probe", "target": {"kind": "support_line"}, "vantage": "msk-1", "ok": True},
    {"type": "traffic", "edge": "e1", "customer": "c1", "minute": T, "requests": 900, "errors_5xx": 450,
     "origin_5xx": 0, "bytes_sent": 1},
    {"type": "counter", "edge": "e1", "requests_total": 1, "bytes_sent_total": 2},
    {"type": "segment", "edge": "e1", "minute": T, "lines": 900, "state": "received"},
    {"type": "gap", "edge": "e1", "from": T, "to": "2026-11-01T00:02:00Z", "class": "missing", "customers": ["c1"],
     "per_minute": {"low": "1", "expected": "2.5", "high": "3"}},
    {"type": "gap_closed", "edge": "e1", "from": T, "to": "2026-11-01T00:02:00Z"},
    {"type": "edge", "edge": "e1", "action": "pause"},
    {"type": "maintenance", "scope": {"edge": "e1"}, "from": T, "to": "2026-11-01T03:02:00+03:00"},
    {"type": "request", "id": "r1", "customer": "c1", "kind": "technical", "text": "не работает"},
    {"type": "ack", "incident": "i1", "actor": "anna", "text": "…"},
    {"type": "resolve", "incident": "i1"},
    {"type": "note", "incident": "i1"},
    {"type": "delivery_failed", "notice": "n1"},
    {"type": "tick"},
]  # fmt: skip


def lines(*events: dict[str, object]) -> str:
    return "\n".join(json.dumps({"at": T, **event}) for event in events)


def test_every_event_is_taken_in_order() -> None:
    found = parse_evidence(lines(*GOOD) + "\n\n", actor="olga", now=AT + 5)
    assert [e.type for e in found] == [g["type"] for g in GOOD]
    assert {e.type for e in found} == set(EVENTS)
    assert {(e.at, e.added_at) for e in found} == {(AT, AT + 5)}
    assert [e.edge for e in found][:6] == ["", "e1", "", "e1", "e1", "e1"]
    by_type = {e.type: e for e in found}
    assert by_type["maintenance"].edge == "e1"
    assert (by_type["ack"].actor, by_type["tick"].actor) == ("anna", "olga")
    assert by_type["request"].body["text"] == "не работает"
    assert readings_of(found) == [Reading("e1", AT, 1, 2)]


def test_a_key_goes_by_content_and_not_by_writing() -> None:
    one, two, other = parse_evidence(
        '{"at": "2026-11-01T00:01:00Z", "type": "edge", "edge": "e1", "action": "add"}\n'
        '{"action":"add","edge":"e1","type":"edge","at":"2026-11-01T00:01:00Z"}\n'
        '{"action":"add","edge":"e2","type":"edge","at":"2026-11-01T00:01:00Z"}',
        actor="",
        now=0.0,
    )
    assert one.key == two.key != other.key


@pytest.mark.parametrize(
    ("line", "where", "expected"),
    [
        ('{"at": "yesterday", "type": "tick"}', "at", "RFC 3339"),
        ('{"at": "2026-11-01T00:01:00", "type": "tick"}', "at", "offset"),
        ('{"at": "2026-11-01T25:01:00Z", "type": "tick"}', "at", "RFC 3339"),
        ('{"at": "1969-12-31T23:59:59Z", "type": "tick"}', "at", "RFC 3339"),
        ('{"type": "tick"}', "at", "RFC 3339"),
        ('{"at": "%s", "type": "egde"}', "type", "did you mean edge?"),
        ('{"at": "%s", "type": ["edge"]}', "type", "one of"),
        ('{"at": "%s"}', "type", "one of"),
        ('{"at": "%s", "type": "edge", "action": "pause"}', "edge", "a name"),
        ('{"at": "%s", "type": "edge", "edge": "e1", "action": "stop"}', "action", "add or pause or resume"),
        ('{"at": "%s", "type": "traffic", "edge": "e1", "minute": "%s", "requests": 9, "errors_5xx": 10}',
         "errors_5xx", "no more than requests (9)"),
        ('{"at": "%s", "type": "traffic", "edge": "e1", "minute": "%s", "requests": 9, "errors_5xx": 5, '
         '"origin_5xx": 6}', "origin_5xx", "no more than errors_5xx (5)"),
        ('{"at": "%s", "type": "traffic", "edge": "e1", "minute": "%s", "requests": 9, "origin_5xx": 1}',
         "origin_5xx", "no more than errors_5xx (0)"),
        ('{"at": "%s", "type": "counter", "edge": "e1", "requests_total": -1, "bytes_sent_total": 0}',
         "requests_total", "an integer from 0"),
        ('{"at": "%s", "type": "counter", "edge": "e1", "requests_total": true, "bytes_sent_total": 0}',
         "requests_total", "an integer from 0"),
        ('{"at": "%s", "type": "counter", "edge": "e1", "requests_total": 9223372036854775808,'
         ' "bytes_sent_total": 0}', "requests_total", "an integer from 0"),
        ('{"at": "%s", "type": "probe", "vantage": "v", "ok": true}', "customer", "either customer or target"),
        ('{"at": "%s", "type": "probe", "vantage": "v", "ok": true, "target": {"kind": "edge"}}', "target", "kind"),
        ('{"at": "%s", "type": "gap_closed", "edge": "e1", "from": "%s", "to": "%s"}', "to", "a time after from"),
        ('{"at": "%s", "type": "probe", "vantage": "v", "ok": true, "customer": null}', "customer", "either"),
        ('{"at": "%s", "type": "probe", "vantage": "v", "ok": true, "target": null}', "customer", "either"),
        ('{"at": "%s", "type": "tick", "at": "%s"}', "", "every key once"),
        ('{"at": "%s", "type": "maintenance", "scope": {"egde": "e1"}, "from": "%s", "to": "2026-11-02T00:00:00Z"}',
         "scope", "one of edge"),
        ('{"at": "%s", "type": "maintenance", "scope": {"edge": "e1", "customer": "c1"}, "from": "%s",'
         ' "to": "2026-11-02T00:00:00Z"}', "scope", "one of edge"),
        ('{"at": "%s", "type": "gap", "edge": "e1", "from": "%s", "to": "2026-11-02T00:00:00Z", "class": "missing",'
         ' "per_minute": {"low": "9", "expected": "2", "high": "3"}}', "per_minute", "none above the next"),
        ("not json", "", "a JSON object"),
        ("[1]", "", "a JSON object"),
        ('{"at": NaN}', "", "a JSON object"),
        ('{"at": "\\ud800"}', "", "a JSON object"),
        ("[" * 100_000, "", "a JSON object"),
        (" " * 300_000 + "1", "", "a line of at most"),
    ],
)  # fmt: skip
def test_a_fault_says_where_and_what_was_expected(line: str, where: str, expected: str) -> None:
    text = lines({"type": "tick"}) + "\n" + line.replace("%s", T)
    with pytest.raises(EvidenceError) as raised:
        parse_evidence(text, actor="", now=0.0)
    (problem,) = raised.value.problems
    assert (problem.line, problem.where) == (2, where)
    assert expected in problem.expected
    assert str(problem) in str(raised.value)


def test_all_faults_are_told_at_once() -> None:
    text = b'\xff\xfe\n{"at": 1, "type": "edge"}\n{"type": "tock"}\n'
    with pytest.raises(EvidenceError) as raised:
        parse_evidence(text, actor="", now=0.0)
    assert [(p.line, p.where) for p in raised.value.problems] == [
        (1, ""), (2, "at"), (2, "edge"), (2, "action"), (3, "type"),
    ]  # fmt: skip


def test_a_wrong_value_hides_no_other_fault_of_its_line() -> None:
    planned = {
        "type": "maintenance",
        "at": T,
        "scope": {"edges": "e1"},
        "from": T,
        "to": "2026-11-01T00:00:00Z",
    }
    probe = {"type": "probe", "at": T, "vantage": "a", "ok": "yes"}
    with pytest.raises(EvidenceError) as raised:
        parse_evidence(f"{json.dumps(planned)}\n{json.dumps(probe)}", actor="", now=0.0)
    assert [(p.line, p.where) for p in raised.value.problems] == [
        (1, "scope"), (1, "to"), (2, "ok"), (2, "customer"),
    ]  # fmt: skip


def test_strange_keys_are_kept_whatever_they_hold() -> None:
    (one,) = parse_evidence(lines({"type": "tick", "from": "here", "to": "there"}), actor="", now=0.0)
    assert one.body["to"] == "there"


def test_a_detail_without_words_is_none() -> None:
    probe = {"type": "probe", "customer": "c1", "vantage": "a", "ok": True, "detail": ""}
    (one,) = parse_evidence(lines(probe), actor="", now=0.0)
    event = event_of(one)
    assert isinstance(event, Probe)
    assert event.detail == ""
