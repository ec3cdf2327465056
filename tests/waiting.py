"""Waits in tests for what another process or thread brings about: bounded, and it says what did not come about."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path


def wait_until(
    holds: Callable[[], object],
    what: str,
    at_most_s: float = 15.0,
    process: subprocess.Popen[Any] | None = None,
    told: Path | None = None,
) -> None:
    """Fails when it takes longer, or `process` ended before; with what stands in `told` by then."""
    end = time.monotonic() + at_most_s
    while not holds():
        said = f"; it said:\n{told.read_text()}" if told else ""
        if process is not None and process.poll() is not None:
            pytest.fail(f"{what}: the process ended with code {process.returncode}{said}")
        if time.monotonic() > end:
            pytest.fail(f"{what}: not within {at_most_s:g} s{said}")
        threading.Event().wait(0.02)
