"""`--from`, `--to`, `--month`, `--lang` as people type them; from the command line to coverage and bills."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from pipeline.app.failures import UsageFailure
from pipeline.configured import Instant
from pipeline.instants import minute_text

if TYPE_CHECKING:
    from pipeline.coverage.periods import Month

LANGUAGES = ("en", "ru")

LONGEST_DAYS = 800
"""A period is held in memory as one byte a stream and minute."""


@dataclass(frozen=True, slots=True)
class Period:
    """Minutes [first, after), since 1970-01-01T00:00Z."""

    first: int
    after: int


def parse_period(since: str | None, until: str | None, now: datetime, default_minutes: int) -> Period:
    """What `--from` (inclusive) and `--to` (exclusive; default: now) name; without `--from`, the last minutes.

    A day begins at midnight UTC; seconds widen to whole minutes. Raises UsageFailure with every problem.
    """
    problems: list[str] = []
    after = _minute("--to", until, problems, up=True)
    first = _minute("--from", since, problems, up=False)
    if after is None and not problems:
        after = int(now.timestamp()) // 60
    if first is None and after is not None:
        first = after - default_minutes
    if first is not None and after is not None and not problems:
        if after <= first:
            what = "--to: must be after --from" if until else "--from: must be before now, or name --to too"
            problems.append(f"{what}; found {minute_text(first)} to {minute_text(after)} (exclusive)")
        elif after - first > LONGEST_DAYS * 1440:
            problems.append(
                f"--from: expected at most {LONGEST_DAYS} days before --to, found {minute_text(first)}"
            )
    if problems or first is None or after is None:
        raise UsageFailure(problems)
    return Period(first, after)


def parse_month(text: str) -> Month:
    """What `--month` names. Raises UsageFailure."""
    from pipeline.coverage.periods import Month

    try:
        return Month.parse(text)
    except ValueError as error:
        raise UsageFailure(f"--month: {error}") from None


def parse_discount(text: str | None) -> Decimal | None:
    """What `--discount` names: per cent, 100 for all of it; a letter offers what a rebill can give. Raises
    UsageFailure."""
    if text is None:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal(-1)
    if not (found.is_finite() and 0 < found <= 100):
        raise UsageFailure(f"--discount: expected per cent, more than 0 and at most 100; found {text!r}")
    return found


def parse_language(given: str | None, otherwise: str = "en") -> str:
    """What `--lang` names, else the customer's language where it is one of ours, else English. Raises UsageFailure."""
    if given is not None and given not in LANGUAGES:
        raise UsageFailure(f"--lang: expected {' or '.join(LANGUAGES)}, found {given!r}")
    return given or (otherwise if otherwise in LANGUAGES else "en")


def _minute(option: str, text: str | None, problems: list[str], *, up: bool) -> int | None:
    if text is None:
        return None
    try:
        at = Instant.parse(text).at()
    except ValueError as error:
        problems.append(f"{option}: expected {error}; found {text!r}")
        return None
    seconds = int(at.timestamp())
    if seconds < 0:
        problems.append(f"{option}: expected a time after 1970, found {text!r}")
        return None
    return -(-seconds // 60) if up else seconds // 60


def span_text(first: int, after: int) -> str:
    """`11-01 00:10 – 00:20`: minutes [first, after) without saying a day twice."""
    begin, end = datetime.fromtimestamp(first * 60, UTC), datetime.fromtimestamp(after * 60, UTC)
    same_day = begin.date() == end.date()
    return f"{begin:%m-%d %H:%M} – {end:%H:%M}" if same_day else f"{begin:%m-%d %H:%M} – {end:%m-%d %H:%M}"
