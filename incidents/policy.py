"""What configures the engine: thresholds, windows, deadlines, quorum, flap rules: `[incidents]` of prebill.toml."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct

from pipeline.configured import Duration

_Some = Annotated[int, Meta(ge=1, le=1_000_000, description="a whole number, 1 or more")]


def _minutes(count: int) -> Duration:
    return Duration(timedelta(minutes=count))


class Policy(Struct, frozen=True, kw_only=True):
    """The defaults are those of the priority table; every key may be set."""

    probe_freshness: Duration = _minutes(5)
    quorum: _Some = 2
    failures: _Some = 2
    verification: Duration = _minutes(5)
    clean_minutes: _Some = 10
    repeat: Duration = _minutes(20)
    acknowledge: Duration = _minutes(5)
    burn_rate: str = "14.4"
    objective_percent: str = "99.9"
    burn_window: Duration = _minutes(5)
    burn_requests: _Some = 100
    send_to_clients: bool = False
