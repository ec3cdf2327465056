"""`prebill sql`: a read-only query of the store, as a table, JSON or lines."""

from __future__ import annotations

import json as jsonlib
import re
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pipeline.app.catalogue import STDIN
from pipeline.app.context import Context
from pipeline.app.failures import Failure, ReachFailure, UsageFailure
from pipeline.app.stores import existing_store
from pipeline.app.terminal import out, printable, say

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.store.errors import QueryError

ROWS_SHOWN = 200

_TOO_MUCH = {
    159: "it took longer than a reader may",
    160: "it would take too long",
    241: "it needs too much memory",
}
_FORBIDDEN = {
    164: "only reading is allowed here",
    452: "a reader may not change settings",
    497: "not permitted",
}


def sql(
    query: str,
    /,
    *,
    json: Annotated[bool, Parameter(negative="")] = False,
    ndjson: Annotated[bool, Parameter(negative="")] = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Ask the store, read-only: the views usage and segments are stable.

    A table on a terminal; tab-separated, with names first, where the output is no terminal.

    Parameters
    ----------
    query
        ClickHouse SQL; `-` reads it from standard input. For instance:
        SELECT resource, sum(bytes_sent) AS bytes FROM usage GROUP BY resource ORDER BY bytes DESC LIMIT 10
    json
        One JSON array of rows on standard output.
    ndjson
        One JSON object a row and line.
    """
    if json and ndjson:
        raise UsageFailure("--json and --ndjson: expected one of them")
    text = sys.stdin.read() if query == STDIN else query
    if not text.strip():
        raise UsageFailure("the query is empty", mend="prebill sql 'SELECT count() FROM segments'")
    from pipeline.store.errors import QueryError

    with existing_store(context) as store:
        try:
            table = store.query(text)
        except QueryError as error:
            raise _refusal(error) from None
    if json:
        sys.stdout.write("[")
        _write_rows(table, separator=",", indent="\n  ")
        sys.stdout.write("\n]\n" if table.num_rows else "]\n")
    elif ndjson:
        _write_rows(table, separator="\n", indent="")
        sys.stdout.write("\n" if table.num_rows else "")
    elif out().is_terminal:
        _show(table)
    else:
        _write_tabs(table)
    return 0


def _refusal(error: QueryError) -> Failure:
    """ClickHouse's refusal in plain words: what it said, without codes and versions, and what it means."""
    said = re.sub(r"^Code: \d+\.\s*(DB::Exception:\s*)?", "", str(error)).strip()
    said = re.sub(r"\s*\([A-Z_0-9]+\)\s*$", "", said.split("Stack trace:")[0]).strip()
    said = said if len(said) <= 600 else said[:597] + "…"
    if error.code in _FORBIDDEN:
        return UsageFailure(f"the query was refused, {_FORBIDDEN[error.code]}: {said}")
    if error.code in _TOO_MUCH:
        return UsageFailure(
            f"the query was stopped, {_TOO_MUCH[error.code]}: {said}",
            mend="Ask for fewer minutes or resources.",
        )
    if error.code == 0:
        return ReachFailure(f"the store did not answer the query: {said}")
    mend = "`prebill sql 'SHOW TABLES'` lists what there is." if error.code in (60, 47, 81) else ""
    return UsageFailure(f"the store does not understand the query: {said}", mend=mend)


def _write_rows(table: pa.Table, *, separator: str, indent: str) -> None:
    first = True
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            plain = {name: plain_value(value) for name, value in row.items()}
            sys.stdout.write(("" if first else separator) + indent + jsonlib.dumps(plain, ensure_ascii=False))
            first = False


def _write_tabs(table: pa.Table) -> None:
    print("\t".join(table.column_names))
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            print("\t".join(cell_text(value) for value in row.values()))


def _show(table: pa.Table) -> None:
    import pyarrow as pa
    from rich.table import Table

    shown = Table(box=None, pad_edge=False, header_style="bold", row_styles=("", "dim"), padding=(0, 2, 0, 0))
    for field in table.schema:
        number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        shown.add_column(field.name, justify="right" if number else "left", overflow="fold")
    for row in table.slice(0, ROWS_SHOWN).to_pylist():
        shown.add_row(*(cell_text(value) for value in row.values()))
    out().print(shown, markup=False)
    if table.num_rows > ROWS_SHOWN:
        say(f"{ROWS_SHOWN} of {table.num_rows:,} rows; --json or --ndjson gives all")


def plain_value(value: Any) -> Any:
    """A value as JSON may hold it: times RFC 3339, bytes as text, decimals as strings, no NaN."""
    if isinstance(value, datetime):
        at = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return at.strftime("%Y-%m-%dT%H:%M:%S") + (f".{at.microsecond:06}" if at.microsecond else "") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return printable(value)
    if isinstance(value, dict):
        return {str(key): plain_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(each) for each in value]
    if isinstance(value, float):
        return value if abs(value) != float("inf") and value == value else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def cell_text(value: Any) -> str:
    """A value in one cell of a table."""
    plain = plain_value(value)
    if plain is None:
        return "-"
    if isinstance(plain, bool):
        return "true" if plain else "false"
    return printable(plain) if isinstance(plain, str) else str(plain)
