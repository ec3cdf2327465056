"""Closes a month: checks its coverage, decides by close.py, and has the store copy, pin and number what is counted.

A thin shell between store, contracts and the pure parts. Nothing counts before the last step, so it can be killed
anywhere and run again; `now` is an argument, epoch seconds.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.coverage.adjustments import Adjustment, adjust
from pipeline.coverage.close import Concerned, Refusal, find_unsettled, part_closed, refuse
from pipeline.coverage.model import Close, Gap, GapState
from pipeline.coverage.periods import ContractMonth, Month, Term, contract_months
from pipeline.coverage.proof import Minutes, Proof, prove, tally_minutes
from pipeline.coverage.unbilled import DEFAULT_TZ, Unbilled, find_unbilled, uncovered
from pipeline.model import MEASURES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.coverage.control import Checked
    from pipeline.coverage.model import Coverage
    from pipeline.store.store import Store


@dataclass(frozen=True, slots=True)
class Order:
    """Who closes what: contracts' parts of a month; `reason`: why gaps are accepted, None where they are not.

    `customers`: who is to be closed, to find those of them whom no contract covers; where there are some that were
    served, nothing is closed unless `leave_unbilled`. `all_hosts`: tell of hosts that are nobody's, too.
    """

    month: Month
    terms: tuple[Term, ...]
    close_after_s: float
    actor: str
    reason: str | None = None
    customers: tuple[str, ...] = ()
    leave_unbilled: bool = False
    all_hosts: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. With a refusal nothing was closed. `already`: closed before, and left as they were;
    `adjustments`: what changed in those since; `unbilled`: what was served and is in no close."""

    closed: tuple[Close, ...] = ()
    already: tuple[Close, ...] = ()
    refused: tuple[Refusal, ...] = ()
    accepted: tuple[Gap, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    unbilled: tuple[Unbilled, ...] = ()


@dataclass(frozen=True, slots=True)
class _Book:
    """What was served in months at a cut: resources and edges of each contract's month."""

    resources: dict[ContractMonth, tuple[str, ...]]
    edges: dict[ContractMonth, frozenset[str]]


def close_month(
    store: Store,
    order: Order,
    *,
    now: float,
    owner: Callable[[str], str | None],
    check: Callable[[int, int], Checked],
    record: Callable[[Checked], None],
) -> Outcome:
    """Close what of the order is not closed yet, all of it or, with a refusal, nothing.

    `owner`: resource → customer. `check(first, after)`: the coverage of these minutes as of now, at one cut of the
    ledger; `record`: writes it back, which happens only when the month is closed. Raises ClosedMeanwhileError where
    another process was faster.
    """
    wanted = contract_months(order.terms, order.month)
    if not wanted:
        return Outcome()
    span = (min(month.first for month in wanted), max(month.after for month in wanted))
    todo, already, changed = part_closed(wanted, store.closes(minutes=span))
    if not todo:
        return Outcome(
            already=tuple(already),
            refused=tuple(changed),
            adjustments=tuple(adjustments(store, already, owner)),
        )
    if now < min(month.first for month in todo) * 60:
        early = refuse(todo, now=now, close_after_s=order.close_after_s)
        return Outcome(already=tuple(already), refused=(*changed, *early))
    first, after = min(month.first for month in todo), max(month.after for month in todo)
    checked = check(first, after)
    book = _read_book(store, todo, checked.cut, owner)
    unsettled = find_unsettled(checked.coverage, first, after)
    refused = refuse(
        todo,
        now=now,
        close_after_s=order.close_after_s,
        gaps=checked.gaps,
        unsettled=unsettled,
        served=book.edges,
    )
    unbilled = tuple(_unbilled(store, order, wanted, checked.cut, owner))
    if not order.leave_unbilled:
        refused += [
            Refusal("contract", str(each), (each.customer,)) for each in unbilled if each.customer is not None
        ]
    stands = [
        *changed,
        *(each for each in refused if order.reason is None or not each.acceptable),
    ]
    if stands:
        return Outcome(already=tuple(already), refused=(*changed, *refused), unbilled=unbilled)
    record(checked)
    accepted = _accept(store, checked.gaps, refused, order, now)
    gaps = {gap.id: gap for gap in (*checked.gaps, *accepted)}
    closed = _write(store, order, todo, book, checked, list(gaps.values()), bool(refused), now)
    return Outcome(
        tuple(closed),
        tuple(already),
        (),
        tuple(accepted),
        tuple(adjustments(store, already, owner)),
        unbilled,
    )


def _unbilled(
    store: Store,
    order: Order,
    wanted: Sequence[ContractMonth],
    cut: int,
    owner: Callable[[str], str | None],
) -> list[Unbilled]:
    spans = uncovered(order.customers, order.terms, wanted, order.month)
    return find_unbilled(
        store, cut, spans, owner, order.month.minutes(DEFAULT_TZ) if order.all_hosts else None
    )


def adjustments(
    store: Store, closes: Sequence[Close], owner: Callable[[str], str | None], cut: int | None = None
) -> list[Adjustment]:
    """What changed in these closed months since they were closed, by the ledger as it is now, or was at `cut`."""
    if not closes:
        return []
    span = (min(close.first for close in closes), max(close.after for close in closes))
    near = store.closes(minutes=span)
    wanted = {close.id for close in closes}
    cut = store.cut() if cut is None else cut
    found = adjust(
        near,
        lambda since, first, after: store.closing.changes(since, cut, first, after),
        cut=cut,
        counted=store.closing.counted_resources([close.id for close in near]),
        owner=owner,
    )
    return [each for each in found if each.close.id in wanted]


def _read_book(
    store: Store, todo: Sequence[ContractMonth], cut: int, owner: Callable[[str], str | None]
) -> _Book:
    resources: dict[ContractMonth, tuple[str, ...]] = {}
    edges: dict[ContractMonth, frozenset[str]] = {}
    for first, after in sorted({(month.first, month.after) for month in todo}):
        months = {month.customer: month for month in todo if (month.first, month.after) == (first, after)}
        owners = {
            resource: customer
            for resource in store.closing.resources(first, after)
            if (customer := owner(resource)) in months
        }
        names: dict[str, list[str]] = {}
        for resource, customer in owners.items():
            names.setdefault(customer, []).append(resource)
        served = store.closing.served(cut, first, after, owners)
        for customer, month in months.items():
            resources[month] = tuple(names.get(customer, ()))
            edges[month] = served.get(customer, frozenset())
    return _Book(resources, edges)


def _accept(
    store: Store, gaps: Sequence[Gap], refused: Sequence[Refusal], order: Order, now: float
) -> list[Gap]:
    ids = {each.gap for each in refused if each.gap}
    accepted = [
        replace(gap, state=GapState.ACCEPTED, reason=f"{order.actor}: {order.reason}", updated=now)
        for gap in gaps
        if gap.id in ids
    ]
    if accepted:
        store.write_gaps(accepted)
    return accepted


def _write(
    store: Store,
    order: Order,
    todo: Sequence[ContractMonth],
    book: _Book,
    checked: Checked,
    gaps: Sequence[Gap],
    with_reason: bool,
    now: float,
) -> list[Close]:
    from pipeline.store.closes import Taken, Taking

    at, period = datetime.fromtimestamp(now, UTC), str(order.month)
    ids = {month: secrets.randbits(63) for month in todo}
    attempt = store.closing.begin(
        period,
        [Taking(ids[m], m.customer, m.first, m.after, book.resources[m]) for m in todo],
        at,
    )
    span = (min(month.first for month in todo), max(month.after for month in todo))
    store.closing.take(attempt, checked.cut, *span, at, f"close {period}")
    taken = store.closing.taken(attempt)
    proofs = prove_months(todo, book.edges, checked.coverage, gaps, checked.cut)
    made = {
        month: Close(
            period=period,
            tz=month.tz,
            customer=month.customer,
            first=month.first,
            after=month.after,
            cut=checked.cut,
            digest="",
            rows=taken.get(ids[month], Taken()).rows,
            closed_at=now,
            actor=order.actor,
            reason=(order.reason or "") if with_reason else "",
            id=ids[month],
        )
        for month in todo
    }
    digests = store.closing.digests(list(made.values()))
    closes = []
    for month, close in made.items():
        digest = digests[close.id]
        proof = replace(proofs[month], digest=digest, rows=close.rows)
        usage = dict(zip(MEASURES, taken.get(close.id, Taken()).sums, strict=True))
        closes.append(replace(close, digest=digest, body={"usage": usage, "proof": proof.to_json()}))
    return store.closing.finish(closes)


def prove_months(
    months: Sequence[ContractMonth],
    edges: dict[ContractMonth, frozenset[str]],
    coverage: Coverage,
    gaps: Sequence[Gap],
    cut: int,
) -> dict[ContractMonth, Proof]:
    """The proof of each month, still without the digest of what was counted; in the order given."""
    whom = Concerned(months, edges)
    theirs: dict[ContractMonth, list[Gap]] = {}
    for gap in gaps:
        if gap.state is not GapState.CLOSED:
            shares = [share.customer for share in gap.customers]
            for month in whom.months(gap.loss.stream.edge, gap.loss.first, gap.loss.after, shares):
                theirs.setdefault(month, []).append(gap)
    tallies: dict[tuple[int, int], dict[str, Minutes]] = {}
    found = {}
    for month in months:
        span = (month.first, month.after)
        if span not in tallies:
            tallies[span] = tally_minutes(coverage, gaps, *span)
        found[month] = prove(
            month, cut=cut, minutes=tallies[span], edges=edges[month], gaps=theirs.get(month, ())
        )
    return found
