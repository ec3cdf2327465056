"""What the engine decides about, by name: a string that begins with its rank, so that sorting gives the order of
judging.

A subject is one ticket's worth: a customer, an edge, an origin, the support line, a watched part of our own, a
client's request, the lost minutes of an edge, an edge's clock. Whatever a decision stands on has a lower rank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.model import Kind, Scope

if TYPE_CHECKING:
    from incidents.engine.state import State

CONTROL = "0control:"
VANTAGE = "1vantage:"
SUPPORT_LINE = "2support_line:"
CUSTOMER = "3customer:"
ORIGIN = "3origin:"
EDGE = "4edge:"
REQUEST = "5request:"
GAP = "6gap:"
CLOCK = "7clock:"

_TARGETS = {
    "customer": CUSTOMER,
    "edge": EDGE,
    "origin": ORIGIN,
    "control": CONTROL,
    "support_line": SUPPORT_LINE,
}


def target_of(scope: Scope) -> str:
    """The subject that a probe of this scope looks at."""
    return _TARGETS.get(scope.kind, CONTROL) + scope.id


def name_of(subject: str) -> str:
    """The id in a subject."""
    return subject.split(":", 1)[1]


def scope_of(subject: str, state: State) -> Scope:
    """The scope that an incident about this subject has."""
    what, name = subject[1:].split(":", 1)
    if what == "request":
        return Scope("customer", state.requests[name].customer)
    return Scope("edge" if what in ("gap", "clock") else what, name)


def kind_of(subject: str) -> Kind:
    """The kind of incident that a subject can have."""
    return _KINDS.get(subject[0], Kind.OUTAGE)


_KINDS = {
    "0": Kind.WATCHDOG,
    "1": Kind.WATCHDOG,
    "5": Kind.CLIENT_REQUEST,
    "6": Kind.BILLING_GAP,
    "7": Kind.DATA_QUALITY,
}
