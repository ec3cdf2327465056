"""Reports that mail servers write: whether a letter of ours was not delivered (RFC 3464, RFC 6533, and the notices of
servers that know neither), which letter, and to whom; read out of a letter for message.py. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.desk.mail.headers import header, ids_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage, Message

FAILED = "failed"
MOST_PARTS = 100
MOST_IDS = 10
_ACTION = re.compile(r"^Action:\s*([a-z]+)", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(r"^Status:\s*([245])\.", re.IGNORECASE | re.MULTILINE)
_RECIPIENT = re.compile(
    r"^(?:Original|Final)-Recipient:\s*(?:[a-z0-9-]+\s*;)?\s*<?([^\s<>;]{1,320})>?",
    re.IGNORECASE | re.MULTILINE,
)
_MESSAGE_ID = re.compile(r"^Message-ID:\s*(<[^<>\s]{1,250}>)", re.IGNORECASE | re.MULTILINE)
_OF_STATUS = {"2": "delivered", "4": "delayed", "5": FAILED}
_LATER = re.compile(r"\b(warning|delay(ed)?|deferred)\b|still being retried", re.IGNORECASE)
_LATER_TEXT = re.compile(
    r"not yet been delivered|still being retried|will (keep|continue)|no need to resend|has been delayed",
    re.IGNORECASE,
)


class Report(Struct, frozen=True):
    """`kind`: `failed`, another action (`delayed`, `delivered`, `relayed`, `expanded`), the type of a report that is
    not about delivery; empty: no report. `ids`: of the letter that it is about. `recipients`: who did not get it."""

    kind: str = ""
    ids: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()


def read_report(letter: EmailMessage, sender: str, text: str) -> Report:
    """What a server reports; `text`: the letter's own. Only what failed for good is `failed`: a letter that is late is
    on its way."""
    if letter.get_content_type() != "multipart/report":
        return _notice(letter, text) if sender.startswith("mailer-daemon@") else Report()
    about = re.search(r"report-type=\"?([a-z-]+)", header(letter, "Content-Type"), re.IGNORECASE)
    if about and about[1].lower() != "delivery-status":
        return Report(about[1].lower()[:60])
    ids, status = list[str](), ""
    for part in _parts(letter):
        kind = part.get_content_type()
        if kind in ("message/delivery-status", "message/global-delivery-status"):
            status += _source(part)
        elif kind in ("message/rfc822", "message/global", "message/global-headers"):
            ids += ids_in(_nested_id(part))
        elif kind == "text/rfc822-headers":
            ids += _MESSAGE_ID.findall(_source(part))
    action = _action(status) or _notice(letter, text).kind
    recipients = [found.lower() for found in _RECIPIENT.findall(status)]
    return Report(action, tuple(dict.fromkeys(ids))[:MOST_IDS], tuple(dict.fromkeys(recipients))[:MOST_IDS])


def _action(status: str) -> str:
    """The worst that is told; where a server tells none, what its status codes mean."""
    told = [found.lower() for found in _ACTION.findall(status)]
    told = told or [_OF_STATUS[found] for found in _STATUS.findall(status)]
    return FAILED if FAILED in told else next(iter(told), "")


def _notice(letter: EmailMessage, text: str) -> Report:
    """A notice in words alone: one that does not say that the letter is still on its way says that it is not."""
    later = _LATER.search(header(letter, "Subject")) or _LATER_TEXT.search(text[:2_000])
    return Report("delayed" if later else FAILED)


def _parts(letter: EmailMessage) -> Iterator[Message]:
    """The report's own parts; what is in the letter that came back is not looked at."""
    payload = letter.get_payload()
    for part in payload[:MOST_PARTS] if isinstance(payload, list) else []:
        if not isinstance(part, str):
            yield part


def _nested_id(part: Message) -> str:
    payload = part.get_payload()
    first = payload[0] if isinstance(payload, list) and payload else None
    return "" if first is None or isinstance(first, str) else header(first, "Message-ID")


def _source(part: Message) -> str:
    """A part as it stands in the letter, its own headers first."""
    try:
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            return payload.decode("utf-8", "replace")
        return part.as_bytes().decode("utf-8", "replace")
    except Exception:  # the standard library writes few broken parts back
        return ""
