"""Apprise, the one door to e-mail, Telegram, Slack, SMS, PagerDuty, trackers and all the others, by URL."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from incidents.channels.model import Sent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incidents.channels.model import Message

SHORTEST_SECRET = 4


class Apprise:
    """One apprise URL. Raises ValueError, without the URL, where apprise does not understand it."""

    def __init__(self, url: str, *, timeout_s: float = 10.0) -> None:
        self._service = instantiate(url)
        self._hidden = hidden_parts(url)
        self._service.socket_connect_timeout = timeout_s
        self._service.socket_read_timeout = timeout_s
        self._alone = threading.Lock()

    def send(self, message: Message) -> Sent:
        """Hands it over once; apprise says only yes or no, so what it logged meanwhile is the reason."""
        from apprise import NotifyFormat, NotifyType, OverflowMode

        formats = self._service.notify_format
        html = NotifyFormat.HTML in (formats if isinstance(formats, tuple) else (formats,))
        urgent = NotifyType.FAILURE if message.urgent else NotifyType.WARNING
        with self._alone, _log_of_this_thread() as said:
            try:
                done = self._service.notify(
                    body=message.html if html else message.text,
                    title=message.subject,
                    notify_type=urgent,
                    body_format=NotifyFormat.HTML if html else NotifyFormat.TEXT,
                    overflow=OverflowMode.TRUNCATE,
                )
            except (TypeError, ValueError) as error:
                return Sent(False, retry=False, error=f"apprise refused it: {type(error).__name__}")
        if done:
            return Sent(True)
        return Sent(False, retry=True, error=self._reason(said))

    def _reason(self, said: list[str]) -> str:
        text = " ".join(" ".join(said[-2:]).split()) or "not accepted"
        for part in self._hidden:
            text = text.replace(part, "…")
        return text[:300]


def instantiate(url: str) -> Any:
    """Apprise's own object for a URL; raises ValueError, which never holds the URL."""
    from apprise import Apprise as Door
    from apprise import NotificationManager

    scheme = url.partition("://")[0]
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        raise ValueError("no apprise URL")
    with _log_of_this_thread():
        try:
            service = Door.instantiate(url)
        except Exception as error:  # a plugin may raise anything at what it does not expect
            raise ValueError(f"apprise cannot use it: {type(error).__name__}") from None
    if service is None:
        known = scheme.lower() in NotificationManager()
        what = "what follows it is not what that service needs" if known else "no service that apprise knows"
        raise ValueError(f"{scheme}://: {what}")
    return service


def hidden_parts(url: str) -> list[str]:
    """Every part of a URL that may be a secret, the longest first: user, password, host's tokens, path and query."""
    parts = urlsplit(url)
    pieces = re.split(r"[/:@?&=#,]+", url.partition("://")[2])
    keep = {"localhost", (parts.scheme or "").lower()}
    found = {piece for piece in pieces if len(piece) >= SHORTEST_SECRET and piece.lower() not in keep}
    return sorted(found | {unquote(piece) for piece in found}, key=len, reverse=True)


@contextlib.contextmanager
def _log_of_this_thread() -> Iterator[list[str]]:
    """What apprise logs while it works here, kept from every other log: it may name what is secret."""
    logger = logging.getLogger("apprise")
    said: list[str] = []
    here = threading.get_ident()

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == here and record.levelno >= logging.WARNING:
                said.append(record.getMessage())

    handler = Kept()
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)
