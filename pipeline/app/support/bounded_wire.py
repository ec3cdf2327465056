"""What a client sends, within bounds of bytes and time: a socket as the library's readers want it."""

from __future__ import annotations

import contextlib
import io
import socket
import time
from typing import Any

LINGER_S, LINGER_BYTES = 2.0, 8 << 20


class TooMuchError(Exception):
    """More came than was allowed."""


class Wire(io.RawIOBase):
    """A socket's bytes up to a number and up to a time: a byte now and then keeps no thread."""

    def __init__(self, connection: socket.socket, most: int, within_s: float) -> None:
        self._socket = connection
        self.allow(most, within_s)

    def allow(self, most: int, within_s: float) -> None:
        """So many bytes and seconds from now on."""
        self._left, self._until = most, time.monotonic() + within_s

    def readable(self) -> bool:
        """As the buffer above asks."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Raises TimeoutError, TooMuchError."""
        left_s = self._until - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        if self._left <= 0:
            raise TooMuchError
        self._socket.settimeout(left_s)
        count = self._socket.recv_into(memoryview(buffer)[: self._left])
        self._left -= count
        return count


def linger(connection: socket.socket) -> None:
    """Reads off, for a while, what is on its way to us after an early answer: else the answer would be cut."""
    until, left = time.monotonic() + LINGER_S, LINGER_BYTES
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        while left > 0 and (left_s := until - time.monotonic()) > 0:
            connection.settimeout(left_s)
            count = len(connection.recv(65536))
            if not count:
                return
            left -= count
