"""A new store in little time: the folder of one whose schema was made once for the test process, copied."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path

from pipeline.store import open_store


def lay_store(folder: Path) -> str:
    """The DSN of an empty store that nobody has opened yet, in `folder`; no store may be open in this process when
    the first one is asked for."""
    shutil.copytree(_made(), folder, symlinks=True)
    return f"chdb://{folder}"


@functools.cache
def _made() -> Path:
    kept = tempfile.TemporaryDirectory(prefix="prebill-empty-store-")
    _keeps.append(kept)
    folder = Path(kept.name) / "store"
    open_store(f"chdb://{folder}").close()
    return folder


_keeps: list[tempfile.TemporaryDirectory[str]] = []
