"""`prebill sql`: a read-only query of the store, as a table, JSON or lines."""

from __future__ import annotations

import json as jsonlib
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipeline.app.answers import ask, cell_text, rows
from pipeline.app.catalogue import STDIN
from pipeline.app.failures import Failure, ReachFailure, UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.stores import existing_store
from pipeline.app.terminal import out, say

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
    json: Flag = False,
    ndjson: Flag = False,
    raw: Flag = False,
    context: Given,
) -> int:
    """Ask the store, read-only: the views usage, segments, coverage and gaps are stable.

    A table on a terminal; tab-separated, with names first, where the
    output is no terminal.

    Parameters
    ----------
    query
        ClickHouse SQL; `-` reads it from standard input. For instance:
        SELECT resource, sum(bytes_sent) AS bytes FROM usage GROUP BY resource ORDER BY bytes DESC LIMIT 10
    json
        One JSON array of rows on standard output.
    ndjson
        One JSON object a row and line.
    raw
        Lines of values as they are, without names: for texts that are lines themselves, such as the incident log.
    """
    if json + ndjson + raw > 1:
        raise UsageFailure("--json, --ndjson and --raw: expected one of them")
    text = sys.stdin.read() if query == STDIN else query
    if not text.strip():
        raise UsageFailure("the query is empty", mend="prebill sql 'SELECT count() FROM segments'")
    from pipeline.store.errors import QueryError

    with existing_store(context) as store:
        try:
            table, types = ask(store, text)
        except QueryError as error:
            raise _refusal(error, text) from None
    if json:
        sys.stdout.write("[")
        _write_rows(rows(table, types), separator=",", indent="\n  ")
        sys.stdout.write("\n]\n" if table.num_rows else "]\n")
    elif ndjson:
        _write_rows(rows(table, types), separator="\n", indent="")
        sys.stdout.write("\n" if table.num_rows else "")
    elif raw:
        _write_raw(table, types)
    elif out().is_terminal:
        _show(table, types)
    else:
        _write_tabs(table, types)
    return 0


def _refusal(error: QueryError, query: str) -> Failure:
    """ClickHouse's refusal in plain words: what it said, without codes and versions, and what it means."""
    said = re.sub(r"^Code: \d+\.\s*(DB::Exception:\s*)?", "", str(error)).strip()
    said = re.sub(r"\s*\([A-Z_0-9]+\)\s*$", "", said.split("Stack trace:")[0]).strip()
    said = said.replace("\n FORMAT Arrow", "")  # how the answer was to travel is not the user's
    before, listed, expected = said.partition("Expected one of: ")
    said = before + listed + ", ".join(expected.split(", ")[:6]) + (" …" if expected.count(", ") > 5 else "")
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
    if re.search(r"\bFORMAT\s+\w+[\s;]*$", query, re.IGNORECASE):
        return UsageFailure(
            f"the store does not understand the query: {said}",
            mend="Leave FORMAT out: --json, --ndjson or --raw says how the answer is written.",
        )
    mend = "`prebill sql 'SHOW TABLES'` lists what there is." if error.code in (60, 47, 81) else ""
    return UsageFailure(f"the store does not understand the query: {said}", mend=mend)


def _write_rows(answer: Iterator[dict[str, Any]], *, separator: str, indent: str) -> None:
    first = True
    for row in answer:
        sys.stdout.write(("" if first else separator) + indent + jsonlib.dumps(row, ensure_ascii=False))
        first = False


def _write_tabs(table: pa.Table, types: dict[str, str]) -> None:
    print("\t".join(table.column_names))
    for row in rows(table, types):
        print("\t".join(cell_text(value) for value in row.values()))


def _write_raw(table: pa.Table, types: dict[str, str]) -> None:
    for row in rows(table, types):
        sys.stdout.write("\t".join("" if value is None else str(value) for value in row.values()) + "\n")


def _show(table: pa.Table, types: dict[str, str]) -> None:
    from rich.table import Table
    from rich.text import Text

    numbers = {name for name, kind in types.items() if re.match(r"(Nullable\()?(U?Int|Float|Decimal)", kind)}
    shown = Table(box=None, pad_edge=False, header_style="bold", row_styles=("", "dim"), padding=(0, 2, 0, 0))
    for name in table.column_names:
        shown.add_column(Text(name), justify="right" if name in numbers else "left", overflow="fold")
    for row in rows(table.slice(0, ROWS_SHOWN), types):
        shown.add_row(*(Text(cell_text(value)) for value in row.values()))
    out().print(shown)
    if table.num_rows > ROWS_SHOWN:
        say(f"{ROWS_SHOWN} of {table.num_rows:,} rows; --json or --ndjson gives all")
