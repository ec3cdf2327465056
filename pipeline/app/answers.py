"""Answers of the store as a person or a script wants them: times RFC 3339, wide integers and enums as themselves.

Arrow, in which answers travel, has no name for some of ClickHouse's types: a DateTime comes as seconds, a UInt128 as
sixteen bytes, an IPv4 as a number, an Enum as its place. So the query is also described, and columns read by that.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pipeline.app.terminal import printable
from pipeline.rating.exports.show import shorter

if TYPE_CHECKING:
    import pyarrow as pa

    from pipeline.store.store import Store

Read = Callable[[Any], Any]


def ask(store: Store, query: str) -> tuple[pa.Table, dict[str, str]]:
    """The rows of a query, and the ClickHouse type of each column where it can be told; raises QueryError."""
    from pipeline.store.errors import QueryError

    table = store.query(query)
    try:
        described = store.query(f"DESCRIBE TABLE ({query.strip().rstrip(';')}\n)")
    except QueryError:
        return table, {}  # SHOW, EXPLAIN and the like: texts and numbers
    return table, dict(zip(described["name"].to_pylist(), described["type"].to_pylist(), strict=True))


def rows(table: pa.Table, types: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Every row with plain values, made in batches."""
    readers = {name: reader_of(types.get(name, "")) for name in table.column_names}
    for batch in table.to_batches(max_chunksize=10_000):
        for row in _python_rows(batch):
            yield {name: None if value is None else readers[name](value) for name, value in row.items()}


def _python_rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Rows of a batch; ClickHouse's texts are any bytes, and come as bytes where they are no UTF-8."""
    try:
        found: list[dict[str, Any]] = batch.to_pylist()
        return found
    except UnicodeDecodeError:
        columns = [column.cast(_bytes_type(column.type)).to_pylist() for column in batch.columns]
        return [dict(zip(batch.schema.names, row, strict=True)) for row in zip(*columns, strict=True)]


def _bytes_type(kind: pa.DataType) -> pa.DataType:
    """The same type with bytes for texts."""
    import pyarrow as pa

    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.large_binary()
    if pa.types.is_dictionary(kind):
        return _bytes_type(kind.value_type)
    if pa.types.is_list(kind):
        return pa.list_(_bytes_type(kind.value_type))
    if pa.types.is_map(kind):
        return pa.map_(_bytes_type(kind.key_type), _bytes_type(kind.item_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(each.name, _bytes_type(each.type)) for each in kind])
    return kind


def reader_of(kind: str) -> Read:
    """What turns an Arrow value of a ClickHouse type into a plain one."""
    if wrapped := re.fullmatch(r"(?:Nullable|LowCardinality)\((.+)\)", kind):
        return reader_of(wrapped[1])
    if array := re.fullmatch(r"Array\((.+)\)", kind):
        inner = reader_of(array[1])
        return lambda values: [None if value is None else inner(value) for value in values]
    if re.fullmatch(r"DateTime(\('[^']*'\))?", kind):
        return lambda value: plain_value(
            datetime.fromtimestamp(value, UTC) if isinstance(value, int) else value
        )
    if wide := re.fullmatch(r"(U?)Int(128|256)", kind):
        signed = not wide[1]
        return lambda value: (
            int.from_bytes(value, "little", signed=signed) if isinstance(value, bytes) else value
        )
    if kind == "IPv4":
        return lambda value: (
            str(ipaddress.IPv4Address(value)) if isinstance(value, int) else plain_value(value)
        )
    if enum := re.fullmatch(r"Enum(?:8|16)\((.*)\)", kind):
        names = {int(place): name for name, place in re.findall(r"'((?:[^'\\]|\\.)*)' = (-?\d+)", enum[1])}
        return lambda value: names.get(value, value) if isinstance(value, int) else plain_value(value)
    return plain_value


def plain_value(value: Any) -> Any:
    """A value as JSON may hold it: times RFC 3339, bytes as text, decimals as strings, no NaN."""
    if isinstance(value, datetime):
        at = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return at.strftime("%Y-%m-%dT%H:%M:%S") + (f".{at.microsecond:06}" if at.microsecond else "") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, dict):
        return {str(key): plain_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(each) for each in value]
    if isinstance(value, float):
        return value if value - value == 0 else None  # neither NaN nor an infinity, which JSON cannot hold
    if isinstance(value, Decimal):
        return shorter(value)
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def cell_text(plain: Any) -> str:
    """A plain value in one cell of a table."""
    if plain is None:
        return "-"
    if isinstance(plain, bool):
        return "true" if plain else "false"
    return printable(plain) if isinstance(plain, str) else str(plain)
