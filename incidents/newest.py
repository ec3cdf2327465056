"""The newest of what has come about an incident, by kind and source, whatever it was decided on: from events of the log
to lines for `prebill incidents show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from incidents.events import Counter, EdgeAct, Gap, GapClosed, Probe, Request, Segment, Traffic
from incidents.model import Fact, Scope
from incidents.words import counted, instant_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from incidents.events import Event
    from incidents.policy import Policy

SHOWN_A_KIND = 5


class Newest(Struct, frozen=True):
    """A line of evidence. `age_s`: at the time of looking. `stale`: so old that it says nothing any more."""

    fact: Fact
    age_s: float
    stale: bool

    @property
    def json(self) -> dict[str, Any]:
        """As `incidents show --json` has it."""
        fact = self.fact
        return {
            "at": instant_text(fact.at),
            "age_s": round(self.age_s, 3),
            "stale": self.stale,
            "source": fact.source,
            "text": fact.text,
        }


def newest_of(
    events: Iterable[Event], scope: Scope, customers: Sequence[str], *, now: float, policy: Policy
) -> tuple[Newest, ...]:
    """Of each kind the latest word of each source about the scope, or about one of the customers; the newest first."""
    latest: dict[tuple[str, ...], Fact] = {}
    about = {scope, *(Scope("customer", name) for name in customers)}
    for event in events:
        told = _told(event, about) if event.at <= now else None
        if told is None:
            continue
        key, fact = told
        if key not in latest or latest[key].at <= fact.at:
            latest[key] = fact
    found: list[Newest] = []
    for fact in sorted(latest.values(), key=lambda fact: (-fact.at, fact.source, fact.text)):
        if sum(each.fact.source == fact.source for each in found) < SHOWN_A_KIND:
            age = now - fact.at
            found.append(Newest(fact, age, _is_stale(fact, age, scope, policy)))
    return tuple(found)


def _is_stale(fact: Fact, age: float, scope: Scope, policy: Policy) -> bool:
    """What a person, or a gap, has told holds until something else is told."""
    if fact.source in ("request", "gap", "edge"):
        return False
    kept = policy.call_freshness if scope.kind == "support_line" else policy.probe_freshness
    return age > kept.span.total_seconds()


def _told(event: Event, about: set[Scope]) -> tuple[tuple[str, ...], Fact] | None:
    """The source and its words, None where it is about something else."""
    if isinstance(event, Probe):
        if event.scope not in about and Scope("vantage", event.vantage) not in about:
            return None
        ended = "is fine" if event.ok else f"fails {event.detail}".rstrip()
        text = f"{event.vantage}: {event.scope} {ended}"
        return ("probe", event.vantage, str(event.scope)), Fact(event.at, "probe", text)
    if isinstance(event, Request):
        if Scope("customer", event.customer) not in about:
            return None
        text = f"{event.customer} ({event.kind}): {event.text}".rstrip(": ")
        if event.solved:
            text = f"request {event.id} is solved: {event.text}".rstrip(": ")
        return ("request", event.id), Fact(event.at, "request", text)
    hit = event.customers if isinstance(event, Gap) else ()
    edge = getattr(event, "edge", "")
    customer = getattr(event, "customer", "")
    named = {Scope("edge", edge), Scope("customer", customer), *(Scope("customer", name) for name in hit)}
    if not edge or not named & about:
        return None
    source, text = _of_edge(event)
    key = (source, edge, customer, getattr(event, "stream", ""))
    return (key, Fact(event.at, source, f"edge {edge}: {text}")) if source else None


def _of_edge(event: Event) -> tuple[str, str]:
    if isinstance(event, Traffic):
        whose = f" of {event.customer}" if event.customer else ""
        return "traffic", (
            f"{counted(event.requests, 'request')}{whose}, {event.errors_5xx:,} failed"
            + (f", {event.origin_5xx:,} at the origin" if event.origin_5xx else "")
        )
    if isinstance(event, Counter):
        return "counter", f"{counted(event.requests_total, 'request')} counted since its start"
    if isinstance(event, Segment):
        return "segment", f"{instant_text(event.minute)} {event.state}"
    if isinstance(event, Gap):
        return "gap", f"{event.loss_class}, {instant_text(event.since)} to {instant_text(event.until)}"
    if isinstance(event, GapClosed):
        return "gap", f"came, {instant_text(event.since)} to {instant_text(event.until)}"
    return ("edge", event.action) if isinstance(event, EdgeAct) else ("", "")
