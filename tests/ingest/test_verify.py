"""Claims against readings: what is damage, what is evidence, and what counts as verified."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.verify import Reading, verify_reading
from pipeline.model import Claims, SegmentState, Sequence, SequenceUnit

SHA, OTHER = b"\xaa" * 32, b"\xbb" * 32
READ = Reading(lines=10, requests=10, content_bytes=1000, bytes_sent=5000, sha256=SHA)
LINE, BYTE = SequenceUnit.LINE, SequenceUnit.BYTE


@pytest.mark.parametrize(
    ("claims", "reading", "state", "verified", "says"),
    [
        ({}, {}, "received", False, []),
        ({}, {"lines": 0, "requests": 0, "bytes_sent": 0}, "empty", False, []),
        ({}, {"lines": 3, "requests": 0, "bytes_sent": 0}, "empty", False, []),  # only comments
        ({"lines": 0}, {"lines": 0, "requests": 0, "bytes_sent": 0}, "empty", True, []),
        (
            {"lines": 5},
            {"lines": 0, "requests": 0, "bytes_sent": 0},
            "damaged",
            False,
            ["0 lines", "claims 5"],
        ),
        ({"lines": 10}, {}, "received", True, []),
        ({"lines": 11}, {}, "damaged", False, ["10 lines", "claims 11"]),
        ({"sha256": SHA}, {}, "received", True, []),
        ({"sha256": OTHER}, {}, "damaged", False, ["sha256 is " + SHA.hex(), OTHER.hex()]),
        ({"sha256": OTHER}, {"sha256": b""}, "received", False, []),  # not computed: not checked
        ({"sha256": SHA, "lines": 11}, {}, "damaged", False, ["claims 11"]),
        ({"bytes_sent": 5000}, {}, "received", False, []),
        ({"bytes_sent": 5001}, {}, "damaged", False, ["bytes_sent is 5000", "claims 5001"]),
        ({"bytes_sent": 5001, "lines": 10}, {}, "damaged", False, ["5001"]),
        ({"bytes_sent": 5001}, {"left_out": 1}, "received", False, ["1 lines left out"]),
        ({"bytes_sent": 4999}, {"left_out": 1}, "damaged", False, ["claims 4999"]),
        ({"bytes_sent": 5001}, {"bytes_sent": None}, "received", False, []),
        ({}, {"damage": "gzip: cut"}, "damaged", False, ["gzip: cut"]),
        ({"lines": 10}, {"damage": "gzip: cut"}, "damaged", True, ["gzip: cut"]),
        ({"lines": 12}, {"damage": "gzip: cut"}, "damaged", False, ["gzip: cut", "claims 12"]),
        ({"sha256": SHA}, {"damage": "gzip: garbage behind"}, "received", True, ["garbage", "sha256 agrees"]),
        ({"sequence": Sequence(LINE, "", 5, 15)}, {}, "received", False, []),
        ({"sequence": Sequence(LINE, "", 5, 16)}, {}, "received", False, ["10 lines", "[5, 16) has 11"]),
        ({"sequence": Sequence(BYTE, "", 0, 1000)}, {}, "received", False, []),
        ({"sequence": Sequence(BYTE, "", 0, 999)}, {}, "received", False, ["1000 bytes", "has 999"]),
        ({"sequence": Sequence(LINE, "", 5, 15)}, {"seen": (5, 15)}, "received", False, []),
        (
            {"sequence": Sequence(LINE, "", 5, 15)},
            {"seen": (5, 15), "lines": 13, "repeated": 2},
            "received",
            False,
            [],
        ),
        (
            {"sequence": Sequence(LINE, "", 5, 15)},
            {"seen": (5, 15), "lines": 12, "repeated": 3},
            "received",
            False,
            ["9 lines", "has 10"],
        ),
        ({"sequence": Sequence(LINE, "", 5, 15)}, {"lines": 11}, "received", False, ["11 lines", "has 10"]),
        ({"sequence": Sequence(LINE, "", 5, 15)}, {"seen": (4, 14)}, "received", False, ["[4, 14), outside"]),
    ],
)
def test_judgements(
    claims: dict[str, Any], reading: dict[str, Any], state: str, verified: bool, says: list[str]
) -> None:
    verdict = verify_reading(Claims(**claims), replace(READ, **reading))
    assert (verdict.state, verdict.verified) == (SegmentState(state), verified)
    for words in says:
        assert words in verdict.reason
    assert bool(verdict.reasons) == bool(says)


def test_notes_are_evidence_only() -> None:
    verdict = verify_reading(
        Claims(lines=10), READ, ("named as gzip, but the content is plain; read as plain",)
    )
    assert (verdict.state, verdict.verified) == (SegmentState.RECEIVED, True)
    assert verdict.reasons == ("named as gzip, but the content is plain; read as plain",)


@given(
    lines=st.none() | st.integers(0, 3),
    bytes_sent=st.none() | st.integers(0, 3),
    sha256=st.none() | st.sampled_from([SHA, OTHER]),
    read_lines=st.integers(0, 3),
    read_bytes=st.none() | st.integers(0, 3),
    read_sha=st.sampled_from([SHA, b""]),
    damage=st.none() | st.just("cut"),
    left_out=st.integers(0, 1),
)
def test_laws(
    lines: int | None,
    bytes_sent: int | None,
    sha256: bytes | None,
    read_lines: int,
    read_bytes: int | None,
    read_sha: bytes,
    damage: str | None,
    left_out: int,
) -> None:
    reading = Reading(read_lines, read_lines, 9, read_bytes, left_out, sha256=read_sha, damage=damage)
    verdict = verify_reading(Claims(lines, bytes_sent, sha256), reading)
    if verdict.verified:
        assert lines is None or lines == read_lines
        assert sha256 is None or read_sha in (sha256, b"")
        assert lines is not None or sha256 is not None
    if verdict.state is SegmentState.DAMAGED or damage:
        assert verdict.reasons
    if verdict.state is not SegmentState.DAMAGED:
        assert (verdict.state is SegmentState.EMPTY) == (read_lines == 0)
