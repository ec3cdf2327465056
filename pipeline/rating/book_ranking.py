"""The best plan of every customer of a book, and what each pays on his own: from nets that a kernel rated, to those who
look for customers to move. Equal to pipeline.rating.simulate, which tells why for one of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from pipeline.rating.rounding import add_up, negated
from pipeline.rating.simulate import rate_slowly
from pipeline.rating.simulation import Outcome
from pipeline.rating.uncounted import uncounted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.rating.book_month import BookMonth
    from pipeline.rating.compiled_book import CompiledBook
    from pipeline.rating.model import Period, Plan
    from pipeline.rating.uncounted import PlacesSeen

_NONE = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Best:
    """A customer's own plan and the cheapest, with their nets; None where nothing has a price. `free`: why his own plan
    leaves some of his usage free, by oversight."""

    current: Plan
    net: Decimal | None
    best: Plan | None
    best_net: Decimal | None
    free: str = ""

    @property
    def saves(self) -> Decimal:
        """What he would pay less on the best plan."""
        if self.net is None or self.best_net is None:
            return Decimal(0)
        return add_up((self.net, negated(self.best_net)))


@dataclass(frozen=True, slots=True)
class Asked:
    """One customer: his plan, his month, and what he used, in whole when `month` is called."""

    current: Plan
    period: Period
    places: PlacesSeen
    month: Callable[[], BookMonth]


def best_plans(
    book: CompiledBook,
    columns: NDArray[np.uint64],
    customers: Sequence[Asked],
    others: Collection[int] = (),
    *,
    threads: int = 2,
) -> list[Best]:
    """The best plan of each. `columns` as pipeline.rating.book_usage has them, those of the book first; `others`: id()s
    of plans that are compared for those alone who have them."""
    plans = [one.plan for one in book.plans]
    order = sorted(range(len(plans)), key=lambda at: (plans[at].id, plans[at].version))
    nets = book.rate(columns[: len(book.columns)], threads=threads).nets[order]
    finest = max((one.scale for one in book.plans), default=0)
    factors = [10 ** (finest - book.plans[at].scale) for at in order]
    # amounts stay below 2^48, so that four more decimals fit
    kind = np.int64 if max(factors, default=1) <= 10_000 else object
    scaled = nets.astype(kind) * np.array(factors, kind).reshape(-1, 1)
    groups: dict[object, list[int]] = {}
    for at, who in enumerate(customers):
        key = (id(who.current), who.places.zones, who.places.pairs)
        groups.setdefault(key, []).append(at)
    found: list[Best | None] = [None] * len(customers)
    for some in groups.values():
        first = customers[some[0]]
        compared = [plan for plan in book.every if _compared(plan, first, others)]
        ids = {id(plan) for plan in compared}
        rows = np.array([row for row, at in enumerate(order) if id(plans[at]) in ids], np.int64)
        _settle(rows, order, nets, scaled, finest, book, compared, some, customers, found)
    return [each for each in found if each is not None]


def _compared(plan: Plan, who: Asked, others: Collection[int]) -> bool:
    """His own plan is, whatever it leaves free, for that is what he pays."""
    if plan is who.current:
        return True
    return (
        plan.currency == who.current.currency and id(plan) not in others and not uncounted(plan, who.places)
    )


def _settle(
    rows: NDArray[np.int64],
    order: Sequence[int],
    nets: NDArray[np.int64],
    scaled: NDArray[np.generic],
    finest: int,
    book: CompiledBook,
    compared: Sequence[Plan],
    some: Sequence[int],
    customers: Sequence[Asked],
    found: list[Best | None],
) -> None:
    """Customers of one plan whose usage lies in the same places."""
    plans = [book.plans[at].plan for at in order]
    known = nets[rows][:, list(some)]
    mine = np.where(known < 0, _NONE, scaled[rows][:, list(some)])
    least = mine.argmin(axis=0) if len(rows) else np.zeros(len(some), np.int64)
    unrated = np.asarray((known < 0).any(axis=0))
    refused = [plan for plan, _ in book.refused if any(plan is each for each in compared)]
    current = customers[some[0]].current
    free = uncounted(current, customers[some[0]].places)
    own = next((at for at, row in enumerate(rows.tolist()) if plans[row] is current), None)
    for place, at in enumerate(some):
        candidates: list[tuple[Decimal, str, int, Plan]] = []
        net = None
        if len(rows) and mine[least[place], place] != _NONE:
            plan = plans[rows[least[place]]]
            candidates.append((_decimal(mine[least[place], place], finest), plan.id, plan.version, plan))
        if own is not None and mine[own, place] != _NONE:
            net = _decimal(mine[own, place], finest)
        # what the kernel did not rate
        slow = list(refused)
        if unrated[place]:
            slow += [plans[row] for row, each in zip(rows.tolist(), known[:, place], strict=True) if each < 0]
        if slow:
            month, period = customers[at].month(), customers[at].period
            for plan in slow:
                outcome = rate_slowly(plan, month, period, current.currency)
                if isinstance(outcome, Outcome):
                    candidates.append((outcome.net, plan.id, plan.version, plan))
                    net = outcome.net if plan is current else net
        best = min(candidates, key=lambda each: each[:3], default=None)
        if best and net is not None and net == best[0]:
            best = (net, current.id, current.version, current)  # nobody moves for nothing
        found[at] = Best(current, net, best[3] if best else None, best[0] if best else None, free)


def _decimal(amount: object, scale: int) -> Decimal:
    return Decimal(f"{amount}e-{scale}")
