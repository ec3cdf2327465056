"""What a user's own question may ask, of the embedded engine, which has no users and grants of its own, or of a server.

`readonly = 1` alone is not enough. In the embedded engine it lets `file('/etc/passwd')` read, INTO OUTFILE write,
DESCRIBE url(…) and s3(…) connect outside, KILL QUERY and a second statement run; on a server, under a user with the
usual grants, `file()`, DESCRIBE url(…) and KILL QUERY pass. So a question must be one reading statement, and may name
no function that reaches outside of the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.store.errors import QueryError
from pipeline.store.statements import called_names, names, takes_identifiers, tokens

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

HARMLESS_TABLE_FUNCTIONS = frozenset(
    {"numbers", "numbers_mt", "zeros", "zeros_mt", "generate_series", "generateseries", "values", "null", "format",
     "view", "primes", "sqlstandardvalues"}
)  # fmt: skip
"""Table functions that read nothing but their arguments. All others are refused, those of later versions too."""

OUTWARD_TABLE_FUNCTIONS = frozenset({"merge", "python", "executable", "dictionary", "input"})
"""Refused even where the engine does not list them."""

OUTWARD_FUNCTIONS = frozenset(
    {"file", "sleep", "sleepeachrow", "catboostevaluate", "addresstoline", "addresstolinewithinlines",
     "addresstosymbol", "demangle", "showcertificate", "eval", "logtrace", "generateserialid", "aiclassify", "aiembed",
     "aiextract", "aigenerate", "aitranslate"}
)  # fmt: skip
"""Functions of values. They may not be named at all: APPLY(file) and arrayMap(file, …) call them without a bracket."""

READING = frozenset({"SELECT", "WITH", "FROM", "(", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS"})
"""How a reading statement begins."""

READONLY = 164
"""ClickHouse's own error number for what a read-only user may not do."""

_EXPECTED = (
    f"Code: {READONLY}. This connection is read-only: expected SELECT, SHOW, DESCRIBE, EXPLAIN or EXISTS. "
    "(READONLY)"
)

_of_engine: set[str] = set()


def check_question(connection: Any, sql: str) -> None:
    """Passes one reading statement that stays inside the store. Raises QueryError, code 164, for anything else.

    `connection` is a chdb connection of this engine; the statement is parsed there and not run.
    """
    found = connection._conn.classify_query(sql, "default")
    kind = getattr(found["query_class"], "name", str(found["query_class"]))
    # UNKNOWN is not SQL: the engine's own message says where it stops being so
    if kind not in ("READ_ONLY", "UNKNOWN"):
        raise QueryError(_EXPECTED, READONLY)
    if kind != "UNKNOWN" and found["statement_count"] != 1:
        raise QueryError(f"Code: {READONLY}. Expected one statement, found {found['statement_count']}. (READONLY)",
                         READONLY)  # fmt: skip
    if not _of_engine:
        text = connection.query("SELECT name FROM system.table_functions", "TabSeparated").bytes().decode()
        _of_engine.update(line.strip().lower() for line in text.splitlines() if line.strip())
    _check_names(sql, _of_engine)


def check_server_question(sql: str, table_functions: AbstractSet[str]) -> None:
    """The same for a server, which parses the statement itself, takes only one, and is asked with `readonly = 1`.

    `table_functions` are the names that the server lists, lower-cased.
    """
    first = tokens(sql.encode(), 1)
    if first and first[0].text.upper() not in READING:
        raise QueryError(_EXPECTED, READONLY)
    _check_names(sql, table_functions)


def _check_names(sql: str, table_functions: AbstractSet[str]) -> None:
    text = sql.encode()
    outward = (table_functions - HARMLESS_TABLE_FUNCTIONS) | OUTWARD_TABLE_FUNCTIONS
    found = (called_names(text) & outward) | (names(text) & OUTWARD_FUNCTIONS)
    if found:
        raise QueryError(f"Code: {READONLY}. {', '.join(sorted(found))}() is not allowed on a read-only connection: "
                         f"it would reach outside of the store. (READONLY)", READONLY)  # fmt: skip
    if takes_identifiers(text):
        raise QueryError(f"Code: {READONLY}. A parameter of type Identifier is not allowed on a read-only connection: "
                         "it could name a function that reaches outside. (READONLY)", READONLY)  # fmt: skip
