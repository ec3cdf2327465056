"""One outage of a customer and a gap of an edge below it, told minute by minute."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from incidents.events import Probe
from incidents.model import Audience, Change, Fact, Harm, Kind, Priority, Scope, Status, Transition
from incidents.tasks.model import Lost, Money

START = 1_793_520_000.0  # 2026-11-01T08:00:00Z


def at(minute: float) -> float:
    """That many minutes after the first failing probe."""
    return START + 60 * minute


def transition(minute: float, **given: Any) -> Transition:
    """A step of the outage of c1."""
    made: dict[str, Any] = {
        "at": at(minute),
        "incident": "o1",
        "kind": Kind.OUTAGE,
        "scope": Scope("customer", "c1"),
        "harm": Harm.CONFIRMED,
        "priority": Priority.COMPANY_WIDE,
        "status": Status.OPEN,
        "change": Change.UPDATED,
        "reason": "two vantage points fail",
    }
    return Transition(**(made | given))


def gap_step(minute: float, **given: Any) -> Transition:
    """A step of the gap of e1."""
    return transition(
        minute,
        **(
            {
                "incident": "g1", "kind": Kind.BILLING_GAP, "scope": Scope("edge", "e1"), "harm": Harm.NONE,
                "priority": Priority.NORMAL, "reason": "logs are missing",
            }
            | given
        ),
    )  # fmt: skip


def lost(first: int, after: int, **given: Any) -> Lost:
    """Minutes [first, after) of e1."""
    made: dict[str, Any] = {
        "gap": f"gap{first}", "edge": "e1", "stream": "access", "loss_class": "missing", "since": at(first),
        "until": at(after), "minutes": after - first, "bytes": (0, 1, 2), "state": "open", "first_seen": at(after),
        "task": "g1", "customers": ("c1", "c2"),
        "money": Money(Decimal(2), Decimal(3), Decimal(4), "RUB"),
        "by_customer": (("c1", Money(Decimal(2), Decimal(2), Decimal(2), "RUB")),
                        ("c2", Money(Decimal(0), Decimal(1), Decimal(2), "RUB"))),
    }  # fmt: skip
    return Lost(**(made | given))


STORY = (
    transition(0, change=Change.OPENED, priority=Priority.HIGH, harm=Harm.SUSPECTED, evidence=(
        Fact(at(0), "probe", "customer c1 failing from msk-1: connect timeout"),)),
    transition(0, change=Change.NOTICE, priority=Priority.HIGH, harm=Harm.SUSPECTED, audience=Audience.ON_CALL,
               notice="n1", level=1),
    transition(1, change=Change.RAISED),
    transition(1, change=Change.NOTICE, audience=Audience.COMPANY, notice="n2"),
    transition(1, change=Change.NOTICE, audience=Audience.CLIENT, notice="n3", draft=True),
    transition(3, change=Change.ACKNOWLEDGED, status=Status.ACKNOWLEDGED, actor="anna"),
    gap_step(9, change=Change.OPENED, parent="o1"),
    transition(21, change=Change.NOTICE, audience=Audience.COMPANY, notice="n4", status=Status.ACKNOWLEDGED),
    transition(30, change=Change.RESOLVED, status=Status.RESOLVED, harm=Harm.NONE, actor="boris", reason="mended"),
    gap_step(30),
)  # fmt: skip


@pytest.fixture
def story() -> tuple[Transition, ...]:
    return STORY


@pytest.fixture
def clock() -> Callable[[float], float]:
    return at


@pytest.fixture
def make_lost() -> Callable[..., Lost]:
    return lost


@pytest.fixture
def make_transition() -> Callable[..., Transition]:
    return transition


@pytest.fixture
def make_gap_step() -> Callable[..., Transition]:
    return gap_step


@pytest.fixture
def make_probe() -> Callable[..., Probe]:
    def make(minute: float, *, ok: bool, **given: Any) -> Probe:
        made: dict[str, Any] = {"scope": Scope("customer", "c1"), "vantage": "msk-1"}
        return Probe(at=at(minute), ok=ok, **(made | given))

    return make
