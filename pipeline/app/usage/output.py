"""Usage as files: an Arrow table of groups out of the kernels, rendered, sorted, and written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.app.failures import UsageFailure
from pipeline.app.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

ENDINGS = (".csv", ".parquet")


def check_ending(path: Path) -> None:
    """Raises UsageFailure unless the ending says what to write, and the folder can take it."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageFailure(
            f"-o {path}: expected a name that ends in {' or '.join(ENDINGS)}, found {path.suffix or 'no ending'!r}"
        )
    if not path.parent.is_dir():
        raise UsageFailure(f"-o {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise UsageFailure(f"-o {path}: is a folder")


def rendered(usage: pa.Table, by: Sequence[str]) -> pa.Table:
    """The same rows, sorted by their dimensions, with names as UTF-8 text and minutes as times in UTC.

    `usage` has the dimensions of `by` and the known measures; `minute` counts minutes since the epoch.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    columns: dict[str, Any] = {}
    for name in usage.column_names:
        column = usage[name]
        if name == "minute" and pa.types.is_integer(column.type):
            seconds = pc.multiply(column.cast(pa.int64()), 60)
            columns[name] = seconds.cast(pa.timestamp("s")).cast(pa.timestamp("s", tz="UTC"))
        elif name in by:
            columns[name] = name_column(column)
        else:
            columns[name] = column
    table = pa.table(columns)
    return table.sort_by([(name, "ascending") for name in by]) if by else table


def write_usage(usage: pa.Table, by: Sequence[str], path: Path) -> int:
    """Write CSV or Parquet, as the ending says; returns the rows."""
    import pyarrow as pa

    table = rendered(usage, by)
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq

        write_whole(path, lambda target: pq.write_table(table, target, compression="zstd"))
    else:
        import pyarrow.csv as pacsv

        if "minute" in table.column_names:
            place = table.column_names.index("minute")
            table = table.set_column(place, "minute", _minute_text(table["minute"]))
        # Quotes only where a name needs them: pyarrow's own "needed" quotes every text.
        quiet = pacsv.WriteOptions(quoting_style="none", quoting_header="none")
        loud = pacsv.WriteOptions(quoting_style="needed", quoting_header="none")

        def write(target: str) -> None:
            try:
                pacsv.write_csv(table, target, quiet)
            except pa.ArrowInvalid:
                pacsv.write_csv(table, target, loud)

        write_whole(path, write)
    return int(table.num_rows)


def write_whole(path: Path, write: Callable[[str], None]) -> None:
    """Let `write` fill a temporary file beside `path`, and rename it into place once it is whole."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    try:
        write(temporary)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except OSError as error:
        raise UsageFailure(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        Path(temporary).unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a small file whole or not at all."""

    def write(target: str) -> None:
        Path(target).write_text(text, encoding="utf-8")

    write_whole(path, write)


def plain_rows(usage: pa.Table, by: Sequence[str]) -> list[dict[str, Any]]:
    """All rows as JSON holds them, sorted by their dimensions."""
    rows: list[dict[str, Any]] = rendered(usage, by).to_pylist()
    for row in rows:
        if "minute" in row:
            row["minute"] = f"{row['minute']:%Y-%m-%dT%H:%M:%SZ}"
    return rows


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _minute_text(column: Any) -> Any:
    """Distinct minutes are few: render each once."""
    import pyarrow as pa

    encoded = column.combine_chunks().dictionary_encode()
    texts = [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in encoded.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(encoded.indices, pa.array(texts, pa.string())).cast(pa.string())


def name_column(column: Any) -> Any:
    """Names as printable UTF-8, each distinct one rendered once."""
    import pyarrow as pa

    encoded = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()
    texts = [printable(name) for name in encoded.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(encoded.indices, pa.array(texts, pa.string())).cast(pa.string())
