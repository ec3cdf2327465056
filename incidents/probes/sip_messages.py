"""SIP's OPTIONS request and the answers to it as text (RFC 3261): built and read, nothing sent."""

from __future__ import annotations

import re

from msgspec import Struct

MAX_MESSAGE = 64 * 1024
T1_S, T2_S = 0.5, 4.0

_COMPACT = {"v": "via", "i": "call-id", "l": "content-length"}


class Call(Struct, frozen=True):
    """One transaction: the line asked, our own host and port, and tokens that nothing else has."""

    uri: str
    transport: str
    host: str
    port: int
    token: str

    @property
    def branch(self) -> str:
        """The transaction's name; begins as RFC 3261 8.1.1.7 wants it."""
        return f"z9hG4bK{self.token}"


class Answer(Struct, frozen=True):
    """A response's first line."""

    status: int
    words: str

    @property
    def is_final(self) -> bool:
        return self.status >= 200


def options_request(call: Call) -> bytes:
    """The request, without a body."""
    lines = (
        f"OPTIONS {call.uri} SIP/2.0",
        f"Via: SIP/2.0/{call.transport.upper()} {call.host}:{call.port};branch={call.branch};rport",
        "Max-Forwards: 70",
        f"From: <sip:prebill@{call.host}>;tag={call.token[:16]}",
        f"To: <{call.uri}>",
        f"Call-ID: {call.token}@{call.host}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:prebill@{call.host}:{call.port};transport={call.transport}>",
        "Accept: application/sdp",
        "User-Agent: prebill-probe",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode()


def read_answer(raw: bytes, call: Call) -> Answer | None:
    """The answer to this call; None for anything else (17.1.3: by branch and method)."""
    head = raw.decode("utf-8", "replace").lstrip("\r\n").partition("\r\n\r\n")[0]
    first, _, rest = head.partition("\r\n")
    match = re.fullmatch(r"SIP/2\.0 ([1-6]\d\d)(?: (.*))?", first)
    if match is None:
        return None
    headers = _headers(rest)
    via = headers.get("via", "").partition(",")[0]
    branch = re.search(r";\s*branch\s*=\s*([^;,\s]+)", via)
    cseq = headers.get("cseq", "").split()
    if branch is None or branch[1] != call.branch or cseq != ["1", "OPTIONS"]:
        return None
    return Answer(int(match[1]), (match[2] or "").strip())


def message_length(buffer: bytes) -> int | None:
    """How long the first message in a TCP stream is, None while its head is not whole (18.3)."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    text = _headers(buffer[:end].decode("utf-8", "replace")).get("content-length", "0")
    return end + 4 + (int(text) if re.fullmatch(r"\d{1,6}", text) else 0)


def retransmits() -> tuple[float, ...]:
    """Seconds after the first sending at which a datagram is sent again: timer E of 17.1.2.2, up to 64 T1."""
    times, at, wait = [], 0.0, T1_S
    while at + wait < 64 * T1_S:
        at += wait
        times.append(at)
        wait = min(2 * wait, T2_S)
    return tuple(times)


def _headers(text: str) -> dict[str, str]:
    """By lower-case long name, the first of each; folded lines are put together."""
    found: dict[str, str] = {}
    for line in re.sub(r"\r\n[ \t]+", " ", text).split("\r\n"):
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if colon:
            found.setdefault(_COMPACT.get(name, name), value.strip())
    return found
