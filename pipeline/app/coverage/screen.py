"""Shows a heat map on a terminal: cells under a ruler of times, a legend of what occurs, and one line of sum."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.text import Text

from pipeline.app.coverage.heat_map import EXPECTED, LOOKS, HeatMap, Row, Zoom, share_in, worst_rows
from pipeline.app.terminal import out, plural, printable
from pipeline.coverage.model import State

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS_SHOWN = 40
NAME_WIDTH = 24
SHARE_WIDTH = 9

_TICK: dict[Zoom, tuple[int, str]] = {"minute": (10, "%H:%M"), "hour": (12, "%m-%d %H"),
                                      "day": (7, "%m-%d"), "month": (12, "%Y-%m")}  # fmt: skip
"""After how many cells the ruler names a time, and how."""


def show_map(heat: HeatMap) -> None:
    """The whole map, with at most ROWS_SHOWN lines a band."""
    rows, hidden = worst_rows(heat.rows, ROWS_SHOWN)
    names = [_fit(printable(row.name), NAME_WIDTH) for row in rows]
    margin = max((len(name) for name in names), default=0) + 2
    width = max(20, out().width - margin - SHARE_WIDTH)
    for begin in range(0, len(heat.starts), width):
        end = min(begin + width, len(heat.starts))
        if begin:
            out().print()
        out().print(
            Text(" " * margin + ruler(heat.starts[begin:end], heat.zoom), style="dim"), soft_wrap=True
        )
        for name, row in zip(names, rows, strict=True):
            out().print(
                _line(name.ljust(margin), row, begin, end, last=end == len(heat.starts)), soft_wrap=True
            )
    if hidden:
        out().print(
            f"{plural(hidden, 'more row')} with fewer losses; --edge shows one, --json all", style="italic"
        )
    out().print()
    out().print(_legend(heat), soft_wrap=True)
    out().print(summary(heat), soft_wrap=True, markup=False)


def _line(name: str, row: Row, begin: int, end: int, *, last: bool) -> Text:
    line = Text(name)
    for state in row.cells[begin:end]:
        look = LOOKS[state]
        line.append(look.letter, look.style)
    if last:
        share = share_in(row.counts)
        line.append(f"  {_percent(share)}", "bold red" if row.lost else "")
    return line


def ruler(starts: Sequence[int], zoom: Zoom) -> str:
    """The times above a band: a name where its cell begins, as long as there is room before the next."""
    every, form = _TICK[zoom]
    line = ""
    for place, minute in enumerate(starts):
        at = datetime.fromtimestamp(minute * 60, UTC)
        number = {"minute": minute, "hour": minute // 60, "day": minute // 1440, "month": at.month - 1}[zoom]
        if (place == 0 or number % every == 0) and (not line or len(line) < place):
            name = at.strftime(form)
            if len(line) < place:
                line = line.ljust(place)
            line += name
    return line


def _legend(heat: HeatMap) -> Text:
    legend = Text()
    for state, look in LOOKS.items():
        if state is State.NONE or not heat.counts.get(state):
            continue
        legend.append(look.letter, look.style)
        legend.append(f" {look.name}   ")
    legend.append(f"a cell is one {heat.zoom} and shows the worst in it; times are UTC", "dim")
    return legend


def summary(heat: HeatMap) -> str:
    """`5 edges, 300 expected minutes: 285 received, 15 missing; 95.0 % whole`."""
    expected = sum(heat.counts.get(state, 0) for state in EXPECTED)
    # the worst first, since that is what one looks for
    states = [
        f"{heat.counts[state]:,} {look.name}"
        for state, look in reversed(LOOKS.items())
        if state is not State.NONE and heat.counts.get(state)
    ]
    told = f": {', '.join(states)}" if states else ""
    whole = f"{_percent(share_in(heat.counts))} whole"
    return f"{plural(len(heat.rows), 'row')}, {plural(expected, 'expected minute')}{told}; {whole}"


def _percent(share: float | None) -> str:
    """Rounded down, so that 100 % is said of what is whole, and of nothing else."""
    return "-" if share is None else f"{int(share * 10_000) / 100:.2f} %"


def _fit(name: str, width: int) -> str:
    return name if len(name) <= width else name[: width - 1] + "…"
