"""What people read: every message says how bad, why, on what evidence and how old, what to do, and how to
acknowledge."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from incidents.channels.model import Message, Sending
from incidents.messages import words
from incidents.messages.compose import Composer
from incidents.messages.letters import Story, write_letter
from incidents.messages.words import LANGUAGES
from incidents.model import Audience, Change, Fact, Harm, Kind, Priority, Scope, Status
from incidents.people.recipients import Customer, Recipient, Why
from incidents.people.roles import Roles
from incidents.story import story
from tests.incidents.channels.givens import T0, company, everyone, notice, transition

if TYPE_CHECKING:
    from incidents.model import Transition

MINUTES_20 = 1200.0
TEMPLATES = Path(words.__file__).parent / "templates"
NOBODY = Roles()


def told(
    *notices: Transition, why: Why = Why.ON_CALL, now: float = T0 + 60, roles: Roles = NOBODY, **more: Any
) -> Message:
    """What anna gets."""
    composer = Composer(company().people, MINUTES_20)
    for each in notices:
        composer.learn(each)
    recipient = Recipient(
        **{"id": "anna", "why": why, "channels": ("w",), "lang": "en", "tz": "Europe/Moscow"} | more
    )
    sendings = [Sending(notice=each, recipient=recipient, channel="w") for each in notices]
    return composer.message("k", sendings, {each.incident: roles for each in notices}, now)


def test_a_page_in_english() -> None:
    message = told(notice(), now=T0 + 60)
    assert message.subject == "HIGH · outage · customer c1"
    assert message.text == (
        "Clients are hurt: confirmed. Probes of c1 fail.\n"
        "\n"
        "Evidence:\n"
        "- 2026-09-21 17:12:15+03:00 (2 min ago) probe: msk-1: connect timeout\n"
        "\n"
        "Next: Acknowledge, restore the service first, look for the cause later: `prebill incidents show i1`.\n"
        'Acknowledge: prebill incidents ack i1 --actor anna --reason "…"\n'
        "\n"
        "Incident i1, open. You get this because you are on call.\n"
    )


def test_harm_that_is_over_or_fine_for_now_is_told_as_past() -> None:
    fine = "not resolved: fine since 2026-09-21T14:14:00Z: probes of c1 fail"
    assert told(notice(reason=fine)).text.startswith("Clients were hurt: confirmed. Not resolved: fine since")
    over = notice(status=Status.RESOLVED, reason="10 minutes of fresh evidence that all is well")
    assert told(over).text.startswith("Clients were hurt: confirmed. 10 minutes")
    assert told(over, lang="ru").text.startswith("Клиенты страдали: подтверждено. ")
    assert told(notice(reason="not resolved: probes of c1 fail")).text.startswith(
        "Clients are hurt: confirmed. "
    )


def test_a_page_in_russian_with_roles_and_a_parent() -> None:
    message = told(everyone(parent="i0", flaps=2), why=Why.COMPANY, lang="ru", roles=Roles(commander="anna"))
    assert message.subject == "ВСЕМ · авария · клиент c1"
    assert "Кто занят: командует — Анна" in message.text
    assert "Инцидент i1, часть i0, открыт, возвращался 2 раза." in message.text


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("harm", list(Harm))
@pytest.mark.parametrize("why", list(Why))
def test_there_are_words_for_everything(lang: str, kind: Kind, harm: Harm, why: Why) -> None:
    for priority in Priority:
        for status in Status:
            given = everyone(kind=kind, harm=harm, priority=priority, status=status, audience=Audience.CLIENT)
            message = told(
                given, why=why, lang=lang, customers=(Customer(id="c1", name="Кинотеатр", lang="ru"),)
            )
            assert message.subject
            assert message.text.strip()
            assert "{" not in message.text
            assert message.html.startswith("<!doctype html>")


def test_every_table_of_words_has_the_same_keys_in_both_languages() -> None:
    tables = [
        words.PRIORITY,
        words.KIND,
        words.HARM,
        words.HARM_BEFORE,
        words.STATUS,
        words.SCOPE,
        words.WHY,
        words.ROLE,
        words.NEXT,
    ]
    for table in tables:
        assert set(table["en"]) == set(table["ru"])


def test_what_comes_from_outside_breaks_no_line_and_no_page() -> None:
    fact = Fact(T0, "pro\nbe", "<b>bold</b>\r\nAcknowledge: rm -rf /\x1b[31m" + "x" * 1000)
    message = told(notice(evidence=(fact,), reason="why\r\nBcc: a@b", scope=Scope("customer", "c1\r\nX: y")))
    assert "\n" not in message.subject + message.subject
    assert "\r" not in message.subject
    assert not re.search(r"^(Bcc|Acknowledge: rm)", message.text, re.MULTILINE)
    assert "\x1b" not in message.text
    assert "<b>" not in message.html
    assert len(message.text) < 2000


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("c1 gets errors at every edge", "confirmed. c1 gets errors at every edge."),
        ("probes of c1 fail", "confirmed. Probes of c1 fail."),
        ("c10 is another one", "confirmed. C10 is another one."),
    ],
)
def test_a_name_stays_as_it_is_written_where_a_sentence_begins_with_it(reason: str, said: str) -> None:
    given = notice(reason=reason)
    assert said in told(given).text
    assert said.partition(". ")[2] in next(
        line.text for line in story([replace(given, change=Change.OPENED)]) if line.when
    )


def test_a_digest_has_the_most_urgent_in_full_and_is_bounded() -> None:
    many = [notice(incident=f"i{number}", notice=f"n{number}") for number in range(500)]
    message = told(*many)
    assert message.subject == "HIGH · outage · customer c1 (+499)"
    assert message.text.count("Evidence:") == 5
    assert "and 465 more: `prebill incidents list`" in message.text
    assert len(message.notices) == 500


def letter(given: Transition, *, lang: str = "en", first: float | None = None) -> str:
    found = write_letter(
        given,
        Customer(id="c1", name="Cinema"),
        Story(T0, first),
        lang=lang,
        tz="Europe/Moscow",
        repeat=MINUTES_20,
    )
    return f"{found.subject}\n\n{found.text}"


def test_of_what_is_lowered_the_client_reads_that_it_is_over() -> None:
    """A call to everyone that was verified since: the task that is left is none of his."""
    lowered = replace(
        everyone(audience=Audience.CLIENT),
        notice="i1.1-over.client.0",
        priority=Priority.NORMAL,
        harm=Harm.NONE,
    )
    assert letter(lowered, first=T0).startswith("Your service works again\n")
    assert "Our next message" not in letter(lowered, first=T0)


def test_the_first_letter_says_the_problem_why_it_matters_and_when_the_next_one_comes() -> None:
    assert letter(everyone(audience=Audience.CLIENT)) == (
        "A problem with your service, and we are working on it\n"
        "\n"
        "Dear Cinema,\n"
        "\n"
        "since 17:13 (+03:00) requests to your sites fail, in part or all of them. It means that "
        "visitors may not get your pages and video, or get them slowly.\n"
        "\n"
        "All of our people concerned are working on it. You need not do anything.\n"
        "\n"
        "Our next message comes at 17:33 (+03:00), with news or without.\n"
    )


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("letter_*.j2")), ids=lambda path: path.name)
def test_no_line_of_a_letter_ends_in_mid_sentence(path: Path) -> None:
    body = path.read_text().splitlines()[1:]
    assert [line for line in body if line and line[-1] not in ".!,}"] == []


def test_the_second_letter_is_news_and_the_last_promises_nothing() -> None:
    second = letter(everyone(audience=Audience.CLIENT, at=T0 + MINUTES_20), first=T0)
    assert "is not solved yet" in second
    assert "17:53 (+03:00)" in second
    last = letter(everyone(audience=Audience.CLIENT, status=Status.RESOLVED), first=T0)
    assert last.startswith("Your service works again")
    assert "next message" not in last


def test_a_warning_before_makes_the_first_letter_no_news_and_coming_back_begins_anew() -> None:
    composer = Composer(company().people, MINUTES_20)
    contact = Recipient(id="contact:c1", why=Why.CLIENT, channels=("w",), customers=(Customer(id="c1"),))

    def subject(given: Transition) -> str:
        composer.learn(given)
        sending = Sending(notice=given, recipient=contact, channel="w")
        message = composer.message("k", [sending], {"i1": NOBODY}, given.at)
        composer.delivered(sending)
        return message.subject

    letter = everyone(audience=Audience.CLIENT)
    assert subject(notice(audience=Audience.CLIENT)).startswith("Something unusual")
    assert subject(replace(letter, at=T0 + 60)).startswith("A problem")
    assert subject(replace(letter, at=T0 + 1260)).startswith("The problem with your service: where we are")
    composer.learn(transition(at=T0 + 9000, change=Change.REOPENED, priority=Priority.COMPANY_WIDE))
    assert subject(replace(letter, at=T0 + 9000)).startswith("A problem")


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (
            "only the origin of c1 fails, our probe is fine: the client is warned first",
            "your origin server fails",
        ),
        (
            "the traffic of c1 has fallen, our probe is fine: the client is told, no loss",
            "far fewer requests",
        ),
        ("a probe of c1 fails", "something unusual"),
    ],
)
def test_a_warning_says_what_is_seen_and_promises_no_time(reason: str, said: str) -> None:
    found = letter(notice(audience=Audience.CLIENT, reason=reason))
    assert said in found
    assert not re.search(r"\d\d:\d\d \(.+message|message.+\d\d:\d\d", found)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_letter_promises_a_repair(lang: str) -> None:
    promised = re.compile(
        r"will be (repaired|fixed|solved) (by|in|at)|устраним (в|к|до)|починим", re.IGNORECASE
    )
    for status in Status:
        for priority in Priority:
            for harm in Harm:
                given = everyone(audience=Audience.CLIENT, status=status, priority=priority, harm=harm)
                assert not promised.search(letter(given, lang=lang))
                assert not promised.search(letter(given, lang=lang, first=T0 - 1))


def test_a_draft_has_the_text_in_each_clients_language() -> None:
    customers = (Customer(id="c1", lang="ru"), Customer(id="c2", lang="en"))
    message = told(everyone(audience=Audience.CLIENT, draft=True), why=Why.LIAISON, customers=customers)
    assert "Please send this to c1, c2" in message.text
    assert "Здравствуйте, …!" in message.text
    assert "Dear …," in message.text
    assert "Never promise when it will be repaired" in message.text


def drafts(*notices: Transition, lang: str = "en", customers: tuple[Customer, ...] | None = None) -> Message:
    """What the liaison gets; each notice for the customer of its scope."""
    composer = Composer(company().people, MINUTES_20, lambda _: (Customer(id="c8"), Customer(id="c9")))
    sendings = []
    for each in notices:
        composer.learn(replace(each, change=Change.OPENED, audience=None))
        composer.learn(each)
        whom = (Customer(id=each.scope.id),) if customers is None else customers
        liaison = Recipient(id="vera", why=Why.LIAISON, channels=("w",), lang=lang, customers=whom)
        sendings.append(Sending(notice=each, recipient=liaison, channel="w"))
    return composer.message("k", sendings, {each.incident: NOBODY for each in notices}, T0 + 10)


def to_client(number: int, **more: Any) -> Transition:
    given = {"incident": f"i{number}", "scope": Scope("customer", f"c{number}"), "audience": Audience.CLIENT}
    return everyone(**given | {"draft": True} | more)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_three_hundred_drafts_of_one_minute_are_one_text_and_all_of_their_names(lang: str) -> None:
    message = drafts(*(to_client(number) for number in range(300)), lang=lang)
    assert message.text.count("Dear …,") == 1
    for number in range(300):
        assert re.search(rf"\bc{number}\b", message.text)
    assert len(message.text) < 12_000
    assert len(message.notices) == 300
    assert "(+299)" in message.subject


def test_drafts_that_differ_in_their_times_are_texts_of_their_own_up_to_a_limit() -> None:
    message = drafts(*(to_client(number, at=T0 + 60 * number) for number in range(40)))
    assert message.text.count("Dear ") == 12
    assert message.text.count("The text is as above, but it began at") == 28
    assert all(re.search(rf"\bc{number}\b", message.text) for number in range(40))


def test_more_clients_than_a_message_takes_are_counted_and_there_is_a_way_to_them() -> None:
    many = tuple(Customer(id=f"client-{number}", lang=("en", "ru")[number % 2]) for number in range(800))
    text = drafts(to_client(1, scope=Scope("edge", "e1"), customers=("c1",)), customers=many).text
    assert "Please send this to 800 clients, listed below" in text
    assert len(set(re.findall(r"client-\d+", text))) == 500
    assert "and to 300 more: `prebill incidents show i1`" in text
    assert "ru, to: client-1, client-3," in text


@pytest.mark.parametrize("draft", [True, False])
def test_where_nobody_knows_whom_it_hits_the_liaison_has_a_text_and_whom_it_may_concern(draft: bool) -> None:
    text = drafts(to_client(1, scope=Scope("edge", "e1"), draft=draft), customers=()).text
    assert "Nobody knows yet whom it hits (edge e1); 2 clients may be concerned: c8, c9." in text
    assert "one of our locations is not serving as it should" in text
    russian = drafts(to_client(1, scope=Scope("edge", "e1"), draft=draft), customers=(), lang="ru").text
    assert "Кого это задело, ещё неизвестно (узел e1); возможно, этих клиентов (2): c8, c9." in russian
    assert "Dear …," in russian, "clients read their own language"


def test_a_liaison_with_nothing_to_send_is_told_so_and_is_not_asked_to_repair() -> None:
    text = drafts(to_client(1, customers=("c1",), draft=False), customers=()).text
    assert "Dear" not in text
    assert "Next: Nothing to send" in text
    warning = drafts(to_client(1, priority=Priority.NORMAL, harm=Harm.NONE)).text
    assert "Next: Send the letter" in warning
    assert "restore the service" not in warning
    assert "restore" not in told(notice(priority=Priority.NORMAL, harm=Harm.NONE), why=Why.QUEUE).text


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(
    ("priority", "actor", "harm", "said"),
    [
        (Priority.COMPANY_WIDE, "engine", Harm.CONFIRMED, ("works again", "снова работает")),
        (Priority.COMPANY_WIDE, "boris", Harm.CONFIRMED, ("We have closed", "Мы закрыли")),
        (Priority.COMPANY_WIDE, "anna, boris", Harm.NONE, ("works again", "снова работает")),
        (Priority.NORMAL, "engine", Harm.NONE, ("wrote to you about is over", "закончилось")),
        (Priority.NORMAL, "boris", Harm.SUSPECTED, ("We have closed", "Мы закрыли")),
    ],
)
def test_the_last_letter_says_what_is_so(
    priority: Priority, actor: str, harm: Harm, said: tuple[str, str], lang: str
) -> None:
    """Only what was checked was checked, and only who was hurt has an apology."""
    composer = Composer(company().people, MINUTES_20)
    first = notice(audience=Audience.CLIENT, priority=priority, harm=harm)
    over = replace(first, at=T0 + 900, status=Status.RESOLVED, notice="n-over")
    ended = replace(over, change=Change.RESOLVED, audience=None, actor=actor, notice="")
    for each in (transition(priority=priority), first, ended, over):
        composer.learn(each)
    contact = Recipient(
        id="contact:c1", why=Why.CLIENT, channels=("w",), customers=(Customer(id="c1"),), lang=lang
    )
    sending = Sending(notice=over, recipient=contact, channel="w")
    message = composer.message("k", [sending], {"i1": NOBODY}, T0 + 901)
    assert said[lang == "ru"] in message.subject
    again = "works again" in said[0]
    assert bool(re.search("We have checked|мы некоторое время проверяли", message.text)) == again
    assert bool(re.search("sorry|извинения", message.text)) == again


def test_age_and_clock_are_those_of_who_reads() -> None:
    assert words.age_text(30, "en") == "30 s ago"
    assert words.age_text(-5, "ru") == "0 с назад"
    assert words.age_text(3 * 86_400, "ru") == "3 д назад"
    assert words.clock_text(T0, "Asia/Kolkata") == "2026-09-21 19:43:20+05:30"
    assert words.clock_text(T0, "UTC") == "2026-09-21 14:13:20 UTC"
    assert words.clock_text(T0, "UTC", dated=False) == "14:13 (UTC)"
    message = told(replace(notice(), at=T0), tz="Asia/Kolkata")
    assert "+05:30" in message.text
    assert transition().evidence[0].text in message.text
