"""The desk against real servers: letters read from Dovecot over TLS, sent through an SMTP server over STARTTLS."""

from __future__ import annotations

import imaplib
import ssl
from typing import TYPE_CHECKING

import pytest

from incidents.desk.mail.doors import MailError, SmtpDoor
from incidents.desk.mail.imap import Imap
from incidents.desk.rounds import run_round
from incidents.desk.settings import ImapSettings, SmtpSettings
from tests.incidents.desk.cases import WEDNESDAY, MemoryLog, desk_office, letter
from tests.incidents.desk.servers import PASSWORD, USER, dovecot, free_port, smtp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage
    from pathlib import Path

    from tests.incidents.desk.servers import Box


VARIABLE = "DESK_PASSWORD"


@pytest.fixture(scope="module")
def imap_server() -> Iterator[tuple[int, Path]]:
    with dovecot() as running:
        yield running


@pytest.fixture
def imap(imap_server: tuple[int, Path], monkeypatch: pytest.MonkeyPatch) -> ImapSettings:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    port, cert = imap_server
    return ImapSettings(host="localhost", port=port, user=USER, password_env=VARIABLE, ca_file=str(cert))


@pytest.fixture
def smtp_server(tmp_path: Path) -> Iterator[tuple[SmtpSettings, Box]]:
    (tmp_path / "password").write_text(PASSWORD + "\n")
    with smtp(tmp_path) as (port, cert, box):
        password = str(tmp_path / "password")
        yield (
            SmtpSettings(host="localhost", port=port, user=USER, password_file=password, ca_file=str(cert)),
            box,
        )


def deliver(settings: ImapSettings, *letters: bytes, at: float = WEDNESDAY) -> None:
    """Puts letters into the mailbox, as our own server would have when they came."""
    context = ssl.create_default_context(cafile=settings.ca_file)
    with imaplib.IMAP4_SSL(settings.host, settings.port, ssl_context=context, timeout=20) as box:
        box.login(USER, PASSWORD)
        for each in letters:
            box.append("INBOX", "", imaplib.Time2Internaldate(at), each.replace(b"\n", b"\r\n"))


def test_a_letter_in_a_mailbox_is_acknowledged_over_smtp(
    imap: ImapSettings, smtp_server: tuple[SmtpSettings, Box]
) -> None:
    settings, box = smtp_server
    log, of = MemoryLog(), desk_office()
    deliver(
        imap, letter("Сайт не работает"), letter("x" * 90_000, message_id="<2@x>", sender="b@two.example")
    )
    source, door = Imap(imap, 8_000), SmtpDoor(settings)
    now = WEDNESDAY + 30
    for expected in (2, 0):
        done = run_round(log, of, sources=[source], send=door.send, add_evidence=len, lang_of={}, now=now)
        assert (done.letters, done.failed) == (expected, [])
    source.close()
    door.close()
    first, second = log.read().requests.values()
    assert first.text.strip() == "Сайт не работает"
    assert first.received_at == WEDNESDAY
    assert second.text.count("x") < 10_001
    assert sorted(box.to) == ["b@two.example", "boss@client.example"]
    assert first.acknowledged_at == now


def test_a_letter_that_was_not_marked_is_taken_in_once(imap: ImapSettings) -> None:
    """A crash after the log and before the mark: the letter is there again, and brings nothing."""
    log, of = MemoryLog(), desk_office()
    deliver(imap, letter(message_id="<crash@x>"))
    for _ in range(2):
        source = Imap(imap, 8_000)
        source.mark = lambda _: None  # type: ignore[method-assign, assignment]
        done = run_round(log, of, sources=[source], send=None, add_evidence=len, lang_of={}, now=WEDNESDAY)
        source.close()
        assert done.letters == 1
    assert len(log.read().requests) == 1
    source = Imap(imap, 8_000)
    for each in source.letters(10):
        source.mark(each)
    assert list(source.letters(10)) == []
    source.close()


def test_a_wrong_password_and_a_strange_certificate_are_sentences(
    imap: ImapSettings, smtp_server: tuple[SmtpSettings, Box], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from msgspec.structs import replace

    settings, _ = smtp_server
    with pytest.raises(MailError, match=r"(?i)certificate verify failed"):
        list(Imap(replace(imap, ca_file=None), 8_000).letters(1))
    with pytest.raises(MailError, match=r"(?i)certificate verify failed"):
        SmtpDoor(replace(settings, ca_file=None)).send(_message())
    monkeypatch.setenv(VARIABLE, "wrong")
    with pytest.raises(MailError, match=f"localhost:{imap.port}") as failed:
        list(Imap(imap, 8_000).letters(1))
    assert "wrong" not in str(failed.value).replace("AUTHENTICATIONFAILED", "")
    (tmp_path / "password").write_text("wrong\n")
    with pytest.raises(MailError, match="535"):
        SmtpDoor(settings).send(_message())
    monkeypatch.setenv(VARIABLE, PASSWORD)
    with pytest.raises(MailError, match=r"(?i)folder|exist"):
        list(Imap(replace(imap, folder='No "such\\ folder'), 8_000).letters(1))


def test_one_refused_address_does_not_hold_the_others(smtp_server: tuple[SmtpSettings, Box]) -> None:
    settings, box = smtp_server
    box.refuse["boss@client.example"] = "550 no such user"
    log, of = MemoryLog(), desk_office()
    from incidents.desk.mail.maildir import RawLetter
    from tests.incidents.desk.cases import Letters

    raw = [letter(), letter(message_id="<2@x>", sender="b@two.example")]
    source = Letters(*(RawLetter(handle=str(n), raw=each, at=WEDNESDAY) for n, each in enumerate(raw)))
    with SmtpDoor(settings) as door:
        done = run_round(
            log, of, sources=[source], send=door.send, add_evidence=len, lang_of={}, now=WEDNESDAY
        )
    assert box.to == ["b@two.example"]
    assert len(done.failed) == 1
    assert "550 no such user" in done.failed[0]
    assert [each.acknowledged_at for each in log.read().requests.values()] == [None, WEDNESDAY]


def test_a_server_that_is_not_there_is_told_and_tried_again(imap: ImapSettings) -> None:
    from msgspec.structs import replace

    gone = replace(imap, port=free_port())
    done = run_round(
        MemoryLog(), desk_office(), sources=[Imap(gone, 8_000)], send=None, add_evidence=len, lang_of={}, now=WEDNESDAY
    )  # fmt: skip
    assert done.failed == [f"localhost:{gone.port}: Connection refused"]


def _message() -> EmailMessage:
    from email.message import EmailMessage as Message

    made = Message()
    made["From"], made["To"], made["Subject"] = "support@cdn.example", "a@b.example", "x"
    made.set_content("x")
    return made
