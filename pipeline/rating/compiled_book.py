"""Many plans for many customers at once: the columns of quantities that plans share, and every customer's net.

Plans come from the plan book, quantities from pipeline.rating.meter; nets go to pipeline.rating.simulate. Plans that
cannot be compiled are named with their reason; pipeline.rating.rate rates those.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from kernels import entry
from kernels.book_rates import AT_ONCE, CHARGE_WORDS, MOST_CHARGES, PLAN_WORDS, TOO_LARGE, UNRATED
from kernels.price_lanes import GROUP_WORDS
from pipeline.crew import Crew
from pipeline.rating.book_tables import charge_row, group_rows
from pipeline.rating.compiled_plan import CompiledCharge, CompiledPlan, NotCompiledError, compile_plan
from pipeline.rating.model import Meter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.rating.model import Charge, Plan

__all__ = ["TOO_LARGE", "UNRATED", "CompiledBook", "Nets", "compile_book"]


@dataclass(frozen=True, slots=True, eq=False)
class Nets:
    """`nets`: int64[plans, customers], in 10^-scale of each plan; below zero: UNRATED or TOO_LARGE. `lines`: the same
    for int64[all charges, customers], in the plans' order, where they were asked for."""

    nets: NDArray[np.int64]
    lines: NDArray[np.int64] | None
    failed: int


@dataclass(frozen=True, slots=True)
class Turn:
    """The greatest quantity of a tier and the least of the next, where a charge's amount may fall between them."""

    charge: Charge
    column: int
    bound: int
    above: int


@dataclass(frozen=True, slots=True, eq=False)
class CompiledBook:
    """`columns`: a charge for each column of quantities: every other charge that counts the same shares it.
    `refused`: plans that are not in `plans`, and why; `columns_of`: for each plan, the columns of
    its charges that count; `turns_of`: for each plan, where its bill might fall as usage grows;
    `memo`: what others made of the book, to make it once."""

    plans: tuple[CompiledPlan, ...]
    columns: tuple[Charge, ...]
    refused: tuple[tuple[Plan, str], ...]
    tables: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
    columns_of: tuple[tuple[int, ...], ...]
    turns_of: tuple[tuple[Turn, ...], ...]
    memo: dict[str, object] = field(default_factory=dict)

    @property
    def every(self) -> tuple[Plan, ...]:
        """All plans, those first that are compiled."""
        return (*(one.plan for one in self.plans), *(plan for plan, _ in self.refused))

    def rate(
        self,
        quantities: NDArray[np.uint64],
        *,
        lines: bool = False,
        threads: int = 1,
        only: int | None = None,
    ) -> Nets:
        """What each customer owes under each plan, for uint64[columns, customers] in bytes, requests or bit/s.

        `only`: under the plan in that place alone.
        """
        if quantities.ndim != 2 or len(quantities) != len(self.columns):
            raise ValueError(
                f"quantities: expected {len(self.columns)} columns, found shape {quantities.shape}"
            )
        given = np.ascontiguousarray(quantities, np.uint64)
        customers = given.shape[1]
        plans, charges, groups = self.tables
        if only is not None:
            plans = plans[only : only + 1]
        nets = np.empty((len(plans), customers), np.int64)
        kept = np.empty((len(charges), customers), np.int64) if lines else None

        def part(first: int, after: int) -> int:
            work = np.empty((MOST_CHARGES + 2 + len(given), AT_ONCE), np.int64)
            return entry.rate_book(
                given.ctypes.data,
                customers,
                first,
                after,
                plans.ctypes.data,
                len(plans),
                charges.ctypes.data,
                groups.ctypes.data,
                work.ctypes.data,
                len(given),
                0 if kept is None else kept.ctypes.data,
                nets.ctypes.data,
            )

        spans = list(pairwise(customers * i // threads for i in range(threads + 1)))
        with Crew(threads) as crew:
            failed = crew.do([partial(part, *span) for span in spans])
        return Nets(nets, kept, sum(failed))


def compile_book(plans: Sequence[Plan]) -> CompiledBook:
    """The tables of all plans that can be compiled."""
    compiled, refused = [], []
    for plan in plans:
        try:
            compiled.append(compile_plan(plan))
        except NotCompiledError as error:
            refused.append((plan, str(error)))
    columns: dict[object, tuple[int, Charge]] = {}
    heads: list[tuple[int, ...]] = []
    charges: list[list[int]] = []
    groups: list[list[int]] = []
    columns_of: list[tuple[int, ...]] = []
    turns_of: list[tuple[Turn, ...]] = []
    for one in compiled:
        of_plan: list[int] = []
        turns: list[Turn] = []
        heads.append((len(charges), len(one.charges), one.least, one.most))
        for charge in one.charges:
            column = 0
            if not charge.of:
                column, _ = columns.setdefault(key_of(charge.source), (len(columns), charge.source))
                of_plan.append(column)
                turns += [Turn(charge.source, column, *bounds) for bounds in _bounds(charge)]
            charges.append(charge_row(charge, column, len(groups)))
            groups += group_rows(charge)
        columns_of.append(tuple(of_plan))
        turns_of.append(tuple(turns))
    tables = (
        np.array(heads, np.int64).reshape(-1, PLAN_WORDS),
        np.array(charges, np.int64).reshape(-1, CHARGE_WORDS),
        np.array(groups, np.int64).reshape(-1, GROUP_WORDS),
    )
    shared = tuple(charge for _, charge in columns.values())
    return CompiledBook(tuple(compiled), shared, tuple(refused), tables, tuple(columns_of), tuple(turns_of))


def _bounds(charge: CompiledCharge) -> list[tuple[int, int]]:
    """The greatest quantity of each tier and the least of the next, where prices could fall between them."""
    found = []
    for piece, following in zip(charge.pieces, charge.pieces[1:], strict=False):
        filled = following.base == piece.bound and piece.block == following.block == 0
        if piece.bound is None or (
            filled and following.const >= piece.const + piece.slope * (piece.bound - piece.base)
        ):
            continue
        bound = piece.bound + charge.free
        above = bound + 1
        if charge.whole:
            bound = bound // charge.whole * charge.whole
            above = bound + (1 if charge.up else charge.whole)
        if above < 1 << 62:
            found.append((bound, above))
    return found


def key_of(charge: Charge) -> object:
    """What makes two charges count the same; a flat one counts one month, whoever the customer."""
    if charge.meter is Meter.FLAT:
        return Meter.FLAT
    return (charge.meter, charge.where, charge.hours, charge.percentile)
