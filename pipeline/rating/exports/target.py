"""Where a bill is written to: a path, which gets the whole file or keeps what it had, or an open binary stream."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

Target = Path | IO[bytes]


def put(target: Target, content: bytes) -> None:
    """Writes all of it; a path is replaced only when the whole content is on disk beside it. Raises OSError."""
    if not isinstance(target, Path):
        target.write(content)
        return
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(content)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
