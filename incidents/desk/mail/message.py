"""Letters as they come, bytes to text that can be kept and shown: who wrote, to what it replies, whether a
machine wrote it. Pure; whatever a letter holds, it is read or said why not, and it never grows beyond what is kept."""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
from email.utils import parseaddr
from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.desk.mail.headers import header, ids_in
from incidents.desk.mail.html_text import html_to_text
from incidents.desk.mail.reports import Report, read_report
from incidents.desk.model import TEXT_LIMIT

if TYPE_CHECKING:
    from email.message import EmailMessage

ADDRESS = re.compile(
    r"[^\s@<>\",;:()\[\]\\\x00-\x1f\x7f]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,187}[A-Za-z0-9])?"
)
MOST_PARTS = 200
MOST_ATTACHMENTS = 20
MOST_REFERENCES = 50
SUBJECT_LIMIT = 300


class Incoming(Struct, frozen=True, kw_only=True):
    """A letter. `sender`: lower case, empty where it cannot be read. `references`: what it replies to, nearest first.
    `automatic`: why it is a machine's, empty for a person's. `report`: what a mail server reports of a letter.
    `cut`: it was longer than what is read."""

    message_id: str
    sender: str
    subject: str = ""
    text: str = ""
    references: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()
    automatic: str = ""
    report: Report = Report()
    cut: bool = False


def parse_letter(raw: bytes, *, cut: bool = False) -> Incoming:
    """A letter out of its bytes; a letter without a Message-ID has one of its content. Never raises."""
    made = f"<{hashlib.blake2b(raw, digest_size=16).hexdigest()}@no-message-id.invalid>"
    try:
        return _parse(raw, made, cut=cut)
    except Exception as error:  # the standard parser raises many kinds on broken headers
        return Incoming(
            message_id=made, sender="", text=f"(this letter cannot be read: {type(error).__name__})", cut=cut
        )


def _parse(raw: bytes, made: str, *, cut: bool) -> Incoming:
    letter = email.message_from_bytes(raw, policy=email.policy.default)
    _, address = parseaddr(header(letter, "From"))
    sender = address.strip().lower()
    texts, attachments = _parts(letter)
    text = _limited(texts)
    return Incoming(
        message_id=next(iter(ids_in(header(letter, "Message-ID"))), made),
        sender=sender if ADDRESS.fullmatch(sender) else "",
        subject=clean(header(letter, "Subject"), SUBJECT_LIMIT),
        text=text,
        references=_references(letter),
        attachments=attachments,
        automatic=_automatic(letter, sender),
        report=read_report(letter, sender, text),
        cut=cut,
    )


def _references(letter: EmailMessage) -> tuple[str, ...]:
    nearest = ids_in(header(letter, "In-Reply-To")) + ids_in(header(letter, "References"))[::-1]
    return tuple(dict.fromkeys(nearest))[:MOST_REFERENCES]


def _automatic(letter: EmailMessage, sender: str) -> str:
    """Which sign says that a machine wrote it (RFC 3834, and what programs do in its place). A list to which people
    write (RFC 2369) is none."""
    auto = header(letter, "Auto-Submitted").split(";")[0].strip().lower()
    if auto and auto != "no":
        return f"Auto-Submitted: {clean(auto, 60)}"
    of_people = "mailto:" in header(letter, "List-Post").lower()
    precedence = header(letter, "Precedence").lower()
    if precedence in ("bulk", "junk", "auto_reply") or (precedence == "list" and not of_people):
        return f"Precedence: {precedence}"
    lists: tuple[str, ...] = () if of_people else ("List-Id", "List-Unsubscribe", "Feedback-ID")
    for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Reply", *lists):
        if header(letter, name):
            return name
    if letter.get_content_type() == "multipart/report":
        return "a report on delivery"
    if header(letter, "Return-Path").strip() == "<>":
        return "no return path"
    if re.match(r"(mailer-daemon|postmaster|no-?reply|do-?not-?reply)@", sender):
        return f"from {sender.split('@')[0]}"
    return ""


def _parts(letter: EmailMessage) -> tuple[list[str], tuple[str, ...]]:
    """The text of a letter (plain where there is any, else HTML), and the names of what hangs on it."""
    plain: list[str] = []
    rich: list[str] = []
    names: list[str] = []
    for number, part in enumerate(letter.walk()):
        if number >= MOST_PARTS:
            break
        if part.is_multipart():
            continue
        kind = part.get_content_type()
        name = _file_name(part)
        if name or part.get_content_disposition() == "attachment" or kind not in ("text/plain", "text/html"):
            names.append(name or kind)
        else:
            (plain if kind == "text/plain" else rich).append(_content(part))
    texts = plain if any(text.strip() for text in plain) else [html_to_text(text) for text in rich]
    return texts, tuple(dict.fromkeys(names))[:MOST_ATTACHMENTS]


def _file_name(part: EmailMessage) -> str:
    try:
        name = part.get_filename() or ""
    except Exception:  # as for headers
        name = "?"
    return clean(name.replace("/", "_").replace("\\", "_"), 200)


def _content(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    charset = part.get_content_charset() or "utf-8"
    try:
        return raw.decode(charset, "replace")
    except (LookupError, ValueError):
        return raw.decode("utf-8", "replace")


def _limited(texts: list[str]) -> str:
    joined = "\n\n".join(text.replace("\r\n", "\n").strip() for text in texts if text.strip())
    return clean_text(joined)


def clean(text: str, limit: int) -> str:
    """One line without control characters, and no longer than `limit`."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def clean_text(text: str) -> str:
    """A text without control characters other than line ends and tabs, no longer than what is kept."""
    kept = "".join(char for char in text if char in "\n\t" or (char.isprintable() or char == "\u00a0"))
    kept = kept.encode("utf-8", "replace").decode()
    return kept if len(kept) <= TEXT_LIMIT else kept[: TEXT_LIMIT - 1] + "…"
