"""What configures the engine: thresholds, windows, deadlines, quorum, flap rules: `[incidents]` of prebill.toml."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as Exact
from typing import Annotated

from msgspec import Meta, Struct

from pipeline.configured import Decimal, Duration
from pipeline.shape import Problem

_Some = Annotated[int, Meta(ge=1, le=1_000_000, description="a whole number, 1 or more")]


def _minutes(count: int) -> Duration:
    return Duration(timedelta(minutes=count))


class Policy(Struct, frozen=True, kw_only=True):
    """The defaults are those of the priority table; every key may be set.

    `call_freshness`: of test calls to the support line, which are made at random times. `levels`: how many there are
    on call. `reopen`: within this an incident that comes back is the same one. `fall_percent`: traffic of a customer
    that is this much below his usual has fallen, where the usual is known from `fall_minutes` of at least
    `fall_requests` each. `clock_skew`: a minute further than this ahead of its arrival comes from a wrong clock.
    """

    probe_freshness: Duration = _minutes(5)
    call_freshness: Duration = _minutes(24 * 60)
    quorum: _Some = 2
    failures: _Some = 2
    verification: Duration = _minutes(5)
    clean_minutes: _Some = 10
    reopen: Duration = _minutes(30)
    repeat: Duration = _minutes(20)
    acknowledge: Duration = _minutes(5)
    levels: _Some = 3
    burn_rate: Decimal = "14.4"
    objective_percent: Decimal = "99.9"
    burn_window: Duration = _minutes(5)
    burn_requests: _Some = 100
    fall_percent: Decimal = "80"
    fall_requests: _Some = 100
    fall_minutes: _Some = 3
    clock_skew: Duration = _minutes(5)
    send_to_clients: bool = False


_SPANS = ("probe_freshness", "call_freshness", "verification", "reopen", "repeat", "acknowledge")


def problems(policy: Policy) -> list[Problem]:
    """What must hold between the keys of a policy whose types are right."""
    found: list[Problem] = []
    found += [
        Problem((key,), "must be longer than nothing") for key in _SPANS if not getattr(policy, key).span
    ]
    if policy.burn_window.span < timedelta(minutes=1) or policy.burn_window.span > timedelta(hours=6):
        found.append(Problem(("burn_window",), "must be between 1m and 6h"))
    if not 0 < Exact(policy.objective_percent) < 100:
        found.append(Problem(("objective_percent",), 'must be between 0 and 100, like "99.9"'))
    elif not 0 < Exact(policy.burn_rate) * (100 - Exact(policy.objective_percent)) < 100:
        found.append(
            Problem(("burn_rate",), "times what the objective leaves must be above 0 and below 100 per cent")
        )
    if not 0 < Exact(policy.fall_percent) <= 100:
        found.append(Problem(("fall_percent",), 'must be above 0, and at most 100, like "80"'))
    if policy.failures > 20:
        found.append(Problem(("failures",), "must be 20 at most"))
    if policy.levels > 20:
        found.append(Problem(("levels",), "must be 20 at most"))
    return found
