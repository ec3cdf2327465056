"""`prebill spikes`: who is heading for a bill far above his usual one, while the month runs; and what to write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.app.failures import FOUND_SOMETHING, UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.period import parse_language, parse_month
from pipeline.app.stores import money_store
from pipeline.app.terminal import out, plural, print_json, say
from pipeline.instants import second_text

if TYPE_CHECKING:
    from decimal import Decimal

    from pipeline.app.bills.spike_watch import SpikeCase, SpikeLook
    from pipeline.app.context import Context
    from pipeline.rating.spike import Forecast, Spike

NOW = "now"
NAMED = 20
"""Customers that a note names."""


def spikes(
    *,
    month: str = NOW,
    check: Flag = False,
    letters: Flag = False,
    lang: str | None = None,
    json: Flag = False,
    context: Given,
) -> int:
    """Who is heading for a bill far above his usual one: projected from usage so far, under his and the best plan.

    One rough read of the book finds whose usage is far off; only those are
    read exactly and rated. Counted are whole hours that are in by
    lateness.allowance. [spikes] of the configuration says when to warn.

    Parameters
    ----------
    month
        `now`, which is the month that runs; --now TIME looks at an earlier one as it was then.
    check
        Exit 1 when somebody is to be warned.
    letters
        The draft of the letter to each of them, too; nothing is sent.
    lang
        en or ru, of the letters. Default: each customer's.
    json
        One JSON document on standard output; letters are in it.
    """
    from pipeline.app.bills.spike_watch import SpikeWatch

    parse_language(lang)
    _check_month(month, context)
    with money_store(context) as store:
        look = SpikeWatch(store, context.config).look(context.now())
    if json:
        print_json(look_json(look, lang))
    else:
        _show(look)
        if letters:
            for case in look.raised:
                _show_letter(case, lang)
    _tell_rest(look)
    return FOUND_SOMETHING if check and look.raised else 0


def _check_month(month: str, context: Context) -> None:
    """Only the month that runs can still be warned of."""
    if month == NOW:
        return
    now = context.now()
    if (parse_month(month).year, parse_month(month).month) != (now.year, now.month):
        raise UsageFailure(
            f"--month {month}: expected the month that runs, or `now`",
            mend="--now TIME looks at an earlier month as it was at that time; `prebill bill` has what it came to.",
        )


def look_json(look: SpikeLook, lang: str | None = None) -> dict[str, Any]:
    """The look as JSON holds it; amounts are text."""
    return {
        "as_of": second_text(look.hour * 3600),
        "customers": look.customers,
        "suspects": len(look.cases) + len(look.left) + len(look.faults),
        "left": list(look.left),
        "faults": list(look.faults),
        "warnings": [_case_json(case, lang) for case in look.raised],
    }


def _case_json(case: SpikeCase, lang: str | None) -> dict[str, Any]:
    from pipeline.rating.exports.show import plain, shorter
    from pipeline.rating.letter import letter_subject, letter_text

    warning = case.warning
    language = parse_language(lang, case.customer.lang)
    letter = case.letter
    return {
        "customer": warning.customer,
        "name": case.customer.name or None,
        "raised": warning.raised.value,
        "currency": warning.currency,
        "usual": plain(warning.usual),
        "limit": shorter(warning.limit),
        "current": _forecast_json(warning.current),
        "best": _forecast_json(warning.best),
        "saving": plain(warning.saving),
        "spike": _spike_json(warning.spike),
        "basis": warning.basis.value,
        "letter": {
            "lang": language,
            "subject": letter_subject(letter, language),
            "text": letter_text(letter, language),
            "draft": True,
        }
        if letter
        else None,
    }


def _forecast_json(forecast: Forecast) -> dict[str, str]:
    from pipeline.rating.exports.show import plain

    names = ("so_far", "low", "expected", "high")
    return {"plan": forecast.plan, **{name: plain(getattr(forecast, name)) for name in names}}


def _spike_json(spike: Spike | None) -> dict[str, Any] | None:
    if spike is None:
        return None
    endless = spike.factor == float("inf")
    return {
        "since": second_text(spike.since * 3600),
        "factor": None if endless else round(spike.factor, 1),
    }


def _show(look: SpikeLook) -> None:
    as_of = f"as of {second_text(look.hour * 3600)}"
    if not look.raised:
        say(f"{plural(look.customers, 'customer')} with a contract, {as_of}: nobody is to be warned.")
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in (
        "customer",
        "usual",
        "so far",
        "expected",
        "from – to",
        "best plan",
        "expected",
        "from – to",
        "since",
    ):
        table.add_column(title, justify="left" if title in ("customer", "best plan", "since") else "right")
    for case in look.raised:
        warning, mine, best = case.warning, case.warning.current, case.warning.best
        moved = best.plan != mine.plan
        cells = (
            case.customer.name or warning.customer,
            *(_money(amount) for amount in (warning.usual, mine.so_far, mine.expected)),
            f"{_money(mine.low)} – {_money(mine.high)}",
            best.plan if moved else "his own",
            _money(best.expected) if moved else "",
            f"{_money(best.low)} – {_money(best.high)}" if moved else "",
            second_text(warning.spike.since * 3600) if warning.spike else "",
        )
        table.add_row(*(escape(cell) for cell in cells))
    out().print(f"[bold]Heading for a dear month[/bold], {as_of}")
    out().print(table)


def _money(amount: Decimal) -> str:
    return f"{amount:,.0f}"


def _show_letter(case: SpikeCase, lang: str | None) -> None:
    from pipeline.rating.letter import letter_subject, letter_text

    if case.letter is None:
        return
    language = parse_language(lang, case.customer.lang)
    text = f"{letter_subject(case.letter, language)}\n\n{letter_text(case.letter, language)}"
    out().print()
    out().print(text, markup=False, soft_wrap=True, highlight=False)


def _tell_rest(look: SpikeLook) -> None:
    if look.left:
        names = ", ".join(look.left[:NAMED])
        say(
            f"{plural(len(look.left), 'more customer')} with usage far off were not read: {names}. "
            "spikes.at_most says how many are."
        )
    for fault in look.faults[:NAMED]:
        say(f"not judged: {fault}")
    if len(look.faults) > NAMED:
        say(f"… and {len(look.faults) - NAMED} more")
