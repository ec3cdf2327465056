"""What a close is, and whether a month may be closed: a pure decision over contracts' months, earlier closes, gaps and
minutes that are not settled. closing.py brings these from the store and writes the close."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.coverage.model import Close, Coverage, Gap, GapState, State, Stream
from pipeline.instants import minute_text, second_text

if TYPE_CHECKING:
    from pipeline.coverage.periods import ContractMonth

LASTING = (GapState.OPEN, GapState.SHRUNK)
"""Gaps that hold up a close until somebody accepts them."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a month cannot be closed yet. `kind`: `early`, `gap`, `unsettled`, `changed` or `contract`; a reason and a
    name lift `gap` and `unsettled`. `gap`: the id of the gap, else empty."""

    kind: str
    text: str
    customers: tuple[str, ...]
    gap: str = ""

    @property
    def acceptable(self) -> bool:
        """Whether a person may decide to close all the same."""
        return self.kind in ("gap", "unsettled")


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Minutes of a stream that are neither in nor lost yet: `minutes` of them, from `first` to before `after`."""

    stream: Stream
    first: int
    after: int
    minutes: int


Served = Mapping["ContractMonth", frozenset[str]]
"""The edges that served a customer in his month, as far as it is known."""


def part_closed(
    wanted: Sequence[ContractMonth], closes: Sequence[Close]
) -> tuple[list[ContractMonth], list[Close], list[Refusal]]:
    """What is still to close, what is closed already, and what cannot be: a contract that was changed since, so that
    its month now shares minutes with another that is closed."""
    by_customer: dict[str, list[Close]] = {}
    for close in closes:
        by_customer.setdefault(close.customer, []).append(close)
    todo, done, refused = [], [], []
    for month in wanted:
        touching = [
            close
            for close in by_customer.get(month.customer, ())
            if close.first < month.after and close.after > month.first
        ]
        if not touching:
            todo.append(month)
        elif len(touching) == 1 and _same(touching[0], month):
            done.append(touching[0])
        else:
            text = (
                f"{month.customer}: {month.month} is now {_span(month.first, month.after)} ({month.tz}), but "
                + ", ".join(f"{c.period} was closed as {_span(c.first, c.after)} ({c.tz})" for c in touching)
                + "; a closed period never changes: put the contract back as it was, and let the new one begin "
                "where that one ends"
            )
            refused.append(Refusal("changed", text, (month.customer,)))
    return todo, done, refused


def _same(close: Close, month: ContractMonth) -> bool:
    return (close.period, close.first, close.after) == (str(month.month), month.first, month.after)


def refuse(
    todo: Sequence[ContractMonth],
    *,
    now: float,
    close_after_s: float,
    gaps: Iterable[Gap] = (),
    unsettled: Iterable[Unsettled] = (),
    served: Served | None = None,
) -> list[Refusal]:
    """Everything that keeps these months from being closed at `now`, in one list: too early, gaps that nobody accepted,
    minutes that may still come. Empty: they may be closed."""
    whom = Concerned(todo, served or {})
    found = list(_early(todo, now, close_after_s))
    for gap in sorted(gaps, key=lambda gap: (gap.loss.first, gap.id)):
        if gap.state not in LASTING:
            continue
        shares = [share.customer for share in gap.customers]
        customers = whom.customers(gap.loss.stream.edge, gap.loss.first, gap.loss.after, shares)
        if customers:
            found.append(Refusal("gap", gap_text(gap), customers, gap.id))
    for open_ in unsettled:
        customers = whom.customers(open_.stream.edge, open_.first, open_.after)
        if customers:
            text = (
                f"{open_.stream}: {open_.minutes} min of {_span(open_.first, open_.after)} are late, or unknown "
                "because we did not look; they settle within the allowance of the first look"
            )
            found.append(Refusal("unsettled", text, customers))
    return found


def _early(todo: Sequence[ContractMonth], now: float, close_after_s: float) -> Iterable[Refusal]:
    by_end: dict[tuple[int, str], list[str]] = {}
    for month in todo:
        if now < month.after * 60 + close_after_s:
            by_end.setdefault((month.after, month.tz), []).append(month.customer)
    for (after, tz), customers in sorted(by_end.items()):
        may = second_text(after * 60 + close_after_s)
        text = f"{tz}: the month ends {minute_text(after)} and may be closed from {may} on"
        yield Refusal("early", text, tuple(sorted(set(customers))))


class Concerned:
    """Which customers a loss on an edge concerns: those whom the edge served, those who have a share in it, and
    everybody where neither is known, because silence proves nothing."""

    def __init__(self, months: Sequence[ContractMonth], served: Served) -> None:
        self._months = months
        self._by_edge: dict[str, list[ContractMonth]] = {}
        self._by_customer: dict[str, list[ContractMonth]] = {}
        for month in months:
            self._by_customer.setdefault(month.customer, []).append(month)
            for edge in served.get(month, ()):
                self._by_edge.setdefault(edge, []).append(month)

    def months(self, edge: str, first: int, after: int, shares: Sequence[str] = ()) -> list[ContractMonth]:
        """The months that minutes [first, after) of an edge concern."""
        known = {*self._by_edge.get(edge, ())}
        for customer in shares:
            known.update(self._by_customer.get(customer, ()))
        if not known and not shares:
            known.update(self._months)
        return [month for month in known if month.first < after and month.after > first]

    def customers(self, edge: str, first: int, after: int, shares: Sequence[str] = ()) -> tuple[str, ...]:
        """The same as names."""
        return tuple(sorted({month.customer for month in self.months(edge, first, after, shares)}))


def find_unsettled(coverage: Coverage, first: int, after: int) -> list[Unsettled]:
    """Streams with minutes of [first, after) that are late or unknown."""
    begin, end = max(first, coverage.first), min(after, coverage.after)
    if begin >= end:
        return []
    states = coverage.states[:, begin - coverage.first : end - coverage.first]
    open_ = (states == State.LATE) | (states == State.UNKNOWN)
    found = []
    for place in np.flatnonzero(open_.any(axis=1)):
        minutes = np.flatnonzero(open_[place])
        found.append(
            Unsettled(
                coverage.streams[place], begin + int(minutes[0]), begin + int(minutes[-1]) + 1, len(minutes)
            )
        )
    return found


def gap_text(gap: Gap) -> str:
    """A gap in one line, for the list of what holds a close up."""
    loss = gap.loss
    lost = loss.lost_bytes
    size = f"{lost.exact:,} bytes" if lost.exact is not None else f"{lost.low:,} to {lost.high:,} bytes"
    return (
        f"{gap.id} {loss.kind.name.lower()} {loss.stream} {_span(loss.first, loss.after)}, "
        f"{gap.minutes:,} min, {size} lost, {gap.state}"
    )


def _span(first: int, after: int) -> str:
    return f"{minute_text(first)} to {minute_text(after)}"
