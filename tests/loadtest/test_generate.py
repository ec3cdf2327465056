"""Generated logs: one for one set of options, of the size and spread that the benchmarks state, readable by anybody."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from loadtest import render
from loadtest.generate import generate, main
from loadtest.names import make_resources
from loadtest.render import FORMATS
from loadtest.traffic import START_S, draw_minutes

if TYPE_CHECKING:
    from pathlib import Path

COMBINED = re.compile(
    rb'^(\S+) (\S+) - - \[([^]]+)\] "([A-Z]+) (\S+) HTTP/1\.1" (\d{3}) (\d+) "([^"]*)" "([^"]*)"$'
)


def lines_of(fmt: str, seed: int = 1) -> list[bytes]:
    return b"".join(generate(fmt, 2_000, resources=100, minutes=3, seed=seed)).splitlines()


@pytest.mark.parametrize("fmt", FORMATS)
def test_the_same_options_give_the_same_bytes(fmt: str) -> None:
    assert lines_of(fmt) == lines_of(fmt)
    assert lines_of(fmt) != lines_of(fmt, seed=2)


@pytest.mark.parametrize("fmt", FORMATS)
def test_shuffled_lines_are_the_same_lines(fmt: str) -> None:
    ordered = lines_of(fmt)
    mixed = b"".join(generate(fmt, 2_000, resources=100, minutes=3, shuffled=True)).splitlines()
    assert mixed != ordered
    assert sorted(mixed) == sorted(ordered)


@pytest.mark.parametrize(
    ("fmt", "wanted"), [("edge-tsv", 174), ("vhost-combined", 216), ("cloudflare-logpush", 524)]
)
def test_lines_are_as_long_as_stated(fmt: str, wanted: int) -> None:
    chunks = b"".join(generate(fmt, 20_000, minutes=1))
    assert len(chunks) / 20_000 == pytest.approx(wanted, rel=0.02)


def test_the_three_formats_tell_of_the_same_requests() -> None:
    def keyed(fmt: str) -> Counter[tuple[str, int, int]]:
        found: Counter[tuple[str, int, int]] = Counter()
        for line in lines_of(fmt):
            if fmt == "edge-tsv":
                columns = line.split(b"\t")
                assert len(columns) == 11
                key = columns[2].decode(), int(columns[5]), int(columns[7])
            elif fmt == "vhost-combined":
                match = COMBINED.match(line)
                assert match is not None, line
                key = match[1].decode(), int(match[6]), int(match[7])
            else:
                record = json.loads(line)
                assert len(record) == 14
                key = (
                    record["ClientRequestHost"],
                    record["EdgeResponseStatus"],
                    record["EdgeResponseBodyBytes"],
                )
            found[key] += 1
        return found

    tsv = keyed("edge-tsv")
    assert sum(tsv.values()) == 2_000
    assert keyed("vhost-combined") == tsv
    assert keyed("cloudflare-logpush") == tsv


def test_resources_follow_zipfs_law() -> None:
    resource = np.concatenate([part.resource for part in draw_minutes(300_000, 3_000, 6, 1, 1)])
    counts = np.bincount(resource, minlength=3_000)
    assert counts[0] / counts[9] == pytest.approx(10**1.05, rel=0.1)
    assert (counts > 0).mean() > 0.95


def test_times_are_in_order_but_for_a_few() -> None:
    parts = list(draw_minutes(60_000, 100, 3, 1, 1))
    times = np.concatenate([part.time_ms for part in parts])
    assert times.min() >= START_S * 1000
    assert times.max() < (START_S + 180) * 1000
    assert 0.005 < (np.diff(times) < 0).mean() < 0.04
    own = np.concatenate([np.full(len(part), START_S // 60 + minute) for minute, part in enumerate(parts)])
    assert 0 < (times // 60_000 != own).sum() < 100


def test_names_are_different() -> None:
    names = make_resources(30_000)
    assert len(set(names)) == 30_000
    assert all(len(name) < 64 for name in names)


def test_the_assembler_writes_what_python_writes() -> None:
    values = np.array(
        [[0, 1], [0, 10**18], [1_000_007, 1_793_491_200_123], [0, 0xC0A80A0B], [0, 2**63 - 1]], dtype=np.int64
    )
    blob = np.frombuffer(b"a|bc|", dtype=np.uint8)
    out = np.zeros(200, dtype=np.uint8)
    ends = np.array([0, 2, 5], dtype=np.int64)
    size = render._assemble(out, np.arange(5), values, blob, ends)
    assert (
        out[:size].tobytes()
        == b"a|01000.0070.0.0.00000000000000000bc|10000000000000000001793491200.123192.168.10.117fffffffffffffff"
    )


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "x.log"
    assert main(["edge-tsv", "-o", str(output), "--lines", "500", "--resources", "10", "--minutes", "2"]) == 0
    assert output.read_bytes().count(b"\n") == 500
    with pytest.raises(SystemExit) as stopped:
        main(["edge-tsv", "-o", str(output), "--lines", "0"])
    assert stopped.value.code == 2
    assert "--lines: expected 1 or more, found 0" in capsys.readouterr().err
