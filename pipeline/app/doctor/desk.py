"""What `prebill doctor` says of the desk's mail: whether the maildir is there, the mailbox opens and the mail server
lets us in; no letter is read, and none is sent."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pipeline.configured import Duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from incidents.desk.settings import ImapSettings, SmtpSettings, SupportSettings

OK, NOTE, FAIL = "ok", "note", "fail"
PATIENCE = timedelta(seconds=5)


def mail_found(settings: SupportSettings) -> tuple[str, str, str]:
    """How it is (ok, note, fail), what was found, and how to mend it."""
    from incidents.desk.mail.doors import MailError

    ways: list[tuple[str, Callable[[], None]]] = []
    if (box := settings.maildir) is not None:
        ways.append((f"maildir {box}", lambda: _maildir(box)))
    if (imap := settings.imap) is not None:
        ways.append((f"IMAP {imap.host}:{imap.port}", lambda: _imap(imap)))
    if (smtp := settings.smtp) is not None:
        ways.append((f"SMTP {smtp.host}:{smtp.port}", lambda: _smtp(smtp)))
    if not ways:
        by_http = "over HTTP and " if settings.api else ""
        only = "" if settings.api else " only"
        return OK, f"no mail: requests come {by_http}by `prebill support add`{only}", ""
    good, wrong = [], []
    for name, look in ways:
        try:
            look()
        except MailError as error:
            wrong.append(f"{name}: {error}")
        else:
            good.append(name)
    if wrong:
        return (
            FAIL,
            "; ".join(wrong),
            "Mend [support] in the configuration; docs/support.md tells what each key means.",
        )
    found = f"{', '.join(good)}: no letter was read or sent"
    if settings.smtp is None:
        mend = "Without [support.smtp] letters come in, and nobody is answered by himself."
        return NOTE, f"{found}; nothing can be sent", mend
    if settings.maildir is None and settings.imap is None:
        return (
            NOTE,
            f"{found}; nothing comes in",
            "Name support.maildir or [support.imap]: clients answer our letters.",
        )
    return OK, found, ""


def _maildir(path: str) -> None:
    from incidents.desk.mail.doors import MailError
    from incidents.desk.mail.maildir import Maildir

    list(Maildir(path, 1).letters(0))
    if not os.access(Path(path) / "new", os.W_OK | os.X_OK) or not os.access(path, os.W_OK | os.X_OK):
        raise MailError("cannot be written by this user, and letters that were taken in are moved to cur/")


def _imap(settings: ImapSettings) -> None:
    from incidents.desk.mail.imap import Imap

    box = Imap(replace(settings, timeout=_short(settings)), 1)
    try:
        list(box.letters(0))
    finally:
        box.close()


def _smtp(settings: SmtpSettings) -> None:
    from incidents.desk.mail.doors import SmtpDoor

    with SmtpDoor(replace(settings, timeout=_short(settings))) as door:
        door.open()


def _short(settings: ImapSettings | SmtpSettings) -> Duration:
    return Duration(min(settings.timeout.span, PATIENCE))
