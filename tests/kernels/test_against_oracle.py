"""Every kernel against the plain-Python oracle: sums, counts, and the places of bad lines, under any cut into
blocks."""

from __future__ import annotations

import importlib.util
import os
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import layout as at
from pipeline.content import Stretch
from pipeline.formats.compiled import compile_format
from pipeline.formats.load import builtin_names, load_format
from pipeline.tally import Tally

HERE = Path(__file__).parent
GOLDEN = HERE.parent / "formats" / "golden"


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


ORACLE = _load(HERE / "oracle.py")
FORMATS = sorted(name for name in builtin_names() if (GOLDEN / f"{name}.log").is_file())
BLOCKS = (4096, 777, 64 << 10)
ROLES = ("time", "resource", "status", "bytes_sent", "body_bytes", "cache", "edge", "seq")
TALLIES = {block: Tally(room_for_bad=100_000, seed=7, block=block) for block in BLOCKS}


class Bytes:
    """Content that hands out what it has in pieces of any size."""

    def __init__(self, content: bytes, cuts: random.Random | None = None) -> None:
        self._rest = memoryview(content)
        self._cuts = cuts

    def readinto(self, view: memoryview) -> int:
        """As a file's."""
        room = len(view) if self._cuts is None else min(len(view), self._cuts.randint(1, 1500))
        piece = self._rest[:room]
        view[: len(piece)] = piece
        self._rest = self._rest[len(piece) :]
        return len(piece)


class Lent:
    """Content out of a file, of which stretches of any size are lent, some longer than what is there."""

    def __init__(self, content: bytes, cuts: random.Random) -> None:
        self._fd = os.memfd_create("log")
        os.write(self._fd, content)
        self._at, self._size, self._cuts = 0, len(content), cuts

    def lend(self) -> Stretch | None:
        """As a range of a file does."""
        if self._cuts.random() < 0.3 or self._at >= self._size:
            return None
        begin, wanted = self._at, self._cuts.randint(1, 5000)
        self._at += wanted
        return Stretch(self._fd, begin, wanted)

    def give_back(self, count: int) -> None:
        """As a range of a file does."""
        self._at -= count

    def readinto(self, view: memoryview) -> int:
        """As a file's."""
        got = os.preadv(self._fd, [view[: self._cuts.randint(1, 1500)]], self._at)
        self._at += got
        if not got:
            os.close(self._fd)
        return got


def read_by_kernel(
    name: str, content: bytes, block: int, cuts: random.Random | None, lent: bool = False
) -> dict[str, Any]:
    """What the kernel makes of a content, in the oracle's terms."""
    tally = TALLIES[block]
    tally.clear()
    fmt = load_format(name)
    compiled = compile_format(fmt)
    for place in (at.BY_EDGE, at.BY_STATUS, at.BY_CACHE):
        compiled.spec[place] = 1
    tally.scan(Lent(content, cuts) if lent and cuts else Bytes(content, cuts), compiled)
    groups, names = tally.groups(), tally.names().to_list()
    found: dict[tuple[int, bytes, bytes, str, bytes], list[int]] = {}
    for i in range(len(groups.minute)):
        extra = int(groups.extra[i])
        status = extra >> 28 & 15
        key = (
            int(groups.minute[i]),
            names[groups.name[i]],
            names[extra >> 32],
            f"{status}xx" if status else "-",
            names[extra & ((1 << 28) - 1)] if fmt.cache is not None else b"-",
        )
        assert key not in found, "a group is there twice"
        found[key] = [int(row[i]) for row in groups.sums]
    return {
        "lines": tally.count(at.LINES),
        "blank": tally.count(at.BLANK),
        "comments": tally.count(at.COMMENTS),
        "parsed": tally.count(at.PARSED),
        "malformed": tally.malformed_at(),
        "groups": found,
    }


def read_by_oracle(name: str, content: bytes) -> dict[str, Any]:
    """What the oracle makes of it."""
    found = ORACLE.read_content(load_format(name), content)
    return {
        what: getattr(found, what) for what in ("lines", "blank", "comments", "parsed", "malformed", "groups")
    }


def check(
    name: str, content: bytes, block: int = 4096, cuts: random.Random | None = None, *, lent: bool = False
) -> None:
    """Both agree, in everything."""
    ours, theirs = read_by_kernel(name, content, block, cuts, lent), read_by_oracle(name, content)
    different = {what: (ours[what], theirs[what]) for what in theirs if ours[what] != theirs[what]}
    assert not different, (name, content, different)


@pytest.mark.parametrize("name", FORMATS)
def test_golden_lines(name: str) -> None:
    content = (GOLDEN / f"{name}.log").read_bytes()
    check(name, content)
    check(name, content * 40, block=777)
    check(name, content.rstrip(b"\n"))
    check(name, content.replace(b"\n", b"\r\n"))


SCRAPS = [
    b'"', b'\\"', b"\\", b" ", b"\t", b"|", b"-", b"", b"\x00", b"\xff\xfe", b"[", b"]", b"{", b"}", b":", b",", b"0",
    b"9" * 16, b"9" * 17, b"+" + b"9" * 16, b"1" + b"0" * 16, b"0" * 4 + b"9" * 15,
    b"9" * 19, b"9" * 20, b"+5", b"-1", b"1e3", b"1.5", b"null", b"true", b'""', b"\r", b"\n", b"\n\n", b"#",
    b"#Fields: date time",
    b"1764547200", b"1764547200.123", b"1764547200000", b"1764547200000000000", b"2025-12-01T00:00:60Z",
    b"2025-12-01T23:59:59.123456789+05:30", b"29/Feb/2023:00:00:00 +0000", b"29/Feb/2024:00:00:00 -1159",
    b"01/Jan/1970:00:00:00 +0100", b"31/Dec/1969:23:59:59 -0100", b"a" * 47, b"a" * 49, b"a" * 255, b"a" * 256,
    b"HIT", b"hit",
    b"200", b"000", b"1000", b"\xd0\xb4\xd0\xbe\xd0\xbc", b"x" * 700, b"]: ", b"http://h/p?q#f", b"://",
    b'{"a":{"b":[1,"]"]}}',
]  # fmt: skip


def mutate(rng: random.Random, line: bytes) -> bytes:
    """A line with a few faults: bytes changed, pieces lost, moved, put in."""
    data = bytearray(line)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        kind = rng.randrange(7)
        place = rng.randrange(len(data) + 1)
        other = min(len(data), place + rng.choice((1, 1, 2, 5, 20)))
        if kind == 0 and place < len(data):
            data[place] = rng.randrange(256)
        elif kind == 1:
            del data[place:other]
        elif kind == 2:
            data[place:place] = rng.choice(SCRAPS)
        elif kind == 3:
            data[place:other] = rng.choice(SCRAPS)
        elif kind == 4:
            data[place:place] = data[place:other]
        elif kind == 5:
            del data[place:]
        else:
            # A whole field for another: where the interesting faults are.
            separators = [i for i, byte in enumerate(data) if byte in b'\t |,:"']
            if len(separators) > 1:
                first = rng.randrange(len(separators) - 1)
                data[separators[first] + 1 : separators[first + 1]] = rng.choice(SCRAPS)
    return bytes(data)


def repeats_a_key(name: str, line: bytes) -> bool:
    """Whether a line of JSON names a key of a role twice: either value may count (docs/formats.md)."""
    fmt = load_format(name)
    sources = [source for role in ROLES if (field := fmt.role(role)) is not None for source in field.sources]
    names = {str(source).rpartition(".")[2].encode() for source in sources} if fmt.kind == "ndjson" else set()
    return any(len(re.findall(rb'"' + re.escape(key) + rb'"\s*:', line)) > 1 for key in names)


def fuzzed(name: str, seed: int, lines: int) -> tuple[bytes, random.Random]:
    """A log of good, mutated and repeated lines; and the random numbers to go on with."""
    rng = random.Random(seed)  # noqa: S311 - a test's dice
    golden = (GOLDEN / f"{name}.log").read_bytes().splitlines()
    picked = [line if rng.random() < 0.4 else mutate(rng, line) for line in rng.choices(golden, k=lines)]
    picked = [line for line in picked if not repeats_a_key(name, line)]
    header = [line for line in golden if line.startswith(b"#")]
    ending = rng.choice((b"\n", b"\n", b"\r\n"))
    content = ending.join([*header, *picked]) + rng.choice((b"", ending))
    return (b"\xef\xbb\xbf" if rng.random() < 0.1 else b"") + content, rng


@pytest.mark.parametrize("name", FORMATS)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_fuzz(name: str, seed: int) -> None:
    content, rng = fuzzed(name, seed, 30)
    check(name, content, rng.choice(BLOCKS), rng if rng.random() < 0.5 else None, lent=rng.random() < 0.5)


@pytest.mark.parametrize("name", FORMATS)
def test_every_byte_of_a_line_changed(name: str) -> None:
    """Into two of five by turns; every night into all of these, and more, as far as the file goes."""
    golden = (GOLDEN / f"{name}.log").read_bytes()
    for place in range(min(len(golden), 200)):
        for byte in (b'-/.9"' * 2)[2 * place % 5 :][:2]:
            check(name, golden[:place] + bytes([byte]) + golden[place + 1 :])


@pytest.mark.nightly
@pytest.mark.parametrize("name", FORMATS)
def test_every_byte_changed_in_many_ways(name: str) -> None:
    golden = (GOLDEN / f"{name}.log").read_bytes()
    for place in range(len(golden)):
        for byte in b'-/.:0 9"\\|[]{},+Z\t\x00\xff':
            check(name, golden[:place] + bytes([byte]) + golden[place + 1 :])


@pytest.mark.nightly
@pytest.mark.parametrize("name", FORMATS)
def test_long_fuzz(name: str) -> None:
    for seed in range(20_000):
        content, rng = fuzzed(name, seed, 60)
        check(name, content, rng.choice(BLOCKS), rng if rng.random() < 0.5 else None, lent=rng.random() < 0.5)
