"""The policy as the numbers that the engine reckons with: seconds, counts and exact fractions; made once per
engine."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.words import counted

if TYPE_CHECKING:
    from incidents.policy import Policy, SlowBurn
    from pipeline.configured import Duration


class SlowLimit(Struct, frozen=True):
    """A slow burn. `burn`: its share of errors, as numerator and denominator. `long`, `short`: seconds. `pace`: in
    words."""

    burn: tuple[int, int]
    long: float
    short: float
    pace: str


class Limits(Struct, frozen=True, kw_only=True):
    """Seconds and counts. `burn`, `fall`: shares, as numerator and denominator, so that a border is exact. `reach`: of
    the longest window; older minutes of traffic are forgotten."""

    fresh: float
    call_fresh: float
    quorum: int
    failures: int
    verification: float
    clean: float
    reopen: float
    repeat: float
    acknowledge: tuple[float, ...]
    levels: int
    burn: tuple[int, int]
    burn_window: float
    burn_requests: int
    burn_errors: int
    slow: tuple[SlowLimit, ...]
    slow_errors: int
    reach: float
    fall: tuple[int, int]
    fall_requests: int
    fall_minutes: int
    skew: float
    grace: float
    send_to_clients: bool

    def patience(self, level: int) -> float:
        """How long the people of a level have to acknowledge, from when they were told."""
        return self.acknowledge[min(level, len(self.acknowledge)) - 1]


def limits_of(policy: Policy) -> Limits:
    """The numbers of a policy."""
    allowed = (100 - Fraction(policy.objective_percent)) / 100
    burn = Fraction(policy.burn_rate) * allowed
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
        acknowledge=tuple(map(_seconds, policy.acknowledge)),
        levels=policy.levels,
        burn=(burn.numerator, burn.denominator),
        burn_window=_seconds(policy.burn_window),
        burn_requests=policy.burn_requests,
        burn_errors=policy.burn_errors,
        slow=tuple(_slow(each, allowed) for each in policy.slow_burn),
        slow_errors=policy.slow_errors,
        reach=max(_seconds(policy.burn_window), *(_seconds(each.long) for each in policy.slow_burn), 0.0),
        fall=(left.numerator, left.denominator),
        fall_requests=policy.fall_requests,
        fall_minutes=policy.fall_minutes,
        skew=_seconds(policy.clock_skew),
        grace=_seconds(policy.restart_grace),
        send_to_clients=policy.send_to_clients,
    )


def _slow(policy: SlowBurn, allowed: Fraction) -> SlowLimit:
    share = Fraction(policy.rate) * allowed
    long = _seconds(policy.long)
    return SlowLimit(
        (share.numerator, share.denominator),
        long,
        _seconds(policy.short),
        f"{counted(float(policy.rate), 'time')} what the objective allows, over {long / 3600:.3g} h",
    )


def _seconds(duration: Duration) -> float:
    return duration.span.total_seconds()
