"""What the liaison gets: one text for all clients who are to read the same, and to whom it goes; from the notices to
clients that are due at one moment to the message for the one who speaks with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.began import began
from incidents.messages.letters import Letter, Story, promise, write_letter
from incidents.messages.render import render
from incidents.messages.words import LANGUAGES, clock_text, language, one_line, scope_text
from incidents.people.recipients import Customer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from incidents.channels.model import Sending
    from incidents.messages.families import Families
    from incidents.model import Transition

IN_LINE = 10
LISTED = 500
"""Names of clients in one message; a liaison must have them all, a mail program must take it."""

IN_FULL = 12
"""Texts in one message; those that follow differ by their times alone."""

ANYBODY = Customer(id="…")


class Case(Struct):
    """One incident's letter, the newest of those that are due. `known`: whether it is known whom it hits. `left`: what
    stays open of its client when this is over."""

    notice: Transition
    customers: dict[str, Customer]
    story: Story
    known: bool = True
    left: Transition | None = None


def has_draft(sending: Sending) -> bool:
    """Whether there is a text to send: to clients without a contact, or to nobody knows whom."""
    return bool(sending.recipient.customers) or not is_known(sending.notice)


def is_known(notice: Transition) -> bool:
    """Whether a notice to clients says which ones."""
    return bool(notice.customers) or notice.scope.kind == "customer"


def cases_of(
    sendings: Sequence[Sending],
    stories: Mapping[str, Story],
    roster: Sequence[Sequence[Customer]],
    families: Families,
) -> list[Case]:
    """An entry for each incident, those of all its letters that are due. `roster`: for each sending whom it may hit,
    where that is all that is known."""
    cases: dict[str, Case] = {}
    told = zip(sendings, roster, strict=True)
    for sending, perhaps in sorted(told, key=lambda each: each[0].notice.at):
        notice = sending.notice
        customers = {each.id: each for each in sending.recipient.customers or perhaps}
        case = cases.get(notice.incident)
        if case is not None and (case.known or not is_known(notice)):
            customers = case.customers | customers
        story = stories.get(notice.incident) or Story(began(notice))
        cases[notice.incident] = Case(notice, customers, story, is_known(notice), families.left_by(notice))
    return list(cases.values())


def draft_text(cases: Iterable[Case], context: str, *, lang: str, tz: str, repeat: float, now: float) -> str:
    """The message's text. `lang`, for the liaison; letters are in their readers'. `context`: what is known."""
    groups: dict[tuple[object, ...], list[Case]] = {}
    for case in cases:
        letter = _write(case, ANYBODY, "en", tz, repeat, now)
        whom = case.known or scope_text(case.notice.scope, lang)
        groups.setdefault((case.notice.draft, whom, letter.text), []).append(case)
    room, parts = LISTED, []
    for number, group in enumerate(groups.values()):
        customers = {key: each for case in group for key, each in case.customers.items()}
        shown = list(customers.values())[: max(0, room)]
        room -= len(shown)
        parts.append(_part(group, shown, len(customers), number < IN_FULL, lang, tz, repeat, now))
    return render(f"liaison.{lang}.j2", parts=parts, context=context)


def _part(
    group: list[Case],
    shown: list[Customer],
    total: int,
    in_full: bool,
    lang: str,
    tz: str,
    repeat: float,
    now: float,
) -> dict[str, object]:
    first = group[0]
    spoken = dict.fromkeys(language(each.lang) for each in shown) or dict.fromkeys((lang, *LANGUAGES))
    name = shown[0] if total == 1 and first.known else ANYBODY
    names = {each: [_name(one) for one in shown if language(one.lang) == each] for each in spoken}
    few = len(shown) == total and total <= IN_LINE
    return {
        "draft": first.notice.draft,
        "known": first.known,
        "scope": "" if first.known else scope_text(first.notice.scope, lang),
        "total": total,
        "customers": ", ".join(map(_name, shown)) if few else "",
        "lists": []
        if few
        else [{"lang": each, "names": ", ".join(some)} for each, some in names.items() if some],
        "left": total - len(shown),
        "more": f"prebill incidents show {first.notice.incident}"
        if len(group) == 1
        else "prebill incidents list",
        "since": clock_text(first.story.opened, tz, dated=False),
        "next": promise(first.notice, repeat, tz, now),
        "letters": [_write(first, name, each, tz, repeat, now) for each in spoken] if in_full else [],
    }


def _write(case: Case, customer: Customer, lang: str, tz: str, repeat: float, now: float) -> Letter:
    return write_letter(
        case.notice,
        customer,
        case.story,
        lang=lang,
        tz=tz,
        repeat=repeat,
        now=now,
        to=case.customers if case.known else (ANYBODY.id,),
        left=case.left,
    )


def _name(customer: Customer) -> str:
    return one_line(customer.name or customer.id, 60)
