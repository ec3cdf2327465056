"""Usage on a screen: totals, the course of time, and the groups with the most bytes, out of a table of groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.app.terminal import human_bytes, human_count, out, percent, plural, printable, spark
from pipeline.app.usage.groups import fold, largest, numbers
from pipeline.instants import minute_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from rich.table import Table

_TITLES = {
    "minute": "Minute",
    "resource": "Resource",
    "edge": "Edge",
    "status_class": "Status",
    "cache": "Cache",
}
_WIDEST_SPARK = 60
_OUTLYING = 0.005
"""The part of the volume at either end of time that may be of wrong clocks, and not of the course."""


@dataclass(frozen=True)
class Totals:
    """Sums over all groups; a measure that is not known is not among them."""

    sums: dict[str, int]
    first_minute: int | None
    last_minute: int | None
    minutes: int

    @property
    def volume(self) -> str:
        """The measure that stands for volume: bytes with headers where they are known, body bytes else."""
        return next((name for name in ("bytes_sent", "body_bytes") if name in self.sums), "requests")


def total(usage: pa.Table) -> Totals:
    """Sum a table of groups."""
    measures = [name for name in usage.column_names if name not in _TITLES]
    sums = {name: int(numbers(usage, name).sum()) for name in measures}
    if "minute" not in usage.column_names or not usage.num_rows:
        return Totals(sums, None, None, 0)
    minutes = np.unique(numbers(usage, "minute"))
    return Totals(sums, int(minutes[0]), int(minutes[-1]), len(minutes))


def top_table(usage: pa.Table, by: Sequence[str], totals: Totals, top: int) -> Table:
    """The `top` groups of `by` with the most bytes, and what the rest sums to."""
    from rich.table import Table

    measures = list(totals.sums)
    groups = fold(usage, by, measures)
    table = Table(box=None, pad_edge=False, header_style="bold", row_styles=("", "dim"), padding=(0, 2, 0, 0))
    for name in by:
        table.add_column(_TITLES[name], overflow="fold", max_width=48)
    for head in _heads(totals.sums):
        table.add_column(head, justify="right", no_wrap=True)
    rest = dict(totals.sums)
    best = largest(groups, by, totals.volume, top)
    for group in best:
        row = {name: int(groups.sums[name][group]) for name in measures}
        table.add_row(*(name_text(name, groups.value(group, name)) for name in by), *_cells(row, totals))
        rest = {name: left - row[name] for name, left in rest.items()}
    hidden = len(groups) - len(best)
    if hidden > 0:
        table.add_section()
        table.add_row(f"{hidden:,} more", *("" for _ in by[1:]), *_cells(rest, totals), style="italic")
    return table


def course(usage: pa.Table, totals: Totals) -> str:
    """Volume over time in one line of blocks, with its peak; empty where there is one minute at most."""
    if totals.first_minute is None or totals.last_minute is None or totals.minutes < 2:
        return ""
    volume = totals.volume
    minutes = fold(usage, ["minute"], [volume])
    amounts = list(
        zip(numbers(usage, "minute")[minutes.rows].tolist(), minutes.sums[volume].tolist(), strict=True)
    )
    shown = _without_outlying(amounts)
    first = shown[0][0]
    span = shown[-1][0] - first + 1
    step = -(-span // _WIDEST_SPARK)
    bins = [0.0] * -(-span // step)
    for minute, amount in shown:
        bins[(minute - first) // step] += amount
    peak_minute, peak = max(shown, key=lambda each: each[1])
    each = "a minute" if step == 1 else f"{step} minutes"
    amount_text = human_bytes(peak) if volume != "requests" else human_count(peak) + " requests"
    left = len(amounts) - len(shown)
    outside = f"; {plural(left, 'minute')} far from these left out" if left else ""
    return f"{spark(bins)}  each block {each}; most in {minute_text(peak_minute)}: {amount_text}{outside}"


def _without_outlying(amounts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Without the few requests of wrong clocks that would stretch the axis to twice its length or more, and only these:
    what is near the rest of the course stays."""
    from itertools import accumulate

    reached = list(accumulate(amount for _, amount in amounts))
    if not reached[-1]:
        return amounts
    least = _OUTLYING * reached[-1]
    begin = next(place for place, so_far in enumerate(reached) if so_far > least)
    end = next(place for place, so_far in enumerate(reached) if so_far >= reached[-1] - least)
    near = (amounts[end][0] - amounts[begin][0]) // 4 + 1
    while begin and amounts[begin][0] - amounts[begin - 1][0] <= near:
        begin -= 1
    while end + 1 < len(amounts) and amounts[end + 1][0] - amounts[end][0] <= near:
        end += 1
    kept = amounts[begin : end + 1]
    short = 2 * (kept[-1][0] - kept[0][0] + 1) <= amounts[-1][0] - amounts[0][0] + 1
    return kept if short else amounts


def show_usage(usage: pa.Table, by: Sequence[str], *, top: int) -> None:
    """The whole screen: the period, its course, the `top` largest groups of `by`."""
    totals = total(usage)
    if totals.first_minute is not None and totals.last_minute is not None:
        first, last = minute_text(totals.first_minute), minute_text(totals.last_minute)
        out().print(f"[bold]{first} … {last}[/bold]  ({plural(totals.minutes, 'minute')} with requests)")
        if line := course(usage, totals):
            out().print(line, soft_wrap=True)
        out().print()
    out().print(top_table(usage, by, totals, top))
    out().print(f"{plural(totals.sums['requests'], 'request')}, {_volumes(totals)}", style="bold")


def _volumes(totals: Totals) -> str:
    parts = []
    if "bytes_sent" in totals.sums:
        parts.append(f"{human_bytes(totals.sums['bytes_sent'])} with headers")
    if "body_bytes" in totals.sums:
        parts.append(f"{human_bytes(totals.sums['body_bytes'])} of bodies")
    return ", ".join(parts) or "bytes unknown to this format"


def name_text(dimension: str, value: Any) -> str:
    """A dimension's value as it is shown."""
    return minute_text(int(value)) if dimension == "minute" else printable(value)


def _heads(sums: dict[str, int]) -> list[str]:
    heads = ["Requests"]
    heads += ["Bytes", "Share"] if "bytes_sent" in sums else []
    heads += ["Body bytes"] if "body_bytes" in sums else []
    heads += ["Share"] if "body_bytes" in sums and "bytes_sent" not in sums else []
    heads += ["Hits"] if "hits" in sums else []
    heads += ["4xx"] if "errors_4xx" in sums else []
    heads += ["5xx"] if "errors_5xx" in sums else []
    return heads


def _cells(row: dict[str, Any], totals: Totals) -> list[str]:
    cells = [f"{row['requests']:,}"]
    if "bytes_sent" in row:
        cells += [human_bytes(row["bytes_sent"]), percent(row["bytes_sent"], totals.sums["bytes_sent"])]
    if "body_bytes" in row:
        cells += [human_bytes(row["body_bytes"])]
        if "bytes_sent" not in row:
            cells += [percent(row["body_bytes"], totals.sums["body_bytes"])]
    cells += [
        percent(row[name], row["requests"]) for name in ("hits", "errors_4xx", "errors_5xx") if name in row
    ]
    return cells
