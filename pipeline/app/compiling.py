"""Says so when a kernel is compiled: it happens once a machine, takes seconds, and must not look like a hang."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.app.terminal import say


@dataclass
class Compiling:
    """How long compiling took so far, so that it can be taken out of a rate."""

    seconds: float = 0.0


@contextmanager
def compiling_told() -> Iterator[Compiling]:
    """While it lasts, kernels that are really compiled, not found in the cache, are told on stderr."""
    from numba.core import event

    import kernels.options  # noqa: F401 - numba's settings are fixed before anything is compiled

    told = Compiling()

    class Teller(event.Listener):  # type: ignore[misc]
        """numba:compile comes for real compilations only, for every inner function too, from any thread."""

        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.running = 0
            self.began = 0.0

        def on_start(self, event: object) -> None:  # noqa: ARG002
            with self.lock:
                self.running += 1
                if self.running == 1:
                    self.began = time.perf_counter()
                    if not told.seconds:
                        say("compiling kernels for this processor, once: some seconds …")

        def on_end(self, event: object) -> None:  # noqa: ARG002
            with self.lock:
                self.running -= 1
                if not self.running:
                    told.seconds += time.perf_counter() - self.began

    try:
        with event.install_listener("numba:compile", Teller()):
            yield told
    finally:
        if told.seconds:
            say(f"compiled in {told.seconds:.1f} s, and kept for the next time")
