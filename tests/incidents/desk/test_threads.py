"""Threads: which request a letter is of, what thanks and scores do to it, and whose it can never be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from incidents.desk import acts
from incidents.desk.mail.thanks import Thanks, bare_thanks
from incidents.desk.model import NpsGiven, Replied, Standing, Thanked
from tests.incidents.desk.cases import WEDNESDAY, MemoryLog, letter, turn

if TYPE_CHECKING:
    from email.message import EmailMessage


def test_threads_scores_and_what_is_written_after_closing() -> None:
    log = MemoryLog()
    turn(log, letter())
    ours = log.read().requests["1"].message_ids[-1]
    turn(log, letter("More", message_id="<2@x>", In_Reply_To=ours), now=WEDNESDAY + 60)
    turn(log, letter("Tagged", message_id="<3@x>", subject="AW: [#1] Help"), now=WEDNESDAY + 90)
    request = log.read().requests["1"]
    assert [type(event) for event in request.history].count(Replied) == 2
    now = WEDNESDAY + 3_600
    log.append(lambda desk: acts.answer(desk, "1", text="done", at=now, actor="olga"))
    log.append(lambda desk: acts.close(desk, "1", text="fixed", at=now, actor="olga"))
    outbox: list[EmailMessage] = []
    turn(log, now=now, outbox=outbox)
    assert "closed" in outbox[0].get_content() or "закрыто" in outbox[0].get_content()
    asked = log.read().requests["1"].message_ids[-1]
    score = letter("9\n\nOn Monday Anna wrote:\n> 0 to 10?", message_id="<4@x>", In_Reply_To=asked)
    turn(log, score, now=now + 60)
    request = log.read().requests["1"]
    assert (request.nps, request.is_open) == (9, False)
    assert isinstance(request.history[-1], NpsGiven)
    turn(log, letter("Down again", message_id="<5@x>", In_Reply_To=asked), now=now + 120)
    assert log.read().requests["1"].is_open
    log.append(lambda desk: acts.answer(desk, "1", text="done", at=now + 180, actor="olga"))
    log.append(lambda desk: acts.close(desk, "1", text="", at=now + 180, actor="olga"))
    turn(log, letter("Something else", message_id="<6@x>", In_Reply_To=asked), now=now + 40 * 86_400)
    assert list(log.read().requests) == ["1", "2"]


def test_a_number_of_the_clients_own_in_the_subject_is_not_ours() -> None:
    """`#4` is another's request; his replies carry his number and ours, and may come without In-Reply-To."""
    log, outbox = MemoryLog(), list["EmailMessage"]()
    for number in range(1, 5):
        turn(log, letter("?", sender="boss@two.example", subject="Hi", message_id=f"<{number}@two.example>"))
    turn(log, letter("?", subject="Invoice [#4]", message_id="<5@client.example>"), outbox=outbox)
    (subject,) = [sent["Subject"] for sent in outbox if sent["To"] == "boss@client.example"]
    assert subject == "Re: Invoice [#4] [#5]"
    turn(log, letter("And?", subject=subject, message_id="<6@client.example>"))
    turn(log, letter("And?", subject="Re: [#5] Invoice [#4]", message_id="<7@client.example>"))
    requests = log.read().requests
    assert list(requests) == ["1", "2", "3", "4", "5"]
    assert sum(isinstance(event, Replied) for event in requests["5"].history) == 2


def test_ours_is_the_last_number_even_where_both_are_his() -> None:
    log, outbox = MemoryLog(), list["EmailMessage"]()
    turn(
        log,
        letter("?", message_id="<1@client.example>"),
        letter("?", subject="Hi", message_id="<2@client.example>"),
    )
    raw = letter("x", subject="Re: Hi [#1] [#2]", message_id="<3@client.example>")
    turn(log, raw, outbox=outbox)
    assert [len(each.history) for each in log.read().requests.values()] == [3, 4]


def test_thanks_open_nothing_and_more_than_thanks_does() -> None:
    log, now = MemoryLog(), WEDNESDAY + 3_600
    turn(log, letter())
    turn(log, letter("Thanks!", message_id="<2@x>", subject="[#1] Help"), now=WEDNESDAY + 60)
    assert log.read().requests["1"].standing is Standing.NEW, "it is our turn all the same"
    log.append(lambda desk: acts.answer(desk, "1", text="done", at=now, actor="olga"))
    turn(log, letter("Thank you, Olga", message_id="<3@x>", subject="[#1] Help"), now=now + 30)
    assert log.read().requests["1"].standing is Standing.ANSWERED, "nobody waits for an answer to that"
    log.append(lambda desk: acts.close(desk, "1", text="fixed", at=now + 60, actor="olga"))
    signed = "Спасибо!\n\nС уважением,\nИван, не директор"
    turn(log, letter(signed, message_id="<4@x>", subject="[#1] Help"), now=now + 90)
    request = log.read().requests["1"]
    assert (request.is_open, len(request.closings), request.nps) == (False, 1, None)
    assert Thanked in {type(event) for event in request.history[-2:]}
    turn(log, letter("Спасибо, 10 из 10!", message_id="<5@x>", subject="[#1] Help"), now=now + 120)
    request = log.read().requests["1"]
    assert (request.is_open, request.nps, request.nps_text) == (False, 10, "Спасибо, 10 из 10!")
    turn(log, letter("Thanks", message_id="<6@x>", subject="[#1] Help"), now=now + 40 * 86_400)
    assert list(log.read().requests) == ["1"], "long after it makes no new request either"
    turn(log, letter("Спасибо, но снова не работает", message_id="<7@x>", subject="[#1] Help"), now=now + 150)
    assert log.read().requests["1"].is_open


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("Спасибо", None),
        ("спасибо большое, всё работает!!! 🙏", None),
        ("Добрый день!\n\nБлагодарим за оперативность, Анна.", None),
        ("Thank you so much for your quick help", None),
        ("It’s working now, thanks again\n-- \nJohn, not amused", None),
        ("Thanks! 9", 9),
        ("10/10, спасибо", 10),
    ],
)
def test_bare_thanks(text: str, score: int | None) -> None:
    assert bare_thanks(text, ("Анна Петрова", "Olga")) == Thanks(score)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Работает",
        "Спасибо, но снова не работает",
        "Thanks, but it is down again",
        "Thanks. Is it fixed for good?",
        "No, thanks",
        "Спасибо, Пётр",
        "Спасибо, 11",
        "Спасибо, 5 из 7",
        "Thanks, 502 again",
        "Thanks 9 10",
        "спасибо " * 30,
    ],
)
def test_more_than_thanks(text: str) -> None:
    assert bare_thanks(text, ("Анна Петрова", "Olga")) is None


@pytest.mark.parametrize(
    ("sender", "headers"),
    [
        ("boss@client.example", {"In_Reply_To": "{ours}"}),  # of the same customer: joins
        ("thief@elsewhere.example", {"In_Reply_To": "{ours}"}),
        ("boss@two.example", {"In_Reply_To": "{ours}"}),
        ("thief@elsewhere.example", {}),
    ],
)
def test_nobody_writes_into_anothers_request(sender: str, headers: dict[str, str]) -> None:
    log = MemoryLog()
    turn(log, letter())
    ours = log.read().requests["1"].message_ids[-1]
    made = {name: value.format(ours=ours) for name, value in headers.items()}
    turn(log, letter("Hi", sender=sender, subject="Re: [#1]", message_id="<9@x>", **made))
    assert len(log.read().requests) == (1 if sender == "boss@client.example" else 2)
