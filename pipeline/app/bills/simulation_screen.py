"""A simulation as a table for people: a customer's ranking with what made each plan lose, or the savings of a book."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.app.bills.simulation_words import tell, thing
from pipeline.app.terminal import out
from pipeline.rating.exports.phrases import reason_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from rich.table import Table

    from pipeline.rating.book_months import BookCustomer
    from pipeline.rating.book_ranking import Best
    from pipeline.rating.simulation import Outcome, Simulation

SHOWN = 15
"""Plans in the table of one customer."""

LEAST_SHARE = 1000
"""Causes below a thousandth of the best plan's price are left out of the table."""

MOST = 40
"""Customers in the table of a book."""


def show_best(
    month: str, every: Sequence[tuple[BookCustomer, Best]], lang: str, *, still_open: int = 0
) -> None:
    """Who would save the most on another plan, and what all of them pay. `still_open`: whose month is not closed."""
    from rich.text import Text

    from pipeline.rating.exports.show import money
    from pipeline.rating.rounding import add_up

    def price(amount: Decimal | None, found: Best) -> str:
        return "-" if amount is None else money(amount, found.current.currency, lang)

    out().print(Text(tell("customers", lang, count=len(every), month=month), style="bold"))
    if still_open:
        out().print(Text(tell("still_open", lang, count=still_open)))
    table = _table()
    for key in ("customer", "plan_now"):
        table.add_column(tell(key, lang), overflow="fold")
    table.add_column(tell("net", lang), justify="right", no_wrap=True)
    table.add_column(tell("best_plan", lang), overflow="fold")
    for key in ("net", "saves"):
        table.add_column(tell(key, lang), justify="right", no_wrap=True)
    savers = sorted(
        (each for each in every if each[1].saves > 0), key=lambda each: (-each[1].saves, each[0].id)
    )
    for who, found in savers[:MOST]:
        best = found.best.id if found.best else "-"
        amounts = (price(amount, found) for amount in (found.net, found.best_net, found.saves))
        net, best_net, saves = amounts
        table.add_row(Text(who.name or who.id), found.current.id, net, best, best_net, saves)
    if savers:
        out().print(table)
    if len(savers) > MOST:
        out().print(tell("more", lang, count=len(savers) - MOST))
    if free := [(who, found) for who, found in every if found.free]:
        shown = [f"{who.name or who.id} ({reason_words(found.free, lang)})" for who, found in free[:SHOWN]]
        names = ", ".join([*shown, *(["…"] if len(free) > SHOWN else [])])
        out().print(Text(tell("free", lang, count=len(free), who=names), style="yellow"))
    for coin in sorted({found.current.currency for _, found in every}):
        of_coin = [found for _, found in every if found.current.currency == coin]
        priced = [found for found in of_coin if found.net is not None and found.best_net is not None]
        now = add_up(found.net for found in priced if found.net is not None)
        then = add_up(found.best_net for found in priced if found.best_net is not None)
        out().print(
            Text(
                tell(
                    "in_all",
                    lang,
                    count=len(priced),
                    now=money(now, coin, lang),
                    then=money(then, coin, lang),
                    fewer=sum(found.saves > 0 for found in priced),
                )
            )
        )
        if len(priced) < len(of_coin):
            out().print(tell("unpriced", lang, count=len(of_coin) - len(priced)))


def show_simulation(title: str, found: Simulation, lang: str) -> None:
    """What it costs as it stands, the ranking with what made each lose, then what would change it."""
    from rich.text import Text

    out().print(Text(title, style="bold"))
    if found.provisional:
        said = "; ".join(reason_words(why, lang) for why in found.provisional)
        out().print(Text(tell("provisional", lang, why=said)))
    _show_standing(found, lang)
    _show_uncounted(found, lang)
    if found.ranked:
        _show_ranking(found, lang)
    else:
        out().print(tell("none", lang))
    _show_left_out(found, lang)
    if found.switch and found.current:
        into, net = found.switch, found.switch.net
        less = found.current.net - net
        words = {"day": into.day, "plan": into.plan.id, "net": _price(net, found, lang)}
        out().print(Text(tell("switch", lang, **words, less=_price(less, found, lang))))


def _show_standing(found: Simulation, lang: str) -> None:
    """What he pays, where no plan of the ranking is that: his plan changed, or is for a part of the month."""
    from rich.text import Text

    from pipeline.rating.contracts import is_whole_month
    from pipeline.rating.exports.show import period_text
    from pipeline.rating.exports.words import name_in

    standing = found.standing
    if standing is None:
        return
    if found.changed:
        parts = ", ".join(
            f"{name_in(plan.names, lang, plan.id)} {period_text(bill.period, lang, with_zone=False)}: "
            f"{_price(net, found, lang)}"
            for plan, bill, net in zip(standing.plans, standing.bills, standing.nets, strict=True)
        )
        out().print(Text(tell("changed", lang, parts=parts, net=_price(standing.net, found, lang))))
        better = tell("better", lang, less=_price(found.saves, found, lang)) if found.saves else ""
        out().print(Text(better or tell("stays", lang)))
    elif not is_whole_month(found.period):
        out().print(Text(tell("part", lang, period=period_text(found.period, lang, with_zone=False))))


def _show_uncounted(found: Simulation, lang: str) -> None:
    """What he uses and does not pay for, which makes his plan look cheap."""
    from rich.text import Text

    from pipeline.rating.exports.view import uncounted_text
    from pipeline.rating.exports.words import say

    told = [uncounted_text(each, lang) for each in found.uncounted]
    if told or found.free:
        said = ", ".join(told) or reason_words(found.free, lang)
        out().print(Text(f"{say('uncounted', lang)}: {said}", style="yellow"))


def _show_ranking(found: Simulation, lang: str) -> None:
    from rich.text import Text

    from pipeline.rating.exports.words import name_in
    from pipeline.rating.simulation import SHIFTS

    table = _table()
    table.add_column("", justify="right")
    table.add_column(tell("plan", lang), overflow="fold")
    for name in (tell("net", lang), *(tell("at", lang, share=share) for share in SHIFTS)):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(tell("dearer_by", lang), overflow="fold")
    shown = list(enumerate(found.ranked, 1))[:SHOWN]
    if found.current and all(each is not found.current for _, each in shown):
        shown.append((found.ranked.index(found.current) + 1, found.current))
    for place, each in shown:
        own = each is found.current and not found.changed
        mark = f"  ← {tell('now', lang)}"
        name = name_in(each.plan.names, lang, each.plan.id)
        table.add_row(
            str(place),
            Text(f"{name} ({each.plan.id}){mark if own else ''}"),
            _price(each.net, found, lang),
            *(_price(net, found, lang) for net in each.shifted),
            Text(_why(each, found, lang)),
            style="bold" if own else "",
        )
    out().print(table)
    if (hidden := len(found.ranked) - len(shown)) > 0:
        out().print(tell("hidden", lang, count=hidden))


def _why(outcome: Outcome, found: Simulation, lang: str) -> str:
    """What made it lose, and whether its bill falls."""
    causes = [c for c in outcome.causes if c.more * LEAST_SHARE >= found.ranked[0].net]
    said = ", ".join(f"{thing(c.what, lang)} {_price(c.more, found, lang)}" for c in causes)
    return "; ".join(part for part in (said, tell("falls", lang) if outcome.falls else "") if part)


def _show_left_out(found: Simulation, lang: str) -> None:
    from rich.text import Text

    public = sum(bool(plan.source) for plan, _ in found.left_out)
    own = [(plan, why) for plan, why in found.left_out if not plan.source]
    for plan, why in own[:SHOWN]:
        out().print(Text(tell("not_compared", lang, plan=plan.id, why=reason_words(why, lang))))
    if len(own) > SHOWN:
        out().print(tell("more_left_out", lang, count=len(own) - SHOWN))
    if public:
        out().print(tell("public", lang, count=public))


def _price(amount: Decimal | None, found: Simulation, lang: str) -> str:
    from pipeline.rating.exports.show import money

    return "-" if amount is None else money(amount, found.currency, lang)


def _table() -> Table:
    from rich.table import Table

    return Table(box=None, pad_edge=False, header_style="bold")
