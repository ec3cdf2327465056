"""What the desk's letters say, in Russian and English."""

from __future__ import annotations

from incidents.words import counted

_WORDS: dict[str, dict[str, str]] = {
    "acknowledge": {
        "en": "Hello,\n\nWe have your request; its number is #{number}.\n{named}\nA person answers you within {within}"
        "{hours}.\n\nTo add something, reply to this letter.\n\n{sign}\n",
        "ru": "Здравствуйте!\n\nМы получили ваше обращение, его номер #{number}.\n{named}\nОтвет от человека придёт в "
        "течение {within}{hours}.\n\nЧтобы что-то добавить, ответьте на это письмо.\n\n{sign}\n",
    },
    "in_hours": {"en": " of our working time, and never later than in a day",
                 "ru": " рабочего времени и никогда не позже чем через сутки"},
    "manager": {"en": "{manager} is on it.", "ru": "Вашим вопросом занимается {manager}."},
    "manager_soon": {"en": "We will tell you who is on it within {within}{hours}.",
                     "ru": "Кто им занимается, сообщим в течение {within}{hours}."},
    "working": {"en": " of our working time", "ru": " рабочего времени"},
    "introduce": {
        "en": "Hello,\n\n{manager} is on your request #{number}.\n\n{sign}\n",
        "ru": "Здравствуйте!\n\nВашим обращением #{number} занимается {manager}.\n\n{sign}\n",
    },
    "closed": {
        "en": "Hello,\n\nYour request #{number} is closed.\n{outcome}\nHow likely are you to recommend us, from 0 "
        "(not at all) to 10 (certainly)?\nReply with one number. If something is not solved, reply in words, and the "
        "request is open again.\n\n{sign}\n",
        "ru": "Здравствуйте!\n\nВаше обращение #{number} закрыто.\n{outcome}\nПорекомендуете ли вы нас: от 0 (точно "
        "нет) до 10 (точно да)?\nОтветьте одним числом. Если что-то не решено, ответьте словами, и обращение снова "
        "откроется.\n\n{sign}\n",
    },
    "head_of": {"en": "Head of support", "ru": "Руководитель поддержки"},
    "no_subject": {"en": "your request", "ru": "ваше обращение"},
    "nobody": {"en": "nobody yet", "ru": "пока никто"},
    "warning_subject": {"en": "Support: #{number}: {what}", "ru": "Поддержка: #{number}: {what}"},
    "warnings_subject": {"en": "Support: {warnings}", "ru": "Поддержка: {warnings}"},
    "more_warnings": {"en": "… and {count} more: prebill support list --late",
                      "ru": "… и ещё {count}: prebill support list --late"},
    "warning": {
        "en": "Request #{number} of {customer}: {what}.\nSubject: {subject}\nOn it: {manager}\n\n"
        "prebill support show {number}\n",
        "ru": "Обращение #{number}, клиент {customer}: {what}.\nТема: {subject}\nЗанимается: {manager}\n\n"
        "prebill support show {number}\n",
    },
    "too_many": {"en": "{letters} and not settled; {most} should do",
                 "ru": "уже {letters}, а должно хватать {most}"},
    "came_back": {"en": "letters to {address} come back; reach the client another way",
                  "ru": "письма на {address} возвращаются; свяжитесь с клиентом иначе"},
    "late_acknowledge": {"en": "not acknowledged, late by {late}", "ru": "не подтверждено, опоздание {late}"},
    "late_manager": {"en": "no manager named, late by {late}", "ru": "менеджер не назван, опоздание {late}"},
    "late_first_answer": {"en": "no answer by a person, late by {late}",
                          "ru": "нет ответа от человека, опоздание {late}"},
    "late_next_answer": {"en": "the client waits for an answer, late by {late}",
                         "ru": "клиент ждёт ответа, опоздание {late}"},
    "late_closing": {"en": "not closed by the promised date, late by {late}",
                     "ru": "не закрыто к обещанному сроку, опоздание {late}"},
}  # fmt: skip


def say(key: str, lang: str, **values: object) -> str:
    """A sentence; a language that is not known is English."""
    said = _WORDS[key]
    return said.get(lang, said["en"]).format(**values)


_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def _in_units(seconds: float) -> tuple[int, str]:
    """In the greatest unit that says enough, rounded up; a day is 24 hours."""
    for unit, size in _UNITS:
        if seconds >= 2 * size or (unit == "hour" and seconds == size):
            return -(-int(seconds) // size), unit
    return max(1, -(-int(seconds) // 60)), "minute"


def span_text(seconds: float, lang: str) -> str:
    """`3 hours`, `20 minutes`."""
    return counted(*_in_units(seconds), lang)


def late_text(seconds: float, lang: str) -> str:
    """`2 days 13 hours`, `3 hours 1 minute`, rounded down: a lateness is not made longer by being told."""
    minutes = max(1, int(seconds) // 60)
    days, hours, rest = (minutes // 1_440, minutes // 60 % 24, 0) if minutes >= 2 * 1_440 else (0, 0, minutes)
    if rest >= 120:
        hours, rest = divmod(rest, 60)
    parts = (days * 86_400, hours * 3_600, rest * 60)
    return " ".join(span_text(part, lang) for part in parts if part)


def within_text(seconds: float, lang: str) -> str:
    """The same after `within`, which in Russian asks for the genitive."""
    return counted(*_in_units(seconds), lang, "genitive")
