"""The kernels make of every golden file, whole and damaged, what the oracle makes of it, by all dimensions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.formats.load import builtin_names, load_format
from tests.formats.both import read_both
from tests.formats.golden_files import GOLDEN

DAMAGE = [
    b"",
    b'"',
    b"\\",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"|",
    b"-",
    b"+",
    b".",
    b"9",
    b"{",
    b"}",
    b":",
    b",",
    b"\x00",
    b"\xff",
]


@pytest.mark.parametrize("name", builtin_names())
def test_kernels_and_oracle_agree(name: str) -> None:
    read_both(load_format(name), (GOLDEN / f"{name}.log").read_bytes())


@given(st.sampled_from(builtin_names()), st.data())
@settings(max_examples=300, deadline=None)
def test_kernels_and_oracle_agree_on_damaged_lines(name: str, data: st.DataObject) -> None:
    content = bytearray((GOLDEN / f"{name}.log").read_bytes() * data.draw(st.integers(1, 3)))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.sampled_from(DAMAGE))
    read_both(load_format(name), bytes(content))
