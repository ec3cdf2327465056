"""The nouns of sending: what is to be sent to whom, the message made of it, what came of it."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from incidents.events import DeliveryFailed
from incidents.model import Audience, Priority, Transition
from incidents.people.recipients import Recipient, Why


class Outcome(StrEnum):
    """What became of one try, or why there was none."""

    SENT = "sent"
    DIGEST = "digest"  # sent, after it was held back
    FAILED = "failed"  # and will be tried again
    GAVE_UP = "gave_up"
    MUTED = "muted"
    NEEDLESS = "needless"  # an earlier channel of the same person worked after all
    SUPERSEDED = "superseded"  # a newer one of the same notice goes in its place
    NOBODY = "nobody"

    @property
    def final(self) -> bool:
        """Nothing follows."""
        return self is not Outcome.FAILED


class Sent(Struct, frozen=True):
    """What a channel answered. `retry`: whether another try may help; `after`: in how many seconds at the
    earliest."""

    ok: bool
    retry: bool = False
    error: str = ""
    after: float = 0.0


class Delivery(Struct, frozen=True, kw_only=True):
    """One try to hand a notice to somebody, as the store keeps it. `key` names the sending: repeats have the same."""

    at: float
    notice: str
    incident: str
    recipient: str
    channel: str
    attempt: int
    ok: bool
    error: str = ""
    reason: str = Outcome.SENT.value
    key: str = ""


class Sending(Struct, frozen=True, kw_only=True):
    """A notice that one recipient must have on one channel. `place`: of the channel among his. `alone`: each incident
    has a message of its own there, as a tracker has a ticket."""

    notice: Transition
    recipient: Recipient
    channel: str
    place: int = 0
    alone: bool = False

    @property
    def thread(self) -> tuple[str, ...]:
        """What is said again and again: of it only the newest needs to be said. All letters about an incident are
        one thread of each client, and of the liaison."""
        if self.notice.audience is not Audience.CLIENT:
            return (self.notice.notice,)
        whom = self.recipient.id if self.recipient.why is Why.CLIENT else self.recipient.why.value
        return (self.notice.incident, Audience.CLIENT.value, whom)

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from every other."""
        return notice_key(self.notice), self.recipient.id, self.channel

    @property
    def urgent(self) -> bool:
        """Never held back."""
        return self.notice.priority is Priority.COMPANY_WIDE or self.recipient.why in (
            Why.CLIENT,
            Why.LIAISON,
        )


class Message(Struct, frozen=True, kw_only=True):
    """What a channel hands over. `key`: of a retry the same. `notices`: what it tells, the most urgent first."""

    key: str
    at: float
    to: str
    name: str
    subject: str
    text: str
    html: str
    urgent: bool
    why: str
    notices: tuple[Transition, ...]


class Step(Struct, frozen=True):
    """What one step of dispatch did: for the record, and for the engine."""

    deliveries: tuple[Delivery, ...] = ()
    failed: tuple[DeliveryFailed, ...] = ()


class Channel(Protocol):
    """One way to hand a message over. Never raises: what goes wrong is in the answer, in words without secrets."""

    def send(self, message: Message) -> Sent:
        """Hands it over once, in bounded time."""


class Closed:
    """Stands for a channel that cannot be opened or is not there: every message to it fails, and says why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def send(self, message: Message) -> Sent:  # noqa: ARG002 - there is nowhere to send it
        """Refuses."""
        return Sent(False, retry=False, error=self.reason)


def notice_key(notice: Transition) -> str:
    """One sending of a notice: its id, and when; a change that is no notice is named by its content."""
    name = notice.notice or f"{notice.incident}:{notice.change}:{notice.status}:{notice.priority}"
    return f"{name}@{notice.at:.6f}"


def bundle_key(sendings: list[Sending]) -> str:
    """The key of a message: one notice's own for one, made of all of them otherwise."""
    keys = sorted(notice_key(each.notice) for each in sendings)
    whom = f"{sendings[0].recipient.id}/{sendings[0].channel}"
    return hashlib.blake2b("\n".join((*keys, whom)).encode(), digest_size=16).hexdigest()
