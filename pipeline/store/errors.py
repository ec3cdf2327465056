"""What can go wrong with the store; raised by every module of this room, turned into exit codes by pipeline.app."""

from __future__ import annotations

import re

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


def query_error(error: Exception) -> QueryError:
    """ClickHouse's own words without the wrapping of drivers, and its error number."""
    text = str(error)
    at = text.find("Code: ")
    if at >= 0:
        text = text[at:]
    found = _CODE.search(text)
    return QueryError(_TAIL.sub("", text.strip()), int(found.group(1)) if found else 0)
