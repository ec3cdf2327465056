"""Transitions told to people: a line each with its time, what happened, who hears it and why; for the replay's
screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.model import Audience, Change, Priority
from incidents.words import counted, instant_text

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


def story(transitions: Iterable[Transition]) -> Iterator[Line]:
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
            who=_hearer(one) if notice else "",
            text=one.reason if notice else _what(one),
            tone="dim" if notice else _tone(one),
            below=() if notice else _evidence(one),
        )


def ending(transitions: Iterable[Transition]) -> list[str]:
    """How every incident stands at the end, a sentence each."""
    last: dict[str, Transition] = {one.incident: one for one in transitions}
    return [
        f"{one.incident}  {_name(one)}: {one.status.value}, {_word(one.priority)}, harm {one.harm.value}"
        + (f", below {one.parent}" if one.parent else "")
        + (f", came back {counted(one.flaps, 'time')}" if one.flaps else "")
        for one in last.values()
    ]


def _what(one: Transition) -> str:
    below = f", below {one.parent}" if one.parent else ""
    by = "" if one.actor == "engine" else f" by {one.actor}"
    harm = f"harm {one.harm.value}"
    return (
        f"{_name(one)} {one.change.value}{by}: {_word(one.priority)}, {harm}{below}. {_sentence(one.reason)}"
    )


def _hearer(one: Transition) -> str:
    if one.audience is Audience.ON_CALL:
        return f"on call {one.level}"
    if one.audience is Audience.CLIENT:
        return "client (draft)" if one.draft else "client"
    return {Audience.COMPANY: "everyone", Audience.QUEUE: "task queue"}.get(
        one.audience or Audience.QUEUE, ""
    )


def _evidence(one: Transition) -> tuple[str, ...]:
    if one.change is Change.ACKNOWLEDGED:
        return ()
    return tuple(
        f"{fact.source}: {fact.text} ({instant_text(fact.at)[11:].rstrip('Z')})" for fact in one.evidence[:5]
    )


def _name(one: Transition) -> str:
    return f"{one.kind.value.replace('_', ' ')} of {one.scope}"


def _word(priority: Priority) -> str:
    return priority.value.replace("_", "-")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _tone(one: Transition) -> str:
    if one.change is Change.RESOLVED:
        return "green"
    return {Priority.COMPANY_WIDE: "bold red", Priority.HIGH: "yellow"}.get(one.priority, "default")
