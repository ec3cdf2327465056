"""Alertmanager's API v2: every open incident is an alert with labels that never change, resolved by its end
and by nothing else; told at every change, and again and again, since Alertmanager forgets alerts when it
starts anew."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from incidents.channels.http import post
from incidents.channels.model import Delivery, Outcome, Sent
from incidents.channels.sender import Inline
from incidents.model import Change, Status
from incidents.words import instant_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incidents.channels.sender import Sender
    from incidents.model import Transition

ALERTS_A_POST = 200
LASTS_S = 24 * 3600.0
"""How far ahead an open alert ends: silence of ours must not resolve it, so much longer than any repair of
prebill takes."""

REFRESH_S = 60.0
AGAIN_S = 5.0
TRIES_RECORDED = 3
TEXT_SHOWN = 1000


class Alertmanager:
    """Posts alerts to one Alertmanager."""

    def __init__(self, url: str, *, timeout_s: float = 10.0, ca: str = "") -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError("expected an address that begins with http:// or https://")
        self._url = f"{url.rstrip('/')}/api/v2/alerts"
        self._timeout_s, self._ca = timeout_s, ca

    def post(self, alerts: Sequence[dict[str, Any]]) -> Sent:
        """Hands them over, some hundred at a time; the first failure is the answer."""
        for begin in range(0, len(alerts), ALERTS_A_POST):
            body = json.dumps(alerts[begin : begin + ALERTS_A_POST], ensure_ascii=False).encode()
            answer = post(self._url, body, {"Content-Type": "application/json"}, self._timeout_s, self._ca)
            if not answer.ok:
                return answer
        return Sent(True)


def labels(transition: Transition) -> dict[str, str]:
    """What names the alert: what an incident is and what it is about, never how bad it is now, since another
    label is another alert. `scope` is there for inhibition: an outage of a scope mutes its gaps."""
    return {
        "alertname": "Prebill" + "".join(part.title() for part in transition.kind.value.split("_")),
        "kind": transition.kind.value,
        "incident": transition.incident,
        "scope": str(transition.scope),
        "scope_kind": transition.scope.kind,
    }


def alert(transition: Transition, opened: float, now: float) -> dict[str, Any]:
    """An incident as it stands: open until 24 hours from now, or ended when it was resolved."""
    ends = transition.at if transition.status is Status.RESOLVED else now + LASTS_S
    newest = sorted(transition.evidence, key=lambda fact: -fact.at)[:5]
    evidence = "; ".join(f"{instant_text(fact.at)} {fact.source}: {fact.text}" for fact in newest)
    annotations = {
        "summary": f"{transition.priority.value}: {transition.kind.value} of {transition.scope}",
        "priority": transition.priority.value,
        "harm": transition.harm.value,
        "status": transition.status.value,
        "reason": transition.reason[:TEXT_SHOWN],
        "evidence": evidence[:TEXT_SHOWN],
        "parent": transition.parent,
    }
    return {
        "labels": labels(transition),
        "annotations": {name: text for name, text in annotations.items() if text},
        "startsAt": instant_text(opened),
        "endsAt": instant_text(ends),
    }


class AlertMirror:
    """Keeps one Alertmanager like the incidents: `take` what changed, then `step`; what could not be told is
    told later."""

    def __init__(
        self,
        name: str,
        channel: Alertmanager,
        sender: Sender[float] | None = None,
        refresh_s: float = REFRESH_S,
    ) -> None:
        self.name = name
        self._channel = channel
        self._sender: Sender[float] = sender or Inline()
        self._refresh_s = refresh_s
        self._stands: dict[str, Transition] = {}
        self._opened: dict[str, float] = {}
        self._untold: dict[str, int] = {}
        self._under_way: dict[str, Transition] = {}
        self._told_at = self._failed_at = float("-inf")

    def take(self, transition: Transition) -> None:
        """What changed; a notice about what is known changes nothing."""
        name = transition.incident
        if transition.change is Change.NOTICE and name in self._stands:
            return
        self._opened.setdefault(name, transition.at)
        self._stands[name] = transition
        self._untold[name] = 0

    def step(self, now: float) -> list[Delivery]:
        """Tells what is new at once, and everything that is open each minute; a failure is tried again after
        some seconds."""
        record = [each for at, answer in self._sender.finished() for each in self._answered(at, answer)]
        refresh = now - self._told_at >= self._refresh_s
        names = [*self._stands] if refresh else [*self._untold]
        if self._under_way or not names or now - self._failed_at < AGAIN_S:
            return record
        self._under_way = {name: self._stands[name] for name in names}
        if refresh:
            self._told_at = now
        alerts = [alert(stands, self._opened[name], now) for name, stands in self._under_way.items()]
        self._sender.submit(now, partial(self._channel.post, alerts))
        return record + [
            each for at, answer in self._sender.finished(wait=True) for each in self._answered(at, answer)
        ]

    def _answered(self, at: float, answer: Sent) -> list[Delivery]:
        told, self._under_way = self._under_way, {}
        tries = {name: self._untold[name] + 1 for name in told if name in self._untold}
        record = [self._delivery(told[name], attempt, answer, at) for name, attempt in tries.items()]
        if not answer.ok:
            self._failed_at, self._told_at = at, float("-inf")
            self._untold.update(tries)
            return [each for each in record if each.attempt <= TRIES_RECORDED]
        for name, stands in told.items():
            if self._stands.get(name) is stands:
                self._untold.pop(name, None)
                if stands.status is Status.RESOLVED:
                    del self._stands[name], self._opened[name]
        return record

    def _delivery(self, stands: Transition, attempt: int, answer: Sent, at: float) -> Delivery:
        return Delivery(
            at=at,
            notice=f"{stands.incident}:{stands.status}:{stands.priority}",
            incident=stands.incident,
            recipient=f"channel:{self.name}",
            channel=self.name,
            attempt=attempt,
            ok=answer.ok,
            error=answer.error,
            reason=(Outcome.SENT if answer.ok else Outcome.FAILED).value,
            key=f"{stands.incident}@{stands.at:.6f}",
        )
