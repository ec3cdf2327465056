"""Makes sure, before the embedded engine opens a folder, that it can: room for a new store, no store half made, no
definition of a table that a full disk has emptied. connect.py asks, once it owns the folder.

The engine makes a table on a full disk without an error, with an empty definition, and starts never again over that.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipeline.store.errors import DamagedError, DiskFullError
from pipeline.store.owner import ADDRESS, LOCK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOM_BYTES = 8_000_000
"""What must be free before tables are made or changed: a new store takes 1 MB, and each write reserves another."""

MARK = "being.made"
"""In the folder from before a new store's first file until its schema is whole: what it holds is no one's data."""

_TABLES = ("data", "metadata", "store")

_HISTORY = "metadata/default/migrations.sql"
"""The definition of the table that every store of prebill's has."""

_OF_ENGINE = ("data", "metadata", "metadata_dropped", "store", "tmp")

OF_STORE = (*_OF_ENGINE, MARK, LOCK, ADDRESS)
"""Names of all that a store has in its folder."""


def check_room(folder: Path) -> None:
    """Raises DiskFullError where tables had better not be made or changed."""
    free = shutil.disk_usage(folder).free
    if free < ROOM_BYTES:
        raise DiskFullError(
            f"the store's tables cannot be made: is the disk full? {free / 1e6:,.1f} MB free at {folder}, "
            f"{ROOM_BYTES / 1e6:,.0f} MB are needed"
        )


def is_there(folder: Path) -> bool:
    """Whether the folder holds a store that is made whole; nothing is touched. Raises DamagedError where it holds
    tables of the engine's, and those of prebill are not among them, or is none."""
    if folder.exists() and not folder.is_dir():
        raise DamagedError(f"{folder} is a file: expected the folder of a store")
    if (folder / MARK).exists() or not any((folder / name).exists() for name in _TABLES):
        return False
    default = folder / "metadata" / "default"
    if default.is_dir() and not default.is_symlink():
        raise DamagedError(
            f"the store {folder} cannot be opened: {default} is a folder where the engine has a link, as a copy that "
            f"follows links leaves it; copy the store again with `cp -a` or `tar`"
        )
    if not (folder / _HISTORY).is_file():
        raise DamagedError(
            f"{folder} holds tables of the embedded engine and not prebill's (there is no {_HISTORY} in it): it is "
            f"another application's, or a part of the store's files is gone"
        )
    return True


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
    elif is_there(folder):
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
