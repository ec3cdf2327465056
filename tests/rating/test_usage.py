"""Usage out of files and tables: what is read, and what is said of what cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.rating.usage import UsageError, read_usage, usage_from_table, usage_of

CSV = """minute,resource,zone,requests,bytes_sent,body_bytes
2026-11-01T00:00:00Z,a.example.com,ru,1,18446744073709551615,3
2026-11-01T00:01:00Z,"b,example.com",eu,4,5,6
2026-11-01T00:01:00Z,a.example.com,,7,8,9
"""
FIRST = 29_891_520


def as_rows(path: Path) -> list[tuple[object, ...]]:
    usage = read_usage(path)
    return [
        (
            int(usage.minute[i]),
            usage.resources[usage.resource[i]],
            usage.zones[usage.zone[i]],
            int(usage.requests[i]),
            int(usage.bytes_sent[i]),
            int(usage.body_bytes[i]),
        )
        for i in range(len(usage))
    ]


ROWS = [
    (FIRST, "a.example.com", "ru", 1, 2**64 - 1, 3),
    (FIRST + 1, "b,example.com", "eu", 4, 5, 6),
    (FIRST + 1, "a.example.com", "", 7, 8, 9),
]


def test_csv_parquet_and_ways_to_write_a_minute(tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_text(CSV)
    assert as_rows(path) == ROWS
    path.write_text(CSV.replace(":00Z", ":00"))
    assert as_rows(path) == ROWS
    path.write_text(CSV.replace(":00Z", ":00+00:00"))
    assert as_rows(path) == ROWS
    path.write_text(
        CSV.replace("2026-11-01T00:00:00Z", str(FIRST)).replace("2026-11-01T00:01:00Z", str(FIRST + 1))
    )
    assert as_rows(path) == ROWS
    minute, resource, zone, requests, sent, body = zip(*ROWS, strict=True)
    for kind in (pa.timestamp("us", "UTC"), pa.int64()):
        times = pa.array([m * (60_000_000 if pa.types.is_timestamp(kind) else 1) for m in minute]).cast(kind)
        columns = {"minute": times, "resource": resource, "zone": zone, "requests": requests}
        columns |= {"bytes_sent": pa.array(sent, pa.uint64()), "body_bytes": body}
        pq.write_table(pa.table(columns), tmp_path / "usage.parquet")
        assert as_rows(tmp_path / "usage.parquet") == ROWS


def test_counts_that_are_not_there_are_not_known(tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_text("minute,bytes_sent\n2026-11-01T00:00:00Z,5\n")
    usage = read_usage(path)
    assert usage.known == {"bytes_sent"}
    assert (usage.zones, usage.resources) == (("",), ("",))


def test_zones_of_edges() -> None:
    table = pa.table({"minute": [1, 2, 3], "edge": ["e2", "e1", "e9"], "requests": [1, 2, 3]})
    usage = usage_from_table(table, {"e1": "ru", "e2": "eu"})
    assert [usage.zones[z] for z in usage.zone] == ["eu", "ru", ""]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a line of column names"),
        ("resource,requests\na,1\n", "column minute: expected, not found"),
        ("minute,zone\n2026-11-01T00:00:00Z,a\n", "expected at least one column of requests"),
        (
            "minute,requests\n2026-11-01T00:00:00Z,-1\n",
            "line 2, column requests: expected a whole number from 0 to 18446744073709551615, found '-1'",
        ),
        (
            "minute,requests\n2026-11-01T00:00:00Z,1.5\n",
            "line 2, column requests: expected a whole number from 0 to 18446744073709551615, found '1.5'",
        ),
        (
            "minute,requests\nyesterday,1\n",
            "line 2, column minute: expected a time like 2026-11-01T00:00:00Z, or minutes since 1970",
        ),
        ("minute,requests\n2026-11-01T00:00:00Z,1,2\n", "line 2: expected 2 columns, found 3"),
        (
            "minute,requests\n2026-11-01T00:00:00Z,\n",
            "column requests: 1 of 1 rows are empty, the first is row 1",
        ),
        (
            "minute,requests\n-5,1\n",
            "expected times from 1970 to 2105, or minutes since 1970; found -5 minutes",
        ),
        ("minute,requests\n1790812800,1\n", "found 1790812800 minutes in row 1; are they seconds?"),
        ("minute,requests\n9999-11-01T00:00:00Z,1\n", "from 1970 to 2105, or minutes since 1970; found 4223"),
        ("minute,requests,requests\n1,2,3\n", "column requests: expected once, found 2 times"),
        ("minute;requests\n1;2\n", "expected columns with commas between them, found semicolons"),
        ("Minute, requests\n1,2\n", 'column "Minute": expected minute, in small letters and without blanks'),
        ("minute,requests\n2026-13-01T00:00:00Z,1\n", "line 2, column minute: expected a time like"),
        (
            "minute,requests\n2026-11-01T00:00:00Z,1\n2026-11-01T00:00:00,1\n",
            "line 3, column minute: expected a time with an offset as before it",
        ),
        ("PK\x03\x04", "expected CSV, found a spreadsheet or a zip; save it as CSV"),
        ('minute,requests\n2026-11-01T00:00:00Z,"5\n', "line 2, column requests: expected a whole number"),
    ],
)
def test_what_is_wrong_is_told_with_the_file(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "usage.csv"
    path.write_text(text)
    with pytest.raises(UsageError) as raised:
        read_usage(path)
    assert str(path) in str(raised.value)
    assert said in str(raised.value)


def test_every_fault_is_told_with_its_line_and_a_flood_of_them_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    good = "2026-11-01T00:00:00Z,1,5\n"
    path.write_text(f"minute,requests,bytes_sent\n{good}yesterday,-1,5\n{good}\n{good}1,2\n")
    with pytest.raises(UsageError) as raised:
        read_usage(path)
    assert [fault.removeprefix(f"{path}: ").split(": ")[0] for fault in raised.value.faults] == [
        "line 3, column minute",
        "line 3, column requests",
        "line 7",
    ]
    path.write_text("minute,requests\n" + "x,1\n" * 1000)
    with pytest.raises(UsageError) as raised:
        read_usage(path)
    assert len(raised.value.faults) == 21
    assert "the rest was not looked at" in raised.value.faults[-1]


@pytest.mark.parametrize(
    "content", [b"\xff\xfea\x00", b"minute,requests\n\x82\xff,\x82,\x83\n", b"\x82\n", b"\x00\n\x00"]
)
@pytest.mark.filterwarnings("error")
def test_bytes_that_are_no_text_are_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "usage.csv").write_bytes(content)
    with pytest.raises(UsageError):
        read_usage(tmp_path / "usage.csv")


def test_columns_of_another_type_are_told(tmp_path: Path) -> None:
    path = tmp_path / "usage.parquet"
    pq.write_table(pa.table({"minute": ["yesterday"], "requests": [1.5], "zone": [[1]]}), path)
    with pytest.raises(UsageError) as raised:
        read_usage(path)
    assert [fault.removeprefix(f"{path}: ") for fault in raised.value.faults] == [
        "column minute: expected times, or minutes since 1970, found string",
        "column requests: expected whole numbers, found double",
        "column zone: expected texts, found list<element: int64>",
    ]


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_usage(tmp_path / "none.csv")
    (tmp_path / "bad.parquet").write_bytes(b"no")
    with pytest.raises(UsageError, match="expected Parquet"):
        read_usage(tmp_path / "bad.parquet")


def test_arrays_are_checked() -> None:
    with pytest.raises(UsageError, match="requests: expected 2 rows as in minute, found 1"):
        usage_of([1, 2], requests=[1])
    with pytest.raises(UsageError, match="zone: expected places in 1 names, found 1"):
        usage_of([1, 2], zone=(("a",), [0, 1]), requests=[1, 2])
    with pytest.raises(UsageError, match="whole numbers, found float64"):
        usage_of([1.5], requests=[1])
    assert len(usage_of(np.empty(0, np.uint32), requests=[])) == 0
