"""`prebill price`: one plan on one file of usage, line by line: the charge engine alone, without a store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.app.configuration.plan_files import Metered, plan_of, usage_of_file
from pipeline.app.failures import UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.period import parse_language, parse_month
from pipeline.app.terminal import out, print_json, say

if TYPE_CHECKING:
    from pipeline.rating.model import Bill, Period, Plan
    from pipeline.rating.usage import Usage

LONGEST = timedelta(days=31, hours=1)
"""A month in whose zone the clocks go back."""


def price(
    *,
    plan: Path,
    usage: Path,
    month: str | None = None,
    tz: str = "UTC",
    lang: str = "en",
    json: Flag = False,
    context: Given,  # noqa: ARG001 - every command is handed it
) -> int:
    """What a plan asks for some usage, and why, line by line. Needs no store and no configuration.

    Parameters
    ----------
    plan
        The plan's TOML.
    usage
        CSV or Parquet with the columns minute, resource, zone, requests, bytes_sent, body_bytes (those that the
        plan needs), or JSON: {"quantities": {"CHARGE": "1250.5"}, "period": {"from": TIME, "to": TIME}}.
    month
        The month that is billed, as YYYY-MM; rows outside of it are not, and are told. Default: the one in which all
        of the usage lies.
    tz
        The zone of time whose month it is.
    lang
        en or ru.
    json
        The bill as one JSON document on standard output.
    """
    from pipeline.rating.rounding import RateError
    from pipeline.rating.usage import UsageError

    _check(lang, tz)
    found = usage_of_file(usage)
    chosen = plan_of(plan)
    try:
        bill = _rate(chosen, found, month, tz)
    except (RateError, UsageError) as error:
        raise UsageFailure(f"{usage}: {error}") from None
    if json:
        from pipeline.rating.exports.bill_json import to_json

        print_json(to_json(bill, None))
    else:
        from pipeline.rating.exports.bill_text import write_text

        write_text(bill, None, lang, out())
    return 0


def _check(lang: str, tz: str) -> None:
    from zoneinfo import ZoneInfo

    parse_language(lang)
    try:
        ZoneInfo(tz)
    except (KeyError, ValueError, OSError):
        raise UsageFailure(f"--tz: expected a zone of time, like Europe/Moscow; found {tz!r}") from None


def _rate(plan: Plan, found: Usage | Metered, month: str | None, tz: str) -> Bill:
    from pipeline.rating.model import Contract, Span
    from pipeline.rating.month import rate_span
    from pipeline.rating.proration import factor_of
    from pipeline.rating.rate import rate_plan
    from pipeline.rating.uncounted_usage import uncounted_usage

    if isinstance(found, Metered):
        span = _told(found, month, tz)
        whole = _month_of(span.begin, tz) if span.begin < span.end else span
        if _within(span, whole):
            return rate_plan(plan, found.quantities, span, factor=factor_of(span, whole, plan.proration))
        _check_length(span)
        return rate_plan(plan, found.quantities, span)
    span = _month(month, tz) if month else _only_month(found, tz)
    _tell_outside(found, span, month or "")
    contract = Contract("", plan.id, span.begin, span.end, tz)
    bill = rate_span(plan, found, Span(contract, span, span, None, ()))
    return replace(bill, uncounted=uncounted_usage(plan, found, span))


def _check_length(span: Period) -> None:
    """Of a period over the end of a month: it may be a month of another zone of time, and no more than that."""
    if span.end - span.begin > LONGEST:
        days = (span.end - span.begin) / timedelta(days=1)
        raise UsageFailure(
            f"--usage: period: expected at most one month, found {days:g} days from {span.begin:%Y-%m-%d} to "
            f"{span.end:%Y-%m-%d}",
            mend="Each month is priced by itself, with its own minimum: give each its own file, or --month.",
        )
    say(f"the period lies in more than one month of {span.tz}: it is priced as one whole month")


def _tell_outside(usage: Usage, span: Period, month: str) -> None:
    from pipeline.rating.clock_time import minutes_of

    first, after = minutes_of(span)
    outside = int(((usage.minute < first) | (usage.minute >= after)).sum())
    if outside:
        say(f"{outside} of {len(usage)} rows lie outside {month} in {span.tz} and are not counted")


def _told(found: Metered, month: str | None, tz: str) -> Period:
    from pipeline.rating.model import Period

    if month:
        return _month(month, tz)
    if found.begin is None or found.end is None:
        raise UsageFailure("--usage: expected a period in the file, or --month")
    return Period(found.begin, found.end, tz)


def _within(span: Period, whole: Period) -> bool:
    return whole.begin <= span.begin and span.end <= whole.end


def _only_month(usage: Usage, tz: str) -> Period:
    from zoneinfo import ZoneInfo

    if not len(usage):
        raise UsageFailure("--month: required, as there is no usage in the file")
    first, last = int(usage.minute.min()), int(usage.minute.max())
    month = _month_of(datetime.fromtimestamp(first * 60, UTC), tz)
    if last * 60 >= month.end.timestamp():
        begins, ends = (datetime.fromtimestamp(at * 60, ZoneInfo(tz)) for at in (first, last))
        raise UsageFailure(
            f"--month: required, as the usage runs from {begins:%Y-%m} to {ends:%Y-%m} in {tz}",
            mend="Each month is priced by itself.",
        )
    return month


def _month(text: str, tz: str) -> Period:
    from pipeline.rating.contracts import month_of

    return month_of(parse_month(text), tz)


def _month_of(at: datetime, tz: str) -> Period:
    from zoneinfo import ZoneInfo

    return _month(f"{at.astimezone(ZoneInfo(tz)):%Y-%m}", tz)
