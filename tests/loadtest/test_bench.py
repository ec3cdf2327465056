"""The benchmark's own parts: equal results are found equal, others not; tables and the README's block are whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from loadtest.bench import END, START, main, merge, replace_block, to_markdown, to_text
from loadtest.bench_kernels import Data, Row, Table
from loadtest.measure import Bench, Job, MeasureError, normalize
from loadtest.peers import TWO, columns_of

if TYPE_CHECKING:
    from pathlib import Path


def test_results_of_any_shape_become_one() -> None:
    theirs = pa.table(
        {
            "resource": ["b", "a"],
            "minute": pa.array([2, 1], pa.int32()),
            "requests": pa.array([1, 2], pa.int64()),
            "body_bytes": pa.array([5, 6], pa.decimal128(20, 0)),
            "errors": pa.array([0, 1], pa.uint8()),
        }
    )
    ours = pa.table(
        {
            "minute": pa.array([60, 120], pa.timestamp("s", "UTC")),
            "resource": pa.array([b"a", b"b"], pa.binary()).dictionary_encode(),
            "requests": pa.array([2, 1], pa.uint64()),
            "body_bytes": pa.array([6, 5], pa.uint64()),
            "errors_4xx": pa.array([1, 0], pa.uint64()),
            "errors_5xx": pa.array([0, 0], pa.uint64()),
        }
    )
    one, other = (normalize(table, "vhost-combined", TWO) for table in (theirs, ours))
    assert one.equals(other)
    assert one.column_names == columns_of("vhost-combined", TWO)
    assert one["errors"].to_pylist() == [1, 0]


def test_every_engine_gives_the_same_groups(tmp_path: Path) -> None:
    data = Data(tmp_path, 3_000)
    with Bench(1, tmp_path) as bench:
        for fmt in ("edge-tsv", "vhost-combined", "cloudflare-logpush"):
            path = data.log(fmt)
            engines = ("prebill", *_installed_peers())
            timings = bench.time([Job(engine, fmt, path, TWO) for engine in engines])
            assert len({timing.rows for timing in timings}) == 1
            assert all(timing.wall_s > 0 for timing in timings)


def test_a_difference_is_an_error(tmp_path: Path) -> None:
    data = Data(tmp_path, 1_000)
    other = tmp_path / "other.log"
    other.write_bytes(data.log("edge-tsv").read_bytes().replace(b"\t200\t", b"\t404\t", 1))
    jobs = [Job("prebill", "edge-tsv", path, TWO) for path in (data.log("edge-tsv"), other)]
    with Bench(1, tmp_path) as bench, pytest.raises(MeasureError, match="differ"):
        bench.time(jobs)


def test_a_dead_engine_is_an_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Bench(1, tmp_path) as bench, pytest.raises(MeasureError, match="prebill failed on"):
        bench.time([Job("prebill", "edge-tsv", tmp_path / "none.log", TWO)])
    assert "none.log" in capfd.readouterr().err


def _installed_peers() -> list[str]:
    import importlib.util

    modules = {"chDB": "chdb", "DuckDB": "duckdb", "Polars": "polars"}
    return [name for name, module in modules.items() if importlib.util.find_spec(module)]


ROWS = (
    Row("tsv", {"prebill": "3.9", "chDB": "0.5"}, "≥ 4 ×", True),
    Row("x", {"prebill": "1"}, "≥ 5 ×", False),
)


def test_tables_for_people() -> None:
    table = Table("Rates", ROWS)
    assert to_markdown(table).splitlines() == [
        "**Rates**",
        "",
        "| | prebill | chDB | wanted |",
        "|---|---|---|---|",
        "| tsv | 3.9 | 0.5 | ≥ 4 × |",
        "| x | 1 |  | ≥ 5 × (missed) |",
    ]
    assert to_text(table).splitlines()[1].split() == ["prebill", "chDB", "wanted"]
    assert merge([Table("a", ROWS[:1]), Table("b", ROWS), Table("a", ROWS[1:])])[0].rows == ROWS


def test_the_readmes_block_is_replaced_and_nothing_else() -> None:
    assert replace_block(f"x\n{START}\nold\n{END}\ny", "new") == f"x\n{START}\nnew\n{END}\ny"
    for broken in ("", START, f"{END}{START}", f"{START}{START}{END}"):
        with pytest.raises(ValueError, match="expected one"):
            replace_block(broken, "new")


def test_wrong_usage_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, told in (
        (["--only", "zzz"], "compare_with_peers"),
        (["--readme", "--quick"], "a whole run"),
    ):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2
        assert told in capsys.readouterr().err
