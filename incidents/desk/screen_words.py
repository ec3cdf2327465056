"""The words of `prebill support list` and `show` in English and Russian; what the log keeps for machines is shown as it
stands in English, and in words in Russian."""

from __future__ import annotations

import re

SENTENCES: dict[str, tuple[str, str]] = {
    "customer": ("customer", "клиент"),
    "kind": ("kind", "о чём"),
    "standing": ("standing", "состояние"),
    "manager": ("manager", "менеджер"),
    "promised": ("promised", "обещано"),
    "late": ("late", "опоздание"),
    "subject": ("subject", "тема"),
    "none": ("No requests.", "Обращений нет."),
    "nobody_known": ("nobody known", "неизвестно чьё"),
    "what": ("{kind} request of {who}, {standing}", "обращение ({kind}), {who}: {standing}"),
    "on_it": ("manager: {manager}", "менеджер: {manager}"),
    "score": ("score: {score} of 10", "оценка: {score} из 10"),
    "bounced": (
        "letters to {address} come back, since {at}: nothing is sent there",
        "письма на {address} возвращаются с {at}: туда ничего не отправляется",
    ),
    "done": ("done {at}", "сделано {at}"),
    "due": ("due {at}", "срок {at}"),
    "after_pause": ("due after the pause", "срок после паузы"),
    "told_manager": ("manager {manager}", "менеджер {manager}"),
    "told_by": ("by {at}", "к {at}"),
    "told_score": ("{score} of 10", "{score} из 10"),
    "told_attached": ("attached: {names}", "вложено: {names}"),
}
_WORDS: dict[str, dict[str, str]] = {
    "kind": {"technical": "техническое", "billing": "о счетах", "question": "вопрос"},
    "standing": {
        "new": "новое",
        "open": "наш ход",
        "answered": "отвечено",
        "waiting": "ждёт клиента",
        "closed": "закрыто",
    },
    "clock": {
        "acknowledge": "подтверждение",
        "manager": "имя менеджера",
        "first_answer": "первый ответ",
        "next_answer": "следующий ответ",
        "closing": "закрытие",
        "letters": "слишком много писем",
        "bounced": "письма возвращаются",
    },
    "state": {
        "met": "в срок",
        "missed": "поздно",
        "running": "идёт",
        "due": "пора",
        "late": "опоздание",
        "broken": "предел",
        "paused": "пауза",
    },
    "event": {
        "received": "пришло",
        "filed": "отнесено",
        "acknowledged": "подтверждено",
        "withheld": "письмо удержано",
        "named": "менеджер назван",
        "introduced": "менеджер представлен",
        "answered": "ответ",
        "replied": "клиент пишет",
        "thanked": "клиент благодарит",
        "promised": "обещано",
        "paused": "пауза",
        "resumed": "пауза окончена",
        "closed": "закрыто",
        "nps_asked": "спрошена оценка",
        "nps_given": "оценка",
        "bounced": "письмо вернулось",
        "warned": "руководитель предупреждён",
        "worked": "платная работа",
    },
}

_REASONS = (
    (
        re.compile(r"more than (\d+) letters to the address in an hour"),
        r"больше \1 писем на этот адрес за час",
    ),
    (re.compile(r"letters to (\S+) come back"), r"письма на \1 возвращаются"),
)
"""Why a letter was withheld, as letters.py writes it down."""


def say(key: str, language: str, **values: object) -> str:
    """A sentence in English, or in Russian where `language` is ru."""
    return SENTENCES[key][language == "ru"].format(**values)


def word(about: str, value: str, language: str) -> str:
    """A value of the log (`standing`, `open`): in Russian a word, in English as it stands."""
    return _WORDS[about].get(value, value) if language == "ru" else value


def reason_text(reason: str, language: str) -> str:
    """A reason of the log; what is not known here stays as it is."""
    for english, russian in _REASONS if language == "ru" else ():
        if found := english.fullmatch(reason):
            return found.expand(russian)
    return reason
