"""A bill as an XLSX workbook for finance: numbers as numbers, the exact text beside one that a spreadsheet cannot hold,
totals as the bill's own values and never as formulas."""

from __future__ import annotations

import io
from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pipeline.rating.exports.paper import PLAIN, Paper
from pipeline.rating.exports.show import float_holds, money, number, plain
from pipeline.rating.exports.target import Target, put
from pipeline.rating.exports.view import View, view_bill
from pipeline.rating.exports.words import say

if TYPE_CHECKING:
    from pipeline.coverage.proof import Proof
    from pipeline.rating.model import Bill

LINE_COLUMNS = ("kind", "name", "quantity", "unit", "price", "amount", "exact", "rule")
MOST_TEXT = 32_767
MOST_DECIMALS = 12
_MOST_NUMBER = 10**300
_WIDTHS = (22, 44, 18, 16, 18, 20, 34, 60)
_AMOUNT, _EXACT = LINE_COLUMNS.index("amount"), LINE_COLUMNS.index("exact")


def write_xlsx(bill: Bill, proof: Proof | None, lang: str, target: Target, paper: Paper = PLAIN) -> None:
    """Two sheets, the bill and its proof. The same bill gives the same bytes."""
    from xlsxwriter import Workbook

    view = view_bill(bill, proof, lang, paper)
    content = io.BytesIO()
    book = Workbook(content, {"in_memory": True})
    # a workbook must have a date: the period's end is as old as the bill's facts, and needs no clock
    made = bill.period.end.astimezone(UTC).replace(tzinfo=None)
    book.set_properties({"title": _cut(view.title), "created": made})
    _Sheet(book, say("bill", lang), lang).bill(view, bill.currency)
    _Sheet(book, say("proof", lang), lang).proof(view)
    book.close()
    put(target, content.getvalue())


class _Sheet:
    """One sheet, written from the top down."""

    def __init__(self, book: Any, name: str, lang: str) -> None:
        self.lang, self.at = lang, 0
        self.page = book.add_worksheet(name)
        self.bold = book.add_format({"bold": True})
        self.red = book.add_format({"bold": True, "font_color": "#B00020"})
        self.formats: dict[tuple[int, bool], Any] = {}
        self.book = book

    def bill(self, view: View, currency: str) -> None:
        for place, width in enumerate(_WIDTHS):
            self.page.set_column(place, place, width)
        self.texts([view.title], self.bold)
        for label, text in view.head:
            self.texts([label, text])
        if view.provisional:
            self.texts([view.provisional], self.red)
            for reason in view.reasons:
                self.texts([say("reasons", self.lang), reason], self.red)
        self.at += 1
        self.texts([say(column, self.lang) for column in LINE_COLUMNS], self.bold)
        self.page.freeze_panes(self.at, 0)
        for row in view.rows:
            name = f"    {row.name}" if row.of_line else row.name
            self.text(0, row.kind)
            self.text(1, name)
            self.number(2, row.units)
            self.text(3, row.unit)
            self.number(4, row.unit_price)
            self.amount(row.sum, currency)
            self.text(7, row.note)
            self.at += 1
        for label, _, amount in view.totals:
            self.text(1, label, self.bold)
            self.amount(amount, currency, bold=True)
            self.at += 1
        for each in view.uncounted:
            self.texts([view.uncounted_title, each], self.red)

    def proof(self, view: View) -> None:
        self.page.set_column(0, len(view.gap_columns), 24)
        self.texts([view.proof_title], self.bold)
        if not view.proof:
            self.texts([view.no_proof])
            return
        for label, text, count in view.proof:
            self.text(0, label)
            if count is None:
                self.text(1, text)
            else:
                self.number(1, Decimal(count))
            self.at += 1
        self.at += 1
        if not view.gaps:
            self.texts([say("no_gaps", self.lang)])
            return
        self.texts(view.gap_columns, self.bold)
        for cells in view.gaps:
            self.texts(cells)

    def amount(self, amount: Decimal, currency: str, *, bold: bool = False) -> None:
        """The number, and beside it the exact text where the number is only near it."""
        self.number(_AMOUNT, amount, decimals=2, bold=bold)
        if not float_holds(amount) or _decimals(amount) > MOST_DECIMALS:
            self.text(_EXACT, money(amount, currency, self.lang))

    def number(self, column: int, value: Decimal | None, *, decimals: int = 0, bold: bool = False) -> None:
        """A number that shows all its decimals, up to MOST_DECIMALS; or text, where a float is too far from it."""
        if value is None:
            return
        exact_elsewhere = column == _AMOUNT and abs(value) < _MOST_NUMBER
        if not exact_elsewhere and not float_holds(value):
            self.text(column, number(value, self.lang))
            return
        key = (min(max(decimals, _decimals(value)), MOST_DECIMALS), bold)
        if key not in self.formats:
            pattern = f"#,##0.{'0' * key[0]}" if key[0] else "#,##0"
            self.formats[key] = self.book.add_format({"num_format": pattern, "bold": bold})
        self.page.write_number(self.at, column, float(value), self.formats[key])

    def text(self, column: int, text: str, form: Any = None) -> None:
        """A string and nothing else: `write` would make formulas and links of some."""
        if text:
            self.page.write_string(self.at, column, _cut(text), form)

    def texts(self, cells: tuple[str, ...] | list[str], form: Any = None) -> None:
        for column, cell in enumerate(cells):
            self.text(column, cell, form)
        self.at += 1


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


def _decimals(value: Decimal) -> int:
    """Decimals without the zeros at the end."""
    _, _, fraction = plain(value).partition(".")
    return len(fraction.rstrip("0"))
