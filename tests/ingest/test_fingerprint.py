"""What is no regular file is no sidecar, whatever its name: the segment beside it is read, once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.ingest.codecs import open_content
from pipeline.ingest.spool import Spool


@pytest.mark.parametrize(
    "make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")], ids=["folder", "fifo", "link"]
)
def test_an_odd_sidecar_is_none(tmp_path: Path, make: Callable[[Path], None]) -> None:
    segment = tmp_path / "e1" / "20261101T0000Z.log"
    segment.parent.mkdir()
    segment.write_bytes(b"a line\n")
    make(segment.with_name(f"{segment.name}.json"))
    os.utime(segment, (0, 0))
    spool = Spool(tmp_path)
    look = spool.look(1793491200.0)
    assert len(look.problems) == (make is not Path.mkdir)  # a folder is walked
    (found,) = look.found
    with open_content(spool.claim(found)) as content:
        assert content.readinto(memoryview(bytearray(100))) == 7
        assert content.changed() is None
