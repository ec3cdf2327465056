"""The doors to mail servers: a password out of the environment or a file, TLS as configured, and sending over
SMTP. Shells: what they raise is MailError, a sentence that names the server and never the password."""

from __future__ import annotations

import os
import smtplib
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import EmailMessage

    from incidents.desk.settings import ImapSettings, SmtpSettings


class MailError(OSError):
    """A server cannot be reached, or does not take or give a letter. `temporary`: the same may go well later."""

    def __init__(self, text: str, *, temporary: bool = True) -> None:
        super().__init__(text)
        self.temporary = temporary


def password_of(door: ImapSettings | SmtpSettings) -> str:
    """Raises MailError that says where it was looked for."""
    if door.password_env:
        found = os.environ.get(door.password_env)
        if not found:
            raise MailError(f"environment variable {door.password_env}: expected the password of {door.host}")
        return found
    if door.password_file:
        try:
            return Path(door.password_file).read_text(encoding="utf-8").splitlines()[0]
        except (OSError, UnicodeDecodeError, IndexError) as error:
            reason = getattr(error, "strerror", None) or "it holds no line of text"
            raise MailError(f"{door.password_file}: no password of {door.host} there: {reason}") from None
    return ""


def tls_context(door: ImapSettings | SmtpSettings) -> ssl.SSLContext:
    """Certificates are checked, always; `ca_file` adds one's own authority."""
    try:
        return ssl.create_default_context(cafile=door.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise MailError(f"{door.ca_file}: no certificates there: {error}") from None


class SmtpDoor:
    """Sends letters over one connection, opened at the first; use it as a context manager."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._server: smtplib.SMTP | None = None

    def open(self) -> None:
        """Logs in, and sends nothing. Raises MailError."""
        self._ask(lambda server: server.noop())

    def send(self, message: EmailMessage) -> None:
        """Hands one letter over; when this returns the server has taken it. Raises MailError."""
        self._ask(lambda server: server.send_message(message))

    def _ask(self, ask: Callable[[smtplib.SMTP], object]) -> None:
        s = self._settings
        try:
            if self._server is None:
                self._server = self._open()
            ask(self._server)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            self.close()
            if isinstance(error, MailError):
                raise
            raise MailError(f"{s.host}:{s.port}: {_words(error)}", temporary=not _is_final(error)) from None

    def _open(self) -> smtplib.SMTP:
        s = self._settings
        timeout = s.timeout.span.total_seconds()
        server: smtplib.SMTP
        if s.security == "tls":
            server = smtplib.SMTP_SSL(s.host, s.port, timeout=timeout, context=tls_context(s))
        else:
            server = smtplib.SMTP(s.host, s.port, timeout=timeout)
        try:
            if s.security == "starttls":
                server.starttls(context=tls_context(s))
            if s.user:
                server.login(s.user, password_of(s))
        except BaseException:
            server.close()
            raise
        return server

    def close(self) -> None:
        """Ends the connection, whatever state it is in."""
        server, self._server = self._server, None
        if server is not None:
            try:
                server.quit()
            except (smtplib.SMTPException, OSError):
                server.close()

    def __enter__(self) -> SmtpDoor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _words(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
        return f"does not take the address: {code} {_plain(said)}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_plain(error.smtp_error)}"
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def _plain(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:300]


def _is_final(error: Exception) -> bool:
    """Whether the server refuses for good (5xx of the address or the letter; not of us, which can be mended)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(500 <= code < 600 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and 500 <= error.smtp_code < 600
