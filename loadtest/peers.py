"""The grouping that we measure, as fast as chDB, DuckDB and Polars were made to do it: a log in, an Arrow table out.

Every program returns the columns of `columns_of(fmt, by)`. Figures in comments are CPU seconds for 3 M lines on one
core of a Zen 5 VM, the best of two or three; the fastest right variant of each engine is the program.
"""

# ruff: noqa: S608 -- the queries are made of constants and of our own path

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TWO = ("minute", "resource")
FOUR = ("minute", "resource", "edge", "cache")

_TSV_HITS = ("HIT", "STALE", "UPDATING", "REVALIDATED")
_LOGPUSH_HITS = ("hit", "stale", "updating", "revalidated", "stream_hit")
"""The values that count as hits, as in the formats' TOML files."""


def columns_of(fmt: str, by: tuple[str, ...]) -> list[str]:
    """Names of the result's columns, the keys first; combined knows neither headers' bytes nor hits."""
    known = ["requests", "body_bytes", "errors"]
    if fmt != "vhost-combined":
        known = ["requests", "bytes_sent", "body_bytes", "hits", "errors"]
    return [*by, *known]


def run_chdb(fmt: str, path: Path, by: tuple[str, ...]) -> Any:
    """chDB: ClickHouse inside this process."""
    import pyarrow as pa

    # edge-tsv: TSV with only the first nine columns declared 1.05 (all eleven 1.17; by default, with parallel parsing
    #   and NULL defaults, 1.38), LineAsString with splitByChar 1.06, with position() 1.14; TSVRaw 1.94, time as
    #   Decimal 2.29, CustomSeparated 2.01, resource as LowCardinality 3.01, extractGroups 3.16, Regexp 5.27. Reading by
    #   mmap, other buffers, block sizes and one concatenated key: no gain. CSV refuses a tab.
    # vhost-combined: LineAsString with position() 1.22, with splitByChar 1.28, CustomSeparated by CSV's rules 1.64. The
    #   minute's text is the key and is turned into a number once a group, right here since every offset is +0000.
    # cloudflare-logpush: simpleJSONExtract over LineAsString 1.84, JSONExtract of a tuple 1.89, JSONEachRow with the
    #   needed columns 2.76 (with parallel parsing 3.76).
    keys = ", ".join(k for k in by if k != "edge" or fmt == "cloudflare-logpush")
    if fmt == "edge-tsv":
        declared = "time String, seq String, resource String, method String, uri String, status UInt16, "
        declared += "bytes_sent UInt64, body_bytes UInt64, cache String"
        edge = "'-' AS edge, cache, " if "edge" in by else ""
        sql = f"""SELECT intDiv(toUInt32(substring(time, 1, 10)), 60) AS minute, resource, {edge}count() AS requests,
            sum(bytes_sent) AS bytes_sent, sum(body_bytes) AS body_bytes, countIf(cache IN {_TSV_HITS}) AS hits,
            countIf(status >= 400 AND status < 600) AS errors
            FROM file('{path}', 'TSV', '{declared}') GROUP BY {keys}"""
    elif fmt == "vhost-combined":
        sql = f"""SELECT resource, requests, body AS body_bytes, errors,
              toUInt32(intDiv(toUnixTimestamp(parseDateTime(m, '%d/%b/%Y:%H:%i', 'UTC')), 60)) AS minute FROM (
              SELECT substring(line, position(line, '[') + 1, 17) AS m, count() AS requests,
                substring(line, 1, position(line, ' ') - 1) AS resource,
                sum(toUInt64OrZero(substring(line, q + 6, position(line, ' ', q + 6) - q - 6))) AS body,
                countIf(substring(line, q + 2, 3) >= '400' AND substring(line, q + 2, 3) < '600') AS errors
              FROM (SELECT line, position(line, '" ', position(line, '"') + 1) AS q
                    FROM file('{path}', 'LineAsString', 'line String'))
              GROUP BY m, resource)"""
    else:
        more = "edge, trim(BOTH '\"' FROM word) AS cache, " if "edge" in by else ""
        quoted = tuple(f'"{hit}"' for hit in _LOGPUSH_HITS)
        edge = "simpleJSONExtractString(line, 'EdgeColoCode') AS edge, " if "edge" in by else ""
        sql = f"""SELECT intDiv(ns, 60000000000)::UInt32 AS minute, resource, {more}count() AS requests,
            sum(sent) AS bytes_sent, sum(body) AS body_bytes, countIf(word IN {quoted}) AS hits,
            countIf(status >= 400 AND status < 600) AS errors FROM (
              SELECT simpleJSONExtractUInt(line, 'EdgeStartTimestamp') AS ns, {edge}
                simpleJSONExtractString(line, 'ClientRequestHost') AS resource,
                simpleJSONExtractRaw(line, 'CacheCacheStatus') AS word,
                simpleJSONExtractUInt(line, 'EdgeResponseBytes') AS sent,
                simpleJSONExtractUInt(line, 'EdgeResponseBodyBytes') AS body,
                simpleJSONExtractUInt(line, 'EdgeResponseStatus') AS status
              FROM file('{path}', 'LineAsString', 'line String'))
            GROUP BY {keys}"""
    settings = "max_threads = 1, input_format_parallel_parsing = 0, input_format_null_as_default = 0"
    settings += ", input_format_tsv_allow_variable_number_of_columns = 1, prefer_column_name_to_alias = 1"
    answer = _chdb_connection().query(f"{sql} SETTINGS {settings}", "ArrowStream")
    return pa.ipc.open_stream(pa.py_buffer(answer.bytes())).read_all()


def run_duckdb(fmt: str, path: Path, by: tuple[str, ...]) -> Any:
    """DuckDB on one thread, order of rows not preserved."""
    # edge-tsv: read_csv, time as DOUBLE 1.06, DECIMAL 1.10, its text by substr 1.11, by slice 1.40; sum_no_overflow,
    #   BIGINT, larger buffers, strict_mode off: no gain; string_split of whole lines 1.43.
    # vhost-combined: read_csv with a blank as separator 1.13, split_part of whole lines 2.34.
    # cloudflare-logpush: read_json with the needed columns 1.31, json_transform of whole lines 2.23.
    status = "EdgeResponseStatus" if fmt == "cloudflare-logpush" else "status"
    errors = f"count(*) FILTER ({status} >= 400 AND {status} < 600) AS errors"
    keys = ", ".join(k for k in by if k != "edge" or fmt == "cloudflare-logpush")
    csv = "header=false, comment='', auto_detect=false"
    if fmt == "edge-tsv":
        edge = "'-' AS edge, cache, " if "edge" in by else ""
        types = {"time": "DOUBLE", "status": "USMALLINT", "bytes_sent": "BIGINT", "body_bytes": "BIGINT"}
        columns = {name: types.get(name, "VARCHAR") for name in _TSV_COLUMNS}
        sql = f"""SELECT floor(time / 60)::UINTEGER AS minute, resource, {edge}count(*) AS requests,
            sum(bytes_sent) AS bytes_sent, sum(body_bytes) AS body_bytes,
            count(*) FILTER (cache IN {_TSV_HITS}) AS hits, {errors}
            FROM read_csv('{path}', delim='\t', quote='', escape='', {csv}, columns={columns}) GROUP BY {keys}"""
    elif fmt == "vhost-combined":
        types = {"status": "USMALLINT", "body_bytes": "BIGINT"}
        columns = {name: types.get(name, "VARCHAR") for name in _COMBINED_COLUMNS}
        sql = f"""SELECT (epoch(strptime(m, '%d/%b/%Y:%H:%M')) // 60)::UINTEGER AS minute, resource, requests,
            body AS body_bytes, errors FROM (
              SELECT substr(time, 2, 17) AS m, resource, count(*) AS requests, sum(body_bytes) AS body, {errors}
              FROM read_csv('{path}', delim=' ', quote='"', escape='\\', {csv}, columns={columns})
              GROUP BY m, resource)"""
    else:
        edge = "EdgeColoCode AS edge, CacheCacheStatus AS cache, " if "edge" in by else ""
        columns = dict.fromkeys(
            ("EdgeStartTimestamp", "EdgeResponseBytes", "EdgeResponseBodyBytes"), "BIGINT"
        )
        columns |= {
            "EdgeResponseStatus": "USMALLINT",
            "ClientRequestHost": "VARCHAR",
            "CacheCacheStatus": "VARCHAR",
        }
        if "edge" in by:
            columns["EdgeColoCode"] = "VARCHAR"
        sql = f"""SELECT (EdgeStartTimestamp // 60000000000)::UINTEGER AS minute,
            ClientRequestHost AS resource, {edge}count(*) AS requests,
            sum(EdgeResponseBytes) AS bytes_sent, sum(EdgeResponseBodyBytes) AS body_bytes,
            count(*) FILTER (CacheCacheStatus IN {_LOGPUSH_HITS}) AS hits, {errors}
            FROM read_json('{path}', format='newline_delimited', auto_detect=false, columns={columns})
            GROUP BY {keys}"""
    return _duckdb_connection().sql(sql).to_arrow_table()


def run_polars(fmt: str, path: Path, by: tuple[str, ...]) -> Any:
    """Polars, POLARS_MAX_THREADS=1 set by whoever starts the process."""
    import polars as pl

    # edge-tsv: streaming scan_csv, time as Float64 0.72, as text 0.83, integers signed 0.79, resource as Categorical
    #   1.02; in-memory engine 1.20 to 1.55.
    # vhost-combined: streaming scan_csv with a blank as separator, Int64 0.84, UInt64 1.19; in-memory 1.33; whole lines
    #   split 2.12.
    # cloudflare-logpush: scan_ndjson low_memory 2.91, without 3.01, in-memory 3.46, json_decode of whole lines 3.59.
    column = pl.col
    status = column("EdgeResponseStatus" if fmt == "cloudflare-logpush" else "status")
    errors = ((status >= 400) & (status < 600)).sum().alias("errors")
    requests = pl.len().alias("requests")
    frame: Any
    if fmt == "edge-tsv":
        types: dict[str, Any] = {
            "time": pl.Float64,
            "status": pl.UInt16,
            "bytes_sent": pl.UInt64,
            "body_bytes": pl.UInt64,
        }
        schema = {name: types.get(name, pl.String) for name in _TSV_COLUMNS}
        scan = pl.scan_csv(path, separator="\t", has_header=False, quote_char=None, schema=schema)
        minute = (column("time") // 60).cast(pl.UInt32).alias("minute")
        frame = scan.group_by(minute, *(k for k in by if k not in ("minute", "edge"))).agg(
            requests,
            column("bytes_sent").sum(),
            column("body_bytes").sum(),
            column("cache").is_in(_TSV_HITS).sum().alias("hits"),
            errors,
        )
        if "edge" in by:
            frame = frame.with_columns(edge=pl.lit("-"))
    elif fmt == "vhost-combined":
        types = {"status": pl.Int64, "body_bytes": pl.Int64}
        schema = {name: types.get(name, pl.String) for name in _COMBINED_COLUMNS}
        scan = pl.scan_csv(path, separator=" ", has_header=False, quote_char='"', schema=schema)
        grouped = scan.group_by(column("time").str.slice(1, 17).alias("m"), "resource")
        frame = grouped.agg(requests, column("body_bytes").sum(), errors).with_columns(
            minute=column("m").str.to_datetime("%d/%b/%Y:%H:%M").dt.epoch("s").cast(pl.UInt32) // 60
        )
    else:
        integers = ("EdgeStartTimestamp", "EdgeResponseBytes", "EdgeResponseBodyBytes", "EdgeResponseStatus")
        schema = dict.fromkeys(integers, pl.Int64) | dict.fromkeys(
            ("ClientRequestHost", "CacheCacheStatus"), pl.String
        )
        sources = {"resource": "ClientRequestHost", "edge": "EdgeColoCode", "cache": "CacheCacheStatus"}
        if "edge" in by:
            schema["EdgeColoCode"] = pl.String
        minute = (column("EdgeStartTimestamp") // 60_000_000_000).cast(pl.UInt32).alias("minute")
        keys = [column(sources[k]).alias(k) for k in by if k != "minute"]
        frame = (
            pl.scan_ndjson(path, schema=schema, low_memory=True)
            .group_by(minute, *keys)
            .agg(
                requests,
                column("EdgeResponseBytes").sum().alias("bytes_sent"),
                column("EdgeResponseBodyBytes").sum().alias("body_bytes"),
                column("CacheCacheStatus").is_in(_LOGPUSH_HITS).sum().alias("hits"),
                errors,
            )
        )
    return frame.select(columns_of(fmt, by)).collect(engine="streaming").to_arrow()


PEERS: dict[str, Callable[[str, Path, tuple[str, ...]], Any]] = {
    "chDB": run_chdb,
    "DuckDB": run_duckdb,
    "Polars": run_polars,
}

_TSV_COLUMNS = (
    *(
        "time",
        "seq",
        "resource",
        "method",
        "uri",
        "status",
        "bytes_sent",
        "body_bytes",
        "cache",
        "duration_ms",
    ),
    "user_agent",
)
_COMBINED_COLUMNS = (
    *(
        "resource",
        "client",
        "ident",
        "remote_user",
        "time",
        "zone",
        "request",
        "status",
        "body_bytes",
        "referer",
    ),
    "user_agent",
)

_connections: dict[str, Any] = {}


def _chdb_connection() -> Any:
    if "chDB" not in _connections:
        import chdb

        _connections["chDB"] = chdb.connect(":memory:")
    return _connections["chDB"]


def _duckdb_connection() -> Any:
    if "DuckDB" not in _connections:
        import duckdb

        connection = duckdb.connect()
        connection.execute("SET threads = 1")
        connection.execute("SET preserve_insertion_order = false")
        _connections["DuckDB"] = connection
    return _connections["DuckDB"]
