"""`prebill close`: freezes a month, contract by contract in its own time zone, or says what stands against it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pipeline.app.context import acting_user
from pipeline.app.failures import FOUND_SOMETHING, UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.stores import money_store
from pipeline.app.terminal import plural, print_json, say
from pipeline.app.whole_store import refuse_lost
from pipeline.instants import second_text

if TYPE_CHECKING:
    from pipeline.app.configuration.settings import Config, CustomerSettings
    from pipeline.coverage.adjustments import Adjustment
    from pipeline.coverage.closing import Order, Outcome
    from pipeline.coverage.model import Close
    from pipeline.coverage.periods import Month, Term
    from pipeline.store.store import Store

NAMED = 20
"""Customers and refusals that are told by name; --json has all."""


def close(
    month: str,
    /,
    *,
    customer: Annotated[list[str] | None, Parameter(negative="", show_default=False)] = None,
    actor: str | None = None,
    accept_gaps: Flag = False,
    reason: str | None = None,
    leave_unbilled: Flag = False,
    json: Flag = False,
    context: Given,
) -> int:
    """Freeze a month: what was counted until now is what is billed, for good.

    Each contract's month ends in its own time zone. Closes all that was
    asked for or nothing: exit 1, with the list, while the month is not over
    for lateness.close_after, gaps are open, minutes are not settled, or a
    customer was served without a contract. A month that is closed stays
    as it is; what came later is shown as its adjustment.

    Parameters
    ----------
    month
        The month, as YYYY-MM.
    customer
        Only this customer; may be given more than once.
    actor
        Who closes; required with --accept-gaps. Default: the user of this process.
    accept_gaps
        Close although something is lost: accepts the listed gaps for good. Needs --actor and --reason.
    reason
        Why the gaps are accepted.
    leave_unbilled
        Close although customers were served in minutes without a contract; what they were served is listed.
    json
        One JSON document on standard output: closes with their proofs, refusals, adjustments.
    """
    from pipeline.coverage.closing import Order
    from pipeline.coverage.periods import Month
    from pipeline.store.closes import ClosedMeanwhileError

    problems = _problems(month, actor, reason, accept_gaps=accept_gaps)
    if problems:
        raise UsageFailure(problems)
    config = context.config
    only = tuple(customer or ())
    terms = tuple(terms_of(config, only))
    order = Order(
        Month.parse(month),
        terms,
        config.lateness.close_after.span.total_seconds(),
        acting_user(actor),
        reason.strip() if accept_gaps and reason else None,
        tuple(dict.fromkeys(only or (each.id for each in config.customer))),
        leave_unbilled,
        all_hosts=not only,
    )
    _say_who_is_left(config, only, order)
    with money_store(context) as store:
        for tried in range(2):
            try:
                outcome = _close(store, config, order, context.now())
                break
            except ClosedMeanwhileError:
                # what the other closed is `already` now
                if tried:
                    raise
    if json:
        print_json(describe(order.month, outcome))
    else:
        _show(order.month, outcome)
    return FOUND_SOMETHING if outcome.refused else 0


def _problems(month: str, actor: str | None, reason: str | None, *, accept_gaps: bool) -> list[str]:
    from pipeline.coverage.periods import Month

    problems = []
    try:
        Month.parse(month)
    except ValueError as error:
        problems.append(f"close: {error}")
    if accept_gaps:
        given = (("--actor", actor), ("--reason", reason))
        problems += [
            f"{name}: required with --accept-gaps, and not given"
            for name, value in given
            if not (value or "").strip()
        ]
    elif reason is not None:
        problems.append("--reason: only with --accept-gaps")
    if actor is not None and not actor.strip() and not accept_gaps:
        problems.append("--actor: expected a name, found none")
    return problems


def terms_of(config: Config, only: tuple[str, ...] = ()) -> list[Term]:
    """The contracts of these customers (default: all). Raises UsageFailure for a customer that is not configured."""
    from pipeline.app.configuration.contracts import contracts_of
    from pipeline.coverage.periods import Term

    known = {customer.id: customer for customer in config.customer}
    if unknown := [name for name in only if name not in known]:
        raise UsageFailure(
            [f"--customer: no customer {name!r} in the configuration" for name in unknown],
            mend=f"Known: {', '.join(sorted(known)[:NAMED]) or 'none'}.",
        )
    terms = []
    for name in only or known:
        for contract in contracts_of(known[name]):
            begins = int(contract.begin.timestamp()) // 60
            ends = int(contract.end.timestamp()) // 60 if contract.end else None
            terms.append(Term(name, contract.tz, begins, ends))
    return sorted(set(terms), key=lambda term: (term.customer, term.first))


def _say_who_is_left(config: Config, only: tuple[str, ...], order: Order) -> None:
    from pipeline.coverage.periods import contract_months

    have = {month.customer for month in contract_months(order.terms, order.month)}
    asked: list[CustomerSettings] = [each for each in config.customer if not only or each.id in only]
    left = [each.id for each in asked if each.id not in have]
    if not have:
        raise UsageFailure(
            f"close: no customer has a contract in {order.month}, so there is nothing to close",
            mend="A contract is `contract = [{ plan = …, from = …, tz = … }]` in its [[customer]].",
        )
    if left:
        say(f"Without a contract in {order.month}, not closed: {_names(left)}")


def _close(store: Store, config: Config, order: Order, now: datetime) -> Outcome:
    from pipeline.app.coverage.checking import settings_of
    from pipeline.coverage import control
    from pipeline.coverage.closing import close_month

    settings = settings_of(config)
    # zones are copied into what is closed: as configured now, not when the pipeline ran last
    store.set_edges(
        [(edge.id, edge.zone, edge.from_.at(), edge.to.at() if edge.to else None) for edge in config.edge]
    )

    def check(first: int, after: int) -> control.Checked:
        refuse_lost(store, first, after)
        begin, end = control.widen(first, after, store.gaps())
        return control.check(store, settings, now=now.timestamp(), first=begin, after=end)

    return close_month(
        store,
        order,
        now=now.timestamp(),
        owner=settings.owner,
        check=check,
        record=lambda checked: control.record(store, checked),
    )


def describe(month: Month, outcome: Outcome) -> dict[str, Any]:
    """The whole outcome as one document."""
    return {
        "period": str(month),
        "closed": [_document(each) for each in outcome.closed],
        "already_closed": [_document(each) for each in outcome.already],
        "refused": [
            {"kind": each.kind, "text": each.text, "customers": list(each.customers), "gap": each.gap or None}
            for each in outcome.refused
        ],
        "accepted_gaps": [gap.id for gap in outcome.accepted],
        "adjustments": [each.to_json() for each in outcome.adjustments],
        "unbilled": [each.to_json() for each in outcome.unbilled],
    }


def _document(close: Close) -> dict[str, Any]:
    from pipeline.instants import minute_text

    return {
        "customer": close.customer,
        "period": close.period,
        "tz": close.tz,
        "from": minute_text(close.first),
        "to": minute_text(close.after),
        "cut": close.cut,
        "digest": f"sha256:{close.digest}",
        "rows": close.rows,
        "closed_at": second_text(close.closed_at),
        "actor": close.actor,
        "reason": close.reason,
        **close.body,
    }


def _show(month: Month, outcome: Outcome) -> None:
    for refusal in outcome.refused[:NAMED]:
        print(f"{refusal.text}\n    holds up {_names(list(refusal.customers))}")
    if len(outcome.refused) > NAMED:
        print(f"… {len(outcome.refused) - NAMED:,} more; --json lists all")
    if outcome.refused:
        say(f"prebill: {month} is not closed: {plural(len(outcome.refused), 'reason')} against it.")
        if any(refusal.acceptable for refusal in outcome.refused):
            say(
                "  `prebill gaps` tells more of a gap; --accept-gaps --actor NAME --reason TEXT closes with them."
            )
        if any(refusal.kind == "contract" for refusal in outcome.refused):
            say(
                "  Give them a contract in their [[customer]]; --leave-unbilled closes the others without them."
            )
    told = [each for each in outcome.unbilled if each.customer is None or not outcome.refused]
    for unbilled in told[:NAMED]:
        say(f"Not billed: {unbilled}")
    for gap in outcome.accepted:
        print(f"accepted {gap.id}: {gap.reason}")
    for close in outcome.closed[:NAMED]:
        print(_line("closed", close))
    if outcome.already and not outcome.closed and not outcome.refused:
        print(f"{month} is closed already; nothing was changed.")
    for close in outcome.already[:NAMED]:
        print(_line(f"closed since {second_text(close.closed_at)}", close))
    hidden = max(0, len(outcome.closed) - NAMED) + max(0, len(outcome.already) - NAMED)
    if hidden:
        print(f"… {hidden:,} more; --json lists all")
    for adjustment in outcome.adjustments[:NAMED]:
        print(_adjustment(adjustment))


def _line(how: str, close: Close) -> str:
    from pipeline.instants import minute_text

    usage, proof = close.body.get("usage", {}), close.body.get("proof", {})
    lost = proof.get("lost_minutes", 0)
    missing = f"{lost:,} min lost, {proof.get('estimated_minutes', 0):,} estimated" if lost else "complete"
    return (
        f"{close.customer} {how}: {minute_text(close.first)} to {minute_text(close.after)} ({close.tz}), "
        f"{usage.get('bytes_sent', 0):,} bytes in {usage.get('requests', 0):,} requests, {missing}\n"
        f"    cut {close.cut}, {close.rows:,} rows, sha256:{close.digest}"
    )


def _adjustment(adjustment: Adjustment) -> str:
    totals = adjustment.totals
    return (
        f"adjustment of {adjustment.close.customer} on {adjustment.close.period}: {totals['bytes_sent']:+,} bytes, "
        f"{totals['requests']:+,} requests in {plural(len(adjustment.changes), 'row')}, at cut {adjustment.cut}"
    )


def _names(customers: list[str]) -> str:
    more = len(customers) - NAMED
    return ", ".join(customers[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
