"""A file to which each message is appended as a line of JSON: for drills, tests and whoever tails it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from incidents.channels.model import Sent
from incidents.channels.webhook import document

if TYPE_CHECKING:
    from incidents.channels.model import Message


class File:
    """One write a message, in append mode: lines of several writers do not mix."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def send(self, message: Message) -> Sent:
        """Appends it, and waits until it is on the disk."""
        line = json.dumps(document(message), ensure_ascii=False).encode() + b"\n"
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
            try:
                written = os.write(handle, line)
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            return Sent(False, retry=True, error=f"cannot be written: {error.strerror}")
        if written != len(line):
            return Sent(False, retry=True, error="only a part could be written")
        return Sent(True)
