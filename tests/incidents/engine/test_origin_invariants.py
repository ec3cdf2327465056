"""The invariants over a client and his origin, one of which may hang below the other: drawn by plain dice."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from incidents.engine import judge_customer
from incidents.events import Event, Probe, Request, Tick, Traffic
from incidents.model import Audience, Kind, Scope, Transition

from .drawn import START, STEP, STEPS, run
from .test_dismissal import check_nothing_is_borrowed_from_what_is_over
from .test_invariants import CHECKS, END, reached, worst

if TYPE_CHECKING:
    from collections.abc import Callable

C1 = Scope("customer", "c1")
ORIGIN = Scope("origin", "c1")


def thrown_origin(seed: int) -> list[Event]:
    """Looks at c1 and at his origin in spells of good and bad minutes, his errors as often as not, a word of his."""
    dice = random.Random(seed)  # noqa: S311
    drawn: list[Event] = []
    for scope, share in ((C1, dice.choice([0.0, 0.5, 1.0])), (ORIGIN, dice.choice([0.3, 0.9]))):
        fine = True
        for number in range(36):
            fine = fine if dice.random() < 0.8 else not fine
            drawn += [
                Probe(at=START + 60 * number + STEP * dice.randint(0, 1), scope=scope, vantage=vantage,
                      ok=fine if dice.random() < 0.9 else not fine)
                for vantage in "abc"[: dice.randint(1, 3)]
                if dice.random() < share
            ]  # fmt: skip
    errors = 0
    if dice.random() < 0.6:
        for number in range(1, 36):
            errors = errors if dice.random() < 0.8 else dice.choice([0, 200])
            drawn += [
                Traffic(at=START + 60 * number, edge=edge, minute=START + 60 * (number - 1), requests=1000,
                        errors_5xx=errors, customer="c1")
                for edge in ("e1", "e2")
            ]  # fmt: skip
    if dice.random() < 0.3:
        drawn.append(
            Request(at=START + STEP * dice.randint(0, STEPS), id="r1", customer="c1", kind="technical")
        )
    return drawn or [Tick(at=START)]


def of_clients(drawn: list[Event]) -> list[Transition]:
    return [line for line in run([*drawn, END]) if line.kind is not Kind.WATCHDOG]


def check_more_harm(drawn: list[Event], seed: int) -> None:
    """1: with one more failing look at the client nothing is less urgent."""
    dice = random.Random(seed)  # noqa: S311
    more = Probe(at=START + STEP * dice.randint(0, STEPS), scope=C1, vantage=dice.choice("abcd"), ok=False)
    before, after = worst(of_clients(drawn)), worst(of_clients([*drawn, more]))
    assert after.last >= before.last
    assert after.ever >= before.ever


def check_less_health(drawn: list[Event], seed: int) -> None:
    """3: without one healthy look at the client nothing is less urgent."""
    fine = [each for each in drawn if isinstance(each, Probe) and each.ok and each.scope == C1]
    if fine:
        without = fine[seed % len(fine)]
        before = worst(of_clients(drawn))
        after = worst(of_clients([each for each in drawn if each is not without]))
        assert after.last >= before.last
        assert after.ever >= before.ever


def check_hanging_puts_nothing_off(drawn: list[Event], _: int) -> None:
    """Whatever one of them reaches by itself, it reaches no later below the other."""
    below = of_clients(drawn)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge_customer, "same_failure", lambda *_: None)
        alone = of_clients(drawn)
    then, now = reached(alone), reached(below)
    assert all(now.get(key, END.at + 1) <= at for key, at in then.items())
    assert worst(below).last >= worst(alone).last


def check_calls_are_heard(drawn: list[Event], _: int) -> None:
    """Whoever is called for one of them by itself is called no later where one hangs below the other."""

    def first(lines: list[Transition]) -> dict[str, float]:
        heard: dict[str, float] = {}
        for line in lines:
            if line.audience and line.kind is Kind.OUTAGE:
                heard.setdefault(line.audience, line.at)
                if line.audience is Audience.COMPANY:
                    heard.setdefault(Audience.ON_CALL, line.at)
        return heard

    below = of_clients(drawn)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge_customer, "same_failure", lambda *_: None)
        alone = first(of_clients(drawn))
    now = first(below)
    assert all(now.get(who, END.at + 1) <= at for who, at in alone.items())


ALL: list[Callable[[list[Event], int], None]] = [
    *CHECKS,
    check_more_harm,
    check_less_health,
    check_hanging_puts_nothing_off,
    check_calls_are_heard,
    check_nothing_is_borrowed_from_what_is_over,
]


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.__name__.removeprefix("check_"))
def test_invariant_of_an_origin(check: Callable[[list[Event], int], None]) -> None:
    for seed in range(25):
        check(thrown_origin(seed), seed)


@pytest.mark.nightly
@pytest.mark.parametrize("check", ALL, ids=lambda check: check.__name__.removeprefix("check_"))
def test_invariant_of_an_origin_at_length(check: Callable[[list[Event], int], None]) -> None:
    for seed in range(25, 2_000):
        check(thrown_origin(seed), seed)
