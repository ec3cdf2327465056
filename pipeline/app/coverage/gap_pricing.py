"""What open gaps cost, reckoned beside the checks that find them: it may take a while where thousands of customers are
hit, and no check waits for it. What is found goes to the store, where the view `gaps` and the watch read it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pipeline.app.coverage.gap_output import STILL_LOST
from pipeline.app.stores import say_tried_again

if TYPE_CHECKING:
    from pipeline.app.configuration.settings import Config
    from pipeline.coverage.model import Gap
    from pipeline.rating.stake import Stake
    from pipeline.store.store import Store


class _StoppedError(Exception):
    """The work was asked to end."""


def rate_open(
    store: Store,
    config: Config,
    gaps: Sequence[Gap],
    now: float,
    watch: Callable[[int, int], None] = lambda _done, _all: None,
) -> tuple[dict[str, Stake], str]:
    """Rates what is still lost, and keeps it; (stakes by gap, why there are none)."""
    from pipeline.app.coverage.gap_money import money_of

    lost = [gap for gap in gaps if gap.state in STILL_LOST]
    return money_of(store, config, lost, now=now, keep=True, watch=watch)


def pricing(
    store: Store, config: Config, unrated: Callable[[], Sequence[Gap]]
) -> Callable[[float], list[dict[str, Any]]]:
    """A step of a watch that rates what was not yet; it has nothing to say itself."""

    def step(now: float) -> list[dict[str, Any]]:
        if gaps := unrated():
            rate_open(store, config, gaps, now)
        return []

    return step


class GapPricer:
    """A thread that rates open gaps whenever it is woken; a context that ends it."""

    def __init__(self, store: Store, config: Config, clock: Callable[[], datetime]) -> None:
        self._store, self._config, self._clock = store, config, clock
        self._woken, self._done = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="gap money", daemon=True)

    def wake(self) -> None:
        """Something about gaps may have changed."""
        self._woken.set()

    def __enter__(self) -> GapPricer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._done.set()
        self._woken.set()
        self._thread.join(timeout=30)

    def _work(self) -> None:
        while self._woken.wait() and not self._done.is_set():
            self._woken.clear()
            try:
                rate_open(
                    self._store,
                    self._config,
                    self._store.gaps(STILL_LOST),
                    self._clock().timestamp(),
                    self._go_on,
                )
            except _StoppedError:
                return
            except Exception as error:  # money is worth less than the gaps themselves
                say_tried_again("what gaps cost could not be reckoned", error)

    def _go_on(self, _done: int, _all: int) -> None:
        if self._done.is_set():
            raise _StoppedError
