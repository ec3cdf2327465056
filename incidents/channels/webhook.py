"""A webhook: JSON with the notices as the replay prints them, an `Idempotency-Key`, and a signature of time
and body."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

from incidents.channels.http import post
from incidents.words import instant_text

if TYPE_CHECKING:
    from incidents.channels.model import Message, Sent


class Webhook:
    """Posts to one address. The signature is `t=<epoch seconds>,v1=<hex HMAC-SHA256 of "t.body">`."""

    def __init__(self, url: str, *, secret: str = "", timeout_s: float = 10.0, ca: str = "") -> None:
        self._url, self._secret, self._timeout_s, self._ca = url, secret, timeout_s, ca

    def send(self, message: Message) -> Sent:
        """Hands it over once."""
        body = json.dumps(document(message), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": message.key}
        if self._secret:
            headers["X-Prebill-Signature"] = signature(self._secret, int(message.at), body)
        return post(self._url, body, headers, self._timeout_s, self._ca)


def document(message: Message) -> dict[str, Any]:
    """What machines read of a message."""
    return {
        "key": message.key,
        "at": instant_text(message.at),
        "to": message.to,
        "why": message.why,
        "urgent": message.urgent,
        "subject": message.subject,
        "text": message.text,
        "notices": [notice.json for notice in message.notices],
    }


def signature(secret: str, at: int, body: bytes) -> str:
    """What the other side computes too, and compares in constant time."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
