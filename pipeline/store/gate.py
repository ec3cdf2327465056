"""What a read-only user may ask of the embedded engine, which has no users and grants of its own.

`readonly = 1` alone is not enough there: it lets `file('/etc/passwd')` read, INTO OUTFILE write, DESCRIBE url(…) and
s3(…) connect outside, KILL QUERY and a second statement run. So a question is parsed by the engine itself, must be one
reading statement, and may call no function that reaches outside of the store.
"""

from __future__ import annotations

from typing import Any

from pipeline.store.errors import QueryError
from pipeline.store.statements import called_names

HARMLESS_TABLE_FUNCTIONS = frozenset(
    {"numbers", "numbers_mt", "zeros", "zeros_mt", "generate_series", "generateseries", "values", "null", "format",
     "view", "primes", "sqlstandardvalues"}
)  # fmt: skip
"""Table functions that read nothing but their arguments. All others are refused, those of later versions too."""

FORBIDDEN_FUNCTIONS = frozenset(
    {"file", "sleep", "sleepeachrow", "catboostevaluate", "addresstoline", "addresstolinewithinlines",
     "addresstosymbol", "demangle", "showcertificate", "merge", "python", "executable", "eval", "dictionary", "input"}
)  # fmt: skip

READONLY = 164
"""ClickHouse's own error number for what a read-only user may not do."""

_forbidden: set[str] = set()


def check_question(connection: Any, sql: str) -> None:
    """Passes one reading statement that stays inside the store. Raises QueryError, code 164, for anything else.

    `connection` is a chdb connection of this engine; the statement is parsed there and not run.
    """
    found = connection._conn.classify_query(sql, "default")
    kind = getattr(found["query_class"], "name", str(found["query_class"]))
    if kind == "UNKNOWN":
        # not SQL: the engine's own message says where it stops being so
        return
    if kind != "READ_ONLY":
        raise QueryError(f"Code: {READONLY}. This connection is read-only: expected SELECT, SHOW, DESCRIBE, EXPLAIN "
                         f"or EXISTS. (READONLY)", READONLY)  # fmt: skip
    if found["statement_count"] != 1:
        raise QueryError(f"Code: {READONLY}. Expected one statement, found {found['statement_count']}. (READONLY)",
                         READONLY)  # fmt: skip
    called = called_names(sql.encode()) & forbidden_names(connection)
    if called:
        raise QueryError(f"Code: {READONLY}. {', '.join(sorted(called))}() is not allowed on a read-only connection: "
                         f"it would reach outside of the store. (READONLY)", READONLY)  # fmt: skip


def forbidden_names(connection: Any) -> set[str]:
    """Names of functions that a question may not call, lower-cased; asked of the engine once."""
    if not _forbidden:
        text = connection.query("SELECT name FROM system.table_functions", "TabSeparated").bytes().decode()
        names = {line.strip().lower() for line in text.splitlines() if line.strip()}
        _forbidden.update((names - HARMLESS_TABLE_FUNCTIONS) | FORBIDDEN_FUNCTIONS)
    return _forbidden
