"""Threads that share a file: every byte is read once, and every range begins and ends between lines."""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path

import pytest

from pipeline import file_range
from pipeline.aggregate import aggregate_files
from pipeline.file_range import FileRange, Part, Shares


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_range, "WORTH", 2_000)
    monkeypatch.setattr(file_range, "WORTH_TAKING", 2_000)
    monkeypatch.setattr("pipeline.aggregate.WORTH", 2_000)


def log_of(folder: Path, lines: int, seed: int = 1) -> Path:
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    path = folder / "edge.log"
    rows = (
        f"17934912{dice.randrange(10, 99)}.000\t{i}\tsite{dice.randrange(40)}.example\tGET\t/{'x' * dice.randrange(90)}"
        f"\t200\t{dice.randrange(9000)}\t7\tHIT\t3\tua\n"
        for i in range(lines)
    )
    path.write_text("".join(rows))
    return path


@pytest.mark.parametrize("seed", range(20))
def test_ranges_given_away_at_any_moment_hold_every_line_once(tmp_path: Path, seed: int) -> None:
    path = log_of(tmp_path, 600, seed)
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    shares = Shares([Part(str(path), FileRange(str(path), 0, path.stat().st_size))])
    reading: list[tuple[FileRange, bytearray]] = []
    done: list[tuple[int, bytes]] = []
    while True:
        if not reading or (len(reading) < 4 and dice.random() < 0.2):
            part = shares.take()
            if part is None and not reading:
                break
            if part is not None and part.range is not None:
                reading.append((part.range, bytearray()))
        piece, content = reading[dice.randrange(len(reading))]
        if dice.random() < 0.3 and (lent := piece.lend()) is not None:
            fd, begin, length, _ = lent
            unread = dice.choice((0, 0, dice.randrange(length)))
            content += os.pread(fd, length - unread, begin)
            piece.give_back(unread)
            continue
        view = memoryview(bytearray(dice.randrange(1, 700)))
        got = piece.readinto(view)
        content += view[:got]
        if not got:
            reading = [one for one in reading if one[0] is not piece]
            done.append((piece.begin, bytes(content)))
    assert b"".join(content for _, content in sorted(done)) == path.read_bytes()
    assert all(content.endswith(b"\n") for _, content in done if content)
    assert len(done) > 1


def test_the_last_bytes_are_not_lent(tmp_path: Path) -> None:
    path = log_of(tmp_path, 600)
    size = path.stat().st_size
    piece = FileRange(str(path), 0, size)
    lent = list(iter(piece.lend, None))
    assert [stretch.begin for stretch in lent] == [
        sum(stretch.length for stretch in lent[:i]) for i in range(len(lent))
    ]
    assert 4 * 2_000 > piece.left == size - sum(stretch.length for stretch in lent) > 0
    assert all(stretch.length >= 2_000 for stretch in lent)


def test_real_threads_read_every_byte_once(tmp_path: Path) -> None:
    path = log_of(tmp_path, 5_000)
    shares = Shares([Part(str(path), FileRange(str(path), 0, path.stat().st_size))])
    done: list[tuple[int, bytes]] = []

    def work() -> None:
        while (part := shares.take()) is not None:
            assert part.range is not None
            content = b""
            view = memoryview(bytearray(333))
            while got := part.range.readinto(view):
                content += view[:got]
            done.append((part.range.begin, content))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert b"".join(content for _, content in sorted(done)) == path.read_bytes()


def test_a_file_that_becomes_shorter_ends(tmp_path: Path) -> None:
    path = log_of(tmp_path, 50)
    whole = path.read_bytes()
    piece = FileRange(str(path), 0, len(whole))
    path.write_bytes(whole[:100])
    view = memoryview(bytearray(4096))
    assert piece.readinto(view) == 100
    assert piece.readinto(view) == 0
    assert piece.left == 0


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_any_number_of_threads_gives_the_same_sums(tmp_path: Path, threads: int) -> None:
    path = log_of(tmp_path, 3_000)
    shown = aggregate_files([path], "edge-tsv", threads=threads)
    table = shown.to_arrow().to_pydict()
    assert shown.lines == shown.parsed == 3_000
    assert shown.bytes_read == path.stat().st_size
    rows = sorted(
        zip(table["minute"], table["resource"], table["requests"], table["bytes_sent"], strict=True)
    )
    sums: dict[tuple[int, bytes], list[int]] = {}
    for line in path.read_bytes().splitlines():
        fields = line.split(b"\t")
        found = sums.setdefault((int(float(fields[0])) // 60, fields[2]), [0, 0])
        found[0] += 1
        found[1] += int(fields[6])
    assert rows == sorted((minute, name, *found) for (minute, name), found in sums.items())
