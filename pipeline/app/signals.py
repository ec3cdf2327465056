"""Ctrl-C and SIGTERM: the main thread hears of them by an exception, working threads by asking."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import NoReturn

from pipeline.app.failures import Stopped

_ending = threading.Event()
_number = signal.SIGTERM


def install() -> None:
    """Let both signals end the command through an exception in the main thread; once a process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)


def raise_if_ending() -> None:
    """For threads that work on while the main thread waits for them: raises Stopped once a signal has come."""
    if _ending.is_set():
        raise Stopped(_number)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    global _number
    _number = signal.Signals(number)
    _ending.set()
    raise Stopped(number)
