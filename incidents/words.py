"""Times, counts and numbers as people and machines read them in the incident room, in English and Russian."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from typing import Literal

    Case = Literal["nominative", "accusative", "genitive"]

TIED = "\u00a0"
"""What does not break keeps thousands, and a currency, with their number, as on bills."""


class _Noun(Struct, frozen=True):
    """`one`, `two`, `five`: what stands behind these numbers; `accusative`: of one, where it is another word."""

    one: str
    two: str
    five: str
    accusative: str = ""


_RUSSIAN = {
    "minute": _Noun("минута", "минуты", "минут", "минуту"),
    "hour": _Noun("час", "часа", "часов"),
    "day": _Noun("день", "дня", "дней"),
    "request": _Noun("запрос", "запроса", "запросов"),
    "span": _Noun("промежуток", "промежутка", "промежутков"),
    "time": _Noun("раз", "раза", "раз"),
    "client": _Noun("клиент", "клиента", "клиентов"),
    "incident": _Noun("инцидент", "инцидента", "инцидентов"),
    "open incident": _Noun("открытый инцидент", "открытых инцидента", "открытых инцидентов"),
    "notice": _Noun("уведомление", "уведомления", "уведомлений"),
    "warning": _Noun("предупреждение", "предупреждения", "предупреждений"),
    "letter": _Noun("письмо", "письма", "писем"),
    "gap": _Noun("пропуск", "пропуска", "пропусков"),
}


def sentence_start(text: str, *names: str) -> str:
    """With a capital, unless it begins with the name of something: names stay as they are written."""
    named = any(
        name and text.startswith(name) and not text[len(name) : len(name) + 1].isalnum() for name in names
    )
    return text if named else text[:1].upper() + text[1:]


def instant_text(at: float) -> str:
    """RFC 3339 in UTC; to the millisecond where it is not a whole second."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond >= 1000 else "seconds").replace(
        "+00:00", "Z"
    )


def counted(count: float, noun: str, language: str = "en", case: Case = "nominative") -> str:
    """`1 minute`, `1,200 minutes`, `1 минута`, `2 минуты`, `5 минут`: what is counted, after its number. The one place
    that knows plurals; in Russian the nouns are listed above, and `case` is asked for by what stands before."""
    number = f"{count:,}" if isinstance(count, int) else f"{count:,g}"
    if language != "ru":
        return f"{number} {noun}{'' if count == 1 else 's'}"
    return f"{number_text(number, 'ru')} {_behind(count, _RUSSIAN[noun], case)}"


def _behind(count: float, noun: _Noun, case: Case) -> str:
    if count != int(count):
        return noun.two  # 2,5 часа
    last, tens = abs(int(count)) % 10, abs(int(count)) % 100
    ends_in_one = last == 1 and tens != 11
    if case == "genitive":
        return noun.two if ends_in_one else noun.five
    if ends_in_one:
        return noun.accusative or noun.one if case == "accusative" else noun.one
    return noun.two if 2 <= last <= 4 and not 12 <= tens <= 14 else noun.five


def number_text(number: str, language: str) -> str:
    """A number as English writes it (`1,200.5`) in the language's manner: `1 200,5`."""
    return number.replace(",", TIED).replace(".", ",") if language == "ru" else number
