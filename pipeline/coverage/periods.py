"""Months as contracts know them: from a contract's time zone and its own beginning and end to minutes; pure, for
close.py, bills and proofs.

A month begins at the first midnight of its first day in the contract's zone and ends where the next begins, so months
of one zone leave out no minute and share none, whatever daylight saving does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of the calendar, in no zone yet."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> Month:
        """From `YYYY-MM`; raises ValueError that says what was expected."""
        found = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", text)
        if not found or not 1970 <= int(found[1]) <= 2105:
            raise ValueError(f"expected a month like 2026-10, found {text!r}")
        return cls(int(found[1]), int(found[2]))

    @property
    def following(self) -> Month:
        """The next month."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def before(self) -> Month:
        """The month before."""
        return Month(self.year - (self.month == 1), (self.month + 10) % 12 + 1)

    def begins(self, tz: str) -> int:
        """Its first minute in a zone, in minutes since the epoch.

        Where midnight does not exist, it begins with the day's first instant; where it comes twice, with the first.
        """
        at = datetime(self.year, self.month, 1, tzinfo=ZoneInfo(tz))
        return int(at.timestamp()) // 60

    def minutes(self, tz: str) -> tuple[int, int]:
        """[first, after) of the month in a zone."""
        return self.begins(tz), self.following.begins(tz)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


@dataclass(frozen=True, slots=True)
class Term:
    """A contract of a customer: its zone, and its minutes [first, after); `after` is None while it has no end."""

    customer: str
    tz: str
    first: int
    after: int | None = None


@dataclass(frozen=True, slots=True, order=True)
class ContractMonth:
    """The part [first, after) of a month in which one contract of a customer holds: what is closed and billed."""

    month: Month
    customer: str
    first: int
    after: int
    tz: str


def contract_months(terms: Iterable[Term], month: Month) -> list[ContractMonth]:
    """What there is to close in a month, by customer and time; contracts that do not touch it have nothing."""
    found = []
    for term in terms:
        begins, ends = month.minutes(term.tz)
        first = max(begins, term.first)
        after = ends if term.after is None else min(ends, term.after)
        if first < after:
            found.append(ContractMonth(month, term.customer, first, after, term.tz))
    return sorted(found)
