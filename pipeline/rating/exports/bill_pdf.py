"""A bill as PDF, set by typst from bill.typ with the fonts inside its package: nothing is fetched, and what the bill
says reaches the page as data only, never as markup."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from pipeline.rating.exports.paper import PLAIN, Paper
from pipeline.rating.exports.target import Target, put
from pipeline.rating.exports.view import View, view_bill
from pipeline.rating.exports.words import say

if TYPE_CHECKING:
    from pipeline.coverage.proof import Proof
    from pipeline.rating.model import Bill

MOST_GAPS = 500
MOST_FOOT = 110


def write_pdf(bill: Bill, proof: Proof | None, lang: str, target: Target, paper: Paper = PLAIN) -> None:
    """A4 pages; every page of a provisional bill says that it is one. The same bill gives the same bytes."""
    import typst

    view = view_bill(bill, proof, lang, paper)
    content = typst.compile(
        _markup(), sys_inputs={"bill": json.dumps(_data(view))}, ignore_system_fonts=False
    )
    put(target, content)


def _data(view: View) -> dict[str, Any]:
    """What bill.typ reads; long words may break, lest one push the amounts off the page."""
    lang = view.lang
    document = {
        key: value
        for key, value in asdict(view).items()
        if key not in ("rows", "totals", "gaps", "reasons", "head")
    }
    document["head"] = [[label, _breakable(text)] for label, text in view.head]
    document["reasons"] = [_breakable(reason) for reason in view.reasons]
    document["uncounted"] = [_breakable(each) for each in view.uncounted]
    document["rows"] = [
        {
            "of_line": row.of_line,
            "name": _breakable(row.name),
            "note": _breakable(row.note),
            "quantity": row.quantity,
            "unit": _breakable(row.unit),
            "price": row.price,
            "amount": row.amount,
        }
        for row in view.rows
    ]
    document["proof"] = [[label, text] for label, text, _ in view.proof]
    document["foot"] = _short(f"{view.title} · {view.head[0][1]}", MOST_FOOT)
    document["totals"] = [[label, text] for label, text, _ in view.totals]
    document["gaps"] = [[_breakable(cell, 8) for cell in cells] for cells in view.gaps[:MOST_GAPS]]
    left = len(view.gaps) - MOST_GAPS
    document["more_gaps"] = say("more_gaps", lang, count=left) if left > 0 else ""
    document["words"] = {
        key: say(key, lang)
        for key in (
            "name",
            "quantity",
            "unit",
            "price",
            "amount",
            "gaps",
            "no_gaps",
            "provisional_short",
        )
    }
    document["page"] = say("page", lang, page="\x00", pages="\x00").split("\x00")
    return document


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _breakable(text: str, at: int = 24) -> str:
    """With places to break in words longer than `at` signs (U+200B, which shows nothing)."""
    return re.sub(rf"\S{{{at}}}(?=\S)", lambda found: found[0] + "\u200b", text)


@cache
def _markup() -> bytes:
    return resources.files("pipeline.rating.exports").joinpath("bill.typ").read_bytes()
