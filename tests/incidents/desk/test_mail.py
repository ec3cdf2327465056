"""Letters: whatever comes is read or said why not, machines get no answer, threads are one's own, headers are
ours."""

from __future__ import annotations

import email
import email.policy
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.desk.clocks import State, What
from incidents.desk.mail.doors import MailError
from incidents.desk.mail.html_text import html_to_text
from incidents.desk.mail.intake import take_in
from incidents.desk.mail.letters import answer_letter, letters_due
from incidents.desk.mail.maildir import Maildir, RawLetter
from incidents.desk.mail.message import parse_letter
from incidents.desk.mail.own_words import own_words
from incidents.desk.mail.words import late_text
from incidents.desk.model import TEXT_LIMIT, Received, Withheld
from incidents.desk.rounds import run_round
from incidents.desk.screen_words import reason_text
from tests.incidents.desk.cases import OFFICE, WEDNESDAY, Letters, MemoryLog, letter, turn

if TYPE_CHECKING:
    from email.message import EmailMessage
    from pathlib import Path


def test_a_letter_becomes_a_request_acknowledged_with_a_manager() -> None:
    log, outbox = MemoryLog(), list["EmailMessage"]()
    done = turn(log, letter("Сайт не работает, ошибка 502"), outbox=outbox)
    (request,) = log.read().requests.values()
    assert (request.customer, request.kind, request.lang, request.manager) == (
        "c1",
        "technical",
        "ru",
        "olga",
    )
    assert (done.letters, done.sent, done.evidence) == (1, 1, 1)
    (sent,) = outbox
    assert sent["To"] == "boss@client.example"
    assert sent["From"] == "Anna Head <support@cdn.example>"
    assert sent["Auto-Submitted"] == "auto-replied"
    assert sent["In-Reply-To"] == "<1@client.example>"
    assert sent["Subject"] == "Re: Help [#1]"
    text = sent.get_content()
    assert "Olga" in text
    assert "#1" in text
    assert "Anna Head" in text
    again = turn(log, letter("Сайт не работает, ошибка 502"), outbox=outbox)
    assert (again.events, len(outbox)) == (0, 1)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Сайт не работает, ошибка 502", "сообщим в течение 20 минут.\n"),
        ("Вопрос", "сообщим в течение 20 минут рабочего времени.\n"),
    ],
)
def test_at_night_a_technical_request_is_promised_a_manager_by_the_clock_that_it_has(
    text: str, told: str
) -> None:
    outbox = list["EmailMessage"]()
    turn(MemoryLog(), letter(text), outbox=outbox, now=WEDNESDAY + 13 * 3600)
    assert told in outbox[0].get_content().replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("minutes", "told"),
    [(0, "1 minute"), (60, "1 hour"), (119, "119 minutes"), (181, "3 hours 1 minute"), (2_880, "2 days"),
     (61 * 60, "2 days 13 hours"), (61 * 60 + 59, "2 days 13 hours")],
)  # fmt: skip
def test_a_lateness_is_told_no_longer_than_it_is(minutes: int, told: str) -> None:
    assert late_text(minutes * 60, "en") == told


def test_an_answer_is_signed_by_the_manager_who_writes_it_before_one_is_named() -> None:
    log = MemoryLog()
    turn(log, letter("Сайт не работает"), now=WEDNESDAY + 13 * 3600)
    request = log.read().requests["1"]
    assert request.manager == ""
    for actor, sign in (("olga", "-- \nOlga\n"), ("somebody", "Text\n")):
        answer = answer_letter(request, OFFICE, "Text", WEDNESDAY + 14 * 3600, 1, actor)
        assert answer.get_content().endswith(sign)


def test_an_answer_that_the_server_does_not_take_is_sent_in_the_next_round() -> None:
    log = MemoryLog()

    def refuse(_: EmailMessage) -> None:
        raise MailError("smtp: not now")

    raw = RawLetter(handle="1", raw=letter(), at=WEDNESDAY)
    done = run_round(
        log, OFFICE, sources=[Letters(raw)], send=refuse, add_evidence=len, lang_of={}, now=WEDNESDAY
    )
    assert done.failed == ["request 1: smtp: not now"]
    assert log.read().requests["1"].acknowledged_at is None
    outbox: list[EmailMessage] = []
    turn(log, now=WEDNESDAY + 30, outbox=outbox)
    assert [sent["Auto-Submitted"] for sent in outbox] == ["auto-replied"]
    assert log.read().requests["1"].acknowledged_at == WEDNESDAY + 30


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"}, {"Auto_Submitted": "auto-generated"}, {"Precedence": "bulk"},
        {"List_Id": "<l.example>"}, {"X_Autoreply": "yes"}, {"Return_Path": "<>"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("sender", ["out@stranger.example", "monitor@client.example"])
def test_a_machine_gets_no_letter(headers: dict[str, str], sender: str) -> None:
    """A stranger's is no request at all; a client's monitoring is one, and nobody writes to it."""
    log, outbox = MemoryLog(), list["EmailMessage"]()
    turn(log, letter(sender=sender, **headers), outbox=outbox)
    assert outbox == []
    desk = log.read()
    assert (len(desk.requests), len(desk.ignored)) == ((0, 1) if "stranger" in sender else (1, 0))


def test_two_machines_that_do_not_say_so_stop() -> None:
    log, outbox = MemoryLog(), list["EmailMessage"]()
    letters = [letter(message_id=f"<{number}@x>", subject=f"s{number}") for number in range(30)]
    turn(log, *letters, outbox=outbox)
    to_client = [sent for sent in outbox if sent["To"] == "boss@client.example"]
    assert len(to_client) == OFFICE.settings.automatic_an_hour
    turn(log, now=WEDNESDAY + 60, outbox=outbox)
    assert len([s for s in outbox if s["To"] == "boss@client.example"]) == OFFICE.settings.automatic_an_hour
    requests = list(log.read().requests.values())
    late = [
        clock.what
        for request in requests
        for clock in OFFICE.clocks.of(request, WEDNESDAY + 7_200)
        if clock.state in (State.LATE, State.BROKEN)
    ]
    assert late == [], "what is held back on purpose is not late"
    held = [event for request in requests for event in request.history if isinstance(event, Withheld)]
    assert len(held) == 20
    assert {reason_text(event.reason, "ru") for event in held} == {"больше 10 писем на этот адрес за час"}
    assert not [sent for sent in outbox if sent["To"] == "head@cdn.example"]


def test_nobody_owes_a_machine_an_answer_until_a_person_writes() -> None:
    log, later = MemoryLog(), WEDNESDAY + 6 * 86_400
    turn(
        log, letter("Our news", sender="news@client.example", subject="News", List_Id="<news.client.example>")
    )
    request = log.read().requests["1"]
    assert request.automatic
    assert OFFICE.clocks.worst(request, later) is None
    raw = letter("Who reads this?", subject="Re: News [#1]", message_id="<2@client.example>")
    turn(log, raw, now=later)
    found = OFFICE.clocks.worst(log.read().requests["1"], later + 86_400)
    assert found is not None
    assert (found.what, found.since) == (What.FIRST_ANSWER, later)


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?q?Hi=0D=0ABcc:_thief@x.example?=",
        "=?utf-8?b?SGkKQmNjOiB0aGllZkB4LmV4YW1wbGU=?=",
        "Hi\x00\x07 there",
    ],
)
def test_no_header_of_ours_is_made_of_what_a_client_wrote(subject: str) -> None:
    raw = (
        "From: boss@client.example\nMessage-ID: <1@x>\n"
        f"References: <a@b> <bad id@x>\nSubject: {subject}\n\nHello\nBcc: thief@x.example\n"
    ).encode()
    log, outbox = MemoryLog(), list["EmailMessage"]()
    turn(log, raw, outbox=outbox)
    back = email.message_from_bytes(outbox[0].as_bytes(), policy=email.policy.default)
    assert back["Bcc"] is None
    assert back["To"] == "boss@client.example"
    assert "\n" not in back["Subject"]
    answer = answer_letter(log.read().requests["1"], OFFICE, "x\r\nBcc: thief@x.example", WEDNESDAY, 1)
    assert email.message_from_bytes(answer.as_bytes(), policy=email.policy.default)["Bcc"] is None


def test_html_is_read_as_text_without_what_is_hidden() -> None:
    html = (
        "<head><title>t</title></head><p>Hello&nbsp;<b>you</b></p><script>evil()</script><ul><li>a<li>b</ul>"
    )
    assert html_to_text(html) == "Hello you\n\na\nb"
    assert html_to_text("<blockquote>old<br>older</blockquote>new") == "> old\n> older\nnew"


def test_what_is_quoted_is_not_his_own() -> None:
    assert own_words("Yes\n> no\n\nOn Mon, Anna wrote:\nrest") == "Yes"
    assert own_words("7\n\nпн, 16 нояб. 2026 г., Анна написал(а):\n> ?") == "7"
    assert own_words("7\n\nпн, 16 нояб. 2026 г. в 10:00, Анна <a@cdn.example>:\n\n> ?") == "7"
    assert own_words("7\n\nOn Mon, Nov 16, 2026 at 10:00 AM Anna <a@cdn.example>\nwrote:\n\n> ?") == "7"
    assert own_words("On Mon, Anna wrote:\n> ?\n\nthe answer below") == "the answer below"


def test_attachments_are_named_and_sizes_are_bounded() -> None:
    made = email.message_from_bytes(letter("x" * 50_000), policy=email.policy.default)
    made.add_attachment(b"data", maintype="application", subtype="pdf", filename="../../etc/passwd\x07.pdf")
    found = parse_letter(made.as_bytes())
    assert len(found.text) == TEXT_LIMIT
    assert found.attachments == (".._.._etc_passwd .pdf",)


@settings(max_examples=80, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=400),
        st.builds(
            lambda head, value, body: head + b": " + value + b"\n\n" + body,
            st.sampled_from([b"From", b"Subject", b"Message-ID", b"References", b"Content-Type", b"To"]),
            st.binary(max_size=120),
            st.binary(max_size=120),
        ),
        st.text(max_size=200).map(lambda text: f"From: {text}\nSubject: {text}\nReferences: {text}\n\n{text}".encode(
            "utf-8", "replace")),
    )
)  # fmt: skip
def test_whatever_comes_is_taken_in_once_and_may_be_answered(raw: bytes) -> None:
    found = parse_letter(raw)
    assert parse_letter(raw) == found
    log = MemoryLog()
    new = log.append(lambda desk: take_in(desk, found, OFFICE.settings, at=WEDNESDAY, lang_of={}))
    assert len(new) >= 1
    assert log.append(lambda desk: take_in(desk, found, OFFICE.settings, at=WEDNESDAY, lang_of={})) == []
    for due in letters_due(log.read(), OFFICE, WEDNESDAY):
        due.message.as_bytes()
    if isinstance(new[0], Received) and new[0].address:
        answer_letter(log.read().requests["1"], OFFICE, "answer", WEDNESDAY, 1).as_bytes()


def test_a_maildir_is_emptied_into_cur(tmp_path: Path) -> None:
    box = Maildir(str(tmp_path / "box"), 5_000)
    with pytest.raises(MailError, match="expected a maildir"):
        list(box.letters(1))
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    (tmp_path / "box/new/1.a.host").write_bytes(letter())
    (tmp_path / "box/new/2.b.host").write_bytes(letter("y" * 9_000))
    one, two = box.letters(10)
    assert (one.cut, two.cut, len(two.raw)) == (False, True, 5_000)
    for each in (one, two, one):
        box.mark(each)
    assert sorted(path.name for path in (tmp_path / "box/cur").iterdir()) == ["1.a.host:2,S", "2.b.host:2,S"]
    assert list(box.letters(10)) == []


def test_what_a_round_makes_good_is_no_warning() -> None:
    log, outbox = MemoryLog(), list["EmailMessage"]()
    found = parse_letter(letter())
    log.append(lambda desk: take_in(desk, found, OFFICE.settings, at=WEDNESDAY, lang_of={}))
    turn(log, now=WEDNESDAY + 600, outbox=outbox)
    assert [each["To"] for each in outbox] == ["boss@client.example"], "late, and acknowledged"


def test_many_warnings_are_one_letter_to_the_head_and_told_once() -> None:
    log, outbox = MemoryLog(), list["EmailMessage"]()
    turn(log, *(letter(message_id=f"<{n}@x>", sender=f"a{n}@client.example") for n in range(3)))
    late = WEDNESDAY + 4 * 3_600
    turn(log, now=late, outbox=outbox)
    (warning,) = outbox
    assert warning["To"] == "head@cdn.example"
    assert "3 предупреждения" in warning["Subject"]
    assert warning.get_content().count("prebill support show") == 3
    turn(log, now=late + 60, outbox=outbox)
    assert len(outbox) == 1


def test_what_is_no_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "new" / "folder").mkdir(parents=True)
    os.mkfifo(tmp_path / "new" / "a-pipe")
    (tmp_path / "new" / "letter").write_bytes(b"Subject: hi\n\nhi")
    assert [letter.handle for letter in Maildir(str(tmp_path), 5_000).letters(1)] == ["letter"]
