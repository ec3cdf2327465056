"""What the engine and the probers say, in Russian: their English sentences, as the log keeps them for machines and for
ever, are recognised by the phrasebook's templates and filled in anew; for notices, drafts, post-mortems and tasks.

What is in no template is somebody's own word, a note or a client's letter, and stays as it is.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.phrasebook import PHRASES, WORDS
from incidents.words import counted, number_text

if TYPE_CHECKING:
    from re import Match, Pattern

    from incidents.words import Case

DEEPEST = 7
"""Sentences within sentences: `not resolved: it is back (flap 1): probes of c1 fail` has three."""

LONGEST = 4_000
"""What is longer was not written by the engine, and is not searched."""

_HOLE = re.compile(r"\{([a-z]+)\d?\}")
_KINDS = {
    "name": r"(?:(?!; ).){1,300}?",
    "n": r"[\d,.e+-]+",
    "at": r"[\d:.TZ+-]+",
    "text": r".*",
    "said": r".+",
    "known": r"(?:(?!; ).)+",
    "currency": r"[A-Z]{3}",
}
"""What fills a hole. `said`: a sentence of the phrasebook, or anybody's; `known`: just one of the phrasebook. `text`
is as somebody wrote it. Further kinds are the words of WORDS, with a name behind it for `whom`, and those of
_COUNTED."""

_COUNTED: dict[str, Case] = {
    "minutes": "accusative",
    "days": "accusative",
    "times": "nominative",
    "requests": "nominative",
    "spans": "nominative",
}
"""Kinds that are a number and what is counted, and the case that is asked for in Russian."""


class _Phrase(Struct, frozen=True):
    pattern: Pattern[str]
    russian: str
    kinds: dict[str, str]


def in_language(text: str, language: str) -> str:
    """A sentence of the engine or of a prober in English or Russian; anything else as it is."""
    if language != "ru" or len(text) > LONGEST:
        return text
    told = _whole(text, 0)
    return text if told is None else told


def source_text(source: str, language: str) -> str:
    """What kind of evidence it is: `probe`, `gap`."""
    return WORDS["source"].get(source, source) if language == "ru" else source


def _whole(text: str, depth: int) -> str | None:
    """The text in Russian, None where it is not known: one phrase, or several with semicolons between them."""
    if depth > DEEPEST:
        return None
    for phrase in _phrases():
        match = phrase.pattern.fullmatch(text)
        if match is not None:
            filled = {hole: _fill(match, hole, kind, depth) for hole, kind in phrase.kinds.items()}
            if None not in filled.values():
                return phrase.russian.format(**filled)
    parts = text.split("; ")
    if len(parts) == 1:
        return None
    told = [_whole(part, depth + 1) for part in parts]
    if not any(told):
        return None
    return "; ".join(new or old for new, old in zip(told, parts, strict=True))


def _fill(match: Match[str], hole: str, kind: str, depth: int) -> str | None:
    found = match[hole]
    if kind == "known":
        return _whole(found, depth + 1)
    if kind == "said":
        return _whole(found, depth + 1) or found
    if kind == "whom":
        word, _, name = found.partition(" ")
        return f"{WORDS['whom'][word]} {name}".strip()
    if kind in _COUNTED:
        return _counted(found, kind)
    if kind == "n":
        return number_text(found, "ru")
    if kind == "currency":
        return "₽" if found == "RUB" else found
    return WORDS[kind][found] if kind in WORDS else found


def _counted(found: str, kind: str) -> str:
    number = float(found.split(" ", 1)[0].replace(",", ""))
    return counted(int(number) if number == int(number) else number, kind[:-1], "ru", _COUNTED[kind])


@cache
def _phrases() -> tuple[_Phrase, ...]:
    return tuple(_phrase(english, russian) for english, russian in PHRASES)


def _phrase(english: str, russian: str) -> _Phrase:
    kinds: dict[str, str] = {}
    pattern, end = "", 0
    for hole in _HOLE.finditer(english):
        pattern += re.escape(english[end : hole.start()])
        end = hole.end()
        name = hole[0][1:-1]
        pattern += f"(?P={name})" if name in kinds else f"(?P<{name}>{_filling(hole[1])})"
        kinds[name] = hole[1]
    return _Phrase(re.compile(pattern + re.escape(english[end:]), re.DOTALL), russian, kinds)


def _filling(kind: str) -> str:
    if kind in _COUNTED:
        return rf"\d[\d,]*(?:\.\d+)?(?:e\+\d+)? {kind[:-1]}s?"
    if kind not in WORDS:
        return _KINDS[kind]
    words = "|".join(map(re.escape, WORDS[kind]))
    return rf"(?:{words})(?: (?:(?!; ).){{1,300}}?)?" if kind == "whom" else f"(?:{words})"
