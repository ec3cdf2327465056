"""What is kept of unreadable segments, once, wherever the folder lies; the spool stays as it is."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.ingest.quarantine import Quarantine
from pipeline.ingest.spool import scan
from pipeline.model import Segment

NOW = datetime(2026, 11, 1, 0, 5, tzinfo=UTC)
GARBAGE = b"\x00\x01\x02\x03 no gzip"


@pytest.fixture
def segment(tmp_path: Path) -> Segment:
    path = tmp_path / "spool" / "e1" / "20261101T0000Z.2.log.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(GARBAGE)
    (found,) = scan(tmp_path / "spool", 4e9)
    return found


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_link_and_the_reason(tmp_path: Path, segment: Segment) -> None:
    box = Quarantine(str(tmp_path / "box"))
    note = box.keep(segment, "is not gzip", NOW)
    kept, reason = listing(tmp_path / "box")
    assert kept.startswith("e1/access/20261101T0000Z.2-")
    assert kept.endswith(".log.gz")
    assert reason == f"{kept}.reason.json"
    assert (tmp_path / "box" / kept).read_bytes() == GARBAGE
    assert (tmp_path / "box" / kept).samefile(segment.path)
    document = json.loads(note.read_text())
    assert document["reason"] == "is not gzip"
    assert (document["edge"], document["stream"], document["minute"]) == (
        "e1",
        "access",
        "2026-11-01T00:00:00Z",
    )
    assert document["kept"] == Path(kept).name
    assert listing(tmp_path / "spool") == ["e1/20261101T0000Z.2.log.gz"]
    (again,) = scan(tmp_path / "spool", 4e9)
    assert again.fingerprint == segment.fingerprint, "quarantine must not make a new version"


def test_keeping_again_changes_nothing_and_another_version_is_kept_besides(
    tmp_path: Path, segment: Segment
) -> None:
    box = Quarantine(str(tmp_path / "box"))
    first = box.keep(segment, "is not gzip", NOW)
    before = first.read_bytes()
    assert box.keep(segment, "another reason", NOW) == first
    assert first.read_bytes() == before
    other = tmp_path / "spool" / "new"
    other.write_bytes(b"\x05other garbage")
    other.rename(segment.path)
    (changed,) = scan(tmp_path / "spool", 4e9)
    assert box.keep(changed, "is not gzip", NOW) != first
    assert len(listing(tmp_path / "box")) == 4


def test_another_file_system_gets_a_copy(
    tmp_path: Path, segment: Segment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_links)
    note = Quarantine(str(tmp_path / "box")).keep(segment, "is not gzip", NOW)
    kept = tmp_path / "box" / listing(tmp_path / "box")[0]
    assert kept.read_bytes() == GARBAGE
    assert not kept.samefile(segment.path)
    assert len(listing(tmp_path / "box")) == 2
    small = Quarantine(str(tmp_path / "small"), max_copy_bytes=3).keep(segment, "is not gzip", NOW)
    assert "max_copy_bytes" in json.loads(small.read_text())["not_kept_because"]
    Path(segment.path).unlink()
    gone = Quarantine(str(tmp_path / "gone")).keep(segment, "is not gzip", NOW)
    assert "No such file" in json.loads(gone.read_text())["not_kept_because"]
    assert note.exists()


def test_a_crash_before_the_note_is_made_good(tmp_path: Path, segment: Segment) -> None:
    box = Quarantine(str(tmp_path / "box"))
    note = box.keep(segment, "is not gzip", NOW)
    note.unlink()
    assert box.keep(segment, "is not gzip", NOW) == note
    assert len(listing(tmp_path / "box")) == 2
