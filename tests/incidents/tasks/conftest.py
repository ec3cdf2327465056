"""What the tests of tasks are made from: one lost hour, its incident, and the probes behind it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from incidents.events import Probe
from incidents.model import Change, Fact, Harm, Kind, Priority, Scope, Status, Transition
from incidents.tasks.model import Lost, Money

NOW = 1_793_520_000.0  # 2026-11-01T08:00:00Z


def transition(**given: Any) -> Transition:
    """A gap on e1 that was opened as a task ten minutes ago."""
    made: dict[str, Any] = {
        "at": NOW - 600,
        "incident": "i1",
        "kind": Kind.BILLING_GAP,
        "scope": Scope("edge", "e1"),
        "harm": Harm.NONE,
        "priority": Priority.NORMAL,
        "status": Status.OPEN,
        "change": Change.OPENED,
        "evidence": (Fact(NOW - 610, "probe", "edge e1 fine from msk-1"),),
    }
    return Transition(**(made | given))


def lost(**given: Any) -> Lost:
    """Five minutes of e1, a quarter of an hour ago."""
    made: dict[str, Any] = {
        "gap": "g1",
        "edge": "e1",
        "stream": "access",
        "loss_class": "missing",
        "since": NOW - 900,
        "until": NOW - 600,
        "minutes": 5,
        "bytes": (90, 100, 120),
        "state": "open",
        "first_seen": NOW - 600,
        "task": "i1",
        "customers": ("c1",),
        "money": Money(Decimal(9), Decimal(10), Decimal(12), "RUB"),
        "recoverable_until": NOW + 7 * 86_400,
    }
    return Lost(**(made | given))


def probe(**given: Any) -> Probe:
    """e1 looked at from msk-1 a minute ago, and fine."""
    made: dict[str, Any] = {"at": NOW - 60, "scope": Scope("edge", "e1"), "vantage": "msk-1", "ok": True}
    return Probe(**(made | given))


@pytest.fixture
def now() -> float:
    return NOW


@pytest.fixture
def make_transition() -> Callable[..., Transition]:
    return transition


@pytest.fixture
def make_lost() -> Callable[..., Lost]:
    return lost


@pytest.fixture
def make_probe() -> Callable[..., Probe]:
    return probe
