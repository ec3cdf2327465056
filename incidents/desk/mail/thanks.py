"""Whether a letter thanks and says nothing else: from a client's own words, for incidents/desk/mail/intake.py. A rule
that anybody can check by hand: every word of it is in the lists below, or a name of ours, and one of them thanks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.desk.mail.own_words import without_signature

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_WORDS = 25
"""Who writes more has more to say."""

_SAID_TO_THANK = """
thanks thank thx thankyou cheers
спасибо спасибочки спс благодарю благодарим благодарен благодарна благодарны благодарность
"""
_SAID_WITH_IT = """
hello hi dear all good day morning evening team support guys you u your very much so many lot lots a of for the it's
its it is everything now works working fine great excellent perfect super nice ok okay help helping quick fast prompt
swift answer reply response work solved fixed resolved done and again best regards kind здравствуйте добрый день вечер
утро доброе привет уважаемые коллеги друзья команда поддержка большое огромное преогромное вам тебе вас за помощь
помогли поддержку оперативность быструю быстрый скорый оперативный оперативную ответ решение работу всё все теперь уже
работает заработало заработал заработала хорошо отлично прекрасно супер здорово замечательно ок окей ясно понятно
понял поняла поняли решено решили исправлено в порядке очень и ещё еще раз мы я с уважением наилучшими пожеланиями
хорошего дня
"""
"""What is said beside it. A `not`, a `but` or a question is in no list, and so makes it more than thanks."""
_THANKS, _WITH_THANKS = frozenset(_SAID_TO_THANK.split()), frozenset(_SAID_WITH_IT.split())

_SCORE = re.compile(r"(?<![\d.,/])(10|\d)(?![\d.,]*\d)(?:\s*(?:/|из|of|out\s+of)\s*10\b)?", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")


class Thanks(Struct, frozen=True):
    """Bare thanks. `score`: the one number from 0 to 10 in them."""

    score: int | None = None


def bare_thanks(words: str, names: Iterable[str] = ()) -> Thanks | None:
    """What a letter that only thanks says; None where it says more. `names`: of our people, who may be thanked by
    name. The signature under a farewell does not count."""
    said = without_signature(words)
    if "?" in said:
        return None
    scores = [int(found[1]) for found in _SCORE.finditer(said)]
    told = _SCORE.sub(" ", said)
    if len(scores) > 1 or re.search(r"\d", told):
        return None
    spoken = [word.casefold().replace("\u2019", "'") for word in _WORD.findall(told)]
    ours = {word.casefold() for name in names for word in _WORD.findall(name)}
    if len(spoken) > MOST_WORDS or _THANKS.isdisjoint(spoken):
        return None
    if not all(word in _THANKS or word in _WITH_THANKS or word in ours for word in spoken):
        return None
    return Thanks(scores[0] if scores else None)
