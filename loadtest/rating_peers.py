"""What pipeline.rating's kernels are measured against: the same percentiles and the same nets by chDB, DuckDB, NumPy
and Polars, each as fast as it was made to do it.

A peer is made once for its data, in its own columns, which is not timed; calling it is. Figures in comments are CPU
seconds for 2,000 series of 8,928 samples on a Zen 5 VM; the fastest right variant is the peer.
"""

# ruff: noqa: S608 -- the queries are made of constants and of our own tables

from __future__ import annotations

import threading
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from kernels.book_rates import MOST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pipeline.rating.compiled_book import CompiledBook
    from pipeline.rating.compiled_plan import CompiledCharge, CompiledPlan, Piece

Samples = Any
"""uint64 or uint32[series, samples]."""

MODES = ("half_up", "half_even", "up", "down")


def percentile_peers(samples: Samples, place: int, threads: int) -> dict[str, Callable[[], NDArray[Any]]]:
    """Programs for the sample in that place, ascending from 0, of each series."""
    return {
        "NumPy": _numpy(samples, place, threads),
        "Polars": _polars(samples, place, threads),
        "DuckDB": _duckdb(samples, place, threads),
        "chDB": _chdb(samples, place, threads),
    }


def _numpy(samples: Samples, place: int, threads: int) -> Callable[[], NDArray[Any]]:
    # sort, with AVX-512, 0.065; partition 0.42
    out = np.empty(len(samples), np.uint64)

    def part(begin: int, end: int) -> None:
        for at in range(begin, end, 64):  # pieces that stay in the cache
            out[at : min(at + 64, end)] = np.sort(samples[at : min(at + 64, end)], axis=1)[:, place]

    def run() -> NDArray[Any]:
        cuts = [len(samples) * i // threads for i in range(threads + 1)]
        helpers = [threading.Thread(target=part, args=cut) for cut in pairwise(cuts)]
        for helper in helpers:
            helper.start()
        for helper in helpers:
            helper.join()
        return out

    return run


def _polars(samples: Samples, place: int, threads: int) -> Callable[[], NDArray[Any]]:
    # quantile within lists 0.024; top_k within lists 0.038, group_by with quantile 0.15, sorted arrays 0.42. Lists are
    # worked on by one thread a frame, so there is a frame a thread.
    import polars as pl

    share = place / (samples.shape[1] - 1)
    cuts = [len(samples) * i // threads for i in range(threads + 1)]
    frames = [
        pl.DataFrame({"s": pl.Series(samples[begin:end])}).with_columns(pl.col("s").arr.to_list())
        for begin, end in pairwise(cuts)
    ]
    wanted = pl.col("s").list.eval(pl.element().quantile(share, "nearest")).list.first()

    def run() -> NDArray[Any]:
        found = pl.collect_all([frame.lazy().select(wanted) for frame in frames])
        return np.concatenate([one["s"].to_numpy() for one in found])

    return run


def _long(samples: Samples) -> Any:
    import pyarrow as pa

    series, n = samples.shape
    return pa.table({"s": np.repeat(np.arange(series, dtype=np.uint32), n), "v": samples.reshape(-1)})


def _duckdb(samples: Samples, place: int, threads: int) -> Callable[[], NDArray[Any]]:
    # quantile_disc within lists 1.1, grouped 1.5
    import duckdb

    base = duckdb.connect()
    base.execute(f"SET threads = {threads}")
    rows = _long(samples)
    base.register("rows_in", rows)
    base.execute("CREATE TABLE l AS SELECT s, list(v) AS l FROM rows_in GROUP BY s ORDER BY s")
    share = (place + 0.5) / samples.shape[1]  # by nearest rank, away from its edges

    def run() -> NDArray[Any]:
        found = base.execute(f"SELECT list_aggregate(l, 'quantile_disc', {share}) AS q FROM l ORDER BY s")
        return np.asarray(found.fetchnumpy()["q"])

    return run


def _chdb(samples: Samples, place: int, threads: int) -> Callable[[], NDArray[Any]]:
    # quantileExactHigh grouped 0.14; arrayPartialReverseSort 0.17, quantileExact grouped 0.17, arrayReduce 0.22
    from chdb import session

    store = session.Session()
    store.query("CREATE DATABASE IF NOT EXISTS d ENGINE = Atomic")
    store.query("DROP TABLE IF EXISTS d.t")
    kind = "UInt64" if samples.dtype == np.uint64 else "UInt32"
    store.query(f"CREATE TABLE d.t (s UInt32, v {kind}) ENGINE = Memory")
    rows = _long(samples)  # the query below reads it by name
    store.query("INSERT INTO d.t SELECT s, v FROM Python(rows)")
    del rows
    share = (place + 0.5) / samples.shape[1]
    sql = (
        f"SELECT s, quantileExact({share})(v) FROM d.t GROUP BY s ORDER BY s SETTINGS max_threads = {threads}"
    )

    def run() -> NDArray[Any]:
        return np.asarray(store.query(sql, "ArrowTable").column(1).to_numpy())

    return run


def book_peers(
    book: CompiledBook, quantities: NDArray[np.uint64], threads: int
) -> dict[str, Callable[[], Any]]:
    """Programs for the net of each customer under each plan; each gives int64[plans, customers]."""
    return {"Polars": _polars_book(book, quantities), "DuckDB": _duckdb_book(book, quantities, threads)}


def _polars_book(book: CompiledBook, quantities: NDArray[np.uint64]) -> Callable[[], Any]:
    import polars as pl

    frame = pl.DataFrame({f"q{i}": column.astype(np.int64) for i, column in enumerate(quantities)})
    nets = [
        _polars_net(plan, columns).alias(f"p{i}") for i, (plan, columns) in enumerate(_with_columns(book))
    ]
    lazy = frame.lazy().select(nets)

    def run() -> Any:
        found = lazy.collect()
        return np.stack([found[name].to_numpy() for name in found.columns])

    return run


def _with_columns(book: CompiledBook) -> list[tuple[CompiledPlan, list[int]]]:
    """Each plan with a column for each of its charges; -1 for shares of other lines."""
    found = []
    for plan, columns in zip(book.plans, book.columns_of, strict=True):
        rest = iter(columns)
        found.append((plan, [-1 if charge.of else next(rest) for charge in plan.charges]))
    return found


def _wide(piece: Piece, greatest: int = 1 << 55) -> bool:
    """Whether a piece needs more than 64 bits for quantities up to the greatest that there are."""
    return int(piece.const) + int(piece.slope) * min(piece.bound or greatest, greatest) >= 1 << 62


def _polars_net(plan: CompiledPlan, columns: Sequence[int]) -> Any:
    import polars as pl

    lines: dict[int, Any] = {}
    for turn in (False, True):
        for place, (charge, column) in enumerate(zip(plan.charges, columns, strict=True)):
            if bool(charge.of) is turn:
                named = [line for other, line in lines.items() if charge.of >> other & 1]
                x = sum(named[1:], named[0]) if turn else pl.col(f"q{column}")
                lines[place] = _polars_charge(charge, x)
    total = sum(list(lines.values())[1:], next(iter(lines.values())))
    return total.clip(plan.least, plan.most)


def _polars_charge(charge: CompiledCharge, x: Any) -> Any:
    import polars as pl

    if charge.whole:
        x = (
            (x + (charge.whole - 1)) // charge.whole * charge.whole
            if charge.up
            else x // charge.whole * charge.whole
        )
    if charge.free:
        x = (x - charge.free).clip(0)
    # every piece as one expression, chosen before the division, so that there is one
    number: Any = None
    for piece in reversed(charge.pieces):
        more = x - piece.base if piece.base else x
        if piece.block:
            more = (more + (piece.block - 1)) // piece.block if charge.begun else more // piece.block
        if _wide(piece):
            more = more.cast(pl.Int128)
        here = more * int(piece.slope) + int(piece.const) if piece.slope else pl.lit(int(piece.const))
        number = here if number is None else pl.when(x <= piece.bound).then(here).otherwise(number)
    mode = MODES[charge.mode]
    if charge.k == 1:
        amount = number
    elif mode == "down":
        amount = number // charge.k
    elif mode == "up":
        amount = (number + (charge.k - 1)) // charge.k
    elif mode == "half_up":
        amount = (2 * number + charge.k) // (2 * charge.k)
    else:
        full = number // charge.k
        twice = 2 * (number - full * charge.k)
        amount = full + ((twice > charge.k) | ((twice == charge.k) & (full % 2 == 1))).cast(pl.Int64)
    amount = amount.cast(pl.Int64)
    if charge.zero != int(charge.pieces[0].const) or charge.k != 1:
        amount = pl.when(x == 0).then(charge.zero).otherwise(amount)
    return amount.clip(charge.least, charge.most) * charge.times


def _duckdb_book(book: CompiledBook, quantities: NDArray[np.uint64], threads: int) -> Callable[[], Any]:
    import duckdb
    import pyarrow as pa

    base = duckdb.connect()
    base.execute(f"SET threads = {threads}")
    rows = pa.table({f"q{i}": column.astype(np.int64) for i, column in enumerate(quantities)})
    base.register("rows_in", rows)
    base.execute("CREATE TABLE q AS SELECT * FROM rows_in")
    steps: list[str] = []
    nets: list[str] = []
    for i, (plan, columns) in enumerate(_with_columns(book)):
        named: dict[int, str] = {}
        for turn in (False, True):
            for place, (charge, column) in enumerate(zip(plan.charges, columns, strict=True)):
                if bool(charge.of) is turn:
                    of = " + ".join(name for other, name in named.items() if charge.of >> other & 1)
                    named[place] = f"l{i}_{place}"
                    steps.append(
                        f"{_sql_charge(charge, f'({of})' if turn else f'q{column}')} AS l{i}_{place}"
                    )
        total = " + ".join(named.values())
        nets.append(f"least(greatest({total}, {plan.least}), {plan.most}) AS p{i}")
    sql = f"SELECT {', '.join([*steps, *nets])} FROM q"
    sql = f"SELECT {', '.join(f'p{i}' for i in range(len(nets)))} FROM ({sql})"

    def run() -> Any:
        found = base.execute(sql).fetchnumpy()
        return np.stack([np.asarray(found[f"p{i}"]) for i in range(len(nets))])

    return run


def _sql_charge(charge: CompiledCharge, x: str) -> str:
    if charge.whole:
        more = f" + {charge.whole - 1}" if charge.up else ""
        x = f"(({x}{more}) // {charge.whole} * {charge.whole})"
    if charge.free:
        x = f"greatest({x} - {charge.free}, 0)"
    whens = []
    for piece in charge.pieces:
        more = f"({x} - {piece.base})" if piece.base else x
        if piece.block:
            more = f"(({more} + {piece.block - 1 if charge.begun else 0}) // {piece.block})"
        kind = "HUGEINT" if _wide(piece) else "BIGINT"
        here = (
            f"{more}::{kind} * {int(piece.slope)} + {int(piece.const)}"
            if piece.slope
            else f"{int(piece.const)}::{kind}"
        )
        whens.append(here if piece.bound is None else f"WHEN {x} <= {piece.bound} THEN {here}")
    number = whens[0] if len(whens) == 1 else f"CASE {' '.join(whens[:-1])} ELSE {whens[-1]} END"
    k, mode = charge.k, MODES[charge.mode]
    if k == 1:
        amount = f"({number})"
    elif mode == "down":
        amount = f"(({number}) // {k})"
    elif mode == "up":
        amount = f"(({number} + {k - 1}) // {k})"
    elif mode == "half_up":
        amount = f"((2 * ({number}) + {k}) // {2 * k})"
    else:
        full, rest = f"(({number}) // {k})", f"(2 * (({number}) % {k}))"
        amount = f"({full} + CASE WHEN {rest} > {k} OR ({rest} = {k} AND {full} % 2 = 1) THEN 1 ELSE 0 END)"
    amount = f"CASE WHEN {x} = 0 THEN {charge.zero} ELSE {amount}::BIGINT END"
    if (charge.least, charge.most) != (0, MOST):
        amount = f"least(greatest({amount}, {charge.least}), {charge.most})"
    return f"({amount}) * {charge.times}" if charge.times != 1 else f"({amount})"
