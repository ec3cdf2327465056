"""Segments of which not one line is of the configured format: quarantined with the reason, whatever they are."""

from __future__ import annotations

import gzip
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.attempt import Attempt, attempt_segment
from pipeline.coverage.claims import claims_of
from pipeline.flow_read import SegmentReader
from pipeline.flow_source import SpoolSource
from pipeline.formats.load import load_format
from pipeline.ingest.fingerprint import fingerprint_file
from pipeline.model import Claims, LedgerEntry, Origin, Segment, Sequence, SequenceUnit
from pipeline.runners import run
from tests.flow.standin import MemoryStore, states

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ORIGIN = Origin("e1", "access", 29_922_010)
GOOD = b"1795320600.1\t-\ta.ru\tGET\t/\t200\t500\t400\tHIT\t3\t-\n"
BAD_BYTES = GOOD.replace(b"\t500\t", b"\t5k\t")
JSON = b'{"msec":"1795320600.1","status":"200","bytes_sent":"500","body_bytes_sent":"400","host":"a.ru"}\n'
NOISE = hashlib.shake_256(b"noise").digest(50_000)
SCRIPT = b"#!/bin/sh\n\nset -e\nfor each in *; do\n  echo $each\ndone\n"


def attempt(folder: Path, content: bytes, fmt: str = "edge-tsv", **claims: Any) -> Attempt:
    path = folder / "segment.log"
    path.write_bytes(content)
    fingerprint = fingerprint_file(str(path)) or ""
    segment = Segment(ORIGIN, str(path), "plain", len(content), fingerprint, Claims(**claims))
    found = attempt_segment(segment, SegmentReader(load_format(fmt)), NOW)
    assert isinstance(found, Attempt)
    return found


def entry(folder: Path, content: bytes, fmt: str = "edge-tsv", **claims: Any) -> LedgerEntry:
    return attempt(folder, content, fmt, **claims).entry


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (b"", "empty"),
        (b"\n\n\n", "empty"),
        (b"\r\n\r\n", "empty"),
        (GOOD, "received"),
        (GOOD.rstrip(), "received"),
        (JSON * 9 + GOOD, "received"),  # a single line that counts: its segment keeps it
        (JSON, "quarantined"),
        (JSON * 10, "quarantined"),
        (b"# a comment\n\n" + JSON, "quarantined"),
        (BAD_BYTES, "quarantined"),
        (BAD_BYTES * 3, "quarantined"),
        (GOOD[:20], "quarantined"),
        (NOISE, "quarantined"),
        (SCRIPT, "quarantined"),
        (b"\x00" * 5_000, "quarantined"),
    ],
)
def test_what_is_no_log_of_the_format(tmp_path: Path, content: bytes, state: str) -> None:
    found = attempt(tmp_path, content)
    assert found.entry.state == state
    assert (found.usage is None) == (state == "quarantined")
    if state == "quarantined":
        assert found.entry.reason
        assert found.entry.malformed >= len(found.entry.malformed_at) > 0
        assert (found.entry.lines, found.entry.bytes_sent, found.runs) == (0, 0, ())


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (b"# nothing\n# today\n", "empty"),
        (b"\n#Version: 1.0\r\n#Fields: date time cs-host sc-status sc-bytes\r\n\r\n", "empty"),
        (b"#Fields: date time cs-host sc-status sc-bytes\n2026-11-22 12:10:00 a.ru 200 500\n", "received"),
        (b"#Fields: cs-host sc-status sc-bytes\na.ru 200 500\nb.ru 200 500\n", "quarantined"),
        (b"2026-11-22 12:10:00 a.ru 200 500\n", "quarantined"),  # its header is lost
    ],
)
def test_comments_and_headers_are_no_lines_of_requests(tmp_path: Path, content: bytes, state: str) -> None:
    assert entry(tmp_path, content, "w3c").state == state


def test_the_reason_names_the_format_that_the_log_is_of(tmp_path: Path) -> None:
    reason = entry(tmp_path, JSON * 10).reason
    assert reason == (
        "none of its 10 lines can be read as edge-tsv (at byte 0: columns); "
        "nginx-json reads them: is spool.format right?"
    )
    reason = entry(tmp_path, GOOD, "nginx-json").reason
    assert reason == (
        "its only line cannot be read as nginx-json (at byte 0: json); edge-tsv reads it: is spool.format right?"
    )
    behind = b"<14>Nov 22 12:00:00 e1 nginx[7]: " + JSON
    assert "nginx-json" in entry(tmp_path, behind * 3).reason
    packed = entry(tmp_path, gzip.compress(JSON * 10))
    assert "nginx-json reads them" in packed.reason


def test_a_reason_names_no_format_where_none_reads_the_lines(tmp_path: Path) -> None:
    for content in (SCRIPT, NOISE, BAD_BYTES):
        assert "reads them" not in entry(tmp_path, content).reason


def test_lines_that_claim_so_much_that_sums_would_wrap(tmp_path: Path) -> None:
    """Of one line more than any response sends is malformed; a content of many such is no log of bytes."""
    most = GOOD.replace(b"\t500\t", b"\t9999999999999999\t")
    found = entry(tmp_path, most * 100)
    assert (found.state, found.bytes_sent) == ("received", 100 * (10**16 - 1))
    found = entry(tmp_path, GOOD + most.replace(b"\t9", b"\t+99"))
    assert (found.state, found.malformed, found.bytes_sent) == ("received", 1, 500)
    for content in (most * 120, most * 5_000, most.replace(b"\t400\t", b"\t9999999999999999\t") * 120):
        found = entry(tmp_path, content)
        assert (found.state, found.lines, found.format) == ("quarantined", 0, "edge-tsv")
        assert found.reason == "its lines claim more than 1.15 EB: is that column a count of bytes?"


def test_what_is_wrong_with_the_sidecar_stands_in_the_reason_too(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"other").digest()
    found = entry(tmp_path, JSON * 3, lines=4, sha256=digest)
    assert found.state == "quarantined"
    assert not found.verified
    assert "nginx-json reads them" in found.reason
    assert "3 lines, the sidecar claims 4" in found.reason
    assert digest.hex() in found.reason


def test_a_right_sidecar_does_not_make_it_win_over_what_can_be_read(tmp_path: Path) -> None:
    sent = JSON * 30
    unread = entry(tmp_path, sent, lines=30, sha256=hashlib.sha256(sent).digest())
    assert unread.reason.endswith("; as many as the sidecar claims")
    cut = entry(tmp_path, gzip.compress(GOOD * 2_000, 0)[:-400])
    assert cut.state == "damaged"
    assert unread.rank < cut.rank
    assert unread.rank < entry(tmp_path, GOOD).rank


def test_numbers_say_all_that_it_lacks(tmp_path: Path) -> None:
    numbers = Sequence(SequenceUnit.LINE, "p", 100, 110)
    found = entry(tmp_path, JSON * 10, sequence=numbers)
    assert (found.state, found.sequence, found.lines) == ("quarantined", numbers, 0)


def test_the_beginning_of_a_line_comes_whole_in_the_next_segment(tmp_path: Path) -> None:
    """Where a shipper numbers bytes; its offsets tell whether the rest came."""
    found = attempt(tmp_path, GOOD[:20], sequence=Sequence(SequenceUnit.BYTE, "1", 0, 20))
    assert (found.entry.state, found.entry.malformed, found.runs) == ("received", 1, ())
    found = attempt(tmp_path, JSON + GOOD[:20], sequence=Sequence(SequenceUnit.BYTE, "1", 0, len(JSON) + 20))
    assert found.entry.state == "quarantined"


@pytest.mark.parametrize(
    ("content", "claims", "lost"),
    [
        (JSON * 10, {}, 10),  # another format reads them
        (JSON, {}, 1),
        (JSON * 10, {"lines": 10}, 10),
        (JSON * 10, {"lines": 12}, 12),
        (BAD_BYTES, {}, 1),  # of the format, but for a value
        (BAD_BYTES * 2, {"lines": 2}, 2),
        (SCRIPT, {"lines": 6}, 5),  # one is blank
        (SCRIPT, {}, None),  # nobody knows what it was
        (SCRIPT, {"sha256": b"x" * 32}, None),
        (NOISE, {}, None),
    ],
)
def test_how_many_lines_are_lost_where_that_is_known(
    tmp_path: Path, content: bytes, claims: dict[str, Any], lost: int | None
) -> None:
    found = entry(tmp_path, content, **claims)
    assert found.state == "quarantined"
    row = {"edge": "e1", "stream": "access", "at_s": ORIGIN.minute * 60, "state": "quarantined"}
    told = claims_of([row | {"reason": found.reason}])
    assert [(claim.minute, claim.lost_lines) for claim in told] == (
        [] if lost is None else [(ORIGIN.minute, lost)]
    )


def test_a_sidecar_that_knows_the_bytes_sent_says_what_they_are(tmp_path: Path) -> None:
    reason = entry(tmp_path, JSON * 10, lines=10, bytes_sent=5_000).reason
    row = {"edge": "e1", "stream": "access", "at_s": 60, "state": "quarantined", "reason": reason}
    assert [(claim.lost_lines, claim.lost_bytes) for claim in claims_of([row])] == [(10, 5_000)]


def test_when_the_format_is_mended_a_file_fills_its_minute(tmp_path: Path) -> None:
    """Once for each format, so that formats that go back and forth read nothing again and again."""
    path, store = tmp_path / "e1" / "20261122T1030Z.log", MemoryStore()
    path.parent.mkdir()
    path.write_bytes(JSON * 10)
    os.utime(path, (1_795_343_500, 1_795_343_500))
    found = []
    for fmt in ("edge-tsv", "edge-tsv", "combined", "edge-tsv", "nginx-json", "edge-tsv", "nginx-json"):
        source = SpoolSource(tmp_path)
        run([source], store, load_format(fmt), once=True, now=lambda: datetime.now(UTC))
        source.close()
        requests = sum(requests for requests, _ in store.usage().values())
        found.append((*states(store).values(), requests, len(store.ledger)))
    unread = [("quarantined", 0, attempts) for attempts in (1, 1, 2, 2)]
    assert found == [*unread, *[("received", 10, 3)] * 3]


def test_what_no_format_could_read_is_not_read_again_for_another(tmp_path: Path) -> None:
    path, store = tmp_path / "e1" / "20261122T1030Z.log.gz", MemoryStore()
    path.parent.mkdir()
    path.write_bytes(b"PK\x03\x04" + NOISE[:50])
    os.utime(path, (1_795_343_500, 1_795_343_500))
    for fmt in ("edge-tsv", "nginx-json"):
        source = SpoolSource(tmp_path)
        run([source], store, load_format(fmt), once=True, now=lambda: datetime.now(UTC))
        source.close()
    assert [(e.state, e.format) for e in store.ledger] == [("quarantined", "")]
