"""The quick way through a gzip file against the careful one: the same bytes, the same end, whatever the file holds."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.ingest import codecs
from pipeline.ingest.codecs import open_content
from pipeline.ingest.decoders import gzip_codec
from pipeline.ingest.errors import UnreadableError
from pipeline.ingest.quick_gzip import QuickGzip
from pipeline.ingest.unpack import Limits
from tests.ingest.packing import Read, lines, pack, read_all

CONTENT = lines(3000)
MEMBERS = [pack("gzip", CONTENT[:90_000]), pack("gzip", b""), pack("gzip", CONTENT[90_000:])]
NAMED = (
    b"\x1f\x8b\x08\x1e" + bytes(6) + b"\x04\x00abcd" + b"a name\0a comment\0"
)  # extra, name, comment, a wrong CRC
ROOMY = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)


def read_carefully(path: Path, **how: object) -> Read | str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codecs, "gzip_codec", lambda: replace(gzip_codec(), quick=None))
        return read_or_say(path, **how)


def read_or_say(path: Path, **how: object) -> Read | str:
    try:
        return read_all(path, **how)  # type: ignore[arg-type]
    except UnreadableError as error:
        return str(error)


def outcome(read: Read | str) -> tuple[object, ...]:
    if isinstance(read, str):
        return (read,)
    damage = read.damage and (read.damage.at, read.damage.reason)
    return (read.content, damage, read.codec, read.notes)


def test_the_quick_way_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "x.log.gz"
    path.write_bytes(b"".join(MEMBERS))
    with open_content(path) as content:
        assert isinstance(content._quick, QuickGzip)
        view = memoryview(bytearray(len(CONTENT) + 1))
        assert content.readinto(view) == len(CONTENT)
        assert view[:-1] == CONTENT
        assert content.readinto(view) == 0
        assert content._quick._careful is None, "a sound file needs no second reading"
        assert content.packed == path.stat().st_size


@ROOMY
@given(data=st.data())
def test_both_ways_tell_the_same(tmp_path: Path, data: st.DataObject) -> None:
    parts = data.draw(
        st.lists(st.sampled_from([*MEMBERS, NAMED, b"\0" * 700, b"\x1f", b"\x1f\x8b", b"x"]), max_size=5)
    )
    packed = bytearray(data.draw(st.sampled_from(MEMBERS)) + b"".join(parts))
    for at in data.draw(st.lists(st.integers(0, len(packed) * 8 - 1), max_size=2)):
        packed[at // 8] ^= 1 << at % 8
    path = tmp_path / "x.log.gz"
    path.write_bytes(packed[: data.draw(st.integers(0, len(packed)))] if data.draw(st.booleans()) else packed)
    how = {
        "piece": data.draw(st.integers(1000, 300_000)),
        "limits": Limits(data.draw(st.sampled_from([100_000, 1 << 30]))),
    }
    assert outcome(read_or_say(path, **how)) == outcome(read_carefully(path, **how))


def test_a_header_longer_than_any_buffer(tmp_path: Path) -> None:
    path = tmp_path / "x.log.gz"
    packed = gzip.compress(CONTENT)
    path.write_bytes(packed + b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * (3 << 20) + b"\0" + packed[10:])
    read = read_all(path)
    assert (read.content, read.damage) == (CONTENT + CONTENT, None)


def test_a_descriptor_in_the_middle_of_a_file_begins_again_where_it_stood(tmp_path: Path) -> None:
    path = tmp_path / "x.log.gz"
    path.write_bytes(b"before" + MEMBERS[0] + b"trash")
    with path.open("rb", buffering=0) as file:
        file.seek(6)
        read = read_all(file.fileno(), codec="gzip")
    assert read.content == CONTENT[:90_000]
    assert read.damage is not None
    assert read.damage.at == 90_000
