"""Contents packed by the reference tools come out whole; cut and broken ones as far as they can be read."""

from __future__ import annotations

import gzip
import os
import sys
import threading
import time
from pathlib import Path

import lz4.frame
import pytest

from pipeline.ingest.codecs import open_content
from pipeline.ingest.errors import UnreadableError
from tests.ingest.packing import CODECS, PACKED, SUFFIX, lines, pack, read_all, zstd

CONTENT = lines(12_000)  # several blocks and steps of every codec


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    "content", [b"", b"\n", b"one line", CONTENT], ids=["empty", "newline", "line", "many"]
)
@pytest.mark.parametrize("piece", [1, 977, 1 << 20])
def test_a_whole_file_comes_out_whole(tmp_path: Path, codec: str, content: bytes, piece: int) -> None:
    content = content[: 40 * piece] if piece < 100 else content
    path = tmp_path / f"x.log{SUFFIX[codec]}"
    path.write_bytes(pack(codec, content))
    read = read_all(path, piece=piece)
    assert (read.content, read.damage, read.notes) == (content, None, ())
    assert read.codec == codec


@pytest.mark.parametrize("codec", PACKED)
def test_several_members_are_one_content(tmp_path: Path, codec: str) -> None:
    pieces = [CONTENT[:300_000], b"", b"x", CONTENT[300_000:], b"\n" * 5000]
    path = tmp_path / f"x.log{SUFFIX[codec]}"
    path.write_bytes(b"".join(pack(codec, piece) for piece in pieces))
    assert read_all(path).content == b"".join(pieces)


@pytest.mark.parametrize("codec", PACKED)
def test_thousands_of_tiny_members_cost_no_quadratic_time(tmp_path: Path, codec: str) -> None:
    one = pack(codec, b"a\n") + pack(codec, b"")
    path = tmp_path / f"x.log{SUFFIX[codec]}"
    path.write_bytes(one * 20_000)  # 10 GB of copies, if every member copied the chunk behind it
    assert read_all(path).content == b"a\n" * 20_000


@pytest.mark.parametrize("codec", PACKED)
def test_a_file_cut_anywhere_gives_a_prefix_and_says_so(tmp_path: Path, codec: str) -> None:
    first, second = CONTENT[:200_000], CONTENT[200_000:]
    packed = pack(codec, first)
    whole = packed + pack(codec, second)
    path = tmp_path / f"x.log{SUFFIX[codec]}"
    cuts = {*range(30), *range(len(packed) - 20, len(packed) + 20), *range(len(whole) - 20, len(whole))}
    for cut in sorted(cuts | {len(whole) * step // 23 for step in range(23)}):
        path.write_bytes(whole[:cut])
        read = read_all(path)
        assert CONTENT.startswith(read.content)
        if cut == len(packed):
            assert (read.content, read.damage) == (first, None), "a cut between members cannot be seen"
        else:
            assert read.damage is not None, cut
            assert read.damage.at == len(read.content)
            assert len(read.content) >= len(first) or cut < len(packed)


def test_what_a_cut_gzip_holds_is_what_zlib_finds_in_it(tmp_path: Path) -> None:
    import zlib

    packed = pack("gzip", CONTENT)
    path = tmp_path / "x.log.gz"
    for cut in range(100, len(packed), len(packed) // 17):
        path.write_bytes(packed[:cut])
        known = zlib.decompressobj(31).decompress(packed[:cut])
        found = read_all(path).content
        assert known.startswith(found)
        assert len(known) - len(found) <= 8, (
            "ISA-L keeps back the symbols that the next bits might still change"
        )
    for cut in range(len(packed) - 8, len(packed)):
        path.write_bytes(packed[:cut])
        assert read_all(path).content == CONTENT


@pytest.mark.parametrize("codec", PACKED)
@pytest.mark.parametrize("piece", [4096, 1 << 20])
def test_a_wrong_checksum_is_damage_after_the_last_byte(tmp_path: Path, codec: str, piece: int) -> None:
    packed = bytearray(pack(codec, CONTENT))
    packed[-6 if codec == "gzip" else -2] ^= 1
    path = tmp_path / f"x.log{SUFFIX[codec]}"
    path.write_bytes(packed + pack(codec, b"never read\n"))
    read = read_all(path, piece=piece)
    assert read.content == CONTENT
    assert read.damage is not None
    assert read.damage.at == len(CONTENT)
    assert codec in read.damage.reason


def test_the_bytes_before_a_fault_in_the_middle_are_handed_out(tmp_path: Path) -> None:
    # stored blocks have no coding: a wrong block header is met exactly where it stands
    import zlib

    deflate = zlib.compressobj(0, zlib.DEFLATED, 31)
    head = deflate.compress(CONTENT[:500_000]) + deflate.flush(zlib.Z_FULL_FLUSH)
    path = tmp_path / "x.log.gz"
    path.write_bytes(head + b"\x07" + pack("gzip", CONTENT))  # block type 3 does not exist
    read = read_all(path)
    assert read.content == CONTENT[:500_000]
    assert read.damage is not None
    assert read.damage.at == 500_000


@pytest.mark.parametrize("codec", PACKED)
def test_garbage_after_the_last_member_is_damage(tmp_path: Path, codec: str) -> None:
    path = tmp_path / f"x.log{SUFFIX[codec]}"
    for garbage in (b"garbage", b"g", b"\x00\x00g"):
        path.write_bytes(pack(codec, CONTENT) + garbage)
        read = read_all(path)
        assert read.content == CONTENT
        assert read.damage is not None
        assert "member 1" in read.damage.reason


def test_zeros_after_gzip_are_padding(tmp_path: Path) -> None:
    path = tmp_path / "x.log.gz"
    path.write_bytes(pack("gzip", CONTENT) + bytes(300_001) + pack("gzip", b"more\n") + bytes(7))
    read = read_all(path)
    assert (read.content, read.damage) == (CONTENT + b"more\n", None)


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_skippable_frames_are_skipped(tmp_path: Path, codec: str) -> None:
    skippable = b"\x53\x2a\x4d\x18\x05\x00\x00\x00hello"
    path = tmp_path / f"x.log{SUFFIX[codec]}"
    path.write_bytes(skippable + pack(codec, b"a\n") + skippable + pack(codec, b"b\n") + skippable)
    read = read_all(path)
    assert (read.content, read.damage, read.notes) == (b"a\nb\n", None, ())


@pytest.mark.parametrize("named", CODECS)
@pytest.mark.parametrize("true", CODECS)
def test_the_content_decides_not_the_name(tmp_path: Path, named: str, true: str) -> None:
    path = tmp_path / f"x.log{SUFFIX[named]}"
    path.write_bytes(pack(true, CONTENT))
    read = read_all(path)
    assert (read.content, read.damage, read.codec) == (CONTENT, None, true)
    assert bool(read.notes) == (named != true)
    for note in read.notes:
        assert named in note
        assert true in note


@pytest.mark.parametrize("codec", PACKED)
def test_bytes_that_are_no_codec_at_all_are_unreadable(tmp_path: Path, codec: str) -> None:
    path = tmp_path / f"x.log{SUFFIX[codec]}"
    path.write_bytes(b"\x00\x01\x02\x03 nothing that anybody knows")
    with pytest.raises(UnreadableError, match=f"not {codec}.*00 01 02 03") as caught:
        read_all(path)
    assert not caught.value.passing


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\xfd7zXZ\x00\x00", "xz"),
        (b"BZh91AY&SY", "bzip2"),
        (b"PK\x03\x04", "zip"),
        (b"\x02\x21\x4c\x18", "lz4 -l"),
    ],
)
def test_other_packings_are_refused_by_name(tmp_path: Path, head: bytes, name: str) -> None:
    for suffix in SUFFIX.values():
        path = tmp_path / f"x.log{suffix}"
        path.write_bytes(head + bytes(100))
        with pytest.raises(UnreadableError, match=name) as caught:
            read_all(path)
        assert not caught.value.passing


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="gone") as caught:
        open_content(tmp_path / "nothing.log")
    assert caught.value.passing
    with pytest.raises(UnreadableError, match="folder") as caught:
        open_content(tmp_path)
    assert not caught.value.passing
    with pytest.raises(UnreadableError, match="codec 'brotli' is not known"):
        open_content(Path(__file__), codec="brotli")


@pytest.mark.parametrize("codec", CODECS)
def test_a_pipe_that_comes_in_drops(codec: str) -> None:
    packed = pack(codec, CONTENT)
    inward, outward = os.pipe()

    def drip() -> None:
        with os.fdopen(outward, "wb", buffering=0) as pipe:
            for at in range(3):
                pipe.write(packed[at : at + 1])
            pipe.write(packed[3:])

    writer = threading.Thread(target=drip)
    writer.start()
    try:
        assert read_all(inward, piece=65_536).content == CONTENT
        os.fstat(inward)  # stays open: it is the caller's
    finally:
        os.close(inward)
        writer.join()


def test_an_open_file_is_read_from_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "x"
    broken = bytearray(pack("gzip", CONTENT))
    broken[-6] ^= 1
    path.write_bytes(b"header\n" + broken)
    fd = os.open(path, os.O_RDONLY)
    try:
        os.lseek(fd, 7, os.SEEK_SET)
        read = read_all(fd)
        assert read.codec == "gzip"
        assert read.content == CONTENT
        assert read.damage is not None
    finally:
        os.close(fd)


def test_an_end_is_told_again(tmp_path: Path) -> None:
    path = tmp_path / "x.log.gz"
    path.write_bytes(pack("gzip", b"a\n"))
    view = memoryview(bytearray(10))
    with open_content(path) as content:
        assert [content.readinto(view) for _ in range(3)] == [2, 0, 0]
        assert content.readinto(view[:0]) == 0
    content.close()


def test_a_view_of_any_item_size(tmp_path: Path) -> None:
    import array

    path = tmp_path / "x.log.gz"
    path.write_bytes(gzip.compress(bytes(range(256))))
    target = array.array("q", bytes(256))
    with open_content(path) as content:
        assert content.readinto(memoryview(target)) == 256
    assert target.tobytes() == bytes(range(256))


def test_a_zstd_window_above_the_limit_is_refused_with_the_way_out(tmp_path: Path) -> None:
    module = zstd()
    options = {module.CompressionParameter.window_log: 28}
    path = tmp_path / "x.log.zst"
    pack_one = module.ZstdCompressor(options=options)
    path.write_bytes(pack_one.compress(b"a\n") + pack_one.flush())
    read = read_all(path)
    assert read.content == b""
    assert read.damage is not None
    assert "--long=27" in read.damage.reason


def test_lz4_frames_of_every_kind(tmp_path: Path) -> None:
    path = tmp_path / "x.log.lz4"
    for size in (lz4.frame.BLOCKSIZE_MAX64KB, lz4.frame.BLOCKSIZE_MAX1MB, lz4.frame.BLOCKSIZE_MAX4MB):
        for linked in (False, True):
            path.write_bytes(
                lz4.frame.compress(
                    CONTENT, block_size=size, block_linked=linked, block_checksum=True, store_size=True
                )
            )
            assert read_all(path).content == CONTENT


@pytest.mark.parametrize("codec", PACKED)
def test_others_run_while_it_unpacks(tmp_path: Path, codec: str) -> None:
    """The GIL is let go of: with forced switches out of the way, another thread still gets its turns."""
    path = tmp_path / f"x.log{SUFFIX[codec]}"
    path.write_bytes(pack(codec, CONTENT) * 60)
    turns = 0
    before = sys.getswitchinterval()
    sys.setswitchinterval(60)
    try:
        reader = threading.Thread(target=read_all, args=(path,), kwargs={"piece": 64 << 20})
        reader.start()
        while reader.is_alive():
            turns += 1
            time.sleep(0)
        reader.join()
    finally:
        sys.setswitchinterval(before)
    assert turns > 5
