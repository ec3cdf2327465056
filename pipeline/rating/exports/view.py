"""A bill and its proof as the words and figures that people see, in their order; PDF, the terminal's table and XLSX lay
them out and add nothing. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from pipeline.rating.exports import show
from pipeline.rating.exports.paper import PLAIN, Paper, head_words, title_words
from pipeline.rating.exports.phrases import (
    in_blocks,
    is_share,
    reason_words,
    rule_words,
    says_more,
    step_words,
)
from pipeline.rating.exports.words import line_name, name_in, place, say, say_or_keep, unit_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.coverage.proof import Proof, ProvenGap
    from pipeline.rating.model import Bill, Line, Part, Uncounted

_OWN_STEPS = ("minimum", "cap", "flat")
GAP_COLUMNS = ("gap", "class", "where", "from", "to", "minutes", "lost_bytes", "share", "state", "reason")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a bill or, with `of_line`, one step of it. `note`: the rule of a line; the numbers beside their text
    are None where there is nothing to show."""

    of_line: bool
    kind: str
    name: str
    quantity: str
    unit: str
    price: str
    amount: str
    note: str
    units: Decimal | None
    unit_price: Decimal | None
    sum: Decimal


@dataclass(frozen=True, slots=True)
class View:
    """What a bill shows. `head` is pairs of a label and its text; `totals` and `proof` have the number beside."""

    lang: str
    title: str
    head: tuple[tuple[str, str], ...]
    provisional: str
    reasons: tuple[str, ...]
    rows: tuple[Row, ...]
    totals: tuple[tuple[str, str, Decimal], ...]
    uncounted_title: str
    uncounted: tuple[str, ...]
    proof_title: str
    proof: tuple[tuple[str, str, int | None], ...]
    no_proof: str
    gap_columns: tuple[str, ...]
    gaps: tuple[tuple[str, ...], ...]


def view_bill(bill: Bill, proof: Proof | None, lang: str, paper: Paper = PLAIN) -> View:
    """The bill in one language, as the document that it is. Raises ValueError for another language, or the proof of
    another customer or time."""
    place(lang)
    check_proof(bill, proof)
    period = show.period_text(bill.period, lang)
    called = name_in(bill.plan_names, lang, "")
    plan = say("plan_version", lang, plan=_named(called, bill.plan), version=bill.plan_version)
    rows: list[Row] = []
    names: dict[str, str] = {}
    for line in bill.lines:
        names.setdefault(line.id, _name(line, lang))
    for line in bill.lines:
        rows.extend(_rows(line, names, bill.currency, lang))
    total_words = "total_credit" if bill.total < 0 else "total"
    return View(
        lang=lang,
        title=f"{title_words(paper, lang)}: {period}",
        head=(
            # `prebill price` rates usage that is nobody's
            *([(say("customer", lang), _named(bill.customer_name, bill.customer))] if bill.customer else []),
            (say("plan", lang), plan),
            (say("currency", lang), show.clean(bill.currency)),
            *head_words(paper, bill.currency, bill.period.tz, lang),
        ),
        provisional=say("provisional", lang) if bill.provisional else "",
        reasons=tuple(show.clean(reason_words(reason, lang)) for reason in bill.provisional),
        rows=tuple(rows),
        totals=tuple(
            (say(words, lang), show.money(amount, bill.currency, lang), amount)
            for words, amount in (("net", bill.net), ("kind_tax", bill.tax), (total_words, bill.total))
        ),
        uncounted_title=say("uncounted", lang) if bill.uncounted else "",
        uncounted=tuple(uncounted_text(each, lang) for each in bill.uncounted),
        proof_title=say("proof", lang),
        proof=_proof(proof, lang) if proof else (),
        no_proof=say(f"proof_of_{paper.kind}", lang, number=paper.of)
        if paper.kind != "bill" and paper.of
        else say("no_proof", lang),
        gap_columns=tuple(say(column, lang) for column in GAP_COLUMNS),
        gaps=tuple(_gap(gap, proof.tz, lang) for gap in proof.gaps) if proof else (),
    )


def uncounted_text(each: Uncounted, lang: str) -> str:
    """How much is free, and where."""
    where = say("in_zone", lang, zone=each.zone) if each.zone else say("in_no_zone", lang)
    return show.clean(f"{show.number(each.units, lang)} {unit_words(each.unit, lang)} {where}")


def check_proof(bill: Bill, proof: Proof | None) -> None:
    """Raises ValueError where the proof is not of the bill's customer, or shares no minute with its period."""
    if proof is None:
        return
    if proof.customer != bill.customer:
        raise ValueError(f"the proof is of customer {proof.customer!r}, the bill of {bill.customer!r}")
    begin, end = bill.period.begin.timestamp(), bill.period.end.timestamp()
    if proof.first * 60 >= end or proof.after * 60 <= begin:
        raise ValueError(f"the proof is of {proof.period}, which shares no minute with the bill's period")


def _rows(line: Line, names: Mapping[str, str], currency: str, lang: str) -> list[Row]:
    """A line and its steps; one step that is the whole line again is told on the line."""
    kind = say_or_keep("kind", line.kind, lang)
    steps = [_step(part, line, names, currency, lang) for part in line.parts]
    only = line.parts[0] if len(line.parts) == 1 else None
    told = (
        only is not None
        and only.amount == line.amount
        and (only.units.is_zero() or (only.units == line.quantity and not in_blocks(only.what)))
    )
    priced = steps[0] if told and steps[0].units is not None else None
    # what is no usage (a discount, a minimum) often has no unit: its quantity then says nothing to a reader
    counted = priced is not None or bool(line.unit)
    rule = rule_words(line.rule, lang)
    more = steps[0].name if told and says_more(line.parts[0].what) else ""
    head = Row(
        of_line=False,
        kind=show.clean(kind),
        name=_name(line, lang),
        quantity=priced.quantity if priced else show.number(line.quantity, lang) if counted else "",
        unit=priced.unit if priced else _unit(line, lang),
        price=priced.price if priced else "",
        amount=show.money(line.amount, currency, lang),
        note=show.clean("; ".join(filter(None, (more, rule)))),
        units=line.quantity if counted else None,
        unit_price=priced.unit_price if priced else None,
        sum=line.amount,
    )
    return [head] if told else [head, *steps]


def _step(part: Part, line: Line, names: Mapping[str, str], currency: str, lang: str) -> Row:
    """A step; a flat sum has no units and no price, a share of money is priced in percent; a
    discount's steps are the lines that it takes from."""
    flat, share = part.units.is_zero(), is_share(part.what)
    # the difference of two discounts has no unit either, and steps that are no steps of a price
    shared = line.kind == "discount" or (
        line.kind == "adjustment" and not line.unit and flat and part.what not in _OWN_STEPS
    )
    return Row(
        of_line=True,
        kind="",
        name=names[part.what] if shared and part.what in names else show.clean(step_words(part.what, lang)),
        quantity=""
        if flat
        else show.price(part.units, currency, lang)
        if share
        else show.number(part.units, lang),
        unit="" if flat or share or in_blocks(part.what) else _unit(line, lang),
        price=""
        if flat
        else show.percent(part.price, lang)
        if share
        else show.price(part.price, currency, lang),
        amount=show.price(part.amount, currency, lang),
        note="",
        units=None if flat else part.units,
        unit_price=None if flat else part.price,
        sum=part.amount,
    )


def _named(name: str, of: str) -> str:
    """What people call it, and its id."""
    return show.clean(f"{name} ({of})" if name and name != of else of)


def _name(line: Line, lang: str) -> str:
    name = line_name(line.kind, line.id, line.names, lang)
    return show.clean(name if line.names else step_words(name, lang))


def _unit(line: Line, lang: str) -> str:
    return show.clean(unit_words(line.unit, lang))


def verdict(proof: Proof, lang: str) -> str:
    """One sentence on whether all came."""
    m = proof.minutes
    if proof.complete:
        return say("complete", lang)
    words = "unsettled_only" if not m.lost else "lost_and_unsettled" if m.unsettled else "lost_some"
    counts = {name: show.number(getattr(m, name), lang) for name in ("lost", "estimated", "unsettled")}
    return say(words, lang, **counts)


def _proof(proof: Proof, lang: str) -> tuple[tuple[str, str, int | None], ...]:
    begin, end = (show.minute_in(minute, proof.tz, lang) for minute in (proof.first, proof.after))
    names = ("expected", "received", "empty", "lost", "estimated", "unsettled", "unexpected")
    counts = [(name, getattr(proof.minutes, name)) for name in names]
    if proof.rows is not None:
        counts.append(("rows", proof.rows))
    digest = f"sha256:{show.clean(proof.digest)}" if proof.digest else say("no_digest", lang)
    edges = show.number(proof.edges, lang) if proof.edges else say("all_edges", lang)
    return (
        (say("verdict", lang), verdict(proof, lang), None),
        (say("period", lang), f"{begin} – {end} ({show.zone_of(proof.tz)})", None),
        (say("edges", lang), edges, proof.edges or None),
        *((say(name, lang), show.number(count, lang), count) for name, count in counts),
        (say("cut", lang), str(proof.cut), None),
        (say("digest", lang), digest, None),
    )


def _gap(gap: ProvenGap, tz: str, lang: str) -> tuple[str, ...]:
    if gap.lost_exact is not None:
        lost = show.number(gap.lost_exact, lang)
    else:
        low, high = show.number(gap.lost_low, lang), show.number(gap.lost_high, lang)
        lost = say("range", lang, low=low, high=high)
    cells = (
        gap.id,
        say_or_keep("class", gap.kind, lang),
        f"{gap.edge} / {gap.stream}",
        show.minute_in(gap.first, tz, lang),
        show.minute_in(gap.after, tz, lang),
        show.number(gap.minutes, lang),
        lost,
        "" if gap.share is None else show.percent(round(Decimal(gap.share), 3), lang),
        say_or_keep("state", gap.state, lang),
        gap.reason,
    )
    return tuple(show.clean(cell) for cell in cells)
