"""One POST, bounded in time and size, that follows no redirect: what the webhook and Alertmanager channels
stand on."""

from __future__ import annotations

import http.client
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from incidents.channels.model import Sent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

LARGEST_ANSWER = 4096
RETRIED = frozenset({408, 425, 429})
LONGEST_AFTER_S = 3600.0


def post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float, ca: str = "") -> Sent:
    """Whether the other side took it, by its status: 2xx; a 4xx of its own making is not tried again."""
    try:
        parts = urlsplit(url)
        connection = _connection(parts, timeout_s, ca)
    except (ValueError, OSError) as error:
        return Sent(False, retry=False, error=f"the address cannot be used: {type(error).__name__}")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body, {"User-Agent": "prebill", **headers})
        answer = connection.getresponse()
        said = answer.read(LARGEST_ANSWER)
        after = answer.getheader("Retry-After", "")
        status = answer.status
    except (OSError, http.client.HTTPException) as error:
        return Sent(False, retry=True, error=_plainly(error))
    finally:
        connection.close()
    if 200 <= status < 300:
        return Sent(True)
    retry = status >= 500 or status in RETRIED
    seconds = min(LONGEST_AFTER_S, float(after)) if after.isdecimal() else 0.0
    return Sent(False, retry=retry, error=_answer(status, said), after=seconds)


def _connection(parts: SplitResult, timeout_s: float, ca: str) -> http.client.HTTPConnection:
    if not parts.hostname:
        raise ValueError("no host")
    if parts.scheme == "http":
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    if parts.scheme != "https":
        raise ValueError("no http")
    context = ssl.create_default_context(cafile=ca or None)
    return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout_s, context=context)


def _plainly(error: Exception) -> str:
    """In words that hold no address: an address may hold a secret."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return f"no proper answer: {type(error).__name__}"


def _answer(status: int, said: bytes) -> str:
    text = " ".join(said.decode("utf-8", "replace").split())[:160]
    clean = "".join(letter for letter in text if letter.isprintable())
    return f"status {status}: {clean}" if clean else f"status {status}"
