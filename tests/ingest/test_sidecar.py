"""Sidecars are read key by key; a fault is evidence with its place, and never an exception."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.sidecar import (
    MAX_SIDECAR_BYTES,
    CounterReading,
    SidecarProblem,
    parse_counters,
    parse_sidecar,
)
from pipeline.model import Claims, Sequence, SequenceUnit

SHA = "ab" * 32


def test_a_full_sidecar() -> None:
    raw = json.dumps(
        {
            "lines": 5120,
            "bytes_sent": 7340032,
            "sha256": SHA.upper(),
            "seq": {"unit": "line", "epoch": "1", "first": 880001, "next": 885121},
            "written_by": "a later version",
        }
    ).encode()
    sequence = Sequence(SequenceUnit.LINE, "1", 880001, 885121)
    for document in (raw, b"\xef\xbb\xbf" + raw):
        sidecar = parse_sidecar(document)
        assert sidecar.problems == ()
        assert sidecar.claims == Claims(5120, 7340032, bytes.fromhex(SHA), sequence)


def test_every_key_is_optional() -> None:
    assert parse_sidecar(b"{}") == parse_sidecar(b'{"lines": null, "sha256": null, "seq": null}')
    assert parse_sidecar(b"{}").claims == Claims()
    seq = parse_sidecar(b'{"seq": {"unit": "byte", "first": 0, "next": 0}}').claims.sequence
    assert seq == Sequence(SequenceUnit.BYTE, "", 0, 0)


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"lines": -1}, "lines"),
        ({"lines": "5"}, "lines"),
        ({"lines": 5.0}, "lines"),
        ({"lines": True}, "lines"),
        ({"lines": 10**12 + 1}, "lines"),
        ({"bytes_sent": 10**18 + 1}, "bytes_sent"),
        ({"bytes_sent": [1]}, "bytes_sent"),
        ({"sha256": SHA[:-1]}, "sha256"),
        ({"sha256": "xy" * 32}, "sha256"),
        ({"sha256": 5}, "sha256"),
        ({"seq": 5}, "seq"),
        ({"seq": {}}, "seq.unit"),
        ({"seq": {"unit": "word", "first": 1, "next": 2}}, "seq.unit"),
        ({"seq": {"unit": "line", "first": 1}}, "seq.next"),
        ({"seq": {"unit": "line", "first": 2, "next": 1}}, "seq.next"),
        ({"seq": {"unit": "line", "first": -2, "next": 1}}, "seq.first"),
        ({"seq": {"unit": "line", "epoch": 7, "first": 1, "next": 1}}, "seq.epoch"),
        ({"seq": {"unit": "line", "epoch": "\ud800", "first": 1, "next": 1}}, "seq.epoch"),
        ({"seq": {"unit": "line", "epoch": "e" * 256, "first": 1, "next": 1}}, "seq.epoch"),
    ],
)
def test_a_fault_is_told_with_its_place_and_the_other_keys_are_used(
    document: dict[str, Any], where: str
) -> None:
    good: dict[str, Any] = {"lines": 7, "bytes_sent": 9, "sha256": SHA}
    sidecar = parse_sidecar(json.dumps(good | document).encode())
    assert [problem.where for problem in sidecar.problems] == [where]
    problem = sidecar.problems[0]
    assert problem.found
    assert problem.expected
    str(problem).encode()
    wrong = next(iter(document))
    assert sidecar.claims == Claims(
        None if wrong == "lines" else 7,
        None if wrong == "bytes_sent" else 9,
        None if wrong == "sha256" else bytes.fromhex(SHA),
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"5",
        b"null",
        b"{",
        b"\xff\xfe{}",
        b"\x00" * 10,
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"lines": ' + b"9" * 5000 + b"}",
        b'{"lines": 1' + b" " * MAX_SIDECAR_BYTES + b"}",
    ],
)
def test_what_is_no_sidecar_at_all_is_one_problem_and_no_claim(raw: bytes) -> None:
    sidecar = parse_sidecar(raw)
    assert sidecar.claims == Claims()
    assert [problem.where for problem in sidecar.problems] == [""]
    assert len(str(sidecar.problems[0])) < 300


def test_every_fault_at_once() -> None:
    sidecar = parse_sidecar(b'{"lines": -1, "bytes_sent": "x", "sha256": "", "seq": []}')
    assert [problem.where for problem in sidecar.problems] == ["lines", "bytes_sent", "sha256", "seq"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["lines", "bytes_sent", "sha256", "seq", "unit", "epoch", "first", "next", "at"])


@given(
    st.binary(max_size=200)
    | st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON)).map(json.dumps).map(str.encode)
)
def test_any_bytes(raw: bytes) -> None:
    sidecar = parse_sidecar(raw)
    for problem in sidecar.problems:
        str(problem).encode()
    parse_counters(raw)


def test_counters() -> None:
    raw = b'{"at": "2026-11-01T03:01:00+03:00", "requests_total": 5, "bytes_sent_total": 0}'
    assert parse_counters(raw) == CounterReading(datetime(2026, 11, 1, 0, 1, tzinfo=UTC), 5, 0)
    assert parse_counters(b'{"at": "2026-11-01T00:01:00Z", "requests_total": 5}') == CounterReading(
        datetime(2026, 11, 1, 0, 1, tzinfo=UTC), 5, None
    )


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        (b"{}", "at"),
        (b'{"at": "2026-11-01T00:01:00", "requests_total": 5}', "at"),
        (b'{"at": "2026-11-01", "requests_total": 5}', "at"),
        (b'{"at": "0001-01-01T00:00:00+23:59", "requests_total": 5}', "at"),
        (b'{"at": 1793491200, "requests_total": 5}', "at"),
        (b'{"at": "2026-11-01T00:01:00Z"}', "requests_total"),
        (b'{"at": "2026-11-01T00:01:00Z", "requests_total": -1}', "requests_total"),
        (b'{"at": "2026-11-01T00:01:00Z", "bytes_sent_total": 1.5}', "bytes_sent_total"),
        (b"nothing", ""),
    ],
)
def test_counters_that_cannot_be_used(raw: bytes, where: str) -> None:
    problem = parse_counters(raw)
    assert isinstance(problem, SidecarProblem)
    assert problem.where == where
