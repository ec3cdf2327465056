"""What mail servers report of our letters: what failed for good ends our letters to the address until a person says
that it works; what is late, delivered or read ends nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from incidents.desk import acts
from incidents.desk.clocks import State, What, warnings
from incidents.desk.mail.letters import letters_due
from incidents.desk.mail.message import parse_letter
from incidents.desk.mail.reports import FAILED
from incidents.desk.model import Bounced, Withheld
from incidents.desk.screen_words import reason_text
from tests.incidents.desk.cases import OFFICE, WEDNESDAY, MemoryLog, letter, turn

if TYPE_CHECKING:
    from email.message import EmailMessage


def report(
    ours: str,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    returned: str = "message/rfc822",
    report_type: str = "delivery-status",
    of: str = "boss@client.example",
    message_id: str = "<b@mx>",
) -> bytes:
    """A report as Postfix writes it: our Message-ID is in the third part alone. Empty `action`: no such line."""
    told = (f"Action: {action}\n" if action else "") + f"Status: {status}\n"
    return f"""From: MAILER-DAEMON@client.example (Mail Delivery System)
Return-Path: <>
To: support@cdn.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Message-ID: {message_id}
MIME-Version: 1.0
Content-Type: multipart/report; report-type={report_type}; boundary="C/mx"

This is a MIME-encapsulated message.

--C/mx
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

<{of}>: host mail said: 550 5.1.1 no such user

--C/mx
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {of}
{told}
--C/mx
Content-Description: Undelivered Message
Content-Type: {returned}

Message-ID: {ours}
From: support@cdn.example
Subject: Re: x

body

--C/mx--
""".encode()


def acknowledged() -> tuple[MemoryLog, str]:
    log = MemoryLog()
    turn(log, letter())
    return log, log.read().requests["1"].message_ids[-1]


@pytest.mark.parametrize(
    "returned", ["message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"]
)
def test_our_letter_is_found_in_the_part_that_came_back(returned: str) -> None:
    log, ours = acknowledged()
    turn(log, report(ours, returned=returned))
    request = log.read().requests["1"]
    assert [event.address for event in request.history if isinstance(event, Bounced)] == [
        "boss@client.example"
    ]
    assert request.bounced_at == WEDNESDAY


def test_a_report_without_an_action_is_read_by_its_status() -> None:
    for status, kind in (("5.1.1", FAILED), ("4.4.1", "delayed"), ("2.0.0", "delivered")):
        assert parse_letter(report("<x@y>", action="", status=status)).report.kind == kind


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ({"action": "delayed", "status": "4.4.1"}, "delayed"),
        ({"action": "relayed", "status": "2.0.0"}, "relayed"),
        ({"action": "delivered", "status": "2.0.0"}, "delivered"),
        ({"report_type": "feedback-report"}, "feedback-report"),
        ({"report_type": "disposition-notification"}, "disposition-notification"),
    ],
)
def test_a_letter_that_did_not_fail_silences_nobody_and_is_no_request(raw: dict[str, str], kind: str) -> None:
    """Not even from a server of a client's own domain."""
    log, ours = acknowledged()
    assert parse_letter(report(ours, **raw)).report.kind == kind
    turn(log, report(ours, **raw))
    desk = log.read()
    assert [each.reason for each in desk.ignored] == [f"a server's report: {kind}"]
    assert (list(desk.requests), desk.requests["1"].bounced_at) == (["1"], None)


@pytest.mark.parametrize(
    ("subject", "text", "kind"),
    [
        ("failure notice", "I'm afraid I wasn't able to deliver your message. 550 no such user", FAILED),
        ("Warning: message 1 delayed 24 hours", "This message was created automatically.", "delayed"),
        ("Mail delivery", "Your message has not yet been delivered to its recipient", "delayed"),
    ],
)
def test_a_notice_in_words_alone(subject: str, text: str, kind: str) -> None:
    log, ours = acknowledged()
    raw = letter(
        f"{text}\n\nMessage-ID: {ours}",
        sender="mailer-daemon@mx.example",
        subject=subject,
        message_id="<n@mx>",
    )
    turn(log, raw)
    assert parse_letter(raw).report.kind == kind
    assert (log.read().requests["1"].bounced_at is not None) == (kind == FAILED)


def test_a_bounce_ends_every_letter_to_the_address_until_a_person_says_that_it_works() -> None:
    log, ours = acknowledged()
    turn(log, report(ours))
    outbox: list[EmailMessage] = []
    later = WEDNESDAY + 60
    turn(log, letter("Other", subject="Other", message_id="<2@client.example>"), now=later, outbox=outbox)
    assert [sent["To"] for sent in outbox] == ["head@cdn.example"]
    assert "письма на boss@client.example возвращаются" in outbox[0].get_content()
    second = log.read().requests["2"]
    assert (second.bounces, second.bounced_at) == (0, WEDNESDAY)
    (held,) = (event for event in second.history if isinstance(event, Withheld))
    assert reason_text(held.reason, "ru") == "письма на boss@client.example возвращаются"
    late = {clock.what for clock in OFFICE.clocks.of(second, later + 3_600) if clock.state is State.LATE}
    assert What.ACKNOWLEDGE not in late, "it is withheld, not late"
    assert warnings(list(log.read().requests.values()), OFFICE.clocks, later) == []
    again = lambda desk: acts.file(  # noqa: E731
        desk, "2", customer=None, kind=None, lang=None, address="boss@client.example", at=later, actor="olga"
    )
    log.append(again)
    assert {each.request for each in letters_due(log.read(), OFFICE, later)} == {"2"}
    turn(log, now=later + 600)
    second = log.read().requests["2"]
    assert second.acknowledged_at == later + 600
    late = {clock.what for clock in OFFICE.clocks.of(second, later + 900) if clock.state is State.MISSED}
    assert What.ACKNOWLEDGE not in late, "nor was it late when it went at last"


def test_a_report_on_a_letter_that_is_not_ours_silences_nobody() -> None:
    log, _ = acknowledged()
    turn(log, report("<1@client.example>"))
    assert log.read().requests["1"].bounced_at is None


def test_another_address_gets_letters_and_a_late_bounce_of_the_old_one_does_not_end_them() -> None:
    log, ours = acknowledged()
    turn(log, report(ours))
    log.append(
        lambda desk: acts.file(
            desk,
            "1",
            customer=None,
            kind=None,
            lang=None,
            address="new@client.example",
            at=WEDNESDAY,
            actor="olga",
        )
    )
    assert log.read().requests["1"].bounced_at is None
    turn(log, report(ours, message_id="<b2@mx>"))
    assert log.read().requests["1"].bounced_at is None
    turn(log, report(ours, message_id="<b3@mx>", of="new@client.example"))
    assert log.read().requests["1"].bounced_at == WEDNESDAY
