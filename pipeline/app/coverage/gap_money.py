"""What gaps cost: each hit customer's month rated with and without what was lost, under the contract he has; kept in
the store until the gap, a contract or a plan changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.app.coverage.hit_months import HitMonths, Key
from pipeline.app.failures import UsageFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from decimal import Decimal

    from pipeline.app.configuration.settings import Config
    from pipeline.coverage.model import Gap
    from pipeline.rating.book import PlanBook
    from pipeline.rating.stake import LostUsage, Stake
    from pipeline.store.store import Store

KEPT_S = 24 * 3600.0
"""A customer's marginal price moves as his month fills: what was rated longer ago is rated again."""


def money_of(
    store: Store,
    config: Config,
    gaps: Sequence[Gap],
    *,
    now: float,
    keep: bool = False,
    watch: Callable[[int, int], None] = lambda _done, _all: None,
) -> tuple[dict[str, Stake], str]:
    """The stake of each gap by its id, net of taxes, and why it is not known where it is not.

    A plan book that cannot be read takes the money away, and never the gaps. `keep`: write what is rated now for the
    view `gaps` and the next one who asks. `watch(done, all)`: customers' months rated so far.
    """
    from pipeline.app.configuration.plan_files import book_of
    from pipeline.rating.stake_json import stake_from, stake_json
    from pipeline.store.gap_money import RatedGap

    if not any(customer.contract for customer in config.customer):
        return {}, "no customer has a contract"
    try:
        book = book_of(config)
        basis = _basis(config, book)
        held = store.gap_money([gap.id for gap in gaps])
        stakes = {
            gap.id: stake_from(rated.body)
            for gap in gaps
            if (rated := held.get(gap.id))
            and rated.is_of(gap.updated, basis)
            and now - rated.rated_at < KEPT_S
        }
        unrated = [gap for gap in gaps if gap.id not in stakes]
        rated_now = _rate(HitMonths(store, config, book), unrated, watch)
    except UsageFailure as failure:
        return {}, f"{failure.problems[0]}"
    if keep:
        store.write_gap_money(
            [
                RatedGap(
                    gap.id,
                    gap.updated,
                    gap.minutes,
                    basis,
                    now,
                    **{key: value or "" for key, value in rated_now[gap.id].json.items()},
                    body=stake_json(rated_now[gap.id]),
                )
                for gap in unrated
            ]
        )
    return stakes | rated_now, ""


def _rate(months: HitMonths, gaps: Sequence[Gap], watch: Callable[[int, int], None]) -> dict[str, Stake]:
    """First it is asked what has to be rated, then that is done month by month, each read once; then gaps are told."""
    from decimal import Decimal

    from pipeline.rating.stake import stake_of

    asked: dict[Key, dict[tuple[LostUsage, ...], Decimal]] = {}

    def ask(customer: str, month: str, lost: Sequence[LostUsage]) -> tuple[Decimal, str]:
        asked.setdefault((customer, month), {})[tuple(lost)] = Decimal(0)
        return Decimal(0), ""

    for gap in gaps:
        stake_of([gap], ask, months.of)
    currencies: dict[Key, str] = {}
    for done, (key, part) in enumerate(months.read(list(asked))):
        currencies[key] = part.currency
        for lost in asked[key]:
            asked[key][lost] = part.net(lost)
        watch(done + 1, len(asked))

    def tell(customer: str, month: str, lost: Sequence[LostUsage]) -> tuple[Decimal, str]:
        return asked[customer, month][tuple(lost)], currencies[customer, month]

    return {gap.id: stake_of([gap], tell, months.of) for gap in gaps}


def _basis(config: Config, book: PlanBook) -> str:
    """A digest of what gaps are rated under: contracts, whose resource is whose, plans, zones."""
    import hashlib

    from msgspec.structs import asdict

    said = [repr([asdict(each) for each in rows]) for rows in (config.customer, config.edge)]
    said += [repr(plan) for plan in book.plans]
    return hashlib.blake2b("\n".join(said).encode(), digest_size=16).hexdigest()
