"""A bill as tables for a terminal, with rich; strings from outside are text, never rich's markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.rating.exports.paper import PLAIN, Paper
from pipeline.rating.exports.view import GAP_COLUMNS, View, view_bill
from pipeline.rating.exports.words import say

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from pipeline.coverage.proof import Proof
    from pipeline.rating.model import Bill

MOST_GAPS = 20


def write_text(bill: Bill, proof: Proof | None, lang: str, target: Console, paper: Paper = PLAIN) -> None:
    """Prints the bill to the console that the caller has, whose business it is that no figure of a table is cut."""
    from rich.text import Text

    view = view_bill(bill, proof, lang, paper)
    target.print(Text(view.title, style="bold"))
    target.print(_pairs(view.head))
    if view.provisional:
        target.print(Text(f"\n{view.provisional}", style="bold red"))
        for reason in view.reasons:
            target.print(Text(f"  • {reason}", style="red"))
    target.print(_lines(view))
    if view.uncounted:
        target.print(Text(f"\n{view.uncounted_title}", style="bold yellow"))
        for each in view.uncounted:
            target.print(Text(f"  • {each}", style="yellow"))
    target.print(Text(f"\n{view.proof_title}", style="bold"))
    if not view.proof:
        target.print(Text(view.no_proof))
        return
    target.print(_pairs(tuple((label, text) for label, text, _ in view.proof)))
    if view.gaps:
        target.print(_gaps(view))
        if len(view.gaps) > MOST_GAPS:
            target.print(Text(say("more_gaps", lang, count=len(view.gaps) - MOST_GAPS)))
    else:
        target.print(Text(say("no_gaps", lang)))


def _lines(view: View) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(Text(say("name", view.lang)), overflow="fold", min_width=24)
    for column in ("quantity", "unit", "price", "amount"):
        title, justify = Text(say(column, view.lang)), "left" if column == "unit" else "right"
        table.add_column(title, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for row in view.rows:
        style = "dim" if row.of_line else ""
        name = Text(f"  {row.name}" if row.of_line else row.name, style=style)
        if row.note:
            name.append(f"\n  {row.note}", style="italic dim")
        cells = (row.quantity, row.unit, row.price, row.amount)
        table.add_row(name, *(Text(cell, style=style) for cell in cells))
    table.add_section()
    for label, text, _ in view.totals:
        table.add_row(Text(label, style="bold"), "", "", "", Text(text, style="bold"))
    return table


def _gaps(view: View) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for key, column in zip(GAP_COLUMNS, view.gap_columns, strict=True):
        table.add_column(Text(column), overflow="fold", no_wrap=key in ("minutes", "lost_bytes", "share"))
    for cells in view.gaps[:MOST_GAPS]:
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _pairs(pairs: tuple[tuple[str, str], ...]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in pairs:
        table.add_row(Text(label, style="dim"), Text(text))
    return table
