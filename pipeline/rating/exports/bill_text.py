"""A bill as tables for a terminal, with rich; strings from outside are text, never rich's markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.rating.exports.view import View, view_bill
from pipeline.rating.exports.words import say

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from pipeline.coverage.proof import Proof
    from pipeline.rating.model import Bill

MOST_GAPS = 20


def write_text(bill: Bill, proof: Proof | None, lang: str, target: Console) -> None:
    """Prints the bill, whole, to the console that the caller has."""
    from rich.text import Text

    view = view_bill(bill, proof, lang)
    target.print(Text(view.title, style="bold"))
    target.print(_pairs(view.head))
    if view.provisional:
        target.print(Text(f"\n{view.provisional}", style="bold red"))
        for reason in view.reasons:
            target.print(Text(f"  • {reason}", style="red"))
    target.print(_lines(view))
    target.print(Text(f"\n{view.proof_title}", style="bold"))
    if not view.proof:
        target.print(Text(say("no_proof", lang)))
        return
    target.print(_pairs(view.proof))
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
    table.add_column(Text(say("name", view.lang)), overflow="fold", ratio=3)
    for column in ("quantity", "unit", "price", "amount"):
        # figures are never folded: half an amount is another amount
        table.add_column(
            Text(say(column, view.lang)), justify="left" if column == "unit" else "right", no_wrap=True
        )
    for row in view.rows:
        style = "dim" if row.of_line else ""
        name = Text(f"  {row.name}" if row.of_line else row.name, style=style)
        if row.note:
            name.append(f"\n  {row.note}", style="italic dim")
        figures = (Text(cell, style=style) for cell in (row.quantity, row.unit, row.price, row.amount))
        table.add_row(name, *figures)
    table.add_section()
    for label, text, _ in view.totals:
        table.add_row(Text(label, style="bold"), "", "", "", Text(text, style="bold"))
    return table


def _gaps(view: View) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in view.gap_columns:
        table.add_column(Text(column), overflow="fold")
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
