"""The letter to a client about a dear bill, or one that will be: what happened, why it matters to him, numbered options
that he answers with one number, and when we write again. Pure; it says nothing that the Letter does not hold."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from pipeline.rating.exports import show
from pipeline.rating.exports.words import name_in, place
from pipeline.rating.letter_words import tell, times_word

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from decimal import Decimal

    from pipeline.rating.model import Period

MOST_OPTIONS = 9
"""One digit answers."""


class Offer(Enum):
    """What an option is. `keep`: the plan he has; `move`: the whole period on another plan, after the fact; `switch`:
    another plan from a day on; `free` and `paid`: something that we do, without and for money."""

    KEEP = "keep"
    MOVE = "move"
    SWITCH = "switch"
    FREE = "free"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class Option:
    """One numbered option. `names`: of the plan, or what is done, by language. `amount`: what the period costs with it,
    `discount` taken off already; of `paid`, its price. `decided`: false while somebody must still approve it."""

    offer: Offer
    names: Mapping[str, str]
    amount: Decimal | None = None
    discount: Decimal | None = None
    since: date | None = None
    decided: bool = True


@dataclass(frozen=True, slots=True)
class Letter:
    """All that a letter may say. `amount`: the period on the plan he has; with `low` and `high` it is a forecast.
    `taxed`: whether all amounts hold tax, None: nothing is said. `usual`: what he pays in other months. `peak_day` had
    `peak_share` (0 to 1) of the traffic, `peak_resource` most of it. `serving`: his service is known to run.
    `without_answer`: the option that stands then. `next_by`: by when we write again, whatever he says. `earlier`: plans
    that he had before `plan` within the period, whose bills are in `amount`. `unused`: he used nothing in it.
    `replaced`: the bill that was taken back for this one. Raises ValueError with every fault at once."""

    customer: str
    plan: Mapping[str, str]
    period: Period
    currency: str
    amount: Decimal
    options: tuple[Option, ...]
    next_by: datetime
    low: Decimal | None = None
    high: Decimal | None = None
    provisional: bool = False
    taxed: bool | None = None
    usual: Decimal | None = None
    peak_day: date | None = None
    peak_share: Decimal | None = None
    peak_resource: str = ""
    serving: bool = False
    answer_by: datetime | None = None
    without_answer: int | None = None
    sender: str = ""
    earlier: tuple[Mapping[str, str], ...] = ()
    unused: bool = False
    replaced: Decimal | None = None

    def __post_init__(self) -> None:
        faults = _faults(self)
        if faults:
            raise ValueError(f"this letter cannot be written: {'; '.join(faults)}")

    @property
    def forecast(self) -> bool:
        """Whether the period is not over and the amount is a projection."""
        return self.low is not None


def letter_subject(letter: Letter, lang: str) -> str:
    """The subject line."""
    return tell(
        "subject_forecast" if letter.forecast else "subject_bill",
        lang,
        period=_period(letter, lang),
        amount=_money(letter, letter.amount, lang),
    )


def letter_text(letter: Letter, lang: str) -> str:
    """The letter as plain text, without its subject. Raises ValueError for a language that is neither ru nor en."""
    place(lang)
    customer = show.clean(letter.customer)
    paragraphs = [
        tell("hello_name", lang, customer=customer) if customer else tell("hello", lang),
        _titled("problem", _problem(letter, lang), lang),
        _titled("matters", _matters(letter, lang), lang),
        f"{tell('options', lang)}\n{tell('answer', lang)}",
        *(f"{number}. {_option(option, letter, lang)}" for number, option in enumerate(letter.options, 1)),
        _titled("next", _next(letter, lang), lang),
    ]
    if letter.sender:
        paragraphs.append(show.clean(letter.sender))
    return "\n\n".join(paragraphs) + "\n"


def _titled(title: str, sentences: list[str], lang: str) -> str:
    return f"{tell(title, lang)}\n{' '.join(sentences)}"


def _problem(letter: Letter, lang: str) -> list[str]:
    words = {
        "period": _period(letter, lang),
        "plan": tell("then", lang).join(
            show.clean(name_in(names, lang, "")) for names in (*letter.earlier, letter.plan)
        ),
        "amount": _money(letter, letter.amount, lang),
        "tax": _tax(letter, lang),
    }
    if letter.low is not None and letter.high is not None:
        low, high = _money(letter, letter.low, lang), _money(letter, letter.high, lang)
        said = [tell("forecast", lang, **words, low=low, high=high)]
    else:
        said = [tell("bills" if letter.earlier else "bill", lang, **words)]
        if letter.replaced is not None:
            said.append(tell("replaced", lang, replaced=_money(letter, letter.replaced, lang)))
        if letter.provisional:
            said.append(tell("provisional", lang))
    if letter.unused:
        said.append(tell("unused", lang))
    if letter.peak_day is not None and letter.peak_share is not None:
        day = show.day_text(letter.peak_day, lang)
        said.append(tell("peak", lang, share=show.percent(letter.peak_share, lang), day=day))
    if letter.peak_resource:
        said.append(tell("resource", lang, resource=show.clean(letter.peak_resource)))
    return said


def _matters(letter: Letter, lang: str) -> list[str]:
    said = []
    about = _about(letter, lang)
    if letter.usual is not None and letter.amount > letter.usual:
        usual = _money(letter, letter.usual, lang)
        this = tell("this_forecast" if letter.forecast else "this_bill", lang)
        times = int(letter.amount // letter.usual) if letter.usual else 0
        if times >= 2:
            whole = letter.amount == letter.usual * times
            key = "times" if whole or about else "more_than_times"
            number = show.number(times, lang)
            said.append(
                tell(key, lang, usual=usual, This=this, about=about, times=number, word=times_word(times))
            )
        else:
            difference = _money(letter, letter.amount - letter.usual, lang)
            said.append(tell("more", lang, usual=usual, This=this, about=about, difference=difference))
    said.append(tell("owed", lang, about=about, amount=_money(letter, letter.amount, lang)))
    cheapest = min(
        (option for option in letter.options if option.offer is not Offer.PAID and option.amount is not None),
        key=lambda option: (option.amount, not option.decided),
        default=None,
    )
    if cheapest is not None and cheapest.amount is not None and cheapest.amount < letter.amount:
        saving = _money(letter, letter.amount - cheapest.amount, lang)
        said.append(
            tell("saving" if cheapest.decided else "saving_undecided", lang, about=about, saving=saving)
        )
    if letter.serving:
        said.append(tell("serving", lang))
    return said


def _option(option: Option, letter: Letter, lang: str) -> str:
    words = {"name": show.clean(name_in(option.names, lang, ""))}
    about, tax = _about(letter, lang), _tax(letter, lang)
    if option.offer is Offer.SWITCH and option.since is not None:
        words["since"] = show.day_text(option.since, lang)
    if option.offer is Offer.PAID and option.amount is not None:
        words |= {"amount": _money(letter, option.amount, lang), "tax": tax}
    as_it_is = option.offer is Offer.KEEP and letter.earlier
    said = [tell("keep_bills" if as_it_is else option.offer.value, lang, **words)]
    if option.amount is not None and option.offer is not Offer.PAID:
        said.append(tell("to_pay", lang, about=about, amount=_money(letter, option.amount, lang), tax=tax))
        change = option.amount - letter.amount
        if change:
            difference = _money(letter, abs(change), lang)
            said.append(tell("less" if change < 0 else "dearer", lang, about=about, difference=difference))
    if option.discount:
        said.append(tell("discount", lang, discount=_money(letter, option.discount, lang)))
    if not option.decided:
        said.append(tell("undecided", lang))
    return " ".join(said)


def _next(letter: Letter, lang: str) -> list[str]:
    said = []
    if letter.answer_by is not None:
        said.append(tell("answer_by", lang, time=_time(letter.answer_by, letter, lang)))
    if letter.without_answer is not None:
        said.append(tell("without_answer", lang, number=letter.without_answer))
    said.append(tell("next_by", lang, time=_time(letter.next_by, letter, lang)))
    return said


def _faults(letter: Letter) -> list[str]:
    found = []
    if not 1 <= len(letter.options) <= MOST_OPTIONS:
        found.append(f"1 to {MOST_OPTIONS} options are expected, {len(letter.options)} found")
    if (letter.low is None) != (letter.high is None):
        found.append("a forecast needs both low and high")
    elif (
        letter.low is not None and letter.high is not None and not letter.low <= letter.amount <= letter.high
    ):
        found.append(f"the forecast {letter.amount} is not within {letter.low} and {letter.high}")
    if not any(letter.plan.values()):
        found.append("the plan has no name")
    if letter.amount < 0 or (letter.usual is not None and letter.usual < 0):
        found.append("amounts of 0 or more are expected")
    for name, at in (("next_by", letter.next_by), ("answer_by", letter.answer_by)):
        if at is not None and at.tzinfo is None:
            found.append(f"{name} needs a zone of time")
    if letter.without_answer is not None and not 1 <= letter.without_answer <= len(letter.options):
        found.append(f"without an answer option {letter.without_answer} would stand, which is none of them")
    elif letter.without_answer is not None and not letter.options[letter.without_answer - 1].decided:
        found.append(
            f"without an answer option {letter.without_answer} would stand, which nobody has approved"
        )
    if letter.peak_share is not None and not 0 <= letter.peak_share <= 1:
        found.append(f"peak_share is a share from 0 to 1, not {letter.peak_share}")
    for number, option in enumerate(letter.options, 1):
        found += [f"option {number}: {fault}" for fault in _option_faults(option, letter)]
    return found


def _option_faults(option: Option, letter: Letter) -> list[str]:
    found = []
    if not any(option.names.values()):
        found.append("it has no name")
    if (option.offer is Offer.FREE) != (option.amount is None):
        found.append("free has no amount, every other has one")
    if option.amount is not None and option.amount < 0:
        found.append(f"an amount of 0 or more is expected, {option.amount} found")
    if option.discount is not None and (option.discount <= 0 or option.offer in (Offer.FREE, Offer.PAID)):
        found.append("a discount is above 0, and of keep, move or switch")
    if (option.offer is Offer.SWITCH) != (option.since is not None):
        found.append("switch, and only it, needs the day since when")
    if option.offer is Offer.KEEP and option.amount is not None:
        due = letter.amount - (option.discount or 0)
        if option.amount != due:
            found.append(f"keeping the plan costs {due}, not {option.amount}")
    return found


def _period(letter: Letter, lang: str) -> str:
    return show.month_text(letter.period, lang)


def _money(letter: Letter, amount: Decimal, lang: str) -> str:
    return show.money(amount, letter.currency, lang, short=True)


def _about(letter: Letter, lang: str) -> str:
    return tell("about", lang) if letter.forecast or letter.provisional else ""


def _tax(letter: Letter, lang: str) -> str:
    if letter.taxed is None:
        return ""
    return tell("with_tax" if letter.taxed else "without_tax", lang)


def _time(at: datetime, letter: Letter, lang: str) -> str:
    return f"{show.time_in(at, letter.period.tz, lang)} ({show.zone_of(letter.period.tz)})"
