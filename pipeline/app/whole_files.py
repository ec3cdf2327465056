"""Files that are read or written as a whole, standard input among them; what is in the way is told in a sentence."""

from __future__ import annotations

import sys
from pathlib import Path

from pipeline.app.catalogue import STDIN
from pipeline.app.failures import UsageFailure

MAX_SIZE = 256 << 20


def name_of(file: str) -> str:
    """What a file is called in a message."""
    return "standard input" if file == STDIN else file


def read_lines_file(file: str) -> bytes:
    """All of a file of lines, of at most MAX_SIZE; raises UsageFailure."""
    too_large = UsageFailure(f"{name_of(file)}: expected at most {MAX_SIZE >> 20} MiB; split it at line ends")
    if file == STDIN:
        raw = sys.stdin.buffer.read(MAX_SIZE + 1)
        if len(raw) > MAX_SIZE:
            raise too_large
        return raw
    path = Path(file)
    try:
        if path.stat().st_size > MAX_SIZE:
            raise too_large
        return path.read_bytes()
    except OSError as error:
        raise UsageFailure(f"{file}: cannot be read: {(error.strerror or str(error)).lower()}") from None


def write_text_file(path: Path, text: str) -> None:
    """Writes what `--output` names; raises UsageFailure."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageFailure(f"--output {path}: cannot be written: {reason}") from None
