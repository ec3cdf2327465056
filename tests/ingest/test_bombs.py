"""Small files that unpack to gigabytes stop at a limit that is named, in memory that does not grow."""

from __future__ import annotations

import functools
import tracemalloc
from pathlib import Path

import pytest

from pipeline.ingest.codecs import open_content
from pipeline.ingest.errors import DamagedError
from pipeline.ingest.inflate import find_functions
from pipeline.ingest.unpack import NO_LIMITS, Limits
from tests.ingest.packing import SUFFIX, pack, read_all

GIB = 1 << 30


@functools.cache
def gib_of_zeros(codec: str) -> bytes:
    """Members that hold 1 GiB together: ten of it are 10 GiB, and cheap to make."""
    return pack(codec, bytes(64 << 20)) * 16


def drain(path: Path, limits: Limits | None) -> tuple[int, DamagedError | None]:
    view = memoryview(bytearray(4 << 20))
    total = 0
    with open_content(path, limits=limits) as content:
        try:
            while count := content.readinto(view):
                total += count
        except DamagedError as error:
            return total, error
    return total, None


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_ten_gibibytes_of_zeros(tmp_path: Path, codec: str) -> None:
    path = tmp_path / f"x.log{SUFFIX[codec]}"
    with path.open("wb") as file:
        for _ in range(10):
            file.write(gib_of_zeros(codec))
    assert path.stat().st_size < 11 << 20
    find_functions()  # compiles a kernel, once a machine: that takes memory of its own
    tracemalloc.start()
    total, error = drain(path, None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error is not None
    assert "more than 1,000 times" in error.reason
    assert "in several parts" in error.reason
    assert error.at == total
    assert Limits().ratio_from <= total < 3 * GIB
    assert peak < 16 << 20


@pytest.mark.parametrize("codec", ["gzip", "zstd", "lz4"])
def test_the_size_limit_holds_to_the_byte(tmp_path: Path, codec: str) -> None:
    path = tmp_path / f"x.log{SUFFIX[codec]}"
    path.write_bytes(gib_of_zeros(codec))
    total, error = drain(path, Limits(max_unpacked_bytes=300_000_001, max_ratio=None))
    assert total == 300_000_001
    assert error is not None
    assert "more than 300,000,001 bytes" in error.reason


@pytest.mark.parametrize("codec", ["gzip", "zstd", "lz4"])
def test_a_content_of_just_the_limit_is_whole(tmp_path: Path, codec: str) -> None:
    content = b"0123456789" * 50_000
    path = tmp_path / f"x.log{SUFFIX[codec]}"
    path.write_bytes(pack(codec, content))
    assert read_all(path, limits=Limits(500_000)).damage is None
    short = read_all(path, limits=Limits(499_999))
    assert short.content == content[:-1]
    assert short.damage is not None


def test_without_limits_everything_comes(tmp_path: Path) -> None:
    path = tmp_path / "x.log.zst"
    path.write_bytes(gib_of_zeros("zstd"))
    assert drain(path, NO_LIMITS) == (GIB, None)


def test_plain_files_have_no_limit(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    with path.open("wb") as file:
        file.truncate(3_000_000)
    assert drain(path, Limits(1000, 1, 0)) == (3_000_000, None)
