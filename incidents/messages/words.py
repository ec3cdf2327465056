"""The words of notices in both languages: what an incident is, how bad, why a person hears of it, what he does
next."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from incidents.model import Scope

LANGUAGES = ("en", "ru")

PRIORITY: Mapping[str, Mapping[str, str]] = {
    "en": {"normal": "TASK", "high": "HIGH", "company_wide": "COMPANY-WIDE"},
    "ru": {"normal": "ЗАДАЧА", "high": "СРОЧНО", "company_wide": "ВСЕМ"},
}
KIND: Mapping[str, Mapping[str, str]] = {
    "en": {
        "billing_gap": "lost billing data",
        "outage": "outage",
        "data_quality": "data quality",
        "client_request": "client's request",
        "watchdog": "blind spot",
    },
    "ru": {
        "billing_gap": "потеря данных биллинга",
        "outage": "авария",
        "data_quality": "качество данных",
        "client_request": "обращение клиента",
        "watchdog": "потеря наблюдения",
    },
}
HARM: Mapping[str, Mapping[str, str]] = {
    "en": {
        "none": "Clients are served.",
        "unknown": "Whether clients are served is not known.",
        "suspected": "Clients may be hurt: not verified yet.",
        "confirmed": "Clients are hurt: confirmed.",
    },
    "ru": {
        "none": "Клиенты обслуживаются.",
        "unknown": "Обслуживаются ли клиенты, неизвестно.",
        "suspected": "Клиенты, возможно, страдают: ещё не проверено.",
        "confirmed": "Клиенты страдают: подтверждено.",
    },
}
HARM_BEFORE: Mapping[str, Mapping[str, str]] = {
    "en": {
        "none": "Clients are served.",
        "unknown": "Whether clients were served was not known.",
        "suspected": "Clients may have been hurt.",
        "confirmed": "Clients were hurt: confirmed.",
    },
    "ru": {
        "none": "Клиенты обслуживаются.",
        "unknown": "Обслуживались ли клиенты, было неизвестно.",
        "suspected": "Клиенты, возможно, страдали.",
        "confirmed": "Клиенты страдали: подтверждено.",
    },
}
"""When it is over, or fine for now."""
STATUS: Mapping[str, Mapping[str, str]] = {
    "en": {"open": "open", "acknowledged": "acknowledged", "resolved": "resolved"},
    "ru": {"open": "открыт", "acknowledged": "принят", "resolved": "решён"},
}
SCOPE: Mapping[str, Mapping[str, str]] = {
    "en": {
        "customer": "customer",
        "edge": "edge",
        "origin": "origin",
        "control": "control plane",
        "support_line": "support line",
        "vantage": "prober",
        "all": "everything",
    },
    "ru": {
        "customer": "клиент",
        "edge": "узел",
        "origin": "источник",
        "control": "управление",
        "support_line": "линия поддержки",
        "vantage": "пробник",
        "all": "всё",
    },
}
WHY: Mapping[str, Mapping[str, str]] = {
    "en": {
        "on_call": "you are on call",
        "company": "this concerns the whole company",
        "queue": "you look after the task queue",
        "liaison": "you speak with the clients",
        "client": "your service is concerned",
        "subscribed": "this channel subscribes to it",
    },
    "ru": {
        "on_call": "вы дежурите",
        "company": "это касается всей компании",
        "queue": "вы ведёте очередь задач",
        "liaison": "вы говорите с клиентами",
        "client": "это касается вашего сервиса",
        "subscribed": "этот канал на это подписан",
    },
}
ROLE: Mapping[str, Mapping[str, str]] = {
    "en": {
        "commander": "commander",
        "operations": "operations",
        "liaison": "client liaison",
        "scribe": "scribe",
    },
    "ru": {
        "commander": "командует",
        "operations": "чинит",
        "liaison": "говорит с клиентами",
        "scribe": "записывает",
    },
}
NEXT: Mapping[str, Mapping[str, str]] = {
    "en": {
        "billing_gap": "First: are the clients served? Then follow the procedure: `prebill tasks show {id}`.",
        "outage": "Acknowledge, restore the service first, look for the cause later: `prebill incidents show {id}`.",
        "data_quality": "Look at it in working hours: `prebill incidents show {id}`.",
        "client_request": "Answer the client, and see what the probes of his hosts say: `prebill incidents show {id}`.",
        "watchdog": "Nobody is looking: bring the prober or the detector back, until then nothing is known.",
        "resolved": "Nothing to do. What happened: `prebill incidents show {id}`.",
        "task": "No client is hurt: see that he is told, then look for the cause: `prebill incidents show {id}`.",
        "letter": "Send the letter; whoever repairs it has been told. What is known: `prebill incidents show {id}`.",
        "lettered": "Nothing to send: each client has got the letter. What is known: `prebill incidents show {id}`.",
    },
    "ru": {
        "billing_gap": "Сначала: обслуживаются ли клиенты? Затем по процедуре: `prebill tasks show {id}`.",
        "outage": "Примите, сначала верните сервис, причину ищите потом: `prebill incidents show {id}`.",
        "data_quality": "Посмотрите в рабочее время: `prebill incidents show {id}`.",
        "client_request": "Ответьте клиенту и посмотрите, что говорят пробы его сайтов: `prebill incidents show {id}`.",
        "watchdog": "Никто не наблюдает: верните пробы или детектор, до тех пор ничего не известно.",
        "resolved": "Делать ничего не нужно. Что было: `prebill incidents show {id}`.",
        "task": "Никто не пострадал: проследите, чтобы клиент знал, затем — причина: `prebill incidents show {id}`.",
        "letter": "Отправьте письмо; кому чинить, тот уже знает. Что известно: `prebill incidents show {id}`.",
        "lettered": "Отправлять нечего: каждый клиент письмо получил. Что известно: `prebill incidents show {id}`.",
    },
}
_AGES = {
    "en": (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)),
    "ru": (("д", 86_400), ("ч", 3600), ("мин", 60), ("с", 1)),
}
_AGO = {"en": "{} ago", "ru": "{} назад"}


def language(lang: str) -> str:
    """One that there are words in; English where there are none."""
    return lang if lang in LANGUAGES else "en"


def scope_text(scope: Scope, lang: str) -> str:
    """`customer c1`."""
    return f"{SCOPE[lang].get(scope.kind, scope.kind)} {scope.id}".strip()


def age_text(seconds: float, lang: str) -> str:
    """`2 min ago`, in the largest unit that it fills."""
    for unit, size in _AGES[lang]:
        if seconds >= size or size == 1:
            return _AGO[lang].format(f"{max(0, seconds) // size:.0f} {unit}")
    return ""


def clock_text(at: float, tz: str, *, dated: bool = True) -> str:
    """`2026-11-22 20:31:05+03:00` by a person's clocks, or `17:31 (UTC)`."""
    moment = datetime.fromtimestamp(at, ZoneInfo(tz))
    offset = moment.isoformat()[-6:]
    zone = "UTC" if offset == "+00:00" else offset
    if not dated:
        return f"{moment:%H:%M} ({zone})"
    return f"{moment:%Y-%m-%d %H:%M:%S}{' ' if zone == 'UTC' else ''}{zone}"


def one_line(text: str, most: int = 200) -> str:
    """Safe in a subject or a list: no line breaks, no control characters, not endless."""
    clean = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return clean if len(clean) <= most else clean[: most - 1] + "…"
