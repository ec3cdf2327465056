"""What has not come to its end: every notice with the ways to its people, what was tried, and whether it
reached somebody. Made again after a restart from the transitions and deliveries of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from incidents.channels.group import Pending
from incidents.channels.model import Outcome, notice_key
from incidents.model import Change
from incidents.people.recipients import Why

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from incidents.channels.model import Delivery, Sending
    from incidents.model import Transition

KEPT = 200_000
"""Notices that are remembered after their end, so that the same one does not go twice."""

Key = tuple[str, str, str]
Names = frozenset[str]


class Told(Struct):
    """A notice on its way. `people`: it has ways to people, so that a chat room alone is not enough.
    `reached`: somebody has it. `given_up`: the engine was told that nobody has."""

    notice: Transition
    open: set[Key] = field(default_factory=set)
    people: bool = False
    reached: bool = False
    given_up: bool = False


class Outbox:
    """Pendings by key, and notices by theirs. Nothing in it sends or asks for the time."""

    def __init__(self) -> None:
        self.pending: dict[Key, Pending] = {}
        self._told: dict[str, Told] = {}
        self._ended: dict[str, None] = {}
        self._newest: dict[tuple[str, ...], tuple[float, Names]] = {}

    def __len__(self) -> int:
        return len(self.pending)

    def knows(self, notice: Transition) -> bool:
        """Whether the same sending of it was taken up before: third stage, dedup."""
        key = notice_key(notice)
        return key in self._told or key in self._ended

    def told(self, notice: Transition) -> Told:
        """The notice's own state."""
        return self._told[notice_key(notice)]

    def holds(self, each: Pending) -> bool:
        """Whether it has not come to its end."""
        return self.pending.get(each.sending.key) is each

    def add(self, notice: Transition, sendings: Sequence[Sending], now: float, *, people: bool) -> None:
        """Takes up a notice with every way that it has to go; `people`: a chat room that has it is not enough."""
        told = Told(notice, people=people)
        self._told[notice_key(notice)] = told
        for sending in sendings:
            told.open.add(sending.key)
            self.pending[sending.key] = Pending(sending, due=max(now, sending.recipient.after), first_at=now)
            self._note_newest(sending)

    def _note_newest(self, sending: Sending) -> None:
        if sending.notice.change is Change.NOTICE:
            newest = self._newest.pop(sending.thread, None)
            if newest is None or sending.notice.at >= newest[0]:
                newest = (sending.notice.at, _about(sending))
            self._newest[sending.thread] = newest  # moved to the end: what is oldest is forgotten first
            while len(self._newest) > KEPT:
                self._newest.pop(next(iter(self._newest)))

    def superseded(self) -> list[Pending]:
        """What a newer notice says in its place, to the same clients at least: reminders that were missed, and
        those that a channel did not take for long. What is still being tried for the first times goes on."""
        return [each for each in self.idle() if self._is_old(each.sending)]

    def idle(self) -> Iterator[Pending]:
        """What was not tried yet, or was not taken for long."""
        return (
            each
            for each in self.pending.values()
            if not each.in_flight and (each.attempt == 0 or each.failed)
        )

    def _is_old(self, sending: Sending) -> bool:
        at, about = self._newest.get(sending.thread, (0.0, frozenset()))
        return sending.notice.change is Change.NOTICE and sending.notice.at < at and _about(sending) <= about

    def waiting(self, now: float) -> Iterator[Pending]:
        """What may go now, or waits for the next message to its place; not what another channel should do first."""
        for each in list(self.pending.values()):
            if not each.in_flight and (each.due <= now or each.held) and self._has_turn(each):
                yield each

    def due(self) -> float | None:
        """When something is to be done next, None while there is nothing."""
        times = [each.due for each in self.pending.values() if not each.in_flight and self._has_turn(each)]
        return min(times, default=None)

    def _has_turn(self, each: Pending) -> bool:
        """For the queue one channel is enough: the next is tried when those before it have failed."""
        sending = each.sending
        if sending.recipient.every or not sending.place:
            return True
        before = (
            self.pending.get((sending.key[0], sending.key[1], channel))
            for channel in _before(self.told(sending.notice), sending, self.pending)
        )
        return all(other is None or other.failed for other in before)

    def close(self, each: Pending, outcome: Outcome) -> list[Pending]:
        """Its end; returns what it makes needless: a person's other channels where one is enough."""
        key = each.sending.key
        self.pending.pop(key, None)
        told = self._told.get(key[0])
        if told is None:
            return []
        told.open.discard(key)
        counts = each.sending.recipient.why is not Why.SUBSCRIBED or not told.people
        if outcome in _REACHED and counts:
            told.reached = True
        needless = []
        if outcome in (Outcome.SENT, Outcome.DIGEST) and not each.sending.recipient.every:
            needless = [
                other
                for other in (self.pending.get(other) for other in list(told.open) if other[1] == key[1])
                if other is not None and not other.in_flight
            ]
        if not told.open:
            self._end(told.notice)
        return needless

    def has_failed(self, notice: Transition) -> bool:
        """Whether every way to people has failed, for the first time that this is asked."""
        told = self._told.get(notice_key(notice))
        if told is None or told.reached or told.given_up:
            return False
        left = [
            each
            for each in (self.pending.get(key) for key in told.open)
            if each is not None and not (told.people and each.sending.recipient.why is Why.SUBSCRIBED)
        ]
        if any(not each.failed for each in left):
            return False
        told.given_up = True
        return True

    def recover(self, deliveries: Iterable[Delivery], tries: int) -> None:
        """What the store has of the notices that were just added: what came to its end is not sent again, what
        failed goes on where it was, and what the engine was told is not told again."""
        for delivery in deliveries:
            each = self.pending.get((delivery.key, delivery.recipient, delivery.channel))
            outcome = Outcome(delivery.reason) if delivery.reason in _OUTCOMES else Outcome.FAILED
            if each is None:
                continue
            if outcome.final:
                self.close(each, outcome)
            else:
                each.attempt = max(each.attempt, delivery.attempt)
                each.first_at, each.tried_at = min(each.first_at, delivery.at), delivery.at
                each.failed = each.attempt >= tries
        latest: dict[str, float] = {}
        for told in self._told.values():
            latest[told.notice.notice] = max(told.notice.at, latest.get(told.notice.notice, 0.0))
        for told in [each for each in self._told.values() if each.notice.at < latest[each.notice.notice]]:
            self.has_failed(told.notice)
            self.settle(told.notice)

    def _end(self, notice: Transition) -> None:
        key = notice_key(notice)
        if (told := self._told.get(key)) is not None and (told.reached or told.given_up):
            self._told.pop(key)
            self._ended[key] = None
            while len(self._ended) > KEPT:
                self._ended.pop(next(iter(self._ended)))

    def settle(self, notice: Transition) -> None:
        """After the engine was told: a notice without any way left is over."""
        told = self._told.get(notice_key(notice))
        if told is not None and not told.open:
            self._end(notice)


_OUTCOMES = {outcome.value for outcome in Outcome}
_REACHED = (Outcome.SENT, Outcome.DIGEST, Outcome.MUTED, Outcome.SUPERSEDED)
"""Nobody further up need hear of it; whether the newer notice reaches anybody is its own matter."""


def _about(sending: Sending) -> Names:
    return frozenset(customer.id for customer in sending.recipient.customers)


def _before(told: Told, sending: Sending, pending: dict[Key, Pending]) -> Iterator[str]:
    for key in told.open:
        other = pending.get(key)
        if other is not None and key[1] == sending.recipient.id and other.sending.place < sending.place:
            yield key[2]
