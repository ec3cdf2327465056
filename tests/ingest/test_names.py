"""Names in a spool become origins, whatever is thrown at them; patterns are checked as a person would mistype them."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.names import (
    Name,
    NameKind,
    NamePattern,
    NameProblem,
    PatternError,
    compile_pattern,
    read_name,
    show_path,
    sidecar_path,
)
from pipeline.model import Origin

DEFAULT = compile_pattern()
MINUTE = 1793491200 // 60  # 2026-11-01T00:00Z


def origin_of(path: str, pattern: NamePattern = DEFAULT) -> Origin:
    name = read_name(path, pattern)
    assert isinstance(name, Name), name
    assert name.kind is NameKind.SEGMENT
    return name.origin


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("e1/20261101T0000Z.log", Origin("e1", "access", MINUTE)),
        ("e1/20261101T0000Z.log.gz", Origin("e1", "access", MINUTE)),
        ("e1/20261101T0000Z.log.zst", Origin("e1", "access", MINUTE)),
        ("e1/20261101T0000Z.log.lz4", Origin("e1", "access", MINUTE)),
        ("e1/video/20261101T0001Z.log", Origin("e1", "video", MINUTE + 1)),
        ("e1/20261101T0000Z.7.log", Origin("e1", "access", MINUTE, "7")),
        ("e1/20261101T0000Z.worker-3.2.log.gz", Origin("e1", "access", MINUTE, "worker-3.2")),
        (
            "edge-01.msk.example.net/tls_1/20240229T2359Z.log",
            Origin("edge-01.msk.example.net", "tls_1", 28487519),
        ),
        ("e1/19700101T0000Z.log", Origin("e1", "access", 0)),
    ],
)
def test_segments(path: str, origin: Origin) -> None:
    assert origin_of(path) == origin


@pytest.mark.parametrize(
    "path",
    [
        "20261101T0000Z.log",
        "e1/20261101T0000Z",
        "e1/20261101T0000Z.txt",
        "e1/20261101T0000.log",
        "e1/20261101T0000Z.log.bz2",
        "e1/20261101T0000Z.log.gz.gz",
        "e1/20260230T0000Z.log",
        "e1/20261101T2460Z.log",
        "e1/00000101T0000Z.log",
        "e1/19691231T2359Z.log",
        "e1/21060101T0000Z.log",
        "e1/99991231T2359Z.log",
        "e1/a/b/20261101T0000Z.log",
        "e1//20261101T0000Z.log",
        "/e1/20261101T0000Z.log",
        "e1..x/20261101T0000Z.log",
        "e 1/20261101T0000Z.log",
        "é/20261101T0000Z.log",
        "e1/20261101T0000Z..log",
        "e1/20261101T0000Z.log\n",
        "e1\x00/20261101T0000Z.log",
        f"{'e' * 200}/20261101T0000Z.log",
        f"e1/20261101T0000Z.{'p' * 64}.log",
        "e1/" * 400 + "20261101T0000Z.log",
        os.fsdecode(b"\xff\xfe/20261101T0000Z.log"),
        "e1/２０２６1101T0000Z.log",
    ],
)
def test_names_that_are_no_segments_are_problems_that_say_what_was_expected(path: str) -> None:
    problem = read_name(path, DEFAULT)
    assert isinstance(problem, NameProblem)
    assert "YYYYMMDDTHHMMZ" in str(problem)
    str(problem).encode()  # can be printed and stored
    assert "\n" not in str(problem)


@pytest.mark.parametrize(
    "path",
    [
        ".hidden.log",
        "../20261101T0000Z.log",
        "e1/../20261101T0000Z.log",
        "e1/.20261101T0000Z.log",
        ".e1/20261101T0000Z.log",
        "e1/.tmp/20261101T0000Z.log",
        "e1/20261101T0000Z.log.tmp",
        "e1/20261101T0000Z.log.gz.part",
        "e1/20261101T0000Z.log~",
    ],
)
def test_hidden_and_temporary_names_are_ignored(path: str) -> None:
    assert read_name(path, DEFAULT) is None


def test_sidecars_and_counters() -> None:
    for suffix in ("", ".gz", ".zst", ".lz4"):
        assert sidecar_path(f"e1/20261101T0000Z.2.log{suffix}") == "e1/20261101T0000Z.2.log.json"
    sidecar = read_name("e1/20261101T0000Z.2.log.json", DEFAULT)
    assert sidecar == Name(
        NameKind.SIDECAR, Origin("e1", "access", MINUTE, "2"), "", "e1/20261101T0000Z.2.log"
    )
    segment = read_name("e1/20261101T0000Z.2.log.zst", DEFAULT)
    assert segment == Name(
        NameKind.SEGMENT, Origin("e1", "access", MINUTE, "2"), "zstd", "e1/20261101T0000Z.2.log"
    )
    counters = read_name("e1/20261101T0000Z.counters.json", DEFAULT)
    assert isinstance(counters, Name)
    assert (counters.kind, counters.origin) == (NameKind.COUNTERS, Origin("e1", "access", MINUTE))
    assert isinstance(read_name("e1/other.json", DEFAULT), NameProblem)
    # a part named counters is a part: only its sidecar-like name means counters
    assert origin_of("e1/20261101T0000Z.counters.log") == Origin("e1", "access", MINUTE, "counters")


@pytest.mark.parametrize(
    ("pattern", "path", "origin"),
    [
        ("{edge}_{minute}.log", "e_1_20261101T0000Z.log.gz", Origin("e_1", "access", MINUTE)),
        ("{minute}/{edge}[.{part}].json", "20261101T0000Z/e1.json", Origin("e1", "access", MINUTE)),
        ("{minute}/{edge}.{part}.json", "20261101T0000Z/e1.9.json", Origin("e1", "access", MINUTE, "9")),
        (
            "logs/{edge}/*/{stream}-{minute}.tsv",
            "logs/e1/x.y/v-20261101T0000Z.tsv",
            Origin("e1", "v", MINUTE),
        ),
        ("{edge}/{minute}", "e1/20261101T0000Z.zst", Origin("e1", "access", MINUTE)),
        ("a+b(c)|{edge}/{minute}", "a+b(c)|e1/20261101T0000Z", Origin("e1", "access", MINUTE)),
    ],
)
def test_other_patterns(pattern: str, path: str, origin: Origin) -> None:
    assert origin_of(path, compile_pattern(pattern)) == origin


def test_counters_of_other_patterns() -> None:
    pattern = compile_pattern("{minute}/{edge}[.{part}].json")
    for path, kind in (
        ("20261101T0000Z/e1.counters.json", NameKind.COUNTERS),
        ("20261101T0000Z/e1.json", NameKind.SEGMENT),
        ("20261101T0000Z/e1.json.json", NameKind.SIDECAR),
    ):
        name = read_name(path, pattern)
        assert isinstance(name, Name)
        assert name.kind is kind


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("", "{edge} and {minute}"),
        ("{edge}.log", "{minute} somewhere"),
        ("{edge}/{minut}.log", "one of {edge}"),
        ("{edge}/{minute}{part}.log", "something literal"),
        ("{edge}/{edge}/{minute}", "each field once"),
        ("{edge}[/{minute}].log", "it outside"),
        ("{edge}[/{stream}[x]]/{minute}", "not nested"),
        ("{edge}[/{stream}/{minute}", "outside"),
        ("{edge}/{minute}[.{part}.log", "']'"),
        ("{edge}]/{minute}", "match"),
        ("{edge/{minute}", "braces"),
        ("../{edge}/{minute}", "below the spool"),
        ("/{edge}/{minute}", "below the spool"),
        ("{edge}//{minute}", "below the spool"),
    ],
)
def test_patterns_that_cannot_be_used(pattern: str, says: str) -> None:
    with pytest.raises(PatternError, match=r"spool\.pattern.*character [0-9]+: found .*; expected") as caught:
        compile_pattern(pattern)
    assert says in str(caught.value)


@given(st.text(max_size=60) | st.from_regex(r"[a-z./]{0,9}20261101T0000Z[a-z.0-9]{0,12}", fullmatch=True))
def test_any_text_is_a_name_a_problem_or_ignored(path: str) -> None:
    name = read_name(path, DEFAULT)
    if isinstance(name, Name):
        assert name.origin.edge
        assert not {"/", "..", "\0"} & {name.origin.edge, name.origin.stream, name.origin.part}
        assert path.startswith(name.stem)


def test_paths_of_any_bytes_can_be_shown() -> None:
    assert show_path(os.fsdecode(b"e1/\xff\xc3\xa9\n")) == "e1/\\xffé\\n"
