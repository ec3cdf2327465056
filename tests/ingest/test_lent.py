"""Stretches that a content lends, against the same content asked for piece by piece: the same sums, digest and end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernels import layout
from pipeline import tally as tallies
from pipeline.formats.compiled import compile_format
from pipeline.formats.load import load_format
from pipeline.ingest import codecs, digest, inflate, quick_gzip
from pipeline.ingest.codecs import Content, open_content
from pipeline.ingest.digest import ContentDigest
from pipeline.ingest.errors import ContentError
from pipeline.ingest.unpack import NO_LIMITS, Limits
from pipeline.tally import Tally
from tests.ingest.packing import pack

LINES = [
    f"{1793491200 + n // 50}.250\t{n}\tr{n % 97}.example\tGET\t/{n * 7919:x}\t{200 + n % 3}\t{n * 31}\t7\tHIT\t1\t-\n"
    for n in range(9_000)
]
CONTENT = "".join(LINES).encode()
CUT = 200_000
MEMBERS = [pack("gzip", CONTENT[:CUT]), pack("gzip", b""), pack("gzip", CONTENT[CUT:])]
ROOMY = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=250)


class Asked:
    """A content that lends nothing."""

    def __init__(self, content: Content) -> None:
        self.readinto = content.readinto


def count(path: Path, tally: Tally, *, lent: bool, sha256: bool = False, limits: Limits = NO_LIMITS) -> Any:
    """All that a tally and a digest tell of a file, and how it ended."""
    tally.clear()
    summed, fault = ContentDigest(sha256), ""
    with open_content(path, limits=limits) as content:
        try:
            tally.scan(
                content if lent else Asked(content), compile_format(load_format("edge-tsv")), digest=summed
            )
        except ContentError as error:
            fault = str(error)
        assert content.unpacked == tally.content_bytes
        read = content.packed
    groups = tally.groups()
    names = tally.names().to_list()
    resources = (names[n] for n in groups.name.tolist())
    usage = sorted(zip(groups.minute.tolist(), resources, groups.sums.T.tolist(), strict=True))
    counters = tuple(tally.state[:7].tolist())
    told = (counters, usage, tally.malformed_at(), tally.seen(), tally.runs(), tally.content_bytes, fault)
    return (*told, summed.digest(), summed.sha256()), read


def small_stretches(monkeypatch: pytest.MonkeyPatch, lent: int) -> None:
    """Many stretches out of a small content."""
    monkeypatch.setattr(tallies, "PACKED_STRETCH", 5_000)
    monkeypatch.setattr(tallies, "STRETCH", 9_000)
    monkeypatch.setattr(quick_gzip, "MOST_LENT", lent)
    monkeypatch.setattr(codecs, "MOST_LENT", lent)
    monkeypatch.setattr(inflate, "INPUT", 1_000)
    monkeypatch.setattr(inflate, "_FREE", type(inflate._FREE)())


@pytest.mark.parametrize("codec", ["plain", "gzip"])
@pytest.mark.parametrize("sha256", [False, True])
def test_a_sound_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str, sha256: bool) -> None:
    small_stretches(monkeypatch, 70_000)
    path = tmp_path / ("x.log" + ".gz" * (codec == "gzip"))
    path.write_bytes(CONTENT if codec == "plain" else b"".join(MEMBERS))
    lends: list[int] = []
    lend = Content.lend

    def seen(content: Content) -> Any:
        stretch = lend(content)
        lends.append(stretch.length if stretch is not None else 0)
        return stretch

    monkeypatch.setattr(Content, "lend", seen)
    asked, _ = count(path, Tally(), lent=False, sha256=sha256)
    assert not lends
    found, read = count(path, Tally(), lent=True, sha256=sha256)
    assert found == asked
    assert asked[0][:4] == (len(LINES), 0, 0, len(LINES))
    assert read == path.stat().st_size
    # what Python has to digest is not lent: SHA-256 has no state in sight
    assert (sum(lends) > len(CONTENT) // 2) == (not sha256)


@ROOMY
@given(data=st.data())
def test_any_gzip_file(tmp_path: Path, data: st.DataObject) -> None:
    parts = data.draw(
        st.lists(st.sampled_from([*MEMBERS, b"\0" * 700, b"\x1f", b"\x1f\x8b", b"x"]), max_size=3)
    )
    packed = bytearray(data.draw(st.sampled_from(MEMBERS)) + b"".join(parts))
    for at in data.draw(st.lists(st.integers(32, len(packed) * 8 - 1), max_size=2)):
        packed[at // 8] ^= 1 << at % 8
    path = tmp_path / "x.log.gz"
    path.write_bytes(packed[: data.draw(st.integers(4, len(packed)))] if data.draw(st.booleans()) else packed)
    limits = Limits(
        data.draw(st.sampled_from([100_000, 1 << 30])), 1000, data.draw(st.sampled_from([1, 1 << 20]))
    )
    with pytest.MonkeyPatch.context() as patch:
        small_stretches(patch, data.draw(st.sampled_from([300, 40_000, 1 << 24])))
        tally = Tally(block=data.draw(st.sampled_from([4_000, 2 << 20])))
        found, _ = count(path, tally, lent=True, limits=limits)
        assert found == count(path, tally, lent=False, limits=limits)[0]


def test_a_file_that_becomes_shorter_and_one_that_grows(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    for size in (len(CONTENT) // 2, len(CONTENT) + 200_000):
        path.write_bytes(CONTENT)
        with open_content(path) as content:
            content.readinto(memoryview(bytearray(70_000)))
            os.truncate(path, size)
            tally = Tally()
            tally.scan(content, compile_format(load_format("edge-tsv")))
            assert tally.content_bytes == size - 70_000
            assert content.unpacked == content.packed == size


def test_without_the_libraries_it_is_only_slower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.log.gz"
    path.write_bytes(b"".join(MEMBERS))
    usual, _ = count(path, Tally(), lent=True)
    monkeypatch.setattr(digest, "find_functions", lambda: None)
    assert ContentDigest(False).native is None
    assert count(path, Tally(), lent=True)[0] == usual
    monkeypatch.setattr("pipeline.ingest.inflate.find_functions", lambda: None)
    with open_content(path) as content:
        assert content._quick is None
    assert count(path, Tally(), lent=True)[0] == usual


def test_functions_that_are_not_as_expected_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert inflate.find_functions() is not None
    assert digest.find_functions() is not None
    monkeypatch.setattr(layout, "I_CRC_FLAG", layout.I_CRC_FLAG + 4)  # as in another release
    assert inflate.find_functions.__wrapped__() is None
    monkeypatch.setattr("xxhash.xxh3_128_digest", lambda _: b"another")
    assert digest.find_functions.__wrapped__() is None
