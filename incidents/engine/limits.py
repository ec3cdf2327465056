"""The policy as the numbers that the engine reckons with: seconds, counts and exact fractions; made once per
engine."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from incidents.policy import Policy
    from pipeline.configured import Duration


class Limits(Struct, frozen=True, kw_only=True):
    """Seconds and counts. `burn`, `fall`: shares, as numerator and denominator, so that a border is exact."""

    fresh: float
    call_fresh: float
    quorum: int
    failures: int
    verification: float
    clean: float
    reopen: float
    repeat: float
    acknowledge: float
    levels: int
    burn: tuple[int, int]
    burn_window: float
    burn_requests: int
    fall: tuple[int, int]
    fall_requests: int
    fall_minutes: int
    skew: float
    send_to_clients: bool


def limits_of(policy: Policy) -> Limits:
    """The numbers of a policy."""
    burn = Fraction(policy.burn_rate) * (100 - Fraction(policy.objective_percent)) / 100
    left = (100 - Fraction(policy.fall_percent)) / 100
    return Limits(
        fresh=_seconds(policy.probe_freshness),
        call_fresh=_seconds(policy.call_freshness),
        quorum=policy.quorum,
        failures=policy.failures,
        verification=_seconds(policy.verification),
        clean=60.0 * policy.clean_minutes,
        reopen=_seconds(policy.reopen),
        repeat=_seconds(policy.repeat),
        acknowledge=_seconds(policy.acknowledge),
        levels=policy.levels,
        burn=(burn.numerator, burn.denominator),
        burn_window=_seconds(policy.burn_window),
        burn_requests=policy.burn_requests,
        fall=(left.numerator, left.denominator),
        fall_requests=policy.fall_requests,
        fall_minutes=policy.fall_minutes,
        skew=_seconds(policy.clock_skew),
        send_to_clients=policy.send_to_clients,
    )


def _seconds(duration: Duration) -> float:
    return duration.span.total_seconds()
