"""A bill as CSV for other programs: a row for each line, each part, each total, each reason, each fact of the proof."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

from pipeline.rating.exports.bill_json import to_json
from pipeline.rating.exports.paper import PLAIN, Paper
from pipeline.rating.exports.phrases import in_blocks, is_share
from pipeline.rating.exports.show import clean
from pipeline.rating.exports.target import Target, put
from pipeline.rating.exports.words import line_name, name_in, place, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.coverage.proof import Proof
    from pipeline.rating.model import Bill

COLUMNS = (
    "row", "customer", "plan", "plan_version", "from", "to", "tz", "currency", "state",
    "id", "name", "quantity", "unit", "price", "amount", "text", "customer_name", "plan_name",
    "document", "number", "of",
)  # fmt: skip
"""`row`: a line's kind, `part`, `net`, `tax_total`, `total`, `provisional`, `uncounted`, `proof` or `gap`. `text`: a
line's rule, a reason, a fact of the proof named by `id`. `document`: bill, adjustment or credit_note; `number`: as
issued. Names are in the language asked for; all else is the same in each."""

_NUMBERS = frozenset({"quantity", "price", "amount", "plan_version"})
_TRIGGERS = tuple("=+-@\t\r\n＝＋－＠|")
_AFTER_SEMICOLON = re.compile("(;[ \u00a0\u200c\u200d\ufffd'\"]*)(?=[=+@＝＋－＠|-])")


def write_csv(bill: Bill, proof: Proof | None, lang: str, target: Target, paper: Paper = PLAIN) -> None:
    """RFC 4180 in UTF-8: commas, dots, CRLF. Text that a spreadsheet might run as a formula gets a ' before it;
    numbers stay as they are."""
    place(lang)
    document = to_json(bill, proof)
    state = document["state"]
    always = {key: document[key] for key in ("customer", "plan", "plan_version", "currency")}
    always |= {**document["period"], "state": state}
    always |= {
        "customer_name": bill.customer_name,
        "plan_name": name_in(bill.plan_names, lang, ""),
    }
    always |= {"document": paper.kind, "number": paper.number or "", "of": paper.of or ""}
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for row in _rows(document, lang):
        cells = {**always, **row}
        writer.writerow(
            {key: str(cell) if key in _NUMBERS else safe_cell(str(cell)) for key, cell in cells.items()}
        )
    put(target, out.getvalue().encode())


def safe_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula, also where it trims blanks from its front, or takes semicolons for
    the borders of cells and no notice of quotes, as a Russian Excel does with a file of commas."""
    text = _AFTER_SEMICOLON.sub(r"\1'", clean(text))
    return f"'{text}" if text.lstrip(" \u00a0\u200c\u200d\ufffd'\"").startswith(_TRIGGERS) else text


def _rows(document: Mapping[str, Any], lang: str) -> Iterator[dict[str, Any]]:
    for reason in document["provisional"]:
        yield {"row": "provisional", "name": say("provisional", lang), "text": reason}
    for line in document["lines"]:
        yield {
            "row": line["kind"],
            "id": line["id"],
            "name": line_name(line["kind"], line["id"], line["name"], lang),
            "quantity": line["quantity"],
            "unit": line["unit"],
            "price": line["parts"][0]["price"] if len(line["parts"]) == 1 else "",
            "amount": line["amount"],
            "text": line["rule"],
        }
        for part in line["parts"]:
            own_unit = in_blocks(part["what"]) or is_share(part["what"])
            yield {
                "row": "part",
                "id": line["id"],
                "name": part["what"],
                "quantity": part["units"],
                "unit": "" if own_unit else line["unit"],
                "price": part["price"],
                "amount": part["amount"],
            }
    yield {"row": "net", "name": say("net", lang), "amount": document["net"]}
    yield {"row": "tax_total", "name": say("kind_tax", lang), "amount": document["tax"]}
    yield {"row": "total", "name": say("total", lang), "amount": document["total"]}
    for free in document["uncounted"]:
        yield {
            "row": "uncounted",
            "id": free["zone"],
            "name": say("uncounted", lang),
            "quantity": free["quantity"],
            "unit": free["unit"],
            "text": free["text"],
        }
    proof = document["proof"]
    if not proof:
        yield {"row": "proof", "id": "none", "name": say("proof", lang), "text": say("no_proof", lang)}
        return
    for key, fact in proof.items():
        if key != "gaps":
            text = "" if fact is None else str(fact).lower() if isinstance(fact, bool) else fact
            yield {"row": "proof", "id": key, "name": say("proof", lang), "text": text}
    for gap in proof["gaps"]:
        lost, share = gap["lost_bytes"], "" if gap["share"] is None else repr(gap["share"])
        facts = {key: gap[key] for key in ("class", "edge", "stream", "from", "to")}
        facts |= {f"lost_{key}": "" if lost[key] is None else lost[key] for key in ("low", "high", "exact")}
        facts |= {"method": gap["method"], "share": share, "state": gap["state"], "reason": gap["reason"]}
        text = "; ".join(f"{key}={fact}" for key, fact in facts.items() if fact != "")
        yield {
            "row": "gap",
            "id": gap["id"],
            "name": say("gap", lang),
            "quantity": gap["minutes"],
            "unit": "min",
            "text": text,
        }
