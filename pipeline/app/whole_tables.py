"""Tables that are wider than the terminal, printed so that nothing of them is lost; from any screen to its console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from rich.table import Column, Table

READABLE = 12
_UNBOUNDED = 10_000


def print_whole(print_to: Callable[..., None], console: Console, table: Table) -> None:
    """Within the console where each column that folds keeps some words a line; else as wide as it is unfolded, and the
    terminal wraps the lines: half an amount is another amount, and three letters a line are nobody's reading.

    A column with a `min_width` of its own folds to that, however wide the table is."""
    own = [column.min_width for column in table.columns]
    longest = [_longest(console, column) for column in table.columns]
    try:
        _at_least(table, own, longest, READABLE)
        if _least_width(console, table) <= console.width:
            print_to(table)
            return
        _at_least(table, own, longest, _UNBOUNDED)
        _print_wide(print_to, console, table, _least_width(console, table))
    finally:
        _set(table, own)


def _at_least(table: Table, own: list[int | None], longest: list[int], folded: int) -> None:
    _set(
        table,
        [
            width if column.no_wrap else min(folded, width) if kept is None else kept
            for column, kept, width in zip(table.columns, own, longest, strict=True)
        ],
    )


def _set(table: Table, widths: list[int | None]) -> None:
    for column, width in zip(table.columns, widths, strict=True):
        column.min_width = width


def _longest(console: Console, column: Column) -> int:
    free = console.options.update(max_width=_UNBOUNDED)
    cells = (column.header, *column.cells) if column.header else tuple(column.cells)
    widest = max((console.measure(cell, options=free).maximum for cell in cells), default=0)
    return min(widest, column.max_width or _UNBOUNDED)


def _least_width(console: Console, table: Table) -> int:
    return console.measure(table, options=console.options.update(max_width=_UNBOUNDED)).minimum


def _print_wide(print_to: Callable[..., None], console: Console, table: Table, width: int) -> None:
    """Lines without the blanks behind their last cell: these too would be wrapped."""
    from rich.segment import Segment, Segments

    rows = console.render_lines(table, console.options.update(width=width), pad=False)
    shown: list[Any] = []
    for row in rows:
        line = list(row)
        while line and not line[-1].text.strip():
            line.pop()
        if line:
            line[-1] = Segment(line[-1].text.rstrip(), line[-1].style)
        shown += [*line, Segment.line()]
    print_to(Segments(shown), soft_wrap=True, end="")
