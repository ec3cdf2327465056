"""Makes sure, before the embedded engine opens a folder, that it can: room for a new store, no store half made, no
definition of a table that a full disk has emptied. connect.py asks, once it owns the folder.

The engine makes a table on a full disk without an error, with an empty definition, and starts never again over that.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.store.errors import DamagedError, DiskFullError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOM_BYTES = 8_000_000
"""What must be free before tables are made or changed: a new store takes 1 MB, and each write reserves another."""

MARK = "being.made"
"""In the folder from before a new store's first file until its schema is whole: what it holds is no one's data."""

_OF_ENGINE = ("data", "metadata", "metadata_dropped", "store", "tmp")


def check_room(folder: Path) -> None:
    """Raises DiskFullError where tables had better not be made or changed."""
    free = shutil.disk_usage(folder).free
    if free < ROOM_BYTES:
        raise DiskFullError(
            f"the store's tables cannot be made: is the disk full? {free / 1e6:,.1f} MB free at {folder}, "
            f"{ROOM_BYTES / 1e6:,.0f} MB are needed"
        )


@contextmanager
def made_whole(folder: Path) -> Iterator[None]:
    """Around opening a folder and bringing up its schema. What an earlier beginning left of a new store is removed.

    Raises DiskFullError, and DamagedError where a definition is empty.
    """
    mark = folder / MARK
    if mark.exists():
        for name in _OF_ENGINE:
            if (folder / name).exists():
                shutil.rmtree(folder / name)
    elif any((folder / name).exists() for name in _OF_ENGINE):
        _check_definitions(folder)
        yield
        return
    check_room(folder)
    mark.touch()
    yield
    mark.unlink()


def _check_definitions(folder: Path) -> None:
    for path in sorted(folder.glob("metadata/*/*.sql")):
        if not path.stat().st_size:
            raise DamagedError(
                f"the store {folder} cannot be opened: the definition of its table {path.stem} is empty ({path}), as a "
                f"full disk leaves it"
            )
