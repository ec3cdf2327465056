"""From transitions to deliveries: who must hear, then mute, group, dedup, send with retry, record. The store's
rows go in at a start, and come out at every step; what nobody could be given goes back to the engine."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from incidents.channels.ends import Ends, line_of
from incidents.channels.group import bundles, note_sent, place_of
from incidents.channels.model import Closed, Delivery, Outcome, Sending, Sent, Step, bundle_key, notice_key
from incidents.channels.mute import mute_reason
from incidents.channels.outbox import Outbox
from incidents.channels.references import channel_name
from incidents.channels.retry import next_try
from incidents.channels.sender import Inline
from incidents.events import DeliveryFailed
from incidents.messages.compose import Composer
from incidents.model import Audience, Change, Priority, Status
from incidents.people.recipients import Customer, Recipient, Why, recipients
from incidents.people.roles import Roles, roles_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from incidents.channels.alertmanager import AlertMirror
    from incidents.channels.group import Meter, Pending, Place
    from incidents.channels.model import Channel
    from incidents.channels.sender import Sender
    from incidents.channels.settings import ChannelSettings, Notifying
    from incidents.events import Maintenance
    from incidents.model import Transition
    from incidents.people.roles import HandOver

REPEAT = 20 * 60.0
SOON_S = 0.5
STUCK_S = 60.0
"""Longer than any channel's own timeout should be."""


class Dispatcher:
    """All of it, for one writer. `repeat`: seconds from one message to clients to the next that is promised."""

    def __init__(
        self,
        settings: Notifying,
        channels: Mapping[str, Channel],
        *,
        sender: Sender[list[Pending]] | None = None,
        mirrors: Sequence[AlertMirror] = (),
        customers: Callable[[Transition], Sequence[Customer]] | None = None,
        roster: Callable[[Transition], Sequence[Customer]] | None = None,
        repeat: float = REPEAT,
    ) -> None:
        self._settings = settings
        self._channels = channels
        self._sender: Sender[list[Pending]] = sender or Inline()
        self._mirrors = mirrors
        self._customers = customers or _named_customers
        self._outbox = Outbox()
        self._ends = Ends()
        self._meters: dict[Place, Meter] = {}
        self._raised: dict[str, float] = {}
        self._company_wide: dict[str, None] = {}
        self._hand_overs: dict[str, list[HandOver]] = {}
        self._under_way: list[tuple[float, list[Pending]]] = []
        self._recovered: dict[str, Transition] = {}
        self._composer = Composer(settings.people, repeat, roster)
        self.planned: tuple[Maintenance, ...] = ()

    def recover(self, transitions: Iterable[Transition], deliveries: Iterable[Delivery]) -> None:
        """After a start: everything that was recent, and what was done about it; whatever is not done will be."""
        notices: dict[str, Transition] = {}
        for transition in transitions:
            self._take_up(transition, transition.at, self._recovered)
            notices[notice_key(transition)] = transition
            for mirror in self._mirrors:
                mirror.take(transition)
        known = list(deliveries)
        for delivery in known:
            each = self._outbox.pending.get((delivery.key, delivery.recipient, delivery.channel))
            if delivery.ok and each is not None:
                self._composer.delivered(each.sending)
            if delivery.key in notices and (delivery.ok or delivery.reason == Outcome.MUTED):
                self._ends.note(notices[delivery.key], delivery.recipient)
        self._outbox.recover(known, self._settings.notices.tries)

    def hand_over(self, incident: str, act: HandOver) -> None:
        """A role of an incident has been given on."""
        self._hand_overs.setdefault(incident, []).append(act)

    def roles(self, incident: str, at: float) -> Roles:
        """Who holds the roles of an incident; nobody does before it concerns the whole company."""
        since = self._raised.get(incident)
        if since is None:
            return Roles()
        return roles_at(self._settings.people, since, self._hand_overs.get(incident, ()), at)

    @property
    def company_wide(self) -> tuple[str, ...]:
        """Unresolved incidents of the whole company: their roles are held by somebody."""
        return tuple(self._company_wide)

    @property
    def undelivered(self) -> int:
        """How many ways to people are still to be gone."""
        return len(self._outbox)

    def due(self) -> float | None:
        """When the next step has something to do without anything new."""
        return self._outbox.due()

    def step(self, now: float, transitions: Iterable[Transition] = ()) -> Step:
        """Takes up what is new, sends what is due, and tells what came of it. Answers that are late come with
        a later step."""
        touched, self._recovered = self._recovered, {}
        record: list[Delivery] = []
        for pendings, answer in (*self._sender.finished(), *self._stuck(now)):
            record += self._answered(pendings, answer, now, touched)
        for transition in transitions:
            record += self._take_up(transition, now, touched)
            for mirror in self._mirrors:
                mirror.take(transition)
        record += self._supersede(now, touched)
        record += self._supersede_ended(now, touched)
        record += self._mute(now, touched)
        for group in bundles(self._outbox.waiting(now), self._meters, self._settings.notices, now):
            self._send(group, now)
        for pendings, answer in self._sender.finished(wait=True):
            record += self._answered(pendings, answer, now, touched)
        for mirror in self._mirrors:
            record += mirror.step(now)
        return Step(tuple(record), tuple(self._failures(touched.values(), now)))

    def _take_up(self, transition: Transition, now: float, touched: dict[str, Transition]) -> list[Delivery]:
        self._learn(transition)
        self._composer.learn(transition)
        record: list[Delivery] = []
        if not self._outbox.knows(transition):
            sendings = list(self._sendings(transition, now))
            if sendings or transition.change is Change.NOTICE:
                reaches = any(each.recipient.why is not Why.SUBSCRIBED for each in sendings)
                wanted = transition.change is Change.NOTICE and bool(self._settings.person)
                self._outbox.add(transition, sendings, now, people=reaches or wanted)
                touched[notice_key(transition)] = transition
                if transition.change is Change.NOTICE and not (reaches if wanted else sendings):
                    record.append(_nobody(transition, now))
        return record

    def _learn(self, transition: Transition) -> None:
        self._ends.learn(transition)
        if transition.priority is Priority.COMPANY_WIDE:
            self._raised.setdefault(transition.incident, transition.at)
        else:
            self._raised.pop(transition.incident, None)
        if transition.incident in self._raised and transition.status is not Status.RESOLVED:
            self._company_wide[transition.incident] = None
        else:
            self._company_wide.pop(transition.incident, None)

    def _sendings(self, transition: Transition, now: float) -> Iterator[Sending]:
        for recipient in self._people(transition, now):
            for place, channel in enumerate(recipient.channels):
                yield Sending(
                    notice=transition, recipient=recipient, channel=channel_name(channel), place=place
                )
        for room, recipient in self._subscribers(transition):
            yield Sending(notice=transition, recipient=recipient, channel=room.id, alone=room.changes)

    def _people(self, transition: Transition, now: float) -> tuple[Recipient, ...]:
        if transition.change is not Change.NOTICE or transition.audience is None:
            return ()
        return recipients(
            self._settings.people,
            transition.audience,
            transition.level,
            transition.at,
            self.roles(transition.incident, now),
            draft=transition.draft,
            customers=self._customers(transition) if transition.audience is Audience.CLIENT else (),
        )

    def _subscribers(self, transition: Transition) -> Iterator[tuple[ChannelSettings, Recipient]]:
        audience = transition.audience if transition.change is Change.NOTICE else None
        for channel in self._settings.channel:
            if channel.kind == "alertmanager":
                continue  # it is told how incidents stand, not what was said: see alerts.py
            if (channel.changes and transition.change is not Change.NOTICE) or (
                audience is not None and audience.value in channel.hears
            ):
                yield (
                    channel,
                    Recipient(
                        id=f"channel:{channel.id}",
                        why=Why.SUBSCRIBED,
                        channels=(channel.id,),
                        name=channel.id,
                        lang=channel.lang,
                        tz=channel.tz,
                    ),
                )

    def _supersede(self, now: float, touched: dict[str, Transition]) -> list[Delivery]:
        record = []
        for each in self._outbox.superseded():
            touched[each.sending.key[0]] = each.sending.notice
            record.append(_delivery(each, now, Outcome.SUPERSEDED, "a newer one says how it stands"))
            self._outbox.close(each, Outcome.SUPERSEDED)
        for each in list(self._outbox.idle()):
            if above := self._composer.covered_by(each.sending):
                touched[each.sending.key[0]] = each.sending.notice
                record.append(_delivery(each, now, Outcome.SUPERSEDED, f"the letter about {above} says it"))
                self._outbox.close(each, Outcome.SUPERSEDED)
        return record

    def _supersede_ended(self, now: float, touched: dict[str, Transition]) -> list[Delivery]:
        """What is over is no news any more, and its end is none to who never heard of it."""
        record = []
        under_way = {
            (line_of(each.sending.notice), each.sending.recipient.id)
            for each in self._outbox.pending.values()
            if each.in_flight and each.sending.notice.status is not Status.RESOLVED
        }
        for each in [each for each in self._outbox.pending.values() if not each.in_flight]:
            notice, recipient = each.sending.notice, each.sending.recipient.id
            reason = "it was over before it could be told" if self._ends.is_over(notice) else ""
            if not reason and self._ends.is_needless(notice, recipient):
                if (line_of(notice), recipient) in under_way:
                    each.due = max(
                        each.due, now + SOON_S
                    )  # whether he hears of the beginning is not known yet
                    continue
                reason = f"{recipient} never heard of the beginning"
            if reason:
                touched[each.sending.key[0]] = notice
                record.append(_delivery(each, now, Outcome.SUPERSEDED, reason))
                self._outbox.close(each, Outcome.SUPERSEDED)
        return record

    def _mute(self, now: float, touched: dict[str, Transition]) -> list[Delivery]:
        record = []
        for each in self._outbox.waiting(now):
            if each.attempt == 0 and (reason := mute_reason(each.sending, self.planned)):
                touched[each.sending.key[0]] = each.sending.notice
                record.append(_delivery(each, now, Outcome.MUTED, reason))
                self._ends.note(each.sending.notice, each.sending.recipient.id)
                self._outbox.close(each, Outcome.MUTED)
        return record

    def _send(self, group: list[Pending], now: float) -> None:
        sendings = [each.sending for each in group]
        first = sendings[0]
        roles = {each.notice.incident: self.roles(each.notice.incident, now) for each in sendings}
        message = self._composer.message(bundle_key(sendings), sendings, roles, now)
        for each in group:
            each.in_flight = True
            each.attempt += 1
            each.first_at = now if each.attempt == 1 else each.first_at
            each.tried_at = now
        channel = self._channels.get(first.channel) or Closed(f"there is no channel {first.channel}")
        self._under_way.append((now, group))
        self._sender.submit(group, partial(channel.send, message))

    def _stuck(self, now: float) -> list[tuple[list[Pending], Sent]]:
        """Whoever has not answered for long has failed: its notices must not wait for ever. A late answer is
        taken too."""
        self._under_way = [
            (at, group) for at, group in self._under_way if any(each.in_flight for each in group)
        ]
        late = [group for at, group in self._under_way if now - at > STUCK_S]
        self._under_way = [(at, group) for at, group in self._under_way if now - at <= STUCK_S]
        return [(group, Sent(False, retry=True, error=f"no answer in {STUCK_S:.0f} s")) for group in late]

    def _answered(
        self, group: list[Pending], answer: Sent, now: float, touched: dict[str, Transition]
    ) -> Iterator[Delivery]:
        settings = self._settings.notices
        group = [each for each in group if self._outbox.holds(each) and (each.in_flight or answer.ok)]
        if answer.ok and group:
            names = {each.sending.notice.incident for each in group}
            place = place_of(group[0].sending)
            note_sent(self._meters, place, names, group[0].tried_at, settings.window.span.total_seconds())
        for each in group:
            each.in_flight = False
            touched[each.sending.key[0]] = each.sending.notice
            if answer.ok:
                self._composer.delivered(each.sending)
                self._ends.note(each.sending.notice, each.sending.recipient.id)
                outcome = Outcome.DIGEST if each.held else Outcome.SENT
                yield _delivery(each, now, outcome)
                for other in self._outbox.close(each, outcome):
                    yield _delivery(other, now, Outcome.NEEDLESS, f"reached by {each.sending.channel}")
                    self._outbox.close(other, Outcome.NEEDLESS)
                continue
            following = next_try(settings, each.first_at, each.attempt, answer, now)
            each.failed = each.failed or following is None or each.attempt >= settings.tries
            yield _delivery(each, now, Outcome.FAILED if following else Outcome.GAVE_UP, answer.error)
            if following is None:
                self._outbox.close(each, Outcome.GAVE_UP)
            else:
                each.due = following

    def _failures(self, notices: Iterable[Transition], now: float) -> Iterator[DeliveryFailed]:
        for notice in notices:
            if self._outbox.has_failed(notice):
                if notice.change is Change.NOTICE and notice.notice:
                    yield DeliveryFailed(at=now, notice=notice.notice)
                self._outbox.settle(notice)


def dispatch(
    transitions: Iterable[Transition],
    settings: Notifying,
    deliveries_so_far: Iterable[Delivery],
    now: float,
    channels: Mapping[str, Channel],
) -> Step:
    """One step without a memory: what the transitions ask for, less what was done before."""
    dispatcher = Dispatcher(settings, channels)
    dispatcher.recover(transitions, deliveries_so_far)
    return dispatcher.step(now)


def _named_customers(notice: Transition) -> tuple[Customer, ...]:
    names = notice.customers or ((notice.scope.id,) if notice.scope.kind == "customer" else ())
    return tuple(Customer(id=name, name=name) for name in names)


def _delivery(each: Pending, now: float, outcome: Outcome, error: str = "") -> Delivery:
    sending = each.sending
    return Delivery(
        at=now,
        notice=sending.notice.notice or sending.key[0],
        incident=sending.notice.incident,
        recipient=sending.recipient.id,
        channel=sending.channel,
        attempt=each.attempt,
        ok=outcome in (Outcome.SENT, Outcome.DIGEST),
        error=error,
        reason=outcome.value,
        key=sending.key[0],
    )


def _nobody(notice: Transition, now: float) -> Delivery:
    audience = notice.audience.value if notice.audience else ""
    level = f", level {notice.level}" if notice.level else ""
    return Delivery(
        at=now,
        notice=notice.notice,
        incident=notice.incident,
        recipient="",
        channel="",
        attempt=0,
        ok=False,
        error=f"nobody to tell: {audience}{level}",
        reason=Outcome.NOBODY.value,
        key=notice_key(notice),
    )
