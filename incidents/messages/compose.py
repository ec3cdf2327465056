"""Makes the message that one recipient gets on one channel: of one notice, of several as a digest, of a letter
to clients, or of its draft for the liaison; in his language and by his clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.began import began
from incidents.channels.model import Message
from incidents.messages import words
from incidents.messages.drafts import ANYBODY, cases_of, draft_text, has_draft, is_known
from incidents.messages.families import Families
from incidents.messages.letters import Story, write_letter
from incidents.messages.render import page, render
from incidents.model import Audience, Change, Harm, Kind, Priority, Status
from incidents.people.recipients import Customer, Why
from incidents.people.settings import ROLES
from incidents.phrases import in_language, source_text
from incidents.words import sentence_start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from incidents.channels.model import Sending
    from incidents.model import Transition
    from incidents.people.recipients import Recipient
    from incidents.people.roles import Roles
    from incidents.people.settings import People

EVIDENCE_SHOWN = 8
IN_FULL = 5
IN_BRIEF = 30
CUSTOMERS_SHOWN = 10
ENGINE = "engine"
_FINE = tuple(
    f"{what}: fine since " for what in ("not resolved", "not acknowledged", "still not acknowledged")
)


class Composer:
    """Remembers of each incident only when it began, when its clients were first written to, and who ended it.
    `roster`: whom an incident may hit, where that is all that is known; for the liaison alone."""

    def __init__(
        self, people: People, repeat: float, roster: Callable[[Transition], Sequence[Customer]] | None = None
    ) -> None:
        self._people = people
        self._roster = roster or (lambda _: ())
        self._repeat = repeat
        self._stories: dict[str, Story] = {}
        self._families = Families()

    def learn(self, transition: Transition) -> None:
        """Every transition, in order."""
        self._families.learn(transition)
        story = self._stories.setdefault(transition.incident, Story(transition.at, reached=set()))
        if transition.change is Change.REOPENED:
            story.opened, story.lettered, story.judged, story.reached = transition.at, None, False, set()
        if transition.status is not Status.RESOLVED:
            story.opened = min(story.opened, began(transition, story.over))
        if transition.change is Change.RESOLVED:
            story.over = transition.at
            story.judged = transition.actor != ENGINE and transition.harm is not Harm.NONE
        letter = transition.change is Change.NOTICE and transition.audience is Audience.CLIENT
        if letter and transition.priority is Priority.COMPANY_WIDE and story.lettered is None:
            story.lettered = transition.at

    def delivered(self, sending: Sending) -> None:
        """A letter is with its client, or with the one who passes it on: the next is not his first."""
        story = self._stories.get(sending.notice.incident)
        wide = sending.notice.priority is Priority.COMPANY_WIDE
        if (
            sending.notice.audience is not Audience.CLIENT
            or not wide
            or story is None
            or story.reached is None
        ):
            return
        if sending.recipient.why in (Why.CLIENT, Why.LIAISON):
            story.reached |= {each.id for each in sending.recipient.customers} or {ANYBODY.id}

    def covered_by(self, sending: Sending) -> str:
        """The incident whose letter is to go to the same client in this one's place, empty where there is none."""
        if sending.recipient.why not in (Why.CLIENT, Why.LIAISON):
            return ""
        return self._families.covered_by(sending.notice)

    def message(
        self, key: str, sendings: Sequence[Sending], roles: Mapping[str, Roles], now: float
    ) -> Message:
        """One message for sendings of one recipient and channel, the most urgent first."""
        recipient = sendings[0].recipient
        lang = words.language(recipient.lang)
        urgent = any(each.urgent for each in sendings)
        if recipient.why is Why.CLIENT:
            subject, text = self._letter(sendings[-1], now)
        elif recipient.why is Why.LIAISON:
            subject, text = self._liaison(sendings, roles, lang, now)
        else:
            parts = [self._part(each, roles[each.notice.incident], lang, now) for each in sendings[:IN_FULL]]
            subject, text = parts[0] if len(sendings) == 1 else _digest(sendings, parts, lang)
        return Message(
            key=key,
            at=now,
            to=recipient.id,
            name=recipient.name,
            subject=subject,
            text=text,
            html=page(subject, text, lang, urgent=urgent),
            urgent=urgent,
            why=recipient.why.value,
            notices=tuple(each.notice for each in sendings),
        )

    def _letter(self, sending: Sending, now: float) -> tuple[str, str]:
        recipient, notice = sending.recipient, sending.notice
        letter = write_letter(
            notice,
            Customer(id=recipient.customers[0].id, name=recipient.name),
            self._stories.get(notice.incident) or Story(began(notice)),
            lang=recipient.lang,
            tz=recipient.tz,
            repeat=self._repeat,
            now=now,
            left=self._families.left_by(notice),
        )
        return letter.subject, letter.text

    def _part(self, sending: Sending, roles: Roles, lang: str, now: float) -> tuple[str, str]:
        return _subject(sending.notice, lang), self._notice(sending, roles, lang, now)

    def _notice(self, sending: Sending, roles: Roles, lang: str, now: float) -> str:
        notice, recipient = sending.notice, sending.recipient
        newest = sorted(notice.evidence, key=lambda fact: -fact.at)
        resolved = notice.status is Status.RESOLVED
        following = words.NEXT[lang][_next(sending)]
        personal = recipient.why in (Why.ON_CALL, Why.COMPANY)
        return render(
            f"notice.{lang}.j2",
            harm=(words.HARM_BEFORE if resolved or _is_fine(notice) else words.HARM)[lang][notice.harm.value],
            reason=sentence_start(
                words.one_line(in_language(notice.reason, lang), 1000), notice.scope.id, *notice.customers
            ),
            evidence=[
                {
                    "clock": words.clock_text(fact.at, recipient.tz),
                    "age": words.age_text(now - fact.at, lang),
                    "source": words.one_line(source_text(fact.source, lang), 60),
                    "text": words.one_line(in_language(fact.text, lang), 300),
                }
                for fact in newest[:EVIDENCE_SHOWN]
            ],
            more_evidence=max(0, len(newest) - EVIDENCE_SHOWN),
            customers=_names(notice.customers),
            roles=self._roles(roles, lang),
            next=following.format(id=notice.incident),
            acknowledge=_acknowledge(notice, recipient) if personal and not resolved else "",
            id=notice.incident,
            parent=notice.parent,
            status=words.STATUS[lang][notice.status.value],
            flaps=notice.flaps,
            why=words.WHY[lang][recipient.why.value],
        )

    def _liaison(
        self, sendings: Sequence[Sending], roles: Mapping[str, Roles], lang: str, now: float
    ) -> tuple[str, str]:
        """Drafts first; what is known of one incident in full, of more a line each."""
        tz, drafts = self._people.oncall.tz, [each for each in sendings if has_draft(each)]
        parts = [self._part(each, roles[each.notice.incident], lang, now) for each in sendings[:1]]
        subject, context = parts[0] if len(sendings) == 1 else _digest(sendings, [], lang, parts[0][0])
        if not drafts:
            return subject, context
        perhaps = [() if is_known(each.notice) else self._roster(each.notice) for each in drafts]
        cases = cases_of(drafts, self._stories, perhaps, self._families)
        return subject, draft_text(cases, context, lang=lang, tz=tz, repeat=self._repeat, now=now)

    def _roles(self, roles: Roles, lang: str) -> str:
        held = ((role, getattr(roles, role)) for role in ROLES)
        return ", ".join(
            f"{words.ROLE[lang][role]} — {person.name or person.id}"
            for role, name in held
            if (person := self._people.of(name)) is not None
        )


def _subject(notice: Transition, lang: str) -> str:
    status = f"{words.STATUS[lang]['resolved']}: " if notice.status is Status.RESOLVED else ""
    what = f"{words.PRIORITY[lang][notice.priority.value]} · {words.KIND[lang][notice.kind.value]}"
    return words.one_line(f"{status}{what} · {words.scope_text(notice.scope, lang)}", 120)


def _is_fine(notice: Transition) -> bool:
    """A reminder while minutes are counted in which all is well."""
    return notice.reason.startswith(_FINE)


def _acknowledge(notice: Transition, recipient: Recipient) -> str:
    return f'prebill incidents ack {notice.incident} --actor {recipient.id} --reason "…"'


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(words.one_line(name, 60) for name in names[:CUSTOMERS_SHOWN])
    left = len(names) - CUSTOMERS_SHOWN
    return f"{shown} + {left}" if left > 0 else shown


def _next(sending: Sending) -> str:
    """Which of the sentences about what to do next."""
    notice = sending.notice
    if sending.recipient.why is Why.LIAISON:
        return "letter" if has_draft(sending) else "lettered"
    if notice.status is Status.RESOLVED:
        return "resolved"
    return "task" if notice.kind is Kind.OUTAGE and notice.priority is Priority.NORMAL else notice.kind.value


def _digest(
    sendings: Sequence[Sending], parts: Sequence[tuple[str, str]], lang: str, first: str = ""
) -> tuple[str, str]:
    """The first in full (`parts`), more by a line each, the rest by their number. `first`: the subject of the first."""
    brief = sendings[len(parts) : len(parts) + IN_BRIEF]
    text = render(
        f"digest.{lang}.j2",
        total=len(sendings),
        incidents=len({each.notice.incident for each in sendings}),
        full=[{"subject": each[0], "text": each[1]} for each in parts],
        brief=[
            words.one_line(
                f"{_subject(each.notice, lang)}: {in_language(each.notice.reason, lang)} "
                f"({each.notice.incident})",
                240,
            )
            for each in brief
        ],
        left=max(0, len(sendings) - len(parts) - IN_BRIEF),
    )
    return words.one_line(f"{first or parts[0][0]} (+{len(sendings) - 1})", 140), text
