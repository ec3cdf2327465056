"""The words of the incident screens (`prebill incidents list`, `show`, `replay`, the watch's own lines) in English and
Russian; what the log keeps for machines is said in the words of notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.messages.words import KIND, ROLE, scope_text
from incidents.phrasebook import WORDS
from incidents.words import counted

if TYPE_CHECKING:
    from incidents.model import Scope, Transition
    from incidents.people.roles import HandOver

SENTENCES: dict[str, tuple[str, str]] = {
    "incident": ("Incident", "Инцидент"),
    "priority": ("Priority", "Приоритет"),
    "status": ("Status", "Состояние"),
    "what": ("What", "Что"),
    "whom": ("Whom", "Кого касается"),
    "harm": ("Harm", "Вред"),
    "for": ("For", "Длится"),
    "why": ("Why", "Почему"),
    "more": ("{count} more; --json lists all", "и ещё {count}; все — с --json"),
    "watches": ("Process {pid} on {host} watches.", "Наблюдает процесс {pid} на {host}."),
    "nobody": ("Nobody watches: `prebill watch`, or `prebill up`.",
               "Никто не наблюдает: `prebill watch` или `prebill up`."),
    "standing": ("{priority}, {status}; harm {harm}; since {at}, {age}",
                 "{priority}, {status}; вред: {harm}; с {at}, {age}"),
    "because": ("why: {reason}", "почему: {reason}"),
    "below": ("hangs below {parent}", "часть {parent}"),
    "flaps": ("came back {times}", "возвращалось {times}"),
    "roles": ("roles: {roles}", "роли: {roles}"),
    "decided": ("Evidence of the last decision", "На чём основано последнее решение"),
    "newest": ("Newest evidence", "Самое новое, что известно"),
    "ago": ("{age} ago", "{age} назад"),
    "stale": ("(stale)", "(устарело)"),
    "timeline": ("Timeline", "Хронология"),
    "draft": ("(draft)", "(черновик)"),
    "told": ("Told", "Кому сообщили"),
    "by": ("{who} by {channel}", "{who}, через {channel}"),
    "no_one": ("nobody", "никому"),
    "attempt": (", attempt {count}", ", попытка {count}"),
    "done": ("Done", "Что сделано"),
    "handed": ("{role} handed over, {giver} → {taker}", "роль передана ({role}), {giver} → {taker}"),
    "children": ("Below it", "Его части"),
    "kinds": ("Incidents of", "Инциденты"),
    "count": ("Count", "Всего"),
    "open": ("Open", "Открыто"),
    "none_yet": ("No incident yet.", "Инцидентов ещё не было."),
    "nothing": ("Nothing happened: no event of the file is a reason for an incident.",
                "Ничего не случилось: ни одно событие файла не повод для инцидента."),
}  # fmt: skip
_HARM = {"none": "нет", "unknown": "неизвестен", "suspected": "подозревается", "confirmed": "подтверждён"}
_PRIORITY = {"normal": "обычный", "high": "срочно", "company_wide": "вся компания"}
_STATUS = {"open": "открыто", "acknowledged": "принято", "resolved": "решено"}
_CHANGE = {
    "opened": "открыто",
    "raised": "повышено",
    "lowered": "понижено",
    "updated": "новости",
    "merged": "вошло в другое",
    "acknowledged": "принято",
    "reopened": "открыто снова",
    "resolved": "решено",
    "notice": "уведомление",
}
_OUTCOME = {
    "sent": "отправлено",
    "digest": "отправлено со сводкой",
    "failed": "не ушло, будет повтор",
    "gave_up": "не ушло",
    "muted": "без оповещения",
    "needless": "не понадобилось",
    "superseded": "заменено более новым",
    "nobody": "некому",
}
_ACT = {
    "take": "задача взята",
    "due": "срок перенесён",
    "done": "шаг сделан",
    "close": "задача закрыта",
}
_WORDS = {
    "harm": _HARM,
    "priority": _PRIORITY,
    "change": _CHANGE,
    "audience": WORDS["audience"],
    "outcome": _OUTCOME,
    "act": _ACT,
    "role": ROLE["ru"],
    "status": _STATUS,
    "kind": KIND["ru"],
}
_ENGLISH = {**KIND["en"], "company_wide": "company-wide"}
"""What English does not say as the log does."""


def say(key: str, language: str, **values: object) -> str:
    """A sentence in English, or in Russian where `language` is ru."""
    return SENTENCES[key][language == "ru"].format(**values)


def word(about: str, value: str, language: str) -> str:
    """A value of the log (`harm`, `confirmed`) in words: `lost billing data`, `company-wide`, `on call`."""
    if language == "ru":
        return _WORDS[about].get(value, value)
    return _ENGLISH.get(value) or value.replace("_", " ")


def whom(scope: Scope, language: str) -> str:
    """`customer c1`."""
    return scope_text(scope, "ru") if language == "ru" else str(scope)


def handed_text(act: HandOver, language: str) -> str:
    """Which role went from whom to whom."""
    role = word("role", act.role, language)
    return say("handed", language, role=role, giver=act.giver or "-", taker=act.taker)


def heard_by(notice: Transition, language: str) -> str:
    """`on call 1`, `client (draft)`: whom a notice is for."""
    audience = notice.audience.value if notice.audience else ""
    if language == "ru":
        told = word("audience", audience, language) + (f", уровень {notice.level}" if notice.level else "")
    else:
        names = {"on_call": f"on call {notice.level}", "company": "everyone", "queue": "task queue"}
        told = names.get(audience, audience)
    return f"{told} {say('draft', language)}" if notice.draft else told


def back_text(flaps: int, language: str) -> str:
    """`came back 2 times`."""
    return say("flaps", language, times=counted(flaps, "time", language))


_UNITS = (("s", "с", 1, 120), ("min", "мин", 60, 7_200), ("h", "ч", 3_600, 172_800), ("d", "д", 86_400, 0))


def span_text(seconds: float, language: str) -> str:
    """`35 s`, `12 min`, `5 h`, `3 d`."""
    whole = max(0, int(seconds))
    for english, russian, size, most in _UNITS:
        if whole < most or not most:
            return f"{whole // size} {russian if language == 'ru' else english}"
    return ""
