"""`prebill letter`: the letter to a client about his month, with numbered options that he answers with one number."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from statistics import median_low
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipeline.app.context import parse_time
from pipeline.app.failures import UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.period import parse_language, parse_month
from pipeline.app.stores import existing_store
from pipeline.app.terminal import print_json

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.app.context import Context
    from pipeline.app.month_bill import ContractPart
    from pipeline.app.settings import CustomerSettings
    from pipeline.coverage.periods import Month
    from pipeline.rating.book import PlanBook
    from pipeline.rating.letter import Letter, Option
    from pipeline.rating.model import Plan
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
    from pipeline.app.month_bill import customer_of
    from pipeline.app.plan_files import book_of
    from pipeline.rating.letter import letter_subject, letter_text

    config = context.config
    who = customer_of(config, customer)
    language = parse_language(lang, who.lang)
    period = parse_month(month)
    percent = _percent(discount)
    more = _more_options(free or [], paid or [])
    given = (("--answer-by", answer_by), ("--next-by", next_by))
    times = [parse_time(text, option) if text else None for option, text in given]
    with existing_store(context) as store:
        found = _compose(store, context, who, book_of(config), period, percent, more, times, sender)
    subject, text = letter_subject(found, language), letter_text(found, language)
    if json:
        options = [
            {"offer": o.offer.value, "amount": None if o.amount is None else str(o.amount)}
            for o in found.options
        ]
        print_json({"subject": subject, "text": text, "options": options})
    else:
        print(f"{subject}\n\n{text}", end="")
    return 0


def _percent(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal(-1)
    if not (found.is_finite() and 0 < found < 100):
        raise UsageFailure(f"--discount: expected per cent, more than 0 and less than 100; found {text!r}")
    return found


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
    from pipeline.app.commands.simulate import compiled_for, simulate_parts
    from pipeline.app.month_bill import bills_before, month_parts, plan_for
    from pipeline.rating.letter import Letter
    from pipeline.rating.peak import find_peak
    from pipeline.rating.usage_join import join_usage

    parts = month_parts(store, context.config, who, month, context.now())
    found = simulate_parts(who, parts, book, compiled_for(book, month))
    if found.current is None:
        raise UsageFailure(
            f"customer {who.id}: his own plan cannot price this month, so there is nothing to say"
        )
    own = [plan_for(part, book) for part in parts]
    if len({plan.currency for plan in own}) > 1:
        raise UsageFailure(f"customer {who.id}: his contracts in {month} have several currencies")
    amount = _to_pay(parts, own)
    best = found.ranked[0].plan
    peak = find_peak(join_usage([part.usage for part in parts]), found.period)
    answer_by, next_by = times
    before = bills_before(store, context.config, who, month, MONTHS_BEFORE)
    try:
        return Letter(
            customer=who.name or who.id,
            plan=found.current.plan.names,
            period=found.period,
            currency=found.currency,
            amount=amount,
            options=(*_options(parts, found.current.plan, amount, best, percent), *more),
            next_by=next_by or context.now() + NEXT_AFTER,
            provisional=any(part.open for part in parts),
            taxed=True if parts[-1].span.tax else None,
            usual=median_low(before) if before else None,
            peak_day=peak.day if peak else None,
            peak_share=peak.share if peak else None,
            peak_resource=peak.resource if peak else "",
            answer_by=answer_by,
            sender=sender,
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
    parts: list[ContractPart], own: Plan, amount: Decimal, best: Plan, percent: Decimal | None
) -> tuple[Option, ...]:
    """The best plan first, where it is better; then his own."""
    from pipeline.rating.letter import Offer, Option

    keep = Option(Offer.KEEP, own.names, amount)
    if best is own or (full := _to_pay(parts, [best] * len(parts))) >= amount:
        return (keep,)
    less = full if percent is None else _to_pay(parts, [best] * len(parts), percent)
    return (Option(Offer.MOVE, best.names, less, full - less or None, decided=False), keep)


def _to_pay(parts: list[ContractPart], plans: list[Plan], percent: Decimal | None = None) -> Decimal:
    """What the month's bills come to as they are issued, with taxes, and a discount after those that he has."""
    from pipeline.app.month_bill import bill_part, less_part

    bills = (
        bill_part(less_part(part, percent, "letter"), plan) for part, plan in zip(parts, plans, strict=True)
    )
    return sum((bill.total for bill in bills), Decimal(0))
