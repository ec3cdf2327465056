"""Every sentence about tasks, once, in English and Russian; for the terminal, trackers and the head's digest."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from incidents.messages.words import KIND

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from incidents.tasks.model import Money

SENTENCES: dict[str, tuple[str, str]] = {
    "question": ("Are the clients served?", "Обслуживаются ли клиенты?"),
    "yes": ("YES", "ДА"),
    "no": ("NO", "НЕТ"),
    "unknown": ("UNKNOWN", "НЕИЗВЕСТНО"),
    "why_confirmed": ("harm is confirmed", "вред подтверждён"),
    "why_suspected": ("harm is suspected", "есть подозрение на вред"),
    "why_unknown": ("harm is not known", "о вреде ничего не известно"),
    "why_failing": ("a probe fails, and is not judged yet", "проба не проходит, и это ещё не разобрано"),
    "why_none": ("no probe has looked", "ни одна проба не смотрела"),
    "why_stale": ("the last probe is too old to be believed", "последняя проба слишком старая"),
    "why_fine": ("probes are answered", "пробы проходят"),
    "why_nobody": ("it names no client", "клиенты не названы"),
    "age": ("{age} ago", "{age} назад"),
    "missing": ("What is missing", "Чего не хватает"),
    "costs": ("What it costs so far", "Сколько это уже стоит"),
    "per_minute": ("{amount} a minute", "{amount} в минуту"),
    "not_rated": ("not known: no contract, or no plan", "неизвестно: нет договора или тарифа"),
    "places": ("Where the data may still be", "Где данные ещё могут быть"),
    "procedure": ("The standard procedure", "Стандартная процедура"),
    "until": ("can be recovered until {at}", "можно вернуть до {at}"),
    "until_unknown": (
        "nobody knows for how long it can be recovered",
        "неизвестно, до какого времени можно вернуть",
    ),
    "beyond": ("can no longer be recovered since {at}", "вернуть уже нельзя с {at}"),
    "due": ("due {at}", "срок {at}"),
    "late": ("late since {at}", "просрочено с {at}"),
    "assignee": ("taken by {who}", "взял(а) {who}"),
    "nobody": ("nobody has taken it", "никто не взял"),
    "held": ("waits: clients come first ({why})", "ждёт: сначала клиенты ({why})"),
    "solved": ("solved", "решено"),
    "recovered": ("recovered", "возвращено"),
    "partly": ("recovered in part", "возвращено частично"),
    "lost": ("lost", "потеряно"),
    "gap_shrunk": ("shrunk", "часть пришла"),
    "gap_closed": ("closed", "пришло"),
    "gap_accepted": ("accepted", "принято как потеря"),
    "accepted_by": ("accepted by {who}", "принял(а) {who}"),
    "minutes": ("{count} min", "{count} мин"),
    "range": ("{expected} ({low} to {high})", "{expected} (от {low} до {high})"),
    **{kind: (english, KIND["ru"][kind]) for kind, english in KIND["en"].items()},
    "digest_title": ("Lost data and clients, {day}", "Потери данных и клиенты, {day}"),
    "digest_outages_none": (
        "Since {since} no client's harm was confirmed.",
        "С {since} подтверждённого вреда клиентам не было.",
    ),
    "digest_outages": (
        "Since {since} incidents in which clients were hurt: {count}; open now: {open}.",
        "С {since} инцидентов, в которых пострадали клиенты: {count}; сейчас открыты: {open}.",
    ),
    "digest_tasks_none": ("No task is open: nothing is lost.", "Открытых задач нет: ничего не потеряно."),
    "digest_tasks": (
        "Open tasks: {count}; at stake {money}; {minutes} lost; clients served: yes {yes}, no {no}, unknown {unknown}.",
        "Открытых задач: {count}; на кону {money}; потеряно {minutes}; клиенты обслуживаются: да {yes}, нет {no}, "
        "неизвестно {unknown}.",
    ),
    "digest_soonest": (
        "First to be beyond recovery: {task}, {at}.",
        "Раньше всех нельзя будет вернуть: {task}, {at}.",
    ),
    "digest_late": ("Late: {tasks}.", "Просрочены: {tasks}."),
    "digest_open": ("Open, by money at stake", "Открытые, по деньгам на кону"),
    "digest_closed": ("Closed since {since}", "Закрыты с {since}"),
    "digest_more": ("… and {count} more", "… и ещё {count}"),
    "nothing_rated": ("an amount that is not known", "неизвестная сумма"),
    "task": ("Task", "Задача"),
    "served": ("Served?", "Клиенты"),
    "what": ("What", "Что"),
    "stake": ("At stake", "На кону"),
    "who": ("Who", "Кто"),
    "when": ("When", "Когда"),
    "outcome": ("Outcome", "Итог"),
}


def say(key: str, language: str, **values: Any) -> str:
    """A sentence in English, or in Russian where `language` is ru."""
    return SENTENCES[key][language == "ru"].format(**values)


def money_text(amounts: Iterable[Money], language: str) -> str:
    """`1,200.00 RUB (900.00 to 1,500.00)`, in Russian `1 200,00 ₽`, as bills print it; a currency after the other,
    empty where there is none."""
    told = []
    for money in amounts:
        low, expected, high = (
            amount_text(part, language) for part in (money.low, money.expected, money.high)
        )
        name = _currency(money.currency, language)
        same = money.low == money.high
        told.append(
            f"{expected}{name}"
            if same
            else say("range", language, expected=f"{expected}{name}", low=low, high=high)
        )
    return ", ".join(told)


def amount_text(amount: Decimal, language: str = "en") -> str:
    """`1,200.50`: no zeros behind the second digit of a coin. In Russian always with kopecks: `1 200,50`."""
    whole, _, coins = f"{amount:,f}".partition(".")
    if language == "ru":
        return f"{whole.replace(',', TIED)},{coins[:2]:0<2}{coins[2:].rstrip('0')}"
    return f"{whole}.{coins[:2]:0<2}{coins[2:].rstrip('0')}" if coins else whole


def _currency(currency: str, language: str) -> str:
    if not currency or language != "ru":
        return f" {currency}" if currency else ""
    return f"{TIED}{'₽' if currency == 'RUB' else currency}"


TIED = "\u00a0"
"""What does not break keeps thousands and the currency with their number, as on bills."""


def age_text(seconds: float, language: str = "en") -> str:
    """`40 s`, `5 min`, `3 h`, `2 d`: whole units, rounded down."""
    units = (("d", "д", 86_400), ("h", "ч", 3600), ("min", "мин", 60))
    for english, russian, size in units:
        if seconds >= 2 * size or (size == 60 and seconds >= size):
            return f"{int(seconds // size)} {russian if language == 'ru' else english}"
    return f"{int(seconds)} {'с' if language == 'ru' else 's'}"


def short_instant(at: float) -> str:
    """`2026-11-01 08:05 UTC`."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"


def span_text(since: float, until: float) -> str:
    """`2026-11-01 08:05–08:10`; with both days where they differ."""
    begin, end = datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC)
    last = f"{end:%H:%M}" if begin.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    return f"{begin:%Y-%m-%d %H:%M}–{last}"
