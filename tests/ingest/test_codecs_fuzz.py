"""Any bytes, any flipped bit, any cut: never an error but ours, never more than the truth of a cut, never a hang."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.ingest.errors import UnreadableError
from pipeline.ingest.unpack import Limits
from tests.ingest.packing import CODECS, PACKED, SUFFIX, Read, lines, pack, read_all

CONTENT = lines(3000)
WHOLE = {codec: pack(codec, CONTENT[:90_000]) + pack(codec, CONTENT[90_000:]) for codec in PACKED}
ROOMY = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)


def read_or_refuse(path: Path, **how: Any) -> Read | None:
    """What came out; `None` where the content was refused for good. Any other error fails the test."""
    try:
        return read_all(path, **how)
    except UnreadableError as error:
        if error.passing:
            raise
        return None


@pytest.mark.parametrize("codec", PACKED)
@ROOMY
@given(data=st.data())
def test_flipped_bits(tmp_path: Path, codec: str, data: st.DataObject) -> None:
    packed = bytearray(WHOLE[codec])
    for at in data.draw(st.lists(st.integers(0, len(packed) * 8 - 1), min_size=1, max_size=4)):
        packed[at // 8] ^= 1 << at % 8
    path = tmp_path / f"x.log{SUFFIX[codec]}"
    path.write_bytes(packed)
    read = read_or_refuse(path, piece=1 << 20, limits=Limits(1 << 20))
    if read is None:
        return
    assert len(read.content) <= 1 << 20
    if read.damage is None and read.codec == codec:
        # no checksum covers the gzip header and a few frame flags; what they do not cover they do not change
        assert read.content in (CONTENT, CONTENT[:90_000], CONTENT[90_000:], b"")
    again = read_or_refuse(path, piece=data.draw(st.integers(100, 200_000)), limits=Limits(1 << 20))
    assert again is not None
    assert again.content == read.content, "what is handed out does not depend on the caller's buffer"
    assert (again.damage and again.damage.at) == (read.damage and read.damage.at)


@pytest.mark.parametrize("codec", PACKED)
@ROOMY
@given(data=st.data())
def test_cuts(tmp_path: Path, codec: str, data: st.DataObject) -> None:
    path = tmp_path / f"x.log{SUFFIX[codec]}"
    path.write_bytes(WHOLE[codec][: data.draw(st.integers(0, len(WHOLE[codec])))])
    read = read_all(path, piece=data.draw(st.integers(500, 200_000)))
    assert CONTENT.startswith(read.content)


@ROOMY
@given(
    named=st.sampled_from(CODECS),
    magic=st.sampled_from(
        [b"", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"\x51\x2a\x4d\x18"]
    ),
    rest=st.binary(max_size=300),
)
def test_any_bytes(tmp_path: Path, named: str, magic: bytes, rest: bytes) -> None:
    path = tmp_path / f"x.log{SUFFIX[named]}"
    path.write_bytes(magic + rest)
    read = read_or_refuse(path, limits=Limits(1 << 22))
    if read is not None and read.codec == "plain":
        assert read.content == magic + rest


@pytest.mark.nightly
@pytest.mark.parametrize("codec", PACKED)
def test_every_bit_flipped_once(tmp_path: Path, codec: str) -> None:
    whole = pack(codec, CONTENT[:1500]) + pack(codec, CONTENT[1500:2000])
    path = tmp_path / f"x.log{SUFFIX[codec]}"
    open_files = len(list(Path("/proc/self/fd").iterdir()))
    for at in range(len(whole) * 8):
        packed = bytearray(whole)
        packed[at // 8] ^= 1 << at % 8
        path.write_bytes(packed)
        read_or_refuse(path, limits=Limits(1 << 20))
    assert len(list(Path("/proc/self/fd").iterdir())) == open_files
