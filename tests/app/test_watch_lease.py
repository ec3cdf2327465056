"""What a watch says of its lease: why it lost it, and that it waits for a store that is away."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.app.commands.run import StopEvent
from pipeline.app.commands.watch import ended
from pipeline.app.failures import ReachFailure
from pipeline.app.watch import lease as watch_lease
from pipeline.app.watch.lease import WATCH, HeldFailure, holding
from pipeline.store.errors import StoreError
from pipeline.store.leases import LeaseLostError

if TYPE_CHECKING:
    from pipeline.store.leases import Lease


class Leases:
    """Those of a store that fails: `takes` before it gives one, and with `fails` whenever one is renewed."""

    def __init__(self, fails: Exception | None = None, takes: list[Any] | None = None) -> None:
        self.fails, self.takes = fails, takes or []

    def take(self, wanted: Lease, **_: object) -> Lease:
        found = self.takes.pop(0) if self.takes else wanted
        if isinstance(found, Exception):
            raise found
        return found

    def renew(self, held: Lease, **_: object) -> Lease:
        if self.fails is not None:
            raise self.fails
        return held

    def release(self, held: Lease, **_: object) -> None:
        """Is given up."""


class Store:
    """Nothing but its leases."""

    def __init__(self, leases: Leases) -> None:
        self.leases = leases


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LASTS_S", "RENEW_EVERY_S", "LOOK_EVERY_S"):
        monkeypatch.setattr(watch_lease, name, 0.05)


@pytest.mark.parametrize(
    ("fails", "ending", "told"),
    [
        (StoreError("no route to host"), ReachFailure, "the store did not answer for .*: no route to host"),
        (LeaseLostError("watch is held by process 7 now"), HeldFailure, "another prebill watches this store"),
    ],
)
def test_why_the_lease_was_lost_is_told_as_it_is(
    fails: Exception, ending: type[Exception], told: str
) -> None:
    with holding(Store(Leases(fails)), WATCH, threading.Event()) as lost:  # type: ignore[arg-type]
        assert lost.wait(15)
    with pytest.raises(ending, match=told):
        ended(StopEvent(), lost)


def test_who_stands_by_waits_for_a_store_that_is_away(capfd: pytest.CaptureFixture[str]) -> None:
    other = watch_lease.wanted(WATCH, 0.0)
    elsewhere = type(other)(WATCH, "other", "another-host", 7, 0.0, 1e12)
    takes = [elsewhere, StoreError("away"), StoreError("away"), elsewhere]
    with holding(Store(Leases(takes=takes)), WATCH, threading.Event(), wait=True) as lost:  # type: ignore[arg-type]
        assert not lost.is_set()
    assert takes == []
    assert capfd.readouterr().err.count("waiting for its end") == 1


def test_a_store_that_does_not_answer_at_the_start_is_told() -> None:
    failing = Store(Leases(takes=[StoreError("away")]))
    with (
        pytest.raises(StoreError, match="away"),
        holding(failing, WATCH, threading.Event(), wait=True),  # type: ignore[arg-type]
    ):
        pass
