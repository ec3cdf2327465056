"""Says so when a kernel is compiled: it happens once a machine, takes seconds, and must not look like a hang."""

from __future__ import annotations

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
    """While it lasts, kernels that are compiled, not found kept, are told on stderr."""
    from kernels import native

    told = Compiling()

    @contextmanager
    def tell(_name: str) -> Iterator[None]:
        if not told.seconds:
            say("compiling kernels for this processor, once: some seconds …")
        began = time.perf_counter()
        yield
        told.seconds += time.perf_counter() - began

    before, native.on_compile = native.on_compile, tell
    try:
        yield told
    finally:
        native.on_compile = before
        if told.seconds:
            say(f"compiled in {told.seconds:.1f} s, and kept for the next time")
