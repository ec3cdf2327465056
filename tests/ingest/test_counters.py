"""Counter files: each version read once, what is wrong told by path, and in a run brought into the store."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.coverage.model import Reading
from pipeline.ingest.counters import CounterFiles
from pipeline.ingest.spool import Spool

AT = 1793491260.0
T = "2026-11-01T00:01:00Z"


def put(spool: Path, name: str, content: object) -> Path:
    path = spool / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def take(spool: Spool, files: CounterFiles, most: int = 1000) -> list[Reading]:
    look = spool.look(0.0)
    files.offer(look.counters)
    files.keep_only({file.path for file in look.counters})
    counted = files.read(spool.read_counters, most)
    files.settle(counted)
    return counted.readings


def test_each_version_is_read_once(tmp_path: Path) -> None:
    spool, files = Spool(tmp_path), CounterFiles()
    put(tmp_path, "e1/20261101T0001Z.counters.json", {"at": T, "requests_total": 5, "bytes_sent_total": 7})
    path = put(
        tmp_path, "e2/20261101T0001Z.counters.json", {"at": T, "requests_total": 1, "bytes_sent_total": 2}
    )
    assert sorted(take(spool, files), key=lambda r: r.edge) == [
        Reading("e1", AT, 5, 7),
        Reading("e2", AT, 1, 2),
    ]
    assert take(spool, files) == []
    path.write_text(json.dumps({"at": T, "requests_total": 10, "bytes_sent_total": 20}))
    assert take(spool, files) == [Reading("e2", AT, 10, 20)]
    assert not files.problems
    assert not len(files)


def test_what_is_wrong_is_told_and_read_again_once_it_is_mended(tmp_path: Path) -> None:
    spool, files = Spool(tmp_path), CounterFiles()
    half = put(tmp_path, "e1/20261101T0001Z.counters.json", {"at": T, "requests_total": 5})
    put(tmp_path, "e1/20261101T0002Z.counters.json", "{")
    put(tmp_path, "e1/20261101T0003Z.counters.json", {"at": 5, "requests_total": 5, "bytes_sent_total": 5})
    assert take(spool, files) == []
    told = [why.split(";")[0] for _, why in sorted(files.problems.items())]
    assert told[0] == "counters key bytes_sent_total: found nothing, expected an integer"
    assert told[1].startswith("counters: found what is not JSON")
    assert told[2].startswith("counters key at: found 5, expected an RFC 3339 time")
    half.write_text(json.dumps({"at": T, "requests_total": 5, "bytes_sent_total": 6}))
    assert take(spool, files) == [Reading("e1", AT, 5, 6)]
    assert len(files.problems) == 2
    for path in tmp_path.glob("e1/*"):
        path.unlink()
    assert take(spool, files) == []
    assert not files.problems


def test_many_are_read_in_portions_and_what_the_store_refused_stays(tmp_path: Path) -> None:
    spool, files = Spool(tmp_path), CounterFiles()
    for minute in range(5):
        put(tmp_path, f"e1/20261101T000{minute}Z.counters.json",
            {"at": f"2026-11-01T00:0{minute}:00Z", "requests_total": minute, "bytes_sent_total": 0})  # fmt: skip
    files.offer(spool.look(0.0).counters)
    first = files.read(spool.read_counters, 2)
    assert (len(first.readings), len(files)) == (2, 5)
    again = files.read(spool.read_counters, 2)
    assert again.readings == first.readings
    files.settle(again)
    assert (len(files), len(files.read(spool.read_counters).readings)) == (3, 3)
