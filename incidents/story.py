"""Transitions told to people: a line each with its time, what happened, who hears it and why; for the replay's
screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.model import Change, Priority
from incidents.phrases import in_language, source_text
from incidents.screen_words import back_text, heard_by, whom, word
from incidents.words import instant_text, sentence_start

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from incidents.model import Transition


class Line(Struct, frozen=True):
    """`tone`: a style's name by urgency. `below`: what hangs under the line, evidence or a reason's rest."""

    when: str
    who: str
    text: str
    tone: str
    below: tuple[str, ...] = ()


def story(transitions: Iterable[Transition], language: str = "en") -> Iterator[Line]:
    """Each transition as a line; the day is told when it changes, evidence only where something is decided by it."""
    day = ""
    for one in transitions:
        text = instant_text(one.at)
        if text[:10] != day:
            day = text[:10]
            yield Line("", "", day, "bold")
        notice = one.change is Change.NOTICE
        yield Line(
            when=text[11:].rstrip("Z"),
            who=heard_by(one, language) if notice else "",
            text=in_language(one.reason, language) if notice else _what(one, language),
            tone="dim" if notice else _tone(one),
            below=() if notice else _evidence(one, language),
        )


def ending(transitions: Iterable[Transition], language: str = "en") -> list[str]:
    """How every incident stands at the end, a sentence each."""
    last: dict[str, Transition] = {one.incident: one for one in transitions}
    return [
        f"{one.incident}  {_name(one, language)}: {word('status', one.status.value, language)}, "
        f"{_priority(one, language)}, {_harm(one, language)}{_below(one, language)}"
        + (f", {back_text(one.flaps, language)}" if one.flaps else "")
        for one in last.values()
    ]


def _what(one: Transition, language: str) -> str:
    by = "" if one.actor == "engine" else f" by {one.actor}" if language != "ru" else f" ({one.actor})"
    change = word("change", one.change.value, language)
    return (
        f"{_name(one, language)}{': ' if language == 'ru' else ' '}{change}{by}"
        f"{'; ' if language == 'ru' else ': '}{_priority(one, language)}, {_harm(one, language)}"
        f"{_below(one, language)}. {_sentence(in_language(one.reason, language), (one.scope.id, *one.customers))}"
    )


def _below(one: Transition, language: str) -> str:
    if not one.parent:
        return ""
    return f", часть {one.parent}" if language == "ru" else f", below {one.parent}"


def _harm(one: Transition, language: str) -> str:
    told = word("harm", one.harm.value, language)
    return f"вред {told}" if language == "ru" else f"harm {told}"


def _evidence(one: Transition, language: str) -> tuple[str, ...]:
    if one.change is Change.ACKNOWLEDGED:
        return ()
    return tuple(
        f"{source_text(fact.source, language)}: {in_language(fact.text, language)}"
        f" ({instant_text(fact.at)[11:].rstrip('Z')})"
        for fact in one.evidence[:5]
    )


def _name(one: Transition, language: str) -> str:
    if language == "ru":
        return f"{word('kind', one.kind.value, language)}, {whom(one.scope, language)}"
    return f"{word('kind', one.kind.value, language)} of {one.scope}"


def _priority(one: Transition, language: str) -> str:
    return word("priority", one.priority.value, language)


def _sentence(text: str, names: Iterable[str]) -> str:
    return sentence_start(text, *names) + ("" if text.endswith(".") else ".")


def _tone(one: Transition) -> str:
    if one.change is Change.RESOLVED:
        return "green"
    return {Priority.COMPANY_WIDE: "bold red", Priority.HIGH: "yellow"}.get(one.priority, "default")
