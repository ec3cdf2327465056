"""What can go wrong with the store; raised by every module of this room, turned into exit codes by pipeline.app."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_CODE = re.compile(r"Code: (\d+)\.")
_TAIL = re.compile(r"(\s*\((version|for url) [^)]*\))+\s*$")


class StoreError(Exception):
    """The store cannot be reached or cannot be trusted as it is (exit code 3)."""


class DsnError(StoreError, ValueError):
    """A DSN that cannot be understood: says what was expected and what was found."""


class SchemaError(StoreError):
    """The schema found is newer than this code, or an applied migration was changed afterwards."""


class QueryError(StoreError):
    """ClickHouse refused a query; `code` is its error number, 0 where unknown (exit code 2 for a user's own SQL)."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class DiskFullError(StoreError):
    """There was no room for a write, and nothing of it counts; it may be tried again."""


class OwnerEndedError(StoreError):
    """The process that owned the folder has ended: whoever opens the store again now may become its owner."""


class DamagedError(StoreError):
    """What the folder holds cannot be opened as it is; trying again does not help."""


class NoStoreError(StoreError):
    """There is no store of prebill's yet where the DSN points, and it was not to be made."""


NO_SPACE = 243
"""ClickHouse's own error number for a disk without room."""

_NO_ROOM = ("No space left on device", "Disk quota exceeded", "errno: 28,")


def is_no_room(error: Exception) -> bool:
    """Whether a refusal comes from a disk without room: ClickHouse has a number for that, and passes the system's own
    words on where the system has refused."""
    return getattr(error, "code", 0) == NO_SPACE or any(words in str(error) for words in _NO_ROOM)


def no_room(what: str, folder: Path | None) -> DiskFullError:
    """The sentence about a disk without room for `what`; `folder` is the store's, None for a server's."""
    import shutil

    if folder is None:
        return DiskFullError(f"the store could not write {what}: is its server's disk full?")
    try:
        free = f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB free"
    except OSError as error:
        free = f"no answer ({error.strerror})"
    return DiskFullError(f"the store could not write {what}: is the disk full? {free} at {folder}")


def query_error(error: Exception) -> QueryError:
    """ClickHouse's own words without the wrapping of drivers, and its error number."""
    text = str(error)
    at = text.find("Code: ")
    if at >= 0:
        text = text[at:]
    found = _CODE.search(text)
    return QueryError(_TAIL.sub("", text.strip()), int(found.group(1)) if found else 0)
