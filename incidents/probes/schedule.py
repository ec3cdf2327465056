"""When each check is due: a pure function of settings, its last run and the start of the prober, so that a restart
changes nothing but the first round; test calls fall at random times of day and night."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from incidents.probes.checks import Check
    from incidents.probes.settings import ProbingSettings

DAY_S = 86_400
FIRST_ROUND_S = 5.0
JITTER = 0.1


class Last(Struct, frozen=True):
    """How a check's last runs went. `at`: the last one's end; `failures`: how many in a row were its last; `since`: the
    first success after the last failure, 0 where it never failed."""

    at: float
    failures: int = 0
    since: float = 0.0


def after_run(last: Last | None, at: float, ok: bool | None) -> Last:
    """What is remembered after one more run; one that could not look changes no count."""
    before = last or Last(at)
    if ok is None:
        return Last(at, before.failures, before.since)
    if not ok:
        return Last(at, before.failures + 1, 0.0)
    return Last(at, 0, at if before.failures else before.since)


def next_due(check: Check, last: Last | None, started: float, probing: ProbingSettings) -> float:
    """When a check runs next, epoch seconds; in the past: at once. `started`: when the prober was.

    A first failure is looked at again after `again`, so that it is soon known to last. A test call that failed is
    repeated like any other check until it has been well for `recovery`: an incident closes on fresh evidence only.
    """
    every = probing.every.span.total_seconds()
    if check.calls_per_day and not _recovering(last, probing):
        return next_call(_seed(check, probing), check.calls_per_day, last.at if last else started)
    if last is None:
        return started + share(check.key, "first") * min(every, FIRST_ROUND_S)
    if last.failures == 1:
        return last.at + probing.again.span.total_seconds()
    return _next_slot(check.key, every, last.at)


def _recovering(last: Last | None, probing: ProbingSettings) -> bool:
    if last is None:
        return False
    return bool(last.failures) or (
        last.since > 0 and last.at - last.since < probing.recovery.span.total_seconds()
    )


def _next_slot(key: str, every: float, after: float) -> float:
    """The first of a check's own times after another: evenly spread between checks, each a little off the beat, so that
    they neither fire together nor keep step with something that happens at the same second of every minute."""
    begin = share(key, "phase") * every
    number = math.floor((after - begin) / every)
    while (at := begin + (number + JITTER * share(key, str(number))) * every) <= after:
        number += 1
    return at


def _seed(check: Check, probing: ProbingSettings) -> str:
    return f"{probing.seed}\0{check.key}"


def test_calls(seed: str, day: int, per_day: int) -> tuple[float, ...]:
    """Random times of a day (its number since 1970-01-01, UTC), epoch seconds, in order: one in each of `per_day`
    equal parts, so that nights are never left out; the same for the same seed."""
    part = DAY_S / per_day
    return tuple(day * DAY_S + (number + share(seed, f"{day}:{number}")) * part for number in range(per_day))


test_calls.__test__ = False  # type: ignore[attr-defined] # the name is the field's own; pytest shall not call it


def next_call(seed: str, per_day: int, after: float) -> float:
    """The first test call after a time; raises nothing: every day has one."""
    day = math.floor(after / DAY_S)
    for each in (day, day + 1):
        for at in test_calls(seed, each, per_day):
            if at > after:
                return at
    raise AssertionError("the next day's calls are all later")


def share(*words: str) -> float:
    """A number in [0, 1) that is as good as random, and the same for the same words on every machine."""
    digest = hashlib.blake2b("\0".join(words).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
