"""Since when clients are hurt, as the evidence says it, and not since when somebody looked: from the transitions of an
incident, for letters and post-mortems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.model import Kind

if TYPE_CHECKING:
    from incidents.model import Fact, Transition


def began(transition: Transition, after: float = 0.0) -> float:
    """The earliest time that a transition's evidence shows clients hurt, its own time at most. `after`: when it was
    over the last time; what was before belongs to that."""
    times = [since for fact in transition.evidence if (since := _since(fact, transition.kind))]
    return min(transition.at, max(after, min(times, default=transition.at)))


def _since(fact: Fact, kind: Kind) -> float:
    """A client's word is evidence of harm from its own time on, for his request."""
    return fact.at if kind is Kind.CLIENT_REQUEST and fact.source == "request" else fact.since
