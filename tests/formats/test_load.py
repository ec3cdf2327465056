"""A format's TOML becomes plain data; a bad one tells all its faults at once, with the key and what was expected."""

from __future__ import annotations

import contextlib
import tomllib
from pathlib import Path

import pytest

from pipeline.formats.errors import FormatError
from pipeline.formats.from_toml import TomlReader
from pipeline.formats.load import HERE, load_format, parse_format
from pipeline.formats.model import UNREADABLE, LogFormat

SMALL = """
version = 1
name = "mine"
title = "mine"
source = "here"
kind = "delimited"
separator = ";"
columns = ["t", "code", "size", "host"]
min_columns = 3
[fields]
time = { column = "t", type = "epoch", zone = "-03:30" }
status = { column = "code" }
bytes_sent = { column = "size" }
resource = { column = "host", optional = true }
"""

HEADER = """
version = 1
name = "mine"
kind = "delimited"
separator = "auto"
comment = "#"
header = "#Fields:"
[fields]
time = { column = ["date", "time"], type = "date_time" }
status = { column = "sc-status", optional = true }
bytes_sent = { column = ["sc-bytes", "bytes"] }
"""


def problems(text: str) -> dict[str, str]:
    with pytest.raises(FormatError) as caught:
        parse_format(text, "mine.toml")
    assert all(problem.file == "mine.toml" for problem in caught.value.problems)
    return {problem.key: str(problem) for problem in caught.value.problems}


def test_a_small_format() -> None:
    fmt = parse_format(SMALL)
    assert (fmt.separator, fmt.min_columns, fmt.places("resource")) == (ord(";"), 3, (3,))
    assert fmt.time.zone == -3.5 * 3600
    assert fmt.known == {"requests", "bytes_sent", "errors_4xx", "errors_5xx"}
    assert fmt.places("cache") == ()


def test_a_format_by_path(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(SMALL)
    assert load_format(tmp_path / "mine.toml").name == "mine"
    assert load_format(str(tmp_path / "mine.toml")).path.endswith("mine.toml")


def test_an_unknown_name_tells_the_nearest() -> None:
    with pytest.raises(FormatError, match="did you mean 'vhost-combined'"):
        load_format("vhost_combined")


def test_a_missing_file_is_an_error_of_the_format() -> None:
    with pytest.raises(FormatError, match=r"no/such\.toml"):
        load_format("no/such.toml")


def test_every_fault_at_once() -> None:
    found = problems(
        """
version = 2
name = "Mine"
kind = "delimted"
seperator = ";"
separator = ";;"
columns = ["t", "code"]
min_columns = 1
bytes_include_headers = true
[fields]
time = { column = "tt", type = "unix", zone = "3" }
status = { column = "code", optionl = true }
cache = { column = "code" }
rescource = { column = "t" }
[detect.shape]
code = "["
"""
    )
    assert set(found) == {
        "version",
        "name",
        "kind",
        "seperator",
        "separator",
        "min_columns",
        "bytes_include_headers",
        "fields.time.column",
        "fields.time.type",
        "fields.time.zone",
        "fields.status.optionl",
        "fields.cache.hit",
        "fields.rescource",
        "detect.shape.code",
    }
    assert "did you mean 'separator'?" in found["seperator"]
    assert "did you mean 'resource'?" in found["fields.rescource"]
    assert "did you mean 'optional'?" in found["fields.status.optionl"]


def test_no_toml_at_all() -> None:
    assert "no TOML" in problems("version = ")[""]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('time = { column = "t", type = "epoch", zone = "-03:30" }', "", "fields.time"),
        ('separator = ";"', "", "separator"),
        ('separator = ";"', 'separator = "\\""', "separator"),
        ('columns = ["t", "code", "size", "host"]', "", "columns"),
        ("min_columns = 3", "min_columns = 5", "min_columns"),
        ('column = "code"', 'column = ""', "fields.status.column"),
        ('column = "code"', "column = 3", "fields.status.column"),
        ("min_columns = 3", 'min_columns = 3\nprefix_until = "123456789"', "prefix_until"),
        ("min_columns = 3", 'min_columns = 3\ncomment = "//"', "comment"),
        ("min_columns = 3", 'min_columns = 3\nheader = "Fields:"', "header"),
        ('type = "epoch"', 'type = "clf", unit = "s"', "fields.time.unit"),
        ('type = "epoch"', 'type = "date_time"', "fields.time.column"),
    ],
)
def test_one_fault(old: str, new: str, key: str) -> None:
    assert old in SMALL
    assert list(problems(SMALL.replace(old, new))) == [key]


def test_columns_and_their_kin_have_no_place_in_ndjson() -> None:
    found = problems(SMALL.replace('kind = "delimited"', 'kind = "ndjson"'))
    assert set(found) == {"separator", "columns", "min_columns"}


def test_before_its_header_a_header_format_reads_nothing() -> None:
    assert parse_format(HEADER).min_columns == UNREADABLE


def test_a_header_names_the_columns_in_any_case_and_drops_what_is_optional() -> None:
    fmt = parse_format(HEADER).with_header(b"#fields: x DATE Time bytes y")
    assert fmt.columns == ("x", "DATE", "Time", "bytes", "y")
    assert (fmt.places("time"), fmt.places("bytes_sent"), fmt.status) == ((1, 2), (3,), None)
    assert (fmt.separator, fmt.min_columns) == (ord(" "), 4)
    assert fmt.known == {"requests", "bytes_sent"}


def test_a_later_header_starts_from_the_format_as_loaded() -> None:
    fmt = (
        parse_format(HEADER)
        .with_header(b"#Fields: date time bytes")
        .with_header(b"#Fields:\tdate\ttime\tsc-status\tsc-bytes")
    )
    assert fmt.places("status") == (2,)
    assert fmt.separator == ord("\t")


def test_a_header_without_a_needed_column_makes_all_lines_unreadable() -> None:
    assert parse_format(HEADER).with_header(b"#Fields: date time sc-status").min_columns == UNREADABLE


def test_the_first_source_that_is_there_counts() -> None:
    assert parse_format(HEADER).with_columns(["date", "time", "bytes", "sc-bytes"]).places("bytes_sent") == (
        3,
    )


WEIRD = [
    '""',
    '"x"',
    "0",
    "-1",
    "3.5",
    "true",
    "[]",
    '["x"]',
    "[1]",
    "{}",
    "{ x = 1 }",
    "1979-05-27",
    '"\\u0000é"',
    '"((("',
]
PLACES = [
    *(
        "version",
        "name",
        "title",
        "source",
        "kind",
        "bytes_include_headers",
        "separator",
        "quotes",
        "columns",
    ),
    *("min_columns", "comment", "header", "prefix_until", "fields", "detect"),
    *("fields.time", "fields.status", "fields.cache", "fields.resource", "fields.seq"),
    *("fields.time.column", "fields.time.type", "fields.time.zone", "fields.time.unit"),
    *("fields.cache.hit", "fields.resource.url_host", "fields.status.optional"),
    *("detect.keys", "detect.fields", "detect.shape", "detect.shape.t", "detect.rank"),
]


@pytest.mark.parametrize("base", [SMALL, HEADER])
@pytest.mark.parametrize("place", PLACES)
def test_whatever_stands_there_is_a_format_or_a_problem(base: str, place: str) -> None:
    for value in WEIRD:
        data = tomllib.loads(base)
        table = data
        *parents, last = place.split(".")
        for parent in parents:
            table = table.setdefault(parent, {})
        table[last] = tomllib.loads(f"x = {value}")["x"]
        with contextlib.suppress(FormatError):
            assert isinstance(TomlReader(data, "mine.toml").read(), LogFormat)


def test_a_byte_order_mark_before_a_format_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf" + (HERE / "combined.toml").read_bytes())
    assert load_format(path).columns == load_format("combined").columns
