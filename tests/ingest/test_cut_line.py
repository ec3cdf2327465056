"""The last line of a packed log that breaks off is malformed: a number in it may be cut, and would be billed."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pytest

from pipeline.aggregate import aggregate_files

LINE = b"1777593600.0\t%d\th.example\tGET\t/\t200\t1000\t900\tHIT\t0.1\t-\n"
VHOST = b'h.example 192.0.2.1 - - [01/May/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 1000\n'


def broken_off(content: bytes) -> bytes:
    """A gzip file that ends inside its member after exactly these bytes."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(content) + packer.flush(zlib.Z_SYNC_FLUSH)


@pytest.mark.parametrize("cut", [1, 2, 3, 20, len(VHOST) - 1])
def test_a_number_that_breaks_off_is_not_counted(tmp_path: Path, cut: int) -> None:
    log = tmp_path / "a.log.gz"
    log.write_bytes(broken_off((VHOST * 3)[:-cut]))
    found = aggregate_files([log], "vhost-common")
    assert (found.lines, found.parsed, found.malformed) == (3, 2, 1)
    assert found.malformed_at == [(str(log), 2 * len(VHOST), "cut")]
    (fault,) = found.faults
    assert "cut: the file ends" in fault[1]
    assert sum(found.to_arrow()["body_bytes"].to_pylist()) == 2000


def test_whole_lines_of_a_broken_file_count(tmp_path: Path) -> None:
    log = tmp_path / "a.log.gz"
    log.write_bytes(broken_off(VHOST * 3))
    found = aggregate_files([log], "vhost-common")
    assert (found.lines, found.parsed, found.malformed) == (3, 3, 0)


@pytest.mark.parametrize("end", [b"", b"#a comment", LINE[:-1] % 3])
def test_what_came_to_its_own_end_is_whole(tmp_path: Path, end: bytes) -> None:
    log = tmp_path / "a.log.gz"
    log.write_bytes(gzip.compress(LINE % 1 + LINE % 2 + end) + b"garbage behind it")
    found = aggregate_files([log], "edge-tsv")
    assert found.faults
    assert found.parsed == 2 + (end[:1] == b"1")
    assert "cut" not in {reason for _, _, reason in found.malformed_at}
