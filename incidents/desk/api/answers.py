"""What a call is answered: a JSON document, or a problem document as RFC 9457 has it. Pure."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.shape import Problem

URN = "urn:prebill:problem:"
RETRY_S = 5
"""After which a call that found the desk busy, or its store away, may come again."""


class Answer(Struct, frozen=True, kw_only=True):
    """A status, a document, and headers beside those that every answer has."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = {}

    @property
    def media(self) -> str:
        """The document's type."""
        return "application/problem+json" if self.status >= 400 else "application/json"

    @property
    def content(self) -> bytes:
        """The document as it is sent."""
        return msgspec.json.encode(self.body) + b"\n"


def problem(
    status: int, kind: str, title: str, detail: str, headers: dict[str, str] | None = None, **more: Any
) -> Answer:
    """`kind`: what programs tell problems apart by; empty: nothing but the status."""
    name = URN + kind if kind else "about:blank"
    body = {"type": name, "title": title, "status": status, "detail": detail, **more}
    return Answer(status=status, body=body, headers=headers or {})


def plain_problem(status: int, detail: str) -> Answer:
    """A status of HTTP itself."""
    known = {each.value: each.phrase for each in HTTPStatus}
    return problem(status, "", known.get(status, "Problem"), detail)


def no_token(*, given: bool) -> Answer:
    """401."""
    challenge = 'Bearer realm="support"' + (', error="invalid_token"' if given else "")
    found = "a token that is not known here" if given else "none"
    return problem(
        401, "unauthorized", "No valid token",
        f"Expected the header `Authorization: Bearer TOKEN`, found {found}. Ask whoever runs the support desk for one.",
        {"WWW-Authenticate": challenge},
    )  # fmt: skip


def not_yours(customer: str, customers: Sequence[str]) -> Answer:
    """403."""
    return problem(
        403, "forbidden", "Another's customer",
        f"Expected one of this token's customers ({', '.join(customers)}), found {customer!r}. Use that customer's own "
        "token.",
    )  # fmt: skip


def no_such(what: str, todo: str) -> Answer:
    """404."""
    return problem(404, "not-found", "Not found", f"{what}. {todo}")


def wrong_method(method: str, allowed: str) -> Answer:
    """405."""
    return problem(
        405, "method-not-allowed", "Method not allowed", f"Expected {allowed} here, found {method}.",
        {"Allow": allowed},
    )  # fmt: skip


def not_json(found: str) -> Answer:
    """415."""
    return problem(
        415, "not-json", "Not JSON",
        f"Expected the header `Content-Type: application/json` and a body in UTF-8 that is not packed, found {found}.",
    )  # fmt: skip


def too_large(most: int) -> Answer:
    """413."""
    return problem(
        413, "too-large", "Too large",
        f"Expected a body of at most {most:,} bytes, found a longer one. Send the text without attachments, and name "
        "where they are.",
    )  # fmt: skip


def unreadable(detail: str) -> Answer:
    """400 without a place."""
    return problem(400, "bad-request", "Not a request", detail)


def wrong_fields(faults: Sequence[Problem]) -> Answer:
    """400: every fault of a document, each with its place."""
    errors = [{"pointer": "#" + "".join(map(_step, fault.key)), "detail": fault.what} for fault in faults]
    return problem(
        400, "bad-request", "Not a request", f"{'; '.join(map(str, faults))}. Mend it and send it again.",
        errors=errors,
    )  # fmt: skip


def _step(name: str | int) -> str:
    """A step of a JSON pointer in a URI, as RFC 6901 writes it."""
    return "/" + quote(str(name).replace("~", "~0").replace("/", "~1"), safe="~", errors="replace")


def other_content(key: str, number: str) -> Answer:
    """409."""
    return problem(
        409, "conflict", "The key is taken",
        f"Expected the content that key {key!r} was first sent with (request {number}), found another. Send a new "
        "request under a new key.",
        id=number,
    )  # fmt: skip


def too_many(wait_s: float, per_minute: int) -> Answer:
    """429."""
    seconds = max(1, math.ceil(wait_s))
    return problem(
        429, "too-many", "Too many calls",
        f"Expected at most {per_minute:,} calls a minute of one token, found more. Come again in {seconds} s.",
        {"Retry-After": str(seconds)},
    )  # fmt: skip


def too_slow(seconds: float) -> Answer:
    """408."""
    return problem(
        408, "timeout", "Too slow",
        f"Expected the whole call within {seconds:g} s for its head and as long for its body, found less. Send it "
        "again.",
    )  # fmt: skip


def away(why: str) -> Answer:
    """503."""
    return problem(
        503, "unavailable", "Not now",
        f"{why}. Send it again in {RETRY_S} s, under the same key, so that it is not taken in twice.",
        {"Retry-After": str(RETRY_S)},
    )  # fmt: skip


def own_error() -> Answer:
    """500."""
    return problem(
        500, "own-error", "An error of ours",
        "The fault is on this side and is written down there. Send it again under the same key, or write to the "
        "support desk.",
    )  # fmt: skip
