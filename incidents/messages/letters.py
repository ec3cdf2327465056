"""Letters to clients: the problem, why it matters to them, when the next message comes; never when it will be
repaired."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.messages.render import render
from incidents.messages.words import clock_text, language, one_line
from incidents.model import Harm, Kind, Priority, Status

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from incidents.model import Transition
    from incidents.people.recipients import Customer

_WHAT: Mapping[str, Mapping[str, str]] = {
    "en": {
        "confirmed": "requests to your sites fail, in part or all of them",
        "suspected": "we see signs that requests to your sites may fail, and are verifying it",
        "edge": "one of our locations is not serving as it should",
        "origin": "your origin server fails to answer our requests",
        "traffic": "far fewer requests reach your sites than usual at this time, while our network answers for them",
        "line": "our support line does not answer as it should",
        "other": "we see something unusual in what your sites answer",
    },
    "ru": {
        "confirmed": "запросы к вашим сайтам не выполняются, частично или полностью",
        "suspected": "есть признаки, что запросы к вашим сайтам могут не выполняться; мы это проверяем",
        "edge": "одна из наших площадок обслуживает не так, как должна",
        "origin": "ваш сервер-источник не отвечает на наши запросы",
        "traffic": "к вашим сайтам приходит намного меньше запросов, чем обычно в это время; наша сеть отвечает",
        "line": "наша линия поддержки отвечает не так, как должна",
        "other": "мы видим необычное в ответах ваших сайтов",
    },
}
_MATTERS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "confirmed": "visitors may not get your pages and video, or get them slowly",
        "suspected": "some visitors may not get your pages and video",
        "edge": "some of your visitors, those nearest to it, may wait longer or not be served",
        "origin": "visitors get only what is in our caches; new and personal pages fail",
        "traffic": "visitors may not be reaching you: look at your names in DNS, your links and your own checks",
        "line": "a call may not reach us; your sites are not concerned, and a letter to us arrives",
        "other": "some visitors may notice it",
    },
    "ru": {
        "confirmed": "посетители могут не получать страницы и видео или получать их медленно",
        "suspected": "часть посетителей может не получать страницы и видео",
        "edge": "часть посетителей, ближайших к ней, может ждать дольше или не получать ответа",
        "origin": "посетители получают только то, что есть в наших кэшах; новые и личные страницы не открываются",
        "traffic": "посетители могут до вас не доходить: проверьте свои имена в DNS, ссылки и собственные проверки",
        "line": "до нас можно не дозвониться; ваших сайтов это не касается, письмо до нас дойдёт",
        "other": "часть посетителей может это заметить",
    },
}


class Letter(Struct, frozen=True):
    """What a client reads."""

    lang: str
    subject: str
    text: str


class Story(Struct):
    """What is known of an incident's past: when it began, as the evidence says, and when its clients were first written
    to (epoch seconds); `over`: when it ended the last time; `judged`: it is over by a person's word, and no evidence
    says so; `reached`: clients who were given a letter about it, None where that is not known."""

    opened: float
    lettered: float | None = None
    judged: bool = False
    over: float = 0.0
    reached: set[str] | None = None


def write_letter(
    notice: Transition,
    customer: Customer,
    story: Story,
    *,
    lang: str,
    tz: str,
    repeat: float,
    now: float | None = None,
    to: Collection[str] = (),
    left: Transition | None = None,
) -> Letter:
    """The letter that a notice to clients is, for one of them: the first, news, a warning, or the end. `now`: when it
    is sent, where that may be long after the notice was made. `to`: the ids of all who read it, where that is not only
    the customer. `left`: what stays open of the same client when this is over."""
    lang = language(lang)
    case = _case(notice)
    text = render(
        f"letter_{_kind(notice, story, to or (customer.id,))}.{lang}.j2",
        left=left is not None,
        left_next=promise(left, repeat, tz, now) if left is not None else "",
        name=one_line(customer.name or customer.id),
        since=clock_text(story.opened, tz, dated=False),
        next=promise(notice, repeat, tz, now),
        what=_WHAT[lang][case],
        matters=_MATTERS[lang][case],
    )
    subject, _, body = text.partition("\n")
    return Letter(lang, subject, body.strip() + "\n")


def next_message(notice: Transition, repeat: float, now: float | None = None) -> float | None:
    """When the next message is promised for, epoch seconds; None where none is due by the clock: it is over,
    or it was only a warning. A notice that goes late promises the first repeat that is still to come."""
    if notice.status is Status.RESOLVED or notice.priority is not Priority.COMPANY_WIDE:
        return None
    late = max(0.0, (notice.at if now is None else now) - notice.at)
    return notice.at + repeat * (late // repeat + 1)


def promise(notice: Transition, repeat: float, tz: str, now: float | None = None) -> str:
    """The same in words, empty where none is due."""
    due = next_message(notice, repeat, now)
    return "" if due is None else clock_text(due, tz, dated=False)


def _kind(notice: Transition, story: Story, to: Collection[str]) -> str:
    if notice.status is Status.RESOLVED or "-over." in notice.notice:  # lowered: for its clients it is over
        if story.judged:
            return "closed"
        warned = story.lettered is None and notice.priority is not Priority.COMPANY_WIDE
        return "ended" if warned else "resolved"
    if notice.priority is not Priority.COMPANY_WIDE:
        return "warning"
    new = story.lettered in (None, notice.at) if story.reached is None else not story.reached.issuperset(to)
    return "first" if new else "update"


def _case(notice: Transition) -> str:
    if notice.priority is not Priority.COMPANY_WIDE:
        signs = {"the origin": "origin", "the traffic of": "traffic"}  # as the engine says it
        return next((case for sign, case in signs.items() if sign in notice.reason), "other")
    if notice.scope.kind in ("edge", "support_line"):
        return "edge" if notice.scope.kind == "edge" else "line"
    if notice.kind is Kind.CLIENT_REQUEST:
        return "suspected"  # confirmed harm is an outage's, which writes its own letters, and may have been dismissed
    return "confirmed" if notice.harm is Harm.CONFIRMED else "suspected"
