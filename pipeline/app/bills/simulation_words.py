"""What the tables of a simulation say, once in each language."""

from __future__ import annotations

from typing import Any

from incidents.words import counted
from pipeline.rating.exports.words import place

WORDS: dict[str, tuple[str, str]] = {
    # columns
    "plan": ("Тариф", "Plan"),
    "net": ("Без налога", "Net"),
    "at": ("при {share} %", "at {share} %"),
    "dearer_by": ("Дороже лучшего: на чём", "Dearer than the best by"),
    "customer": ("Клиент", "Customer"),
    "plan_now": ("Тариф сейчас", "Plan now"),
    "best_plan": ("Лучший тариф", "Best plan"),
    "saves": ("Экономия", "Saves"),
    # one customer
    "now": ("сейчас", "now"),
    "none": (
        "Ни один тариф книги не может оценить это потребление.",
        "No plan of the book can price this usage.",
    ),
    "falls": ("счёт падает с ростом потребления", "falls as usage grows"),
    "hidden": ("… ещё {count} дороже; все есть в --json", "… {count} dearer; --json has all"),
    "not_compared": ("не сравнивается: {plan}, {why}", "not compared: {plan}, {why}"),
    "public": (
        "не сравнивается: публичные цены других сетей ({count}); их добавляет --public",
        "not compared: public prices of others ({count}); --public ranks them",
    ),
    "more_left_out": ("… и ещё {count}; все есть в --json", "… and {count} more; --json has all"),
    "switch": (
        "Лучший день сменить тариф внутри месяца: {day}, на {plan}: {net}, на {less} меньше, чем остаться.",
        "Best day to switch within the month: {day}, to {plan}: {net}, {less} less than staying.",
    ),
    "provisional": ("Предварительно: {why}.", "Provisional: {why}."),
    "changed": (
        "Тариф сменился внутри месяца; как есть, без налога и скидок: {parts}, всего {net}.",
        "The plan changed within the month; as it stands, before taxes and discounts: {parts}, {net} in all.",
    ),
    "part": (
        "Договор действует в части месяца: {period}; тарифы сравниваются за это время.",
        "The contract holds in a part of the month: {period}; plans are compared over that time.",
    ),
    "stays": (
        "Ни один тариф за всё это время не дешевле, чем как есть.",
        "No plan for all of that time costs less than the month does as it stands.",
    ),
    "better": (
        "Лучший тариф за всё это время дешевле на {less}.",
        "The best plan for all of that time costs {less} less.",
    ),
    # a book
    "customers": ("Клиентов: {count}, {month}", "{customers}, {month}"),
    "more": ("… ещё {count}; все есть в --json --brief", "… {count} more; --json --brief has all"),
    "in_all": (
        "Клиентов: {count}; сейчас {now}, если у каждого лучший тариф: {then}; меньше заплатили бы {fewer}",
        "{customers}: {now} now, {then} if each had his best plan; {fewer} would pay less",
    ),
    "unpriced": (
        "Клиентов без цены по своему и любому другому тарифу: {count}",
        "{customers}: no price under their own plan or any other",
    ),
    "still_open": (
        "Предварительно: у {customers} месяц ещё не закрыт, учтено то, что пришло.",
        "Provisional: the month of {customers} is not closed; what has come so far is counted.",
    ),
    "free": (
        "Потребление, которое не учтено ни одной услугой своего тарифа: клиентов {count}: {who}",
        "Usage that no charge of their plan counts: {customers}: {who}",
    ),
    # what a plan asks money for
    "bytes_sent": ("трафик", "traffic"),
    "body_bytes": ("трафик без заголовков", "traffic without headers"),
    "requests": ("запросы", "requests"),
    "p95_bps": ("полоса", "bandwidth"),
    "peak_bps": ("пиковая полоса", "peak bandwidth"),
    "flat": ("фиксированная плата", "fixed fees"),
    "percentage": ("процент от суммы", "a share of the amount"),
    "plan-minimum": ("доплата до минимума", "the rest to its minimum"),
    "plan-cap": ("ограничение сверху", "its cap"),
}


def tell(key: str, lang: str, **values: Any) -> str:
    """A word or a sentence, filled in; `customers` is `count` of them."""
    if (count := values.get("count")) is not None:
        russian = lang == "ru"
        values["customers"] = (
            counted(count, "client", "ru", "genitive") if russian else counted(count, "customer")
        )
    return WORDS[key][place(lang)].format(**values)


def thing(what: str, lang: str) -> str:
    """What a plan asks money for; a name that is not known is shown as it is."""
    return tell(what, lang) if what in WORDS else what
