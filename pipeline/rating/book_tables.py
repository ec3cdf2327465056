"""Compiled charges as the rows of integers that kernels.book_rates reads; floats lie in them bit by bit.

Charges come from pipeline.rating.compiled_plan, rows go to pipeline.rating.compiled_book. What a rounding adds before
the quotient is taken is in the rows, so that the kernel only rounds down.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING

from kernels.book_rates import DOWN, HALF_EVEN, MOST, UP
from kernels.price_lanes import LANES
from pipeline.rating.model import Model

if TYPE_CHECKING:
    from pipeline.rating.compiled_plan import CompiledCharge

_WORD = 1 << 64
_NO_BOUND = (1 << 63) - 1


def charge_row(charge: CompiledCharge, column: int, first: int) -> list[int]:
    """As kernels.book_rates has it, from C_COLUMN on."""
    count = len(charge.pieces)
    blocks = any(piece.block for piece in charge.pieces)
    # only an even K has halves
    even = charge.mode == HALF_EVEN and charge.k % 2 == 0
    numbers = [column, charge.of, charge.whole, int(charge.up), charge.free, first, -(-count // LANES)]
    numbers += [int(count > 1), int(blocks), int(charge.begun), charge.k, int(even), charge.times]
    numbers += [charge.least, charge.most, min(max(charge.zero, charge.least), charge.most)]
    numbers += [_bits(Fraction(MOST, charge.times)), _bits(Fraction(1, charge.whole or 1))]
    return [*numbers, int(count == 1 and charge.source.model is Model.FLAT), 0]


def group_rows(charge: CompiledCharge) -> list[list[int]]:
    """The pieces of a charge, eight a row, as kernels.price_lanes has them, from G_BOUND on."""
    added = {UP: charge.k - 1, DOWN: 0}.get(charge.mode, charge.k // 2)
    rows = []
    for at in range(0, len(charge.pieces), LANES):
        some = charge.pieces[at : at + LANES]
        bounds = [_NO_BOUND if p.bound is None else min(p.bound, _NO_BOUND) for p in some]
        consts = [int(p.const) + added for p in some]
        numbers = [
            [p.base for p in some],
            [_low(const) for const in consts],
            [_low(int(p.slope)) for p in some],
            # a guess is a quarter too low, so that it is never too high
            [_bits(Fraction(const, charge.k) - Fraction(1, 4)) for const in consts],
            [_bits(Fraction(int(p.slope), charge.k)) for p in some],
            [p.block or 1 for p in some],
            [_bits(Fraction(1, p.block or 1)) for p in some],
        ]
        rest = LANES - len(some)
        row = [*bounds, *[bounds[-1]] * rest]
        rows.append(row + [number for column in numbers for number in (*column, *[column[-1]] * rest)])
    return rows


def _low(number: int) -> int:
    """The low 64 bits, as int64 holds them."""
    low = number % _WORD
    return low - _WORD if low >= _WORD // 2 else low


def _bits(number: Fraction) -> int:
    """The nearest float64, as int64 holds it."""
    return int(struct.unpack("<q", struct.pack("<d", float(number)))[0])
