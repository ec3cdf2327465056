"""Looks at real folders: what is found, what waits, what is a problem, and how versions of a file are told apart."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.ingest.codecs import open_content
from pipeline.ingest.errors import ChangedError, UnreadableError
from pipeline.ingest.fingerprint import fingerprint_file
from pipeline.ingest.sidecar import CounterReading, SidecarProblem
from pipeline.ingest.spool import Look, Spool, scan
from pipeline.model import Claims, Origin, Segment

MINUTE = 1793491200 // 60
NAME = "20261101T0000Z.log"
OLD_NS = 1793491300 * 10**9
NOW = 4_000_000_000.0  # later than any clock that stamps the files of a test


def put(path: Path, content: bytes = b"a line\n", *, at_ns: int = OLD_NS) -> Path:
    """A file as it lies there long after it was written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, ns=(at_ns, at_ns))
    return path


def ship(path: Path, content: bytes = b"a line\n", sidecar: object = None) -> Path:
    """What a shipper does: the sidecar, then the segment renamed into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if sidecar is not None:
        stem = path.name.removesuffix(".gz").removesuffix(".zst").removesuffix(".lz4")
        path.with_name(f"{stem}.json").write_text(json.dumps(sidecar))
    half = path.with_name(f".{path.name}.tmp")
    half.write_bytes(content)
    half.rename(path)
    return path


def found(look: Look) -> list[str]:
    return [file.path for file in look.found]


def segments(root: Path) -> list[Segment]:
    return list(scan(root, NOW))


def test_segments_with_and_without_sidecars(tmp_path: Path) -> None:
    put(tmp_path / "e1" / NAME)
    put(tmp_path / "e1" / f"{NAME}.json", b'{"lines": 1}')
    put(tmp_path / "e2" / "video" / "20261101T0001Z.2.log.gz")
    put(tmp_path / "e1" / "20261101T0000Z.counters.json", b"{}")
    put(tmp_path / "e1" / f".{NAME}.gz")
    put(tmp_path / ".git" / NAME)
    look = Spool(tmp_path).look(NOW)
    assert found(look) == [f"e1/{NAME}", "e2/video/20261101T0001Z.2.log.gz"]
    assert [file.path for file in look.counters] == ["e1/20261101T0000Z.counters.json"]
    assert (look.problems, look.waiting, look.ignored) == ([], [], 2)
    first, second = segments(tmp_path)
    assert first.origin == Origin("e1", "access", MINUTE)
    assert (first.claims, first.notes, first.codec, first.size) == (Claims(lines=1), (), "plain", 7)
    assert first.path == str(tmp_path / "e1" / NAME)
    assert (second.origin, second.codec) == (Origin("e2", "video", MINUTE + 1, "2"), "gzip")
    for segment in (first, second):
        assert segment.fingerprint == fingerprint_file(segment.path)
        with open_content(segment) as content:
            assert content.changed() is None


def test_old_minutes_come_first(tmp_path: Path) -> None:
    for minute in (5, 1, 3):
        put(tmp_path / f"e{minute}" / f"20261101T000{minute}Z.log")
        put(tmp_path / f"a{minute}" / f"20261101T000{minute}Z.log")
    assert found(Spool(tmp_path).look(NOW)) == [
        f"{edge}{minute}/20261101T000{minute}Z.log" for minute in (1, 3, 5) for edge in "ae"
    ]


def test_a_bad_sidecar_is_evidence_and_the_segment_is_read(tmp_path: Path) -> None:
    put(tmp_path / "e1" / NAME)
    sidecar = put(tmp_path / "e1" / f"{NAME}.json", b'{"lines": -4, "bytes_sent": 7}')
    (segment,) = segments(tmp_path)
    assert segment.claims == Claims(bytes_sent=7)
    assert segment.notes == ("sidecar key lines: found -4, expected an integer from 0 to 1,000,000,000,000",)
    put(sidecar, b"x" * 70_000)
    (segment,) = segments(tmp_path)
    assert segment.claims == Claims()
    assert "65536" in segment.notes[0]
    sidecar.unlink()
    sidecar.symlink_to(tmp_path / "elsewhere")
    (segment,) = segments(tmp_path)
    assert segment.claims == Claims()


def test_what_cannot_be_taken_in_is_told(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    put(outside / NAME)
    spool = tmp_path / "spool"
    put(spool / "e1" / NAME)
    (spool / "e2").symlink_to(outside)
    (spool / "e1" / "20261101T0001Z.log").symlink_to(outside / NAME)
    os.mkfifo(spool / "e1" / "20261101T0002Z.log")
    (spool / "e1" / "20261101T0003Z.log").mkdir()
    put(spool / "e1" / "a" / "b" / NAME)
    put(spool / "readme.txt")
    put(spool / "e1" / "lone.json")
    put(spool / os.fsdecode(b"\xff") / NAME)
    look = Spool(spool).look(NOW)
    assert found(look) == [f"e1/{NAME}"]
    problems = {problem.path: problem.reason for problem in look.problems}
    assert set(problems) == {
        "e2",
        "e1/20261101T0001Z.log",
        "e1/20261101T0002Z.log",
        "e1/a/b",
        "readme.txt",
        "e1/lone.json",
        f"\\xff/{NAME}",
    }
    assert "symbolic link" in problems["e2"]
    assert "regular file" in problems["e1/20261101T0002Z.log"]
    assert [str(problem) for problem in look.problems] == [f"{path}: {why}" for path, why in problems.items()]


def test_a_spool_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        UnreadableError, match=r"spool .*nowhere cannot be listed: .*; is it mounted?"
    ) as caught:
        Spool(tmp_path / "nowhere").look(NOW)
    assert caught.value.passing


def test_what_a_file_system_has_of_its_own_is_no_edge(tmp_path: Path) -> None:
    for folder in ("lost+found", "e1", "e1/lost+found"):
        (tmp_path / folder).mkdir()
        put(tmp_path / folder / NAME)
    look = Spool(tmp_path).look(NOW)
    assert sorted(found.path for found in look.found) == [f"e1/{NAME}", f"e1/lost+found/{NAME}"]
    assert (look.problems, look.ignored) == ([], 1)


def test_names_of_any_bytes_do_no_harm(tmp_path: Path) -> None:
    for number, name in enumerate([b"\xff\xfe", b"\xc3(", b"a\nb", "ключ".encode(), b"e1", b"-rf", b"%s"]):
        folder = tmp_path / os.fsdecode(name)
        put(folder / f"20261101T000{number}Z.log")
        put(folder / os.fsdecode(b"\xff.log"))
    look = Spool(tmp_path).look(NOW)
    assert found(look) == ["e1/20261101T0004Z.log"]
    assert len(look.problems) == 13
    for problem in look.problems:
        str(problem).encode()


def test_a_renamed_segment_is_found_at_once_and_a_growing_one_is_not(tmp_path: Path) -> None:
    spool = Spool(tmp_path, settle_s=2.0)
    ship(tmp_path / "e1" / NAME, sidecar={"lines": 1})
    with (tmp_path / "e1" / "20261101T0001Z.log").open("wb") as growing:
        growing.write(b"half a li")
        growing.flush()
        written_s = os.fstat(growing.fileno()).st_mtime
        look = spool.look(written_s)
        assert found(look) == [f"e1/{NAME}"]
        assert [waiting.path for waiting in look.waiting] == ["e1/20261101T0001Z.log"]
        assert [waiting.until_s for waiting in look.waiting] == [pytest.approx(written_s + 2.0)]
        assert found(spool.look(written_s + 1.9)) == [f"e1/{NAME}"]
        growing.write(b"ne\n")
        growing.flush()
        os.utime(growing.fileno(), (written_s + 1.9, written_s + 1.9))
        stamped = os.fstat(growing.fileno())
        os.utime(growing.fileno(), ns=(stamped.st_ctime_ns, stamped.st_ctime_ns))
    # closed, and quiet since
    again_s = (tmp_path / "e1" / "20261101T0001Z.log").stat().st_mtime
    look = spool.look(again_s + 2.1)
    assert found(look) == [f"e1/{NAME}", "e1/20261101T0001Z.log"]
    assert look.waiting == []


def test_a_move_that_the_kernel_told_of_needs_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "e1" / NAME
    path.parent.mkdir()
    path.write_bytes(b"a\n")
    written_s = path.stat().st_mtime
    spool = Spool(tmp_path)
    assert found(spool.look(written_s, only=[f"e1/{NAME}"], moved={f"e1/{NAME}"})) == [f"e1/{NAME}"]


def test_a_log_that_is_being_compressed_beside_itself(tmp_path: Path) -> None:
    """`gzip X.log` writes X.log.gz in place while X.log is there: their one sidecar proves neither whole."""
    put(tmp_path / "e1" / NAME)
    put(tmp_path / "e1" / f"{NAME}.json", b'{"lines": 1}')
    packed = tmp_path / "e1" / f"{NAME}.gz"
    packed.write_bytes(b"\x1f\x8b\x08 half")
    look = Spool(tmp_path).look(packed.stat().st_mtime + 0.5)
    assert found(look) == [f"e1/{NAME}"]
    assert [waiting.path for waiting in look.waiting] == [f"e1/{NAME}.gz"]


def test_only_named_paths_are_looked_at(tmp_path: Path) -> None:
    for edge in ("e1", "e2"):
        put(tmp_path / edge / NAME)
        put(tmp_path / edge / f"{NAME}.json", b"{}")
        put(tmp_path / edge / "video" / f"{NAME}.gz")
        put(tmp_path / edge / "20261101T0000Z.counters.json")
    spool = Spool(tmp_path)
    whole = {file.path: file for file in spool.look(NOW).found}
    for only, expected in [
        ([f"e1/{NAME}"], [f"e1/{NAME}"]),
        ([f"e1/{NAME}.json"], [f"e1/{NAME}"]),
        ([f"e1/{NAME}.json", f"e1/{NAME}", "gone/x.log"], [f"e1/{NAME}"]),
        (["e2/video"], [f"e2/video/{NAME}.gz"]),
        (["e2"], [f"e2/{NAME}", f"e2/video/{NAME}.gz"]),
        ([], []),
        (["../other", ".", "..", ".hidden"], []),
    ]:
        look = spool.look(NOW, only=only)
        assert found(look) == expected
        assert all(whole[file.path] == file for file in look.found)
    assert len(spool.look(NOW, only=["e1/20261101T0000Z.counters.json"]).counters) == 1
    assert len(spool.look(NOW, only=["e1/x.txt"]).problems) == 0  # it is not there
    put(tmp_path / "e1" / "x.txt")
    assert len(spool.look(NOW, only=["e1/x.txt"]).problems) == 1


def test_every_change_of_a_version_changes_the_fingerprint(tmp_path: Path) -> None:
    path = put(tmp_path / "e1" / NAME)
    sidecar = path.with_name(f"{NAME}.json")
    seen: list[str] = []

    def look() -> None:
        (segment,) = segments(tmp_path)
        seen.append(segment.fingerprint)

    look()
    look()
    assert seen[0] == seen[1]
    put(path, b"longer than it was\n")
    look()
    put(path, b"longer than it was\n", at_ns=OLD_NS + 1)
    look()
    other = put(tmp_path / "other", b"longer than it was\n", at_ns=OLD_NS + 1)
    other.rename(path)
    look()
    put(sidecar, b"{}")
    look()
    put(sidecar, b'{"lines": 1}')
    look()
    sidecar.unlink()
    look()
    assert len(set(seen)) == len(seen) - 2  # the first two, and the last: without the sidecar it is as before
    os.link(path, tmp_path / "link")
    path.chmod(0o600)
    look()
    assert seen[-1] == seen[-2], "a link or a mode is no new version"


def test_a_file_that_changes_between_the_look_and_the_end_of_reading(tmp_path: Path) -> None:
    path = ship(tmp_path / "e1" / NAME, b"a\n" * 1000, {"lines": 1000})
    view = memoryview(bytearray(500))
    sidecar = path.with_name(f"{NAME}.json")

    def grow() -> None:
        with path.open("ab") as file:
            file.write(b"b\n")

    def replace() -> None:
        ship(path, b"c\n" * 1000)

    def claim() -> None:
        sidecar.write_text('{"lines": 7}')

    changes: list[Callable[[], None]] = [grow, replace, claim, sidecar.unlink]
    for change in changes:
        (segment,) = segments(tmp_path)
        with open_content(segment) as content:
            assert content.readinto(view) == 500
            change()
            while content.readinto(view):
                pass
            assert "changed while it was read" in (content.changed() or "")
    (segment,) = segments(tmp_path)
    grow()
    with pytest.raises(ChangedError):
        open_content(segment)
    (segment,) = segments(tmp_path)
    path.unlink()
    with pytest.raises(UnreadableError) as caught:
        open_content(segment)
    assert caught.value.passing
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(UnreadableError, match="symbolic link"):
        open_content(segment)


def test_a_file_removed_while_it_is_read_is_whole(tmp_path: Path) -> None:
    path = ship(tmp_path / "e1" / NAME, b"a\n" * 1000)
    (segment,) = segments(tmp_path)
    view = memoryview(bytearray(500))
    with open_content(segment) as content:
        path.unlink()
        assert sum(iter(lambda: content.readinto(view), 0)) == 2000
        assert content.changed() is None


def test_twenty_thousand_files(tmp_path: Path) -> None:
    one = put(tmp_path / ".one")
    for edge in range(20):
        folder = tmp_path / f"e{edge}"
        folder.mkdir()
        for minute in range(500):
            name = f"20261101T{minute // 60:02d}{minute % 60:02d}Z.log"
            os.link(one, f"{folder}/{name}.json")
            os.link(one, f"{folder}/{name}")
    spool = Spool(tmp_path)
    began = time.perf_counter()
    look = spool.look(NOW)
    assert len(look.found) == 10_000
    assert time.perf_counter() - began < 5  # about 0.15 s on a quiet machine


def test_counters_are_read_or_told(tmp_path: Path) -> None:
    path = put(
        tmp_path / "e1" / "20261101T0000Z.counters.json",
        b'{"at": "2026-11-01T00:00:00Z", "requests_total": 4}',
    )
    spool = Spool(tmp_path)
    (counters,) = spool.look(NOW).counters
    reading = spool.read_counters(counters)
    assert isinstance(reading, CounterReading)
    assert reading.requests_total == 4
    path.unlink()
    assert isinstance(spool.read_counters(counters), SidecarProblem)


def test_versions_that_replace_each_other_while_they_are_read(tmp_path: Path) -> None:
    """A shipper replaces a segment as fast as it can: what is read without a change is one version, whole."""
    path = ship(tmp_path / "e1" / NAME, b"0\n" * 20_000, {"lines": 20_000})
    done = threading.Event()

    def replace() -> None:
        for version in range(1, 300):
            ship(path, f"{version}\n".encode() * 20_000, {"lines": 20_000 + version})
        done.set()

    spool = Spool(tmp_path)
    writer = threading.Thread(target=replace)
    writer.start()
    view = memoryview(bytearray(7000))
    whole = changed = 0
    while not done.is_set() or not whole:
        for file in spool.look(NOW, only=[f"e1/{NAME}"]).found:
            try:
                with open_content(spool.claim(file)) as content:
                    read = bytearray()
                    while count := content.readinto(view):
                        read += view[:count]
                    if content.changed():
                        changed += 1
                        continue
            except (ChangedError, UnreadableError):
                changed += 1
                continue
            whole += 1
            assert len(set(bytes(read).split())) == 1
            assert read.count(b"\n") == 20_000
    writer.join()
    assert whole
