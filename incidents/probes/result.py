"""What a look gave, and how a failure is said in a few plain words; from every kind of probe to the evidence."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DETAIL = 200


class Result(Struct, frozen=True):
    """One look. `ok`: None where nothing can be said of the target, because the prober itself could not look."""

    ok: bool | None
    detail: str = ""
    took_s: float = 0.0


class Phase:
    """What a look is busy with, so that a timeout can say what did not come."""

    def __init__(self) -> None:
        self.name = "connect"


class UnmetError(Exception):
    """The target answered, and not as it should; the message is the detail."""


class RefusedAddressError(Exception):
    """A name or a redirect led to an address that a probe must not touch; the message is the detail."""


def shortened(text: str) -> str:
    """A detail that is one printable line of bounded length, whatever an answer held."""
    line = "".join(char if char.isprintable() else " " for char in text).strip()
    return line if len(line) <= MAX_DETAIL else line[: MAX_DETAIL - 1] + "…"


def reason_of(error: BaseException) -> str:
    """The plain words for what went wrong on the way: the first cause that has a name of its own."""
    for each in _causes(error):
        if words := _words(each):
            return words
    return shortened(str(error)) or type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and all that led to it, those that libraries wrapped first, each once."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [cause for cause in (each.__cause__, each.__context__) if cause is not None]
        waiting += [arg for arg in each.args if isinstance(arg, BaseException)]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions


_ERRNOS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection closed",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETUNREACH: "network unreachable",
    errno.ETIMEDOUT: "connect timeout",
    errno.EACCES: "not permitted on this machine",
    errno.EMFILE: "too many open files on this machine",
}
_NAMES = {
    socket.EAI_NONAME: "name not found",
    socket.EAI_AGAIN: "name servers do not answer",
    socket.EAI_FAIL: "name servers fail",
}
_VERIFY = {
    9: "certificate not valid yet",
    10: "certificate expired",
    18: "certificate is self-signed",
    19: "certificate is signed by an unknown authority",
    20: "certificate is signed by an unknown authority",
    21: "certificate is signed by an unknown authority",
    62: "certificate is for another host",
    64: "certificate is for another address",
}


class OwnFaultError(Exception):
    """The prober itself cannot look; the message is the detail."""


OWN_ERRNOS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
"""The prober's own machine is short of something: nothing is known of the target."""


def is_own_fault(error: BaseException) -> bool:
    """Whether a look failed on the prober's side: for want of something, or by an error that no target can cause."""
    if any(isinstance(each, OSError) and each.errno in OWN_ERRNOS for each in _causes(error)):
        return True
    if isinstance(error, OSError | EOFError | UnmetError | RefusedAddressError):
        return False
    return not type(error).__module__.startswith(("httpcore", "h11", "anyio", "dns"))


def _words(error: BaseException) -> str:
    if isinstance(error, UnmetError | RefusedAddressError | OwnFaultError):
        return shortened(str(error))
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY.get(error.verify_code, f"certificate: {shortened(error.verify_message)}")
    if isinstance(error, ssl.SSLError):
        if error.reason == "WRONG_VERSION_NUMBER":
            return "no TLS is spoken there"
        return f"TLS: {(error.reason or 'failed').replace('_', ' ').lower()}"
    if isinstance(error, socket.gaierror):
        return _NAMES.get(error.errno or 0, "name not found")
    if isinstance(error, ConnectionResetError):
        return "connection reset"
    if isinstance(error, EOFError):
        return "connection closed before the answer's end"
    if isinstance(error, OSError):
        return _ERRNOS.get(error.errno or 0, "")
    if type(error).__name__ == "RemoteProtocolError":  # of the HTTP client, which is not imported here
        closed = "disconnected" in str(error) or "closed connection" in str(error)
        return "connection closed before the answer's end" if closed else "what was answered is not HTTP"
    return ""
