"""What configures the engine: thresholds, windows, deadlines, quorum, flap rules: `[incidents]` of prebill.toml."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal as Exact
from typing import Annotated

from msgspec import Meta, Struct

from pipeline.configured import Decimal, Duration
from pipeline.shape import ONE_OR_MANY, Problem

_Some = Annotated[int, Meta(ge=1, le=1_000_000, description="a whole number, 1 or more")]

_ByLevel = Annotated[tuple[Duration, ...], Meta(min_length=1, extra=ONE_OR_MANY)]
"""A time for level 1, 2, …; the last one holds for all that follow, and one alone needs no brackets."""


def _minutes(count: int) -> Duration:
    return Duration(timedelta(minutes=count))


class SlowBurn(Struct, frozen=True, kw_only=True):
    """Errors that use up the objective's budget `rate` times faster than it allows, over a `long` time and over the
    `short` one that ends it: the short one says that it still goes on."""

    rate: Decimal
    long: Duration
    short: Duration


class Policy(Struct, frozen=True, kw_only=True):
    """The defaults are those of the priority table; every key may be set.

    `call_freshness`: of test calls to the support line, which are made at random times. `levels`: how many there
    are on call. `acknowledge`: how long each of them has. `reopen`: within this an incident that comes back is the
    same one. `fall_percent`: traffic of a customer that is this much below his usual has fallen, where the usual is
    known from `fall_minutes` of at least `fall_requests` each. `clock_skew`: a minute further than this ahead of
    its arrival comes from a wrong clock. `burn_errors`: so many failed requests at least; in a quiet hour two of a
    hundred fail by chance. `slow_burn`: what is too slow for the burn window, of `slow_errors` at least.
    `restart_grace`: so long after a watch began again it asks whether clients are served, before it takes its own
    silence for theirs.
    """

    probe_freshness: Duration = _minutes(5)
    call_freshness: Duration = _minutes(24 * 60)
    quorum: _Some = 2
    failures: _Some = 2
    verification: Duration = _minutes(5)
    clean_minutes: _Some = 10
    reopen: Duration = _minutes(30)
    repeat: Duration = _minutes(20)
    acknowledge: _ByLevel = (_minutes(5),)
    levels: _Some = 3
    burn_rate: Decimal = "14.4"
    objective_percent: Decimal = "99.9"
    burn_window: Duration = _minutes(5)
    burn_requests: _Some = 100
    burn_errors: _Some = 5
    slow_burn: tuple[SlowBurn, ...] = (
        SlowBurn(rate="14.4", long=_minutes(60), short=_minutes(5)),
        SlowBurn(rate="6", long=_minutes(6 * 60), short=_minutes(30)),
    )
    slow_errors: _Some = 20
    fall_percent: Decimal = "80"
    fall_requests: _Some = 100
    fall_minutes: _Some = 3
    clock_skew: Duration = _minutes(5)
    restart_grace: Duration = _minutes(2)
    send_to_clients: bool = False


_MOST_PAIRS = 5
_SPANS = ("probe_freshness", "call_freshness", "verification", "reopen", "repeat")


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
        if not Exact(policy.burn_rate):  # wrong whatever the objective is
            found.append(Problem(("burn_rate",), "must be above 0"))
    else:
        found += _rate_problems(policy, ("burn_rate",), policy.burn_rate)
        for place, slow in enumerate(policy.slow_burn):
            found += _rate_problems(policy, ("slow_burn", place, "rate"), slow.rate)
    for place, slow in enumerate(policy.slow_burn):
        if not timedelta(minutes=10) <= slow.long.span <= timedelta(days=1):
            found.append(Problem(("slow_burn", place, "long"), "must be between 10m and 24h"))
        if not timedelta(minutes=1) <= slow.short.span < slow.long.span:
            found.append(Problem(("slow_burn", place, "short"), "must be 1m or more, and less than long"))
    if len(policy.slow_burn) > _MOST_PAIRS:
        found.append(Problem(("slow_burn",), f"must be {_MOST_PAIRS} at most"))
    if policy.restart_grace.span > timedelta(minutes=10):
        found.append(Problem(("restart_grace",), "must be 10m at most: nobody is asked for so long"))
    if not 0 < Exact(policy.fall_percent) <= 100:
        found.append(Problem(("fall_percent",), 'must be above 0, and at most 100, like "80"'))
    if policy.failures > 20:
        found.append(Problem(("failures",), "must be 20 at most"))
    found += [
        Problem(("acknowledge", place), "must be longer than nothing")
        for place, each in enumerate(policy.acknowledge)
        if not each.span
    ]
    if len(policy.acknowledge) > policy.levels:
        found.append(
            Problem(
                ("acknowledge",),
                f"there are {policy.levels} levels, and {len(policy.acknowledge)} times for them",
            )
        )
    if policy.levels > 20:
        found.append(Problem(("levels",), "must be 20 at most"))
    return found


def _rate_problems(policy: Policy, path: tuple[str | int, ...], rate: str) -> list[Problem]:
    if 0 < Exact(rate) * (100 - Exact(policy.objective_percent)) < 100:
        return []
    return [Problem(path, "times what the objective leaves must be above 0 and below 100 per cent")]
