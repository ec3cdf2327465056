"""`prebill letter`: the letter to a client about his month, with numbered options that he answers with one number."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from statistics import median_low
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipeline.app.context import parse_time
from pipeline.app.failures import UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.period import parse_discount, parse_language, parse_month
from pipeline.app.stores import money_store
from pipeline.app.terminal import print_json

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.app.configuration.settings import CustomerSettings
    from pipeline.app.context import Context
    from pipeline.coverage.periods import Month
    from pipeline.rating.book import PlanBook
    from pipeline.rating.held import Held
    from pipeline.rating.letter import Letter, Option
    from pipeline.rating.model import Plan
    from pipeline.rating.simulation import Simulation
    from pipeline.rating.usage import Usage
    from pipeline.store.store import Store

MONTHS_BEFORE = 3
"""Earlier months whose middle one is what a customer usually pays."""

PRICE = re.compile(r"[0-9]{1,15}(\.[0-9]{1,4})?")

NEXT_AFTER = timedelta(hours=24)


def letter(
    customer: str,
    /,
    *,
    month: str,
    discount: str | None = None,
    free: Annotated[list[str] | None, Parameter(negative="", show_default=False)] = None,
    paid: Annotated[list[str] | None, Parameter(negative="", show_default=False)] = None,
    answer_by: str | None = None,
    next_by: str | None = None,
    sender: str = "",
    lang: str | None = None,
    json: Flag = False,
    context: Given,
) -> int:
    """A letter about a dear month: what happened, why it matters to the client, and options that one number answers.

    Offers to keep the plan, or to move the month to the best plan that is
    sold. Says only what the data bears out; nothing is sent.

    Parameters
    ----------
    customer
        The customer's id.
    month
        The month, as YYYY-MM, in the time zone of his contract.
    discount
        Per cent off the best plan's price, once. The letter says that it is not approved yet.
    free
        Something that is done for nothing, as one more option; may be given more than once.
    paid
        Something that is done for money, as TEXT=AMOUNT; may be given more than once.
    answer_by
        Until when an answer is hoped for (RFC 3339). Default: it is not said.
    next_by
        By when we write again, whatever he says. Default: in 24 hours.
    sender
        The last line.
    lang
        en or ru. Default: the customer's.
    json
        {"subject", "text", "options"} on standard output.
    """
    from pipeline.app.bills.month_bill import customer_of
    from pipeline.app.configuration.plan_files import book_of
    from pipeline.rating.exports.show import plain
    from pipeline.rating.letter import letter_subject, letter_text

    config = context.config
    who = customer_of(config, customer)
    language = parse_language(lang, who.lang)
    period = parse_month(month)
    percent = parse_discount(discount)
    more = _more_options(free or [], paid or [])
    given = (("--answer-by", answer_by), ("--next-by", next_by))
    times = [parse_time(text, option) if text else None for option, text in given]
    with money_store(context) as store:
        found = _compose(store, context, who, book_of(config), period, percent, more, times, sender)
    subject, text = letter_subject(found, language), letter_text(found, language)
    if json:
        options = [
            {"offer": o.offer.value, "amount": None if o.amount is None else plain(o.amount)}
            for o in found.options
        ]
        print_json({"subject": subject, "text": text, "options": options})
    else:
        print(f"{subject}\n\n{text}", end="")
    return 0


def _compose(
    store: Store,
    context: Context,
    who: CustomerSettings,
    book: PlanBook,
    month: Month,
    percent: Decimal | None,
    more: tuple[Option, ...],
    times: list[datetime | None],
    sender: str,
) -> Letter:
    from pipeline.app.bills.issued import amount_to_pay, plan_that_stands, standing_of, with_late
    from pipeline.app.bills.month_bill import bills_before, held_of, month_parts, spans_of
    from pipeline.app.bills.offers import configured_offers
    from pipeline.app.commands.simulate import compiled_for, simulate_parts
    from pipeline.app.coverage.still_open import refuse_future
    from pipeline.rating.letter import Letter
    from pipeline.rating.peak import find_peak, so_far
    from pipeline.rating.usage_join import join_usage

    refuse_future(month, context.now(), spans_of(who, month))
    parts = month_parts(store, context.config, who, month, context.now())
    books = store.bills.books({who.id})
    standing = [standing_of(books, part) for part in parts]
    parts = [with_late(part, there) for part, there in zip(parts, standing, strict=True)]
    found = simulate_parts(who, parts, book, compiled_for(book, month))
    if found.standing is None:
        raise UsageFailure(
            f"customer {who.id}: his own plan cannot price this month, so there is nothing to say"
        )
    held, usage = held_of(parts, book), join_usage([part.usage for part in parts])
    if len({plan.currency for plan in held.plans}) > 1:
        raise UsageFailure(f"customer {who.id}: his contracts in {month} have several currencies")
    plans = [plan_that_stands(part, there, book) for part, there in zip(parts, standing, strict=True)]
    amount = amount_to_pay(parts, books, book)
    taken_back = [there.replaced.total for there in standing if there and there.replaced]
    peak = find_peak(usage, so_far(found.period, context.now()))
    unused = not (usage.bytes_sent.any() or usage.requests.any())
    answer_by, next_by = times
    before = bills_before(store, context.config, who, month, MONTHS_BEFORE)
    try:
        return Letter(
            customer=who.name or who.id,
            plan=plans[-1].names,
            earlier=tuple(plan.names for plan in plans[:-1]),
            period=found.period,
            currency=found.currency,
            amount=amount,
            options=(
                *_options(held, plans[-1], usage, found, amount, percent, unused=unused),
                *configured_offers(context.config, found.currency),
                *more,
            ),
            next_by=next_by or context.now() + NEXT_AFTER,
            provisional=bool(found.provisional),
            unused=unused,
            taxed=True if parts[-1].span.tax else None,
            usual=median_low(before) if before else None,
            peak_day=peak.day if peak else None,
            peak_share=peak.share if peak else None,
            peak_resource=peak.resource if peak else "",
            answer_by=answer_by,
            sender=sender,
            replaced=sum(taken_back, Decimal(0)) if taken_back else None,
        )
    except ValueError as error:
        raise UsageFailure(f"letter: {error}") from None


def _more_options(free: list[str], paid: list[str]) -> tuple[Option, ...]:
    """What we do for nothing, then what for money. Raises UsageFailure with every fault."""
    from pipeline.rating.letter import Offer, Option

    made = [Option(Offer.FREE, {"en": text, "ru": text}) for text in free]
    problems = []
    for given in paid:
        text, _, amount = given.rpartition("=")
        if not text.strip() or not PRICE.fullmatch(amount.strip()):
            problems.append(
                f'--paid: expected TEXT=AMOUNT, like "protection from spikes=5000"; found {given!r}'
            )
            continue
        made.append(Option(Offer.PAID, {"en": text.strip(), "ru": text.strip()}, Decimal(amount.strip())))
    if problems:
        raise UsageFailure(problems)
    return tuple(made)


def _options(
    held: Held,
    own: Plan,
    usage: Usage,
    found: Simulation,
    amount: Decimal,
    percent: Decimal | None,
    *,
    unused: bool,
) -> tuple[Option, ...]:
    """The best plan for all of the time first, where it is better; then things as they are. Where nothing was used a
    plan's price says nothing of the months to come, and none is offered."""
    from pipeline.rating.held import rate_once
    from pipeline.rating.letter import Offer, Option
    from pipeline.rating.meter import Metering
    from pipeline.rating.model import Discount

    best = found.ranked[0].plan
    keep = Option(Offer.KEEP, own.names, amount)
    if unused or (best is own and not found.changed):
        return (keep,)
    metering = Metering(usage, held.period)
    full = rate_once(held, best, metering).total
    if full >= amount:
        return (keep,)
    more = () if percent is None else (Discount("letter", percent=percent, once=True),)
    less = rate_once(held, best, metering, more).total
    return (Option(Offer.MOVE, best.names, less, full - less or None, decided=False), keep)
