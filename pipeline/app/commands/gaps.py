"""`prebill gaps`: what is lost, how much, whose, and whether it can still be recovered; and accepting a loss."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipeline.app.failures import FOUND_SOMETHING, UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.period import parse_period
from pipeline.app.stores import existing_store
from pipeline.app.terminal import plural, print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.app.context import Context
    from pipeline.app.period import Period
    from pipeline.coverage.model import Coverage, Gap


def gaps(
    *,
    check: Flag = False,
    since: Annotated[str | None, Parameter(name="--from")] = None,
    until: Annotated[str | None, Parameter(name="--to")] = None,
    closed: Flag = False,
    accept: str | None = None,
    actor: str | None = None,
    reason: str | None = None,
    json: Flag = False,
    context: Given,
) -> int:
    """List what is lost: class, edge, minutes, lost lines and bytes, customers, and until when it can be recovered.

    Looked up anew, as of now (or --now). A loss is open until its data
    comes, or until someone accepts it.

    Parameters
    ----------
    check
        Exit 1 if a gap is open and nobody accepted it, or minutes are unknown: nobody can say that nothing is lost.
    since
        Gaps that end after this time: RFC 3339, or a day. Default: all that may still change.
    until
        Gaps that begin before this time. Default: now.
    closed
        Closed ones too: their data came late.
    accept
        Accept this gap as lost for good: a period can be closed with it. Needs --actor and --reason.
    actor
        Who accepts.
    reason
        Why.
    json
        One JSON array on standard output.
    """
    if accept is not None:
        return _accept(accept, actor, reason, context, json=json)
    if given := [name for name, value in (("--actor", actor), ("--reason", reason)) if value is not None]:
        raise UsageFailure(f"{' and '.join(given)}: only with --accept")
    from pipeline.app.coverage.checking import check_all, config_or_none
    from pipeline.app.coverage.gap_money import money_of
    from pipeline.app.coverage.gap_output import STILL_LOST, gap_document, show_gaps

    now = context.now()
    period = parse_period(since, until, now, 0) if since else None
    if period is None and until:
        raise UsageFailure("--to: only with --from")
    with existing_store(context) as store:
        checked = check_all(store, context, now, period)
        found = _chosen(checked.gaps, period, closed=closed)
        config = config_or_none(context)
        stakes, unrated = (
            money_of(store, config, found, now=now.timestamp()) if config else ({}, "no configuration")
        )
    if json:
        print_json([gap_document(gap, stakes.get(gap.id)) for gap in found])
    else:
        show_gaps(found, _names(context), now.timestamp(), stakes, unrated)
    unknown = _unknown(checked.coverage, period)
    if unknown:
        unproven = " Until then nobody can say that nothing is lost: exit 1." if check else ""
        say(
            f"{plural(unknown, 'minute')} unknown: prebill was not running when they were due; settled an allowance "
            f"after it runs again, or by two `prebill run --once` that far apart.{unproven}"
        )
    failed = unknown or any(gap.state in STILL_LOST for gap in found)
    return FOUND_SOMETHING if check and failed else 0


def _chosen(gaps: Sequence[Gap], period: Period | None, *, closed: bool) -> list[Gap]:
    """Those that were asked for, in time's order."""
    from pipeline.coverage.model import GapState

    found = [
        gap
        for gap in gaps
        if (closed or gap.state is not GapState.CLOSED)
        and (period is None or (gap.loss.first < period.after and period.first < gap.loss.after))
    ]
    return sorted(found, key=lambda gap: (gap.loss.first, gap.loss.stream, gap.loss.kind))


def _unknown(coverage: Coverage, period: Period | None) -> int:
    """How many minutes of streams are unknown: of the period, or of all that was looked at."""
    from pipeline.coverage.model import State

    states = coverage.states
    if period is not None:
        begin, end = (max(0, minute - coverage.first) for minute in (period.first, period.after))
        states = states[:, begin:end]
    return int((states == State.UNKNOWN).sum())


def _accept(gap_id: str, actor: str | None, reason: str | None, context: Context, *, json: bool) -> int:
    missing = [
        name
        for name, value in (("--actor", actor), ("--reason", reason))
        if value is None or not value.strip()
    ]
    if missing:
        raise UsageFailure([f"{name}: required with --accept, and not given" for name in missing])
    from pipeline.app.coverage.checking import check_all
    from pipeline.app.coverage.gap_output import gap_document
    from pipeline.coverage.model import GapState

    now = context.now()
    with existing_store(context) as store:
        gap = _find(gap_id, check_all(store, context, now, None).gaps)
        if gap.state is GapState.CLOSED:
            raise UsageFailure(
                f"--accept: {gap_id} is closed: all of its data came, there is nothing to accept"
            )
        if gap.state is GapState.ACCEPTED:
            raise UsageFailure(f"--accept: {gap_id} is accepted already: {gap.reason}")
        gap = replace(gap, state=GapState.ACCEPTED, reason=f"{actor}: {reason}", updated=now.timestamp())
        store.write_gaps([gap])
    if json:
        print_json(gap_document(gap))
    else:
        say(f"{gap_id}: {plural(gap.minutes, 'minute')} of {gap.loss.stream} accepted as lost by {actor}")
    return 0


def _find(gap_id: str, current: Sequence[Gap]) -> Gap:
    """The gap as it stands: one that is found now and was never written can be accepted too."""
    for gap in current:
        if gap.id == gap_id:
            return gap
    raise UsageFailure(f"--accept: no gap {gap_id!r}", mend="`prebill gaps --closed` lists all.")


def _names(context: Context) -> dict[str, str]:
    from pipeline.app.coverage.checking import config_or_none

    config = config_or_none(context)
    return {customer.id: customer.name for customer in config.customer} if config else {}
