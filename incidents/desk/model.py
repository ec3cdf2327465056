"""The nouns of the support desk: what may happen to a request (events, an append-only log keeps them) and what comes of
it (a request, read from its events by requests.py). Frozen, no I/O; times are epoch seconds, amounts decimal
strings."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from msgspec import Meta, Struct

TEXT_LIMIT = 10_000
"""Characters of a text that are kept; the evidence of incidents takes no more either."""

Text = Annotated[str, Meta(max_length=TEXT_LIMIT)]
Id = Annotated[str, Meta(min_length=1, max_length=255)]
Amount = Annotated[str, Meta(pattern=r"^\d{1,15}(\.\d{1,9})?$")]
Score = Annotated[int, Meta(ge=0, le=10)]
RequestKind = Literal["technical", "billing", "question"]
Channel = Literal["email", "api", "cli", "call"]


class _Event(Struct, frozen=True, kw_only=True, tag_field="type"):
    """`at`: when it is true, epoch seconds. `actor`: who did it, `desk` where a rule did. `key`: the same for the same
    thing, so that it is there once however often it is added."""

    at: float
    actor: str
    key: Id


class _OfRequest(_Event, frozen=True, kw_only=True):
    request: Id


class Received(_OfRequest, frozen=True, kw_only=True, tag="received"):
    """A client asks. `address`: where letters go, empty where there is none. `automatic`: a machine wrote it, and gets
    no letter. `message_id`: of the letter that brought it."""

    kind: RequestKind
    channel: Channel
    customer: str = ""
    lang: str = "en"
    address: str = ""
    subject: Text = ""
    text: Text = ""
    message_id: str = ""
    attachments: tuple[str, ...] = ()
    automatic: bool = False


class Filed(_OfRequest, frozen=True, kw_only=True, tag="filed"):
    """A person says whose it is, what it is about, or where its letters go; None: as before. An address that is said
    again after letters to it came back works again."""

    customer: str | None = None
    kind: RequestKind | None = None
    lang: str | None = None
    address: str | None = None


class Acknowledged(_OfRequest, frozen=True, kw_only=True, tag="acknowledged"):
    """The client was told that it is here; `manager`: who was named in it, empty where nobody yet."""

    message_id: str = ""
    manager: str = ""


class Withheld(_OfRequest, frozen=True, kw_only=True, tag="withheld"):
    """The acknowledgement was held back on purpose, and why."""

    reason: Text = ""


class Named(_OfRequest, frozen=True, kw_only=True, tag="named"):
    """A manager is on it."""

    manager: Id


class Introduced(_OfRequest, frozen=True, kw_only=True, tag="introduced"):
    """The client was told who is on it, after an acknowledgement that named nobody or another."""

    manager: Id
    message_id: str = ""


class Answered(_OfRequest, frozen=True, kw_only=True, tag="answered"):
    """A person wrote to the client."""

    text: Text = ""
    message_id: str = ""


class Replied(_OfRequest, frozen=True, kw_only=True, tag="replied"):
    """The client wrote again; a pause ends, and a closed request is open again."""

    text: Text = ""
    message_id: str = ""
    attachments: tuple[str, ...] = ()


class Thanked(_OfRequest, frozen=True, kw_only=True, tag="thanked"):
    """The client thanks, and says nothing else; nothing changes by that."""

    text: Text = ""
    message_id: str = ""


class Promised(_OfRequest, frozen=True, kw_only=True, tag="promised"):
    """The client was told by when it is done."""

    due: float


class Paused(_OfRequest, frozen=True, kw_only=True, tag="paused"):
    """It waits for the client."""

    reason: Text = ""


class Resumed(_OfRequest, frozen=True, kw_only=True, tag="resumed"):
    """It waits no more."""

    reason: Text = ""


class Closed(_OfRequest, frozen=True, kw_only=True, tag="closed"):
    """It is done; `text`: how it ended."""

    text: Text = ""


class NpsAsked(_OfRequest, frozen=True, kw_only=True, tag="nps_asked"):
    """The client was told that it is closed, and asked how it went."""

    message_id: str = ""


class NpsGiven(_OfRequest, frozen=True, kw_only=True, tag="nps_given"):
    """How likely he is to recommend us, 0 to 10."""

    score: Score
    text: Text = ""
    message_id: str = ""


class Bounced(_OfRequest, frozen=True, kw_only=True, tag="bounced"):
    """A letter of ours came back. `address`: whose; empty: the request's."""

    address: str = ""
    message_id: str = ""
    text: Text = ""


class Warned(_OfRequest, frozen=True, kw_only=True, tag="warned"):
    """The head of support was told; `what`: of which warning."""

    what: Id


class Ignored(_Event, frozen=True, kw_only=True, tag="ignored"):
    """A letter that is no request, and why; it is not read again."""

    reason: Text
    sender: str = ""
    message_id: str = ""


class Worked(_Event, frozen=True, kw_only=True, tag="worked"):
    """Paid work. `mode`: `request`: `price` for all of it, whatever the hours; `hour`: `price` an hour;
    `prepaid`: hours out of what the customer bought."""

    customer: Id
    mode: Literal["request", "hour", "prepaid"]
    hours: Amount
    price: Amount = "0"
    currency: str = ""
    request: str = ""
    text: Text = ""


class HoursBought(_Event, frozen=True, kw_only=True, tag="hours_bought"):
    """Hours paid ahead; what is not used by `expires` is lost."""

    customer: Id
    hours: Amount
    price: Amount
    currency: str
    expires: float


class Called(_Event, frozen=True, kw_only=True, tag="called"):
    """A call to the support line, and how polite the answer was, 0 to 10; None: nobody answered, or no score."""

    answered: bool
    test: bool = False
    score: Score | None = None
    request: str = ""
    text: Text = ""


RequestEvent = (
    Received
    | Filed
    | Acknowledged
    | Withheld
    | Named
    | Introduced
    | Answered
    | Replied
    | Thanked
    | Promised
    | Paused
    | Resumed
    | Closed
    | NpsAsked
    | NpsGiven
    | Bounced
    | Warned
)
DeskEvent = RequestEvent | Ignored | Worked | HoursBought | Called


class Standing(StrEnum):
    """Where a request stands."""

    NEW = "new"
    """nobody of us has written yet"""
    OPEN = "open"
    """it is our turn"""
    ANSWERED = "answered"
    """we wrote last"""
    WAITING = "waiting"
    """paused: the client's turn"""
    CLOSED = "closed"


class Span(Struct, frozen=True, array_like=True):
    """[since, until); None: it goes on."""

    since: float
    until: float | None = None


class Promise(Struct, frozen=True, array_like=True):
    """What was promised when, by when."""

    at: float
    due: float


class Request(Struct, frozen=True, kw_only=True):
    """A client's request, as its events up to now leave it. `turns`: since when we owe an answer and when it
    came (None: not yet); the first is the first answer. `message_ids`: of every letter of it, theirs and ours,
    as they came. `bounced_at`: since when letters to its address come back, whichever request they were of; None: they
    do not."""

    id: str
    customer: str
    kind: str
    lang: str
    channel: str
    address: str
    subject: str
    text: str
    automatic: bool
    received_at: float
    standing: Standing
    changed_at: float
    acknowledged_at: float | None = None
    withheld_at: float | None = None
    manager: str = ""
    manager_at: float | None = None
    told_manager: str = ""
    letters: tuple[float, ...] = ()
    answered_by: tuple[str, ...] = ()
    turns: tuple[Span, ...] = ()
    promises: tuple[Promise, ...] = ()
    pauses: tuple[Span, ...] = ()
    closed_at: float | None = None
    closings: tuple[float, ...] = ()
    outcome: str = ""
    nps_asked_at: float | None = None
    nps: int | None = None
    nps_at: float | None = None
    nps_text: str = ""
    bounces: int = 0
    bounced_at: float | None = None
    warned: frozenset[str] = frozenset()
    message_ids: tuple[str, ...] = ()
    history: tuple[RequestEvent, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether anything is still to be done."""
        return self.standing is not Standing.CLOSED
