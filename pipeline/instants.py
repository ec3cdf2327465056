"""Instants as text, by which screens, files and errors tell them: RFC 3339 in UTC, whole seconds."""

from __future__ import annotations

from datetime import UTC, datetime


def instant_text(at: datetime) -> str:
    """An instant, of any zone."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def second_text(seconds: float) -> str:
    """Seconds since 1970."""
    return instant_text(datetime.fromtimestamp(int(seconds), UTC))


def minute_text(minute: int) -> str:
    """A minute since 1970."""
    return second_text(minute * 60)
