"""What a letter is about, by the words in its subject and in what the writer himself wrote: for intake.py, with the
words of the settings. A rule that anybody can check by hand; a person may file a request otherwise. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from incidents.desk.mail.own_words import own_words, without_notices, without_signature

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incidents.desk.mail.message import Incoming
    from incidents.desk.model import RequestKind
    from incidents.desk.settings import SupportSettings

NEAR = 3
"""A bare number among the words, as `502`, counts with one of these at most so many words before or after it: a
price, an order's number or a room is no error."""
_BESIDE_A_NUMBER = re.compile(
    r"http|https|err|error|errors|ошиб\w*|status|статус\w*|код|кода|коды|кодом|code|codes|gateway|response|responses"
    r"|respond\w*|ответ|ответы|отвеча\w*|отда(?:е|ю)т|отдава\w*|возвраща\w*|returns?|returned|returning|server"
    r"|сервер\w*|nginx|edge|origin|cdn"
)
_OF_AN_ORDER = re.compile(
    r"заказ\w*|счет\w*|договор\w*|orders?|invoices?|promo\w*|промо\w*|zip|postal|number|номер\w*"
)
_ERROR = re.compile(r"\b(?:ошиб\w*|errors?)\b", re.IGNORECASE)
_PAPER = r"(?:сч[её]т(?:е|ах)|акт(?:е|ах)|договор(?:е|ах)|invoices?|bills?|billing)\b(?![.-]\w)"
_WORDS = r"(?:[^\W\d]+\s+)"
_OF_A_PAPER = re.compile(
    rf"\bошиб\w*\s+в\s+{_WORDS}{{0,2}}{_PAPER}|\bв\s+{_WORDS}{{0,2}}{_PAPER}\s+{_WORDS}{{0,4}}ошиб\w*"
    rf"|\berrors?\s+(?:in|on|with)\s+{_WORDS}{{0,2}}{_PAPER}"
    rf"|\b{_PAPER}\s+(?:(?:has|have|contains?|with|an?|some)\s+){{0,3}}errors?\b",
    re.IGNORECASE,
)
"""An error in an invoice, an act or a contract is a matter of money."""
_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_CLEAR_LATIN = r"(?:s|es|ed|d|ing)?\b"


def kind_of(letter: Incoming, settings: SupportSettings) -> RequestKind:
    """Technical before billing: who cannot be served waits for nothing. What a machine wrote is never technical: a
    newsletter about an outage is none of ours."""
    said = without_notices(without_signature(own_words(letter.text, letter.subject)))
    text = f"{letter.subject}\n{said}"
    of_service = _OF_A_PAPER.sub(lambda found: _ERROR.sub(" ", found[0]), text)
    if not letter.automatic and _has(_plain(of_service), settings.technical_words):
        return "technical"
    if _has(_plain(text), settings.billing_words):
        return "billing"
    return settings.mail_kind


def _plain(text: str) -> str:
    """As words are compared: small letters, one apostrophe, no ё, single spaces."""
    return " ".join(text.casefold().replace("\u2019", "'").replace("ё", "е").split())


def _has(text: str, words: Iterable[str]) -> bool:
    numbers = [word for word in words if word.isdigit()]
    return any(_pattern(word).search(text) for word in words if not word.isdigit()) or (
        bool(numbers) and _has_number(text, frozenset(numbers))
    )


@lru_cache(maxsize=1_000)
def _pattern(word: str) -> re.Pattern[str]:
    """A word begins one of the text's; an English one is that word, or its plural, past or -ing, so that `down` is not
    in `download`."""
    plain = _plain(word)
    whole = _CLEAR_LATIN if re.search(r"[a-z]$", plain) else ""
    return re.compile(rf"\b{re.escape(plain)}{whole}")


def _has_number(text: str, numbers: frozenset[str]) -> bool:
    spoken = _TOKEN.findall(text)
    for place, word in enumerate(spoken):
        if word not in numbers:
            continue
        beside = spoken[max(0, place - NEAR) : place] + spoken[place + 1 : place + 1 + NEAR]
        if any(_BESIDE_A_NUMBER.fullmatch(each) for each in beside) and not any(
            _OF_AN_ORDER.fullmatch(each) for each in beside
        ):
            return True
    return False
