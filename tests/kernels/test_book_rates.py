"""The kernel of rates against whole numbers of any size, at the edges of what it takes: tables that no plan gives."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernels import entry
from kernels.book_rates import (
    AT_ONCE,
    CHARGE_WORDS,
    DOWN,
    HALF_EVEN,
    HALF_UP,
    MOST,
    MOST_CHARGES,
    PLAN_WORDS,
    TOO_LARGE,
    UNRATED,
    UP,
)
from pipeline.rating.book_tables import charge_row, group_rows
from pipeline.rating.compiled_plan import CompiledCharge, Piece
from pipeline.rating.model import Charge, Meter, Model

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = Charge("c", Meter.BYTES_SENT, Model.VOLUME, "B")
LARGEST = 1 << 62


def make_charge(pieces: Sequence[Piece], **more: Any) -> CompiledCharge:
    plain: dict[str, Any] = {"of": 0, "whole": 0, "up": False, "free": 0, "begun": True, "k": 1, "mode": DOWN}
    plain |= {"times": 1, "least": 0, "most": MOST, "zero": 0}
    return CompiledCharge(source=SOURCE, pieces=tuple(pieces), **{**plain, **more})


def lines_of(charge: CompiledCharge, xs: Sequence[int]) -> list[int]:
    """The kernel on a plan of one charge."""
    charges = np.array([charge_row(charge, 0, 0)], np.int64)
    assert charges.shape == (1, CHARGE_WORDS)
    groups, given = np.array(group_rows(charge), np.int64), np.array(xs, np.uint64)
    plans = np.array([[0, 1, 0, MOST]], np.int64)
    assert plans.shape == (1, PLAN_WORDS)
    work = np.empty((MOST_CHARGES + 3, AT_ONCE), np.int64)
    lines, nets = np.full(len(xs) + 1, 77, np.int64), np.full(len(xs) + 1, 77, np.int64)
    arrays = [each.ctypes.data for each in (plans, charges, groups, work, lines, nets)]
    at = len(xs)
    failed = entry.rate_book(
        given.ctypes.data, at, 0, at, arrays[0], 1, arrays[1], arrays[2], arrays[3], 1, arrays[4], arrays[5]
    )
    assert lines[-1] == nets[-1] == 77
    assert failed == (nets < 0).sum()
    for line, net in zip(lines[:-1], nets[:-1], strict=True):
        assert net == (TOO_LARGE if line >= MOST else line)
    return [int(line) for line in lines[:-1]]


def rounded(amount: Fraction, mode: int) -> int:
    down, rest = amount // 1, amount % 1
    if mode in (UP, DOWN):
        return down + (mode == UP and rest > 0)
    odd = mode == HALF_UP or down % 2 == 1
    return down + (rest > Fraction(1, 2) or (odd and rest == Fraction(1, 2)))


@dataclass(frozen=True)
class Slow:
    """What a line is, and the amount before it was rounded."""

    line: int
    exact: Fraction


def slow_line(charge: CompiledCharge, x: int) -> Slow:
    if x >= LARGEST:
        return Slow(TOO_LARGE, Fraction(0))
    if charge.whole:
        x = (x // charge.whole + (charge.up and x % charge.whole > 0)) * charge.whole
    x = max(x - charge.free, 0)
    if x == 0:
        return Slow(min(max(charge.zero, charge.least), charge.most), Fraction(0))
    for piece in charge.pieces:
        if piece.bound is None or x <= piece.bound:
            more = x - piece.base
            if piece.block:
                more = more // piece.block + (charge.begun and more % piece.block > 0)
            exact = (piece.const + more * piece.slope) / charge.k
            amount = rounded(exact, charge.mode) * charge.times
            return Slow(min(max(amount, charge.least), charge.most), exact * charge.times)
    return Slow(UNRATED, Fraction(0))


def check(charge: CompiledCharge, xs: Sequence[int]) -> None:
    for x, line in zip(xs, lines_of(charge, xs), strict=True):
        slow = slow_line(charge, x)
        if slow.exact < MOST - 2 * charge.times:
            assert line == slow.line, (x, slow)
        elif slow.exact > MOST + 2 * charge.times:
            assert line == TOO_LARGE, (x, slow)
        else:
            assert line in (TOO_LARGE, slow.line), (x, slow)


def sizes(bits: int) -> st.SearchStrategy[int]:
    """Numbers of every length, those next to powers of two as well."""
    powers = st.integers(0, bits).flatmap(lambda n: st.integers(-1, 1).map(lambda by: max((1 << n) + by, 0)))
    any_length = st.integers(0, bits).flatmap(lambda n: st.integers(0, 1 << n))
    return st.one_of(any_length, powers).map(lambda n: min(n, (1 << bits) - 1))


@st.composite
def charges(draw: st.DrawFn) -> CompiledCharge:
    k = max(draw(sizes(61)), 1)
    count = draw(st.integers(1, 4) | st.integers(7, 18))
    bounds = sorted({max(draw(sizes(62)), 1) for _ in range(count)})
    blocks = draw(st.booleans())
    pieces = []
    for above, bound in pairwise([0, *bounds]):
        base = draw(st.sampled_from([0, above]))
        # so much that the last quantities come to about the limit
        slope = draw(sizes(64)) if draw(st.booleans()) else MOST * k // max(bound, 1)
        block = max(draw(sizes(62)), 1) if blocks else 0
        pieces.append(Piece(bound, base, Fraction(draw(sizes(100))), Fraction(slope), block))
    if draw(st.booleans()):
        pieces[-1] = Piece(None, *[getattr(pieces[-1], name) for name in ("base", "const", "slope", "block")])
    least, most = sorted((draw(sizes(48)), draw(sizes(48))))
    bounded = draw(st.booleans())
    return make_charge(
        pieces,
        k=k,
        mode=draw(st.sampled_from([HALF_UP, HALF_EVEN, UP, DOWN])),
        times=10 ** draw(st.integers(0, 6)),
        whole=draw(st.sampled_from([0, 1, 3, 10**4, 2**30, 10**12])),
        up=draw(st.booleans()),
        free=draw(st.sampled_from([0, 0, 1, 10**9, LARGEST - 1])),
        begun=draw(st.booleans()),
        zero=draw(sizes(40)),
        least=least if bounded else 0,
        most=most if bounded else MOST,
    )


@settings(deadline=None, max_examples=300)  # kernels are compiled at their first call
@given(charges(), st.lists(sizes(64), min_size=1, max_size=20))
@example(make_charge([Piece(None, 0, Fraction(0), Fraction(1))], k=2, mode=HALF_EVEN), list(range(20)))
def test_every_line_is_that_of_whole_numbers(charge: CompiledCharge, drawn: list[int]) -> None:
    around = [piece.bound for piece in charge.pieces if piece.bound is not None]
    around += [charge.free, *(piece.block for piece in charge.pieces)]
    nearly = [(MOST * charge.k - int(p.const)) // int(p.slope) + p.base for p in charge.pieces if p.slope]
    xs = {*drawn, *(number + by for number in (*around, *nearly) for by in (-1, 0, 1))}
    check(charge, sorted(min(max(x, 0), 2**64 - 1) for x in xs))


@pytest.mark.parametrize("mode", [HALF_UP, HALF_EVEN, UP, DOWN])
@pytest.mark.parametrize("k", [1, 2, 3, 8, 1000, 10**11, 2**61 - 1, 2**60])
def test_amounts_next_to_whole_ones_and_halves(mode: int, k: int) -> None:
    charge = make_charge([Piece(None, 0, Fraction(0), Fraction(1))], k=k, mode=mode)
    near = [n * k // 2 + by for n in (1, 2, 3, 4, 5, 10**6 + 1, 2**48 - 3) for by in (-2, -1, 0, 1, 2)]
    check(charge, [min(max(x, 0), LARGEST - 1) for x in near])


@pytest.mark.parametrize("block", [1, 2, 3, 7, 10**9, 2**31 - 1, 2**61 - 1])
def test_blocks_are_counted_to_the_last_one(block: int) -> None:
    """With a quotient of up to 62 bits, of which a float holds 53."""
    whole = [n * block + by for n in (0, 1, 2, 3, (LARGEST - 2) // block) for by in (-1, 0, 1)]
    xs = [x for x in [*whole, LARGEST - 1] if 0 <= x < LARGEST]
    for begun in (True, False):
        charge = make_charge([Piece(None, 0, Fraction(0), Fraction(1), block)], k=1 << 20, begun=begun)
        check(charge, xs)
    for up in (True, False):
        check(make_charge([Piece(None, 0, Fraction(0), Fraction(1))], k=1 << 20, whole=block, up=up), xs)
