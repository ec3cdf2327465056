"""The small CDN and its bulk sister: what they deliver agrees with what they claim and with the truth beside it."""

from __future__ import annotations

import gzip
import hashlib
import json
import tomllib
from typing import TYPE_CHECKING

import pytest

from loadtest.bulk import write_bulk
from loadtest.cdn import Shape, make_cdn
from loadtest.spool import compress, deliver, main, make_config
from loadtest.truth import HITS, sum_lines

if TYPE_CHECKING:
    from pathlib import Path

FAULTY = Shape(
    edges=4,
    minutes=12,
    lines=60,
    resources=20,
    customers=5,
    codecs=("", "gz", "zst", "lz4"),
    malformed=20,
    repeated=20,
    flagged=5,
    overlapping=300,
    short_first=200,
    damaged=150,
    again=150,
    late=150,
    missing=100,
    empty=100,
)


def test_without_faults_every_line_counts_once() -> None:
    cdn = make_cdn(Shape(edges=2, minutes=3, lines=50))
    assert len(cdn.deliveries) == 6
    assert cdn.truth.totals()["requests"] == 300
    assert cdn.truth.repeated == 0
    assert not cdn.missing


def test_the_same_shape_gives_the_same_cdn() -> None:
    assert make_cdn(FAULTY) == make_cdn(FAULTY)


def test_every_fault_is_there() -> None:
    cdn = make_cdn(FAULTY)
    counts = cdn.truth.segments.values()
    assert sum(c.malformed for c in counts) > 0
    assert sum(c.flagged for c in counts) > 0
    assert any(c.lines == 0 for c in counts)
    assert cdn.truth.repeated > 0
    assert cdn.missing
    names = [d.name for d in cdn.deliveries]
    assert len(set(names)) < len(names)
    minutes = [d.minute for d in cdn.deliveries]
    assert minutes != sorted(minutes)
    assert any(d.content.count(b"\n") != d.sidecar["lines"] for d in cdn.deliveries)


def test_sequence_numbers_have_no_hole_but_where_segments_are_missing() -> None:
    cdn = make_cdn(FAULTY)
    for edge in range(FAULTY.edges):
        final = {d.minute: d for d in cdn.deliveries if d.edge == FAULTY.edge(edge)}
        before = 0
        for minute in sorted(final):
            seq = final[minute].sidecar["seq"]
            if (FAULTY.edge(edge), minute - 1) in cdn.missing:
                assert seq["first"] >= before
            else:
                assert seq["first"] <= before
            before = seq["next"]


def test_the_truth_counts_a_line_by_hand() -> None:
    minute = 29_891_520
    good = b"%d.5\t7\ta.ru\tGET\t/\t404\t150\t100\tHIT\t1\t-" % (minute * 60 + 61)
    old = b"%d.5\t8\ta.ru\tGET\t/\t502\t50\t-\tMISS\t1\t-" % (minute * 60 - 86_400 * 3)
    truth = sum_lines([("e1", minute, b"\n".join([good, good, b"broken", old, b""]))])
    assert truth.usage == {
        (minute + 1, "a.ru", "e1"): [1, 150, 100, 1, 1, 0],
        (minute, "a.ru", "e1"): [1, 50, 0, 0, 0, 1],
    }
    counts = truth.segments["e1", minute]
    assert (counts.lines, counts.parsed, counts.malformed, counts.flagged, truth.repeated) == (4, 3, 1, 1, 1)


def test_the_truth_knows_the_formats_hits() -> None:
    from pipeline.formats.load import load_format

    fmt = load_format("edge-tsv")
    assert fmt.cache is not None
    assert {hit if isinstance(hit, bytes) else hit.encode() for hit in fmt.cache.hit} == HITS


@pytest.mark.parametrize("codec", ["", "gz", "zst", "lz4"])
def test_a_delivery_is_a_segment_and_its_sidecar(tmp_path: Path, codec: str) -> None:
    cdn = make_cdn(Shape(edges=1, minutes=1, lines=20, codecs=(codec,)))
    path = deliver(tmp_path, cdn.deliveries[0])
    assert path.relative_to(tmp_path).as_posix() == "e1/20261101T0000Z.log" + (f".{codec}" if codec else "")
    claims = json.loads((tmp_path / "e1" / "20261101T0000Z.log.json").read_text())
    assert path.read_bytes() == compress(cdn.deliveries[0].content, codec)
    if codec == "gz":
        assert hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest() == claims["sha256"]
    assert claims["seq"] == {"unit": "line", "epoch": "1", "first": 0, "next": 20}


def test_an_unknown_codec_is_named() -> None:
    with pytest.raises(ValueError, match="found 'rar'"):
        compress(b"", "rar")


def test_every_resource_has_a_customer() -> None:
    config = tomllib.loads(make_config(FAULTY, "/spool", "chdb:///store"))
    assert [edge["id"] for edge in config["edge"]] == ["e1", "e2", "e3", "e4"]
    assert sum(len(customer["resources"]) for customer in config["customer"]) == FAULTY.resources
    assert len(config["customer"]) == FAULTY.customers


def test_the_command_line_writes_the_truth(tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    arguments = [
        str(tmp_path / "spool"),
        "--truth",
        str(truth),
        "--edges",
        "2",
        "--minutes",
        "2",
        "--lines",
        "30",
    ]
    assert main([*arguments, "--malformed", "50"]) == 0
    told = json.loads(truth.read_text())
    assert sum(row["requests"] for row in told["usage"]) == 120
    assert sum(segment["malformed"] for segment in told["segments"]) > 0


def test_bulk_segments_hold_what_is_claimed(tmp_path: Path) -> None:
    truth = write_bulk(tmp_path, segments=6, content_bytes=6 * 40_000, resources=50, edges=2, templates=2)
    paths = sorted(tmp_path.glob("*/*.log"))
    assert len(paths) == truth.segments == 6
    lines = 0
    for path in paths:
        content = path.read_bytes()
        claims = json.loads((path.parent / f"{path.name}.json").read_text())
        rows = [line.split(b"\t") for line in content.splitlines()]
        minute = int(rows[0][0].split(b".")[0]) // 60
        assert {int(row[0].split(b".")[0]) // 60 for row in rows} == {minute}
        assert [int(row[1]) for row in rows] == list(range(claims["seq"]["first"], claims["seq"]["next"]))
        assert len({row[2] for row in rows}) == 50
        assert sum(int(row[6]) for row in rows) == claims["bytes_sent"]
        assert hashlib.sha256(content).hexdigest() == claims["sha256"]
        lines += len(rows)
    assert lines == truth.lines
