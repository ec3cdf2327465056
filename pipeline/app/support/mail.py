"""The desk's mail: sources and SMTP out of the configuration, rounds once or for as long as they are wanted."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from pipeline.app.support.log import add_evidence
from pipeline.app.terminal import plural, print_json, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from email.message import EmailMessage

    from incidents.desk.mail.letters import Office
    from incidents.desk.model import DeskEvent
    from incidents.desk.rounds import Round, Source
    from incidents.desk.settings import SupportSettings
    from pipeline.app.configuration.settings import Config
    from pipeline.app.support.log import StoreLog
    from pipeline.store.store import Store


@contextmanager
def sources_of(settings: SupportSettings) -> Iterator[list[Source]]:
    """The maildir and the mailbox that are configured, closed in the end."""
    from incidents.desk.mail.imap import Imap
    from incidents.desk.mail.maildir import Maildir

    with ExitStack() as stack:
        found: list[Source] = []
        if settings.maildir:
            found.append(Maildir(settings.maildir, settings.letter_bytes))
        if settings.imap:
            box = Imap(settings.imap, settings.letter_bytes)
            stack.callback(box.close)
            found.append(box)
        yield found


@contextmanager
def sender_of(settings: SupportSettings) -> Iterator[Callable[[EmailMessage], None] | None]:
    """What hands a letter to the mail server; None where none is configured."""
    from incidents.desk.mail.doors import SmtpDoor

    if settings.smtp is None:
        yield None
        return
    with SmtpDoor(settings.smtp) as door:
        yield door.send


def one_round(store: Store, log: StoreLog, of: Office, config: Config, now: datetime) -> Round:
    """Letters in, managers named, evidence, letters out."""
    from incidents.desk.rounds import run_round

    with sources_of(of.settings) as sources, sender_of(of.settings) as send:
        return run_round(
            log,
            of,
            sources=sources,
            send=send,
            add_evidence=lambda lines: add_evidence(store, lines, now.timestamp()),
            lang_of={customer.id: customer.lang for customer in config.customer},
            now=now.timestamp(),
        )


def send_due(log: StoreLog, of: Office, now: float) -> list[DeskEvent]:
    """Sends what is to be sent; what fails is told, and sent in the next round of `intake`."""
    from incidents.desk.rounds import Round, send_letters

    done = Round()
    with sender_of(of.settings) as send:
        new = [] if send is None else send_letters(log, of, send, now, done)
    for problem in done.failed:
        say(f"prebill: {problem}; it is sent in the next round of `prebill support intake`")
    return new


def intake(
    store: Store,
    log: StoreLog,
    of: Office,
    config: Config,
    clock: Callable[[], datetime],
    *,
    watch: bool,
    json: bool,
) -> int:
    """One round, or a round every `poll` until somebody ends it; 3 where a server could not be reached in one
    round."""
    ended = threading.Event()
    while True:
        done = one_round(store, log, of, config, clock())
        for problem in done.failed:
            say(f"prebill: {problem}")
        if json and not watch:
            print_json({"letters": done.letters, "events": done.events, "sent": done.sent,
                        "evidence": done.evidence, "failed": done.failed})  # fmt: skip
        elif not watch or done.events:
            say(f"{plural(done.letters, 'letter')} taken in, {plural(done.sent, 'letter')} sent, "
                f"{plural(done.evidence, 'technical request')} told to the incident engine")  # fmt: skip
        if not watch:
            return 3 if done.failed else 0
        ended.wait(of.settings.poll.span.total_seconds())
