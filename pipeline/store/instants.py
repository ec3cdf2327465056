"""Instants between prebill (epoch seconds, minutes since 1970) and ClickHouse (DateTime64 in microseconds)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa


def micros(at: float) -> int:
    """Whole microseconds since 1970: what is stored of an instant."""
    return round(at * 1e6)


def seconds(stored: Any) -> float:
    """The instant that so many microseconds are."""
    return int(stored) / 1e6


def instants(values: Iterable[float | None]) -> pa.Array:
    """A column of DateTime64(6)."""
    import pyarrow as pa

    column = [None if value is None else micros(value) for value in values]
    return pa.array(column, pa.int64()).cast(pa.timestamp("us", tz="UTC"))


def minutes(values: Iterable[int]) -> pa.Array:
    """A column of DateTime, out of minutes since 1970."""
    import pyarrow as pa

    return pa.array([value * 60 for value in values], pa.uint32())
