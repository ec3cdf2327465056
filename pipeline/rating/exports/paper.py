"""Which document a bill is printed as: its number, what it corrects or takes back, who issued it; from the bill log to
every format's head. A bill that nobody issued has none of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.instants import instant_text
from pipeline.rating.exports import show
from pipeline.rating.exports.words import say

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from pipeline.rating.bill_entries import Counted


@dataclass(frozen=True, slots=True)
class Paper:
    """`kind`: bill, adjustment, credit_note. `number`: 0 for what is not issued. `of`: what it corrects, takes back or
    replaces, 0 for nothing; `of_total`: what that came to. `credited`: the credit note that took it back. `counted`:
    what it counts beside the closed month."""

    kind: str = "bill"
    number: int = 0
    of: int = 0
    of_total: Decimal | None = None
    credited: int = 0
    rebill: str = ""
    at: datetime | None = None
    actor: str = ""
    reason: str = ""
    counted: Counted | None = None


PLAIN = Paper()
"""A bill that nobody issued."""


def title_words(paper: Paper, lang: str) -> str:
    """What the document is called: Bill 12; Adjustment 13 to bill 12; Credit note 10 for bill 9."""
    own = say(paper.kind, lang) + (say("number", lang, number=paper.number) if paper.number else "")
    if paper.kind == "bill" or not paper.of:
        return own
    return f"{own} {say(f'{paper.kind}_of', lang, number=paper.of)}"


def head_words(paper: Paper, currency: str, tz: str, lang: str) -> list[tuple[str, str]]:
    """Label and text of what is told of it under its title."""
    told = []
    if paper.at is not None:
        when = show.time_in(paper.at, tz, lang)
        told.append((say("issued", lang), show.clean(f"{when} ({show.zone_of(tz)}), {paper.actor}")))
    elif paper.kind != "bill":
        told.append((say("issued", lang), say("not_issued", lang)))
    if paper.kind == "bill" and paper.of:
        sum_ = show.money(paper.of_total, currency, lang) if paper.of_total is not None else ""
        words = say(
            "replaces_sum" if sum_ else "replaces", lang, number=paper.of, rebill=paper.rebill, sum=sum_
        )
        told.append((say("in_place_of", lang), show.clean(words)))
    if paper.credited:
        told.append((say("taken_back", lang), say("by_credit_note", lang, number=paper.credited)))
    if paper.reason and paper.kind != "adjustment":
        told.append((say("reason", lang), show.clean(paper.reason)))
    if paper.counted is not None:
        rows = show.number(paper.counted.rows, lang)
        late = "counted_only_late" if paper.kind == "adjustment" else "counted_late"
        told.append((say("counted", lang), say(late, lang, rows=rows, cut=paper.counted.cut)))
    return told


def paper_json(paper: Paper) -> dict[str, Any]:
    """What `--json` says of it: null where there is nothing."""
    counted = paper.counted
    return {
        "document": paper.kind,
        "number": paper.number or None,
        "of": paper.of or None,
        "credited": paper.credited or None,
        "rebill": paper.rebill or None,
        "issued_at": instant_text(paper.at) if paper.at else None,
        "actor": paper.actor or None,
        "reason": paper.reason or None,
        "counted": {"cut": counted.cut, "rows": counted.rows} if counted else None,
    }
