"""Letters out of an IMAP mailbox: unseen ones, oldest first, read without marking them; marked as seen when
they are taken in. On the standard library's client."""

from __future__ import annotations

import calendar
import imaplib
import re
from typing import TYPE_CHECKING, Any

from incidents.desk.mail.doors import MailError, password_of, tls_context
from incidents.desk.mail.maildir import RawLetter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incidents.desk.settings import ImapSettings


class Imap:
    """One mailbox over one connection, opened at the first question; `limit`: bytes of a letter that are read."""

    def __init__(self, settings: ImapSettings, limit: int) -> None:
        self._settings, self._limit = settings, limit
        self._server: imaplib.IMAP4 | None = None

    def letters(self, most: int) -> Iterator[RawLetter]:
        """At most so many unseen letters. Raises MailError."""
        uids = self._ask("search", None, "UNSEEN")[0].split()
        for uid in uids[:most]:
            if (letter := self._fetch(uid)) is not None:
                yield letter

    def mark(self, letter: RawLetter) -> None:
        """It is taken in. Raises MailError."""
        self._ask("store", letter.handle, "+FLAGS.SILENT", "(\\Seen)")

    def close(self) -> None:
        """Ends the connection, whatever state it is in."""
        server, self._server = self._server, None
        if server is not None:
            try:
                server.logout()
            except (imaplib.IMAP4.error, OSError):
                server.shutdown()

    def _fetch(self, uid: bytes) -> RawLetter | None:
        answer = self._ask(
            "fetch", uid.decode(), f"(UID INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.{self._limit}>)"
        )
        for part in answer:
            if isinstance(part, tuple):
                head, raw = part
                size = re.search(rb"RFC822\.SIZE (\d+)", head)
                return RawLetter(
                    handle=uid.decode(),
                    raw=raw,
                    at=_instant(head),
                    cut=size is not None and int(size[1]) > len(raw),
                )
        return None  # another client deleted it

    def _ask(self, command: str, *arguments: Any) -> list[Any]:
        s = self._settings
        where = f"{s.host}:{s.port}"
        try:
            if self._server is None:
                self._server = self._open()
            kind, answer = self._server.uid(command, *arguments)
        except (imaplib.IMAP4.error, OSError) as error:
            self.close()
            if isinstance(error, MailError):
                raise
            words = str(getattr(error, "strerror", None) or error)[:300] or type(error).__name__
            raise MailError(f"{where}: {words}") from None
        if kind != "OK":
            raise MailError(f"{where}: {command} was answered with {kind} {answer!r}"[:300])
        return answer

    def _open(self) -> imaplib.IMAP4:
        s = self._settings
        timeout = s.timeout.span.total_seconds()
        server: imaplib.IMAP4
        if s.security == "tls":
            server = imaplib.IMAP4_SSL(s.host, s.port, ssl_context=tls_context(s), timeout=timeout)
        else:
            server = imaplib.IMAP4(s.host, s.port, timeout=timeout)
        try:
            if s.security == "starttls":
                server.starttls(tls_context(s))
            server.login(s.user, password_of(s))
            quoted = s.folder.replace("\\", "\\\\").replace('"', '\\"')
            kind, answer = server.select(f'"{quoted}"')
            if kind != "OK":
                raise MailError(f"{s.host}:{s.port}: there is no folder {s.folder}: {answer!r}"[:300])
        except BaseException:
            server.shutdown()
            raise
        return server


def _instant(head: bytes) -> float:
    """INTERNALDATE as epoch seconds, 0 where there is none; imaplib gives local time, whose repeated hour in autumn it
    cannot tell, so the bytes themselves are read."""
    found = re.search(
        rb'INTERNALDATE "([ \d]\d)-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"', head
    )
    if found is None:
        return 0.0
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = found.groups()
    months = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
    offset = (int(zone_hours) * 60 + int(zone_minutes)) * 60 * (-1 if sign == b"-" else 1)
    if month not in months:
        return 0.0
    number = months.index(month) + 1
    return calendar.timegm((int(year), number, int(day), int(hour), int(minute), int(second))) - offset
