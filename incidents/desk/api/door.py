"""Who may call, how often, and what he asks: the head and the body of a call become a request to take in, or the
answer that refuses it. Pure: nothing here reads a socket, a store or a clock."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta, Struct

from incidents.desk.api import answers
from incidents.desk.api.answers import Answer
from incidents.desk.mail.message import ADDRESS, clean, clean_text
from incidents.desk.model import TEXT_LIMIT, RequestKind
from incidents.desk.settings import Language
from pipeline.configured import Name
from pipeline.shape import Problem, found, read_struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from incidents.desk.api.settings import ApiSettings, ApiToken

PATH = "/v1/requests"
BODY_LIMIT = 64 << 10
SUBJECT_LIMIT = 300
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


class Head(Struct, frozen=True, kw_only=True):
    """What stands above a call's body; None: the header is not there."""

    method: str
    path: str
    authorization: str | None = None
    content_type: str | None = None
    content_encoding: str | None = None


class Call(Struct, frozen=True, kw_only=True):
    """A call that is let in. `number`: of the request that is asked for; empty: a new one is handed in."""

    token: ApiToken
    number: str = ""


class _Body(Struct, frozen=True, kw_only=True):
    customer: Name
    kind: RequestKind
    text: Annotated[
        str, Meta(min_length=1, max_length=TEXT_LIMIT, description=f"a text of 1 to {TEXT_LIMIT} characters")
    ]
    contact: str | None = None
    subject: (
        Annotated[
            str, Meta(max_length=SUBJECT_LIMIT, description=f"a text of at most {SUBJECT_LIMIT} characters")
        ]
        | None
    ) = None
    lang: Language | None = None
    key: (
        Annotated[
            str,
            Meta(pattern=r"^[!-~]{1,128}$", description="1 to 128 visible ASCII characters, without spaces"),
        ]
        | None
    ) = None


class NewRequest(Struct, frozen=True, kw_only=True):
    """What a client hands in; `key`: his own name for it, empty where he has none."""

    customer: str
    kind: RequestKind
    text: str
    contact: str
    subject: str
    lang: str
    key: str


def hash_of(token: str) -> str:
    """What is kept of a token. It is 32 random bytes, so that nothing slower is needed."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def find_token(given: str, settings: ApiSettings) -> ApiToken | None:
    """Whose a token is; takes the same time for every one of them."""
    known = None
    mine = hash_of(given)
    for each in settings.token:
        if hmac.compare_digest(mine, each.sha256):
            known = each
    return known


def admit(head: Head, settings: ApiSettings) -> Call | Answer:
    """Lets a call in by its head, or says why not: the place first, then who it is."""
    path = head.path.partition("?")[0]
    number = path.removeprefix(PATH + "/") if path.startswith(PATH + "/") else ""
    if path != PATH and not number:
        return answers.no_such(f"There is nothing at {found(path)}", f"Requests are handed in at {PATH}.")
    allowed = "GET" if number else "POST"
    if head.method != allowed:
        return answers.wrong_method(head.method, allowed)
    scheme, _, given = (head.authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not given.strip():
        return answers.no_token(given=False)
    token = find_token(given.strip(), settings)
    if token is None:
        return answers.no_token(given=True)
    if number:
        return Call(token=token, number=number) if _NUMBER.fullmatch(number) else no_request(number)
    return _unreadable_type(head) or Call(token=token)


def no_request(number: str) -> Answer:
    """The same for a request that is not there and for another customer's: nobody learns which numbers there are."""
    return answers.no_such(
        f"This token's customers have no request {found(number)}", "Use the id that handing it in gave."
    )


def may_see(token: ApiToken, customer: str) -> bool:
    """Whether a token is for this customer."""
    return not token.customers or customer in token.customers


def _unreadable_type(head: Head) -> Answer | None:
    media, _, parameters = (head.content_type or "").partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", parameters, re.IGNORECASE)
    if media.strip().lower() != "application/json" or (
        charset and charset[1].lower() not in ("utf-8", "utf8")
    ):
        return answers.not_json(found(head.content_type) if head.content_type else "no Content-Type")
    packed = (head.content_encoding or "identity").strip().lower()
    return None if packed == "identity" else answers.not_json(f"Content-Encoding {found(packed)}")


def parse_new(raw: bytes, token: ApiToken, langs: Mapping[str, str]) -> NewRequest | Answer:
    """A body as a request, or every fault of it. `langs`: of each customer that is known."""
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        what = "nothing" if not raw.strip() else f"what is none ({error})"
        return answers.unreadable(f"Expected a JSON object, found {what}. Mend it and send it again.")
    if not isinstance(document, dict):
        kind = "a list" if isinstance(document, list) else "a bare value"
        return answers.unreadable(f"Expected a JSON object, found {kind}. Mend it and send it again.")
    faults: list[Problem] = []
    given = {str(name): value for name, value in document.items() if value is not None}
    customer = given.get("customer")
    if isinstance(customer, str) and customer and not may_see(token, customer):
        return answers.not_yours(customer[:255], token.customers)
    body = read_struct(_Body, given, (), faults)
    if isinstance(customer, str) and 0 < len(customer) <= 255 and customer not in langs:
        faults.append(Problem(("customer",), f"there is no customer {found(customer)}"))
    if isinstance(text := given.get("text"), str) and text and not clean_text(text).strip():
        faults.append(Problem(("text",), "expected words, found none"))
    contact = given.get("contact")
    if isinstance(contact, str) and not (len(contact) <= 254 and ADDRESS.fullmatch(contact)):
        what = f"expected a mail address, found {found(contact)}; a telephone number goes into the text"
        faults.append(Problem(("contact",), what))
    if body is None or faults:
        return answers.wrong_fields(faults)
    return NewRequest(
        customer=body.customer,
        kind=body.kind,
        text=clean_text(body.text).strip(),
        contact=(body.contact or "").lower(),
        subject=clean(body.subject or "", SUBJECT_LIMIT),
        lang=body.lang or ("ru" if langs[body.customer] == "ru" else "en"),
        key=body.key or "",
    )


class Limiter:
    """Calls of each token: as many in a minute as are allowed, all at once if need be, then evenly."""

    def __init__(self, per_minute: int) -> None:
        self._most = float(per_minute)
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, name: str, now: float) -> float:
        """Takes one at `now` (seconds of any clock that does not go back); the seconds to wait where there is none."""
        left, at = self._left.get(name, (self._most, now))
        left = min(self._most, left + (now - at) * self._most / 60)
        if left < 1:
            self._left[name] = (left, now)
            return (1 - left) * 60 / self._most
        self._left[name] = (left - 1, now)
        return 0.0
