"""What the desk's tests share: a desk with two managers, a log in memory, letters."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

from incidents.desk.log import decode_event, encode_event
from incidents.desk.mail.maildir import RawLetter
from incidents.desk.requests import Desk, read_desk
from incidents.desk.rounds import office, run_round
from incidents.desk.settings import Address, Hours, Manager, SupportSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from incidents.desk.mail.letters import Office
    from incidents.desk.model import DeskEvent
    from incidents.desk.rounds import Round


def at(text: str) -> float:
    """`2026-11-18 09:00` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


WEDNESDAY = at("2026-11-18 09:00")


def desk_office(**more: Any) -> Office:
    """Working days from 9 to 18 UTC; olga speaks both languages, ivan English."""
    values: dict[str, Any] = {
        "head": "Anna Head",
        "head_email": "head@cdn.example",
        "email": "support@cdn.example",
        "hours": (Hours(),),
        "manager": (Manager(id="olga", name="Olga"), Manager(id="ivan", name="Ivan", langs=("en",))),
        "addresses": (
            Address(customer="c1", email="@client.example"),
            Address(customer="c2", email="boss@two.example"),
        ),
    }
    return office(SupportSettings(**(values | more)))


class MemoryLog:
    """The desk's log in a list, every event through its JSON; keys once, as in the store."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.keys: set[str] = set()

    def read(self, until: float | None = None) -> Desk:
        return read_desk(map(decode_event, self.bodies), until)

    def append(self, decide: Callable[[Desk], Sequence[DeskEvent]]) -> list[DeskEvent]:
        new = []
        for event in decide(self.read()):
            if event.key not in self.keys:
                self.keys.add(event.key)
                self.bodies.append(encode_event(event))
                new.append(event)
        return new


class Letters:
    """A source of letters that are given; those marked are gone."""

    def __init__(self, *letters: RawLetter) -> None:
        self.left = list(letters)

    def letters(self, most: int) -> Iterator[RawLetter]:
        yield from self.left[:most]

    def mark(self, letter: RawLetter) -> None:
        self.left.remove(letter)


def letter(
    text: str = "The site is down",
    *,
    sender: str = "boss@client.example",
    subject: str = "Help",
    message_id: str = "<1@client.example>",
    **headers: str,
) -> bytes:
    """A letter's bytes; `In_Reply_To` and the like become headers."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, "support@cdn.example", subject
    made["Message-ID"] = message_id
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made.as_bytes()


OFFICE = desk_office()


def turn(
    log: MemoryLog, *raw: bytes, now: float = WEDNESDAY, outbox: list[EmailMessage] | None = None
) -> Round:
    """A round with these letters, and a server that takes whatever is sent."""
    sent: list[EmailMessage] = [] if outbox is None else outbox
    letters = [RawLetter(handle=str(place), raw=each, at=now) for place, each in enumerate(raw)]
    return run_round(
        log,
        OFFICE,
        sources=[Letters(*letters)],
        send=sent.append,
        add_evidence=len,
        lang_of={"c1": "ru"},
        now=now,
    )
