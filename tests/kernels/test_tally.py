"""What a tally keeps beside the sums: numbers seen, ranges left out, minutes out of bounds, grown tables, odd lines."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import layout as at
from pipeline.aggregate import aggregate_files
from pipeline.formats.compiled import compile_format
from pipeline.formats.load import load_format
from pipeline.model import Origin, Sequence, SequenceUnit, Skip
from pipeline.segment_usage import SegmentUsage, aggregate_segment
from pipeline.tables import MANY_SLOTS, MINUTE_BITS, USUAL_BYTES
from pipeline.tally import Tally

MINUTE = 29_922_360


@dataclass
class Bytes:
    """Content out of memory."""

    rest: bytes

    def readinto(self, view: memoryview) -> int:
        piece, self.rest = self.rest[: len(view)], self.rest[len(view) :]
        view[: len(piece)] = piece
        return len(piece)


class NoDigest:
    native = None

    def update(self, view: memoryview) -> None:
        """Nobody asks."""


def tsv(seq: object, *, minute: int = MINUTE, resource: str = "a.example.ru", sent: int = 100) -> bytes:
    return f"{minute * 60}.250\t{seq}\t{resource}\tGET\t/x\t200\t{sent}\t90\tHIT\t3\tcurl\n".encode()


def read(
    content: bytes, fmt: str = "edge-tsv", *, sequence: Sequence | None = None, skips: tuple[Skip, ...] = ()
) -> SegmentUsage:
    return aggregate_segment(
        Bytes(content),
        load_format(fmt),
        origin=Origin("e1", "access", MINUTE),
        sequence=sequence,
        skips=skips,
        digest=NoDigest(),
    )


@given(
    st.lists(st.integers(0, 60) | st.integers(10**15, 10**15 + 3), max_size=80),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=3),
)
@settings(max_examples=200, deadline=None)
def test_repeated_numbers_count_once(numbers: list[int], ranges: list[tuple[int, int]]) -> None:
    skips = tuple(Skip(first, first + length) for first, length in ranges)
    found = read(b"".join(tsv(number) for number in numbers), skips=skips)
    left = {number for number in numbers if not any(skip.first <= number < skip.next for skip in skips)}
    assert int(found.sums[0].sum()) == found.parsed == len(left)
    assert found.duplicates == len(numbers) - len(left)
    assert found.lines == len(numbers)
    assert {number for first, after in found.runs for number in range(first, after)} == left
    assert all(a[1] < b[0] for a, b in zip(found.runs, found.runs[1:], strict=False))
    assert found.seen == ((min(left), max(left) + 1) if left else None)


def test_many_numbers_out_of_order() -> None:
    numbers = np.random.default_rng(5).permutation(20_000)
    content = b"".join(tsv(number) for number in [*numbers, *numbers[:5_000]])
    found = read(content)
    assert (found.parsed, found.duplicates, found.runs) == (20_000, 5_000, ((0, 20_000),))


def test_lines_without_a_number_are_never_repetitions() -> None:
    found = read(tsv("-") * 5)
    assert (found.parsed, found.duplicates, found.seen, found.runs) == (5, 0, None, ())


@pytest.mark.parametrize("point", [bytes([byte]) for byte in range(256) if byte not in b".\n\t"])
def test_only_a_point_stands_in_a_fractional_time(point: bytes) -> None:
    found = read(tsv(1).replace(b".250", point + b"250", 1))
    assert (found.parsed, [bad.reason for bad in found.malformed_at]) == (0, ["time"])


@pytest.mark.parametrize(
    ("fmt", "line"),
    [
        ("edge-tsv", b"%b67.123\t1\tr\tGET\t/\t200\t1\t1\tHIT\t1\t-\n" % bytes(8)),
        ("common", b'192.0.2.1 - - [%b00:00:07 +0000] "GET / HTTP/1.1" 200 5\n' % bytes(12)),
        ("caddy", b'{"ts":"%bT00:00:07Z","request":{"host":"a"},"status":200,"size":5}\n' % bytes(10)),
        ("w3c", b"#Fields: date time sc-status sc-bytes\n%b 00:00:07 200 5\n" % bytes(10)),
    ],
)
def test_zeros_are_no_date(fmt: str, line: bytes) -> None:
    """A fresh tally remembers no date, and of nothing else than a date is one remembered."""
    found = read(line, fmt)
    assert (found.parsed, [bad.reason for bad in found.malformed_at]) == (0, ["time"])


def test_a_time_is_not_taken_for_the_one_before() -> None:
    minutes = (MINUTE, MINUTE + 1, MINUTE - 2, MINUTE + 60, MINUTE)
    found = read(b"".join(tsv(i, minute=minute) for i, minute in enumerate(minutes)))
    assert sorted(found.minute.tolist()) == sorted(set(minutes))


LINES = [
    b'192.0.2.1 - - [22/Nov/2026:10:00:00 +0000] "GET /%d HTTP/1.1" 200 %d "-" "curl"\n' % (i, i)
    for i in range(10)
]


def test_numbers_by_place_in_lines() -> None:
    sequence = Sequence(SequenceUnit.LINE, "1", 1000, 1010)
    found = read(b"".join(LINES), "combined", sequence=sequence, skips=(Skip(0, 1002), Skip(1007, 1008)))
    assert (found.lines, found.parsed, found.duplicates) == (10, 7, 3)
    assert found.bytes_sent == sum(range(10)) - 0 - 1 - 7


def test_numbers_by_place_in_bytes() -> None:
    starts = np.cumsum([5000, *map(len, LINES)]).tolist()
    sequence = Sequence(SequenceUnit.BYTE, "1", 5000, starts[-1])
    found = read(b"".join(LINES), "combined", sequence=sequence, skips=(Skip(starts[3], starts[5]),))
    assert (found.parsed, found.duplicates, found.bytes_sent) == (8, 2, sum(range(10)) - 3 - 4)


def test_native_lines_without_a_number_are_numbered_by_place() -> None:
    line = tsv("-")
    sequence = Sequence(SequenceUnit.BYTE, "1", 0, 5 * len(line))
    found = read(line * 5, sequence=sequence, skips=(Skip(0, 2 * len(line)),))
    assert (found.parsed, found.duplicates, found.seen) == (3, 2, None)


@pytest.mark.parametrize(
    ("away", "flagged"), [(0, 0), (-48 * 60, 0), (-48 * 60 - 1, 1), (60, 0), (61, 1), (-(10**6), 1)]
)
def test_a_minute_far_from_the_segments_own(away: int, flagged: int) -> None:
    found = read(tsv(1, minute=MINUTE + away))
    assert found.flagged == flagged
    assert found.minute.tolist() == [MINUTE if flagged else MINUTE + away]


def test_tables_grow() -> None:
    content = b"".join(
        tsv(i, minute=MINUTE + i % 7, resource=f"{'long-' * (i % 45)}{i % 9000}.example.ru")
        for i in range(30_000)
    )
    found = read(content)
    expected = {(MINUTE + i % 7, f"{'long-' * (i % 45)}{i % 9000}.example.ru") for i in range(30_000)}
    names = found.resources
    assert {
        (int(m), names[r].decode()) for m, r in zip(found.minute, found.resource, strict=True)
    } == expected
    assert (found.parsed, found.bytes_sent, int(found.sums[1].sum())) == (30_000, 3_000_000, 3_000_000)


def test_counts_beyond_32_bits_are_put_aside_in_time() -> None:
    tally = Tally(lines_limit=10, block=2048)
    tally.scan(Bytes(tsv("-") * 1000), compile_format(load_format("edge-tsv")))
    groups = tally.groups()
    assert tally.spilled
    assert int(groups.sums[0].sum()) == 1000
    assert int(groups.sums[1].sum()) == 100_000


def test_a_line_of_a_megabyte_and_one_that_is_too_long(tmp_path: Path) -> None:
    huge = tsv(2).replace(b"curl", b"u" * (1 << 20))
    overlong = tsv(3).replace(b"curl", b"v" * (at.LINE_LIMIT + 10))
    path = tmp_path / "x.log"
    path.write_bytes(tsv(1) + huge + overlong + tsv(4) + overlong.rstrip(b"\n"))
    found = aggregate_files([path], "edge-tsv")
    assert (found.lines, found.parsed, found.malformed) == (5, 3, 2)
    at_first = len(tsv(1)) + len(huge)
    assert [place[1:] for place in found.malformed_at] == [
        (at_first, "long"),
        (at_first + len(overlong) + len(tsv(4)), "long"),
    ]
    assert found.bytes_read == path.stat().st_size


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(
    "by", [("minute", "resource"), ("resource",), ("edge", "cache"), ("status_class", "minute")]
)
def test_threads_share_a_file(
    tmp_path: Path, threads: int, by: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.aggregate.WORTH", 1000)
    monkeypatch.setattr("pipeline.file_range.WORTH", 1000)
    path = tmp_path / "x.log"
    path.write_bytes(
        b"".join(tsv(i, minute=MINUTE + i // 100, resource=f"r{i % 13}") for i in range(1000)) + b"bad\n"
    )
    found = aggregate_files([path], "edge-tsv", by=by, threads=threads)
    plain = aggregate_files([path], "edge-tsv", by=by)
    order = [(name, "ascending") for name in by]

    def rows(aggregate: object) -> list[dict[str, object]]:
        table = aggregate.to_arrow()  # type: ignore[attr-defined]
        decoded = {name: table[name].to_pylist() for name in table.column_names}
        return sorted(
            (dict(zip(decoded, row, strict=True)) for row in zip(*decoded.values(), strict=True)), key=str
        )

    assert order
    assert rows(found) == rows(plain)
    assert (found.lines, found.parsed, found.malformed) == (1001, 1000, 1)
    assert found.malformed_at == plain.malformed_at


def test_tallies_of_threads_do_not_meet() -> None:
    results: list[int] = []

    def work(number: int) -> None:
        for _ in range(20):
            found = read(b"".join(tsv(i, sent=number) for i in range(500)))
            results.append(int(found.sums[1].sum()) // 500 - number)

    threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0] * 40


@pytest.mark.parametrize("resources", [3_000, 9_000])
def test_a_minute_of_many_resources_among_others_of_few(resources: int) -> None:
    """The region of the index that belongs to one minute runs over, and the index is made anew without regions."""
    tally = Tally()
    tally.clear(MANY_SLOTS * USUAL_BYTES // 2)
    few = [tsv(1, minute=MINUTE + at, resource=f"r{name}.ru") for at in range(130) for name in range(3)]
    many = [tsv(1, resource=f"r{name}.ru", sent=name) for name in range(resources)]
    content = b"".join(few + many + few + many)
    tally.scan(Bytes(content), compile_format(load_format("edge-tsv")))
    groups, names = tally.groups(), tally.names().to_list()
    found = {
        (int(minute), names[name]): (int(requests), int(sent))
        for minute, name, requests, sent in zip(
            groups.minute, groups.name, groups.sums[0], groups.sums[1], strict=True
        )
    }
    wanted: dict[tuple[int, bytes], tuple[int, int]] = {}
    for line in content.splitlines():
        second, _, resource, *_, sent, _, _, _, _ = line.split(b"\t")
        key = int(second[:-4]) // 60, resource
        requests, total = wanted.get(key, (0, 0))
        wanted[key] = requests + 1, total + int(sent)
    assert found == wanted
    assert len(groups.minute) == len(wanted)
    assert tally.count(at.CROWDED) == 0
    assert tally._tables[at.MINUTE_BITS] == (MINUTE_BITS if resources == 3_000 else 0)


def test_groups_whose_entries_look_alike() -> None:
    """An index of 2^20 slots keeps 12 bits of a hash: of so many groups some hundred meet one with the same bits."""
    tally = Tally()
    tally.clear((1 << 20) * USUAL_BYTES - 1)
    lines = [tsv(1, minute=MINUTE + at, resource=f"r{name}.ru") for name in range(20_000) for at in range(10)]
    tally.scan(Bytes(b"".join([*lines, *reversed(lines)])), compile_format(load_format("edge-tsv")))
    groups = tally.groups()
    assert len(tally._index) == 1 << 20
    assert (
        len({*zip(groups.minute.tolist(), groups.name.tolist(), strict=True)})
        == len(groups.minute)
        == 200_000
    )
    assert set(groups.sums[0].tolist()) == {2}
