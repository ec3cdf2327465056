"""What else to judge when something about a subject has changed: gaps of its customers, edges that they are served
at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.engine.subjects import CUSTOMER, EDGE, GAP, ORIGIN, REQUEST, name_of
from incidents.model import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incidents.engine.state import State


class Links:
    """Indexes over a state: which edges' open losses name a customer, which requests are his."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._losses: dict[str, set[str]] = {}
        self._listed: dict[str, tuple[str, ...]] = {}
        self._requests: dict[str, set[str]] = {}
        self.edges: set[str] = set()
        """The edges whose outages are open, as subjects."""
        for subject in state.incidents:
            self.note_incident(subject)
        for edge in state.losses:
            self.note_loss(edge)
        for name in state.requests:
            self.note_request(name)

    def note_incident(self, subject: str) -> None:
        """An incident was opened, has changed, or is forgotten."""
        if subject.startswith(EDGE):
            incident = self._state.incidents.get(subject)
            if incident is None or incident.status is Status.RESOLVED:
                self.edges.discard(subject)
            else:
                self.edges.add(subject)

    def note_loss(self, edge: str) -> set[str]:
        """Whom the losses of an edge name may have changed; its outage, if it is open, where they matter to it."""
        loss = self._state.losses.get(edge)
        now = tuple(loss.customers) if loss is not None and loss.spans else ()
        before = self._listed.get(edge, ())
        if now == before:
            return set()
        for customer in before:
            self._losses[customer].discard(edge)
        for customer in now:
            self._losses.setdefault(customer, set()).add(edge)
        self._listed[edge] = now
        return self.edges & {EDGE + edge}

    def note_request(self, name: str) -> None:
        """A request has come."""
        self._requests.setdefault(self._state.requests[name].customer, set()).add(name)

    def forget_request(self, name: str, customer: str) -> None:
        """A request is over."""
        self._requests.get(customer, set()).discard(name)

    def dependents(self, subject: str) -> Iterator[str]:
        """The subjects whose judgement stands on this one's; all of them have a greater rank, but a customer whose
        errors, or whose outage, his origin may answer for, or his edges."""
        if subject.startswith(CUSTOMER):
            customer = name_of(subject)
            state = self._state
            for edge in self._losses.get(customer, ()):
                yield GAP + edge
                if EDGE + edge in state.incidents:
                    yield EDGE + edge
            for edge in state.homes.get(customer, ()):
                if GAP + edge in state.incidents:
                    yield GAP + edge
                if EDGE + edge in state.incidents:
                    yield EDGE + edge
            for name in self._requests.get(customer, ()):
                yield REQUEST + name
            if ORIGIN + customer in state.incidents:
                yield ORIGIN + customer
        elif subject.startswith(ORIGIN):
            customer = name_of(subject)
            if customer in self._state.burning or CUSTOMER + customer in self._state.incidents:
                yield CUSTOMER + customer
        elif subject.startswith(EDGE):
            edge = name_of(subject)
            if GAP + edge in self._state.incidents:
                yield GAP + edge
            pairs = self._state.traffic[edge].pairs if edge in self._state.traffic else {}
            for customer in self._state.burning:  # where nobody looks at him, looks at his edges answer
                if customer in pairs:
                    yield CUSTOMER + customer
