"""One round of the desk: letters in, managers named, technical requests to the incident engine, letters out. Thin:
mail, log and evidence are handed in, and whatever fails is told and tried again in the next round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from incidents.desk.acts import name_managers
from incidents.desk.clocks import Clocks, State, What
from incidents.desk.evidence import evidence_of
from incidents.desk.mail.doors import MailError
from incidents.desk.mail.intake import take_in
from incidents.desk.mail.letters import Office, held_back, letters_due, warnings_due
from incidents.desk.mail.message import parse_letter
from incidents.desk.managers import Managers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from email.message import EmailMessage

    from incidents.desk.mail.maildir import RawLetter
    from incidents.desk.model import DeskEvent
    from incidents.desk.requests import Desk
    from incidents.desk.settings import SupportSettings

EVIDENCE_DAYS = 7
"""Technical requests of so many days are offered as evidence again, in case a round ended before it was taken."""


class Log(Protocol):
    """The desk's log, wherever it is kept."""

    def read(self) -> Desk:
        """What it says now."""

    def append(self, decide: Callable[[Desk], Sequence[DeskEvent]]) -> list[DeskEvent]:
        """Appends what `decide` wants, and returns what was new; `decide` may be asked more than once."""


class Source(Protocol):
    """Where letters come from."""

    def letters(self, most: int) -> Iterator[RawLetter]: ...
    def mark(self, letter: RawLetter) -> None: ...


class Round(Struct, kw_only=True):
    """What a round did; `failed`: what went wrong, a sentence each."""

    letters: int = 0
    events: int = 0
    sent: int = 0
    evidence: int = 0
    failed: list[str] = []


def office(settings: SupportSettings) -> Office:
    """Settings with the calendars that they make; holidays are looked up here, once."""
    return Office(settings=settings, managers=Managers(settings), clocks=Clocks(settings))


def run_round(
    log: Log,
    of: Office,
    *,
    sources: Sequence[Source],
    send: Callable[[EmailMessage], None] | None,
    add_evidence: Callable[[list[dict[str, Any]]], int],
    lang_of: dict[str, str],
    now: float,
) -> Round:
    """`send`: hands a letter to the mail server or raises MailError; None: no letter goes out."""
    done = Round()
    for source in sources:
        _take_letters(log, of, source, lang_of, now, done)
    done.events += len(name_all(log, of, now))
    done.evidence = add_evidence(
        evidence_of(log.read().requests.values(), since=now - EVIDENCE_DAYS * 86_400)
    )
    if send is not None:
        send_letters(log, of, send, now, done)
    return done


def name_all(log: Log, of: Office, now: float) -> list[DeskEvent]:
    """Names a manager for every request that has none, while any can be named."""
    found: list[DeskEvent] = []
    while new := log.append(lambda desk: name_managers(desk, of.managers, _overdue(desk, of, now), now)):
        found += new
    return found


def _overdue(desk: Desk, of: Office, now: float) -> set[str]:
    return {
        request.id
        for request in desk.open
        if not request.manager
        and any(
            clock.what is What.MANAGER and clock.state is State.LATE for clock in of.clocks.of(request, now)
        )
    }


def _take_letters(
    log: Log, of: Office, source: Source, lang_of: dict[str, str], now: float, done: Round
) -> None:
    """Each letter is marked as taken in after its events are in the log: a crash between takes it in again, as
    nothing."""
    try:
        for raw in source.letters(of.settings.letters_a_round):
            letter = parse_letter(raw.raw, cut=raw.cut)
            at = min(raw.at, now) if raw.at > 0 else now
            new = log.append(
                lambda desk, letter=letter, at=at: take_in(  # type: ignore[misc]
                    desk, letter, of.settings, at=at, lang_of=lang_of
                )
            )
            source.mark(raw)
            done.letters += 1
            done.events += len(new)
    except MailError as error:
        done.failed.append(str(error))


def send_letters(
    log: Log, of: Office, send: Callable[[EmailMessage], None], now: float, done: Round
) -> list[DeskEvent]:
    """Each letter is recorded after the server took it. One that a server refuses does not hold the others back; a
    server that is not there does."""
    new: list[DeskEvent] = []
    if held_back(log.read(), of, now):
        new += log.append(lambda desk: held_back(desk, of, now))
    for due in (
        letters_due,
        warnings_due,
    ):  # the head is told of what is left when the clients' letters have gone
        for letter in due(log.read(), of, now):
            try:
                send(letter.message)
            except MailError as error:
                done.failed.append(f"request {letter.request}: {error}")
                if error.temporary:
                    done.events += len(new)
                    return new
                continue
            done.sent += 1
            new += log.append(lambda _, letter=letter: letter.events)  # type: ignore[misc]
    done.events += len(new)
    return new
