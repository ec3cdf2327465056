"""The types that configuration is written in: names, decimals, durations, instants; for the front door's settings, and
for those of the incident room."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Annotated

from msgspec import Meta

Name = Annotated[str, Meta(min_length=1, max_length=255)]
Decimal = Annotated[
    str, Meta(pattern=r"^\d{1,12}(\.\d{1,6})?$", description='a decimal in quotes, like "22" or "0.5"')
]

Count = Annotated[int, Meta(ge=0, le=1 << 60, description="a whole number, 0 or more")]


@dataclass(frozen=True, slots=True)
class Duration:
    """A span of time, written like `90s`, `5m`, `72h` or `7d`."""

    span: timedelta

    @classmethod
    def parse(cls, value: object) -> Duration:
        """Raises ValueError that says what was expected."""
        if not isinstance(value, str) or not re.fullmatch(r"\d{1,6}[smhd]", value):
            raise ValueError('a duration in quotes, like "90s", "5m", "72h" or "7d"')
        unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[value[-1]]
        return cls(timedelta(**{unit: int(value[:-1])}))


@dataclass(frozen=True, slots=True)
class Instant:
    """A time with an offset, or a date, which begins at midnight: UTC for an edge, the contract's zone for it."""

    value: datetime | date

    @classmethod
    def parse(cls, value: object) -> Instant:
        """From TOML's own times and dates, or the same as text; raises ValueError that says what was expected."""
        if isinstance(value, str):
            try:
                value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
            except ValueError:
                value = None
        if isinstance(value, datetime) and value.tzinfo is not None:
            return cls(value.astimezone(UTC))
        if isinstance(value, date) and not isinstance(value, datetime):
            return cls(value)
        raise ValueError("a date, or a time with its offset, like 2026-11-01T00:00:00Z")

    def at(self, zone: tzinfo = UTC) -> datetime:
        """The instant in UTC; a date begins at midnight in `zone`."""
        if isinstance(self.value, datetime):
            return self.value
        return datetime(self.value.year, self.value.month, self.value.day, tzinfo=zone).astimezone(UTC)
