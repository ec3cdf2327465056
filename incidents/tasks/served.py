"""The head's own first question about every task: are the clients served? From the engine's judgement of harm and the
probes that stand behind it to yes, no or unknown; never yes without fresh positive evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.model import Fact, Harm, Scope
from incidents.tasks.model import Answer, Served

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from incidents.events import Probe
    from incidents.model import Transition

FACTS_SHOWN = 6
_POSITIVE = ("probe",)
"""Sources that can say that clients are served; a counter that rises may count errors."""


def are_served(
    last: Transition,
    probes: Iterable[Probe],
    customers: Sequence[str],
    edges: Sequence[str],
    *,
    now: float,
    freshness_s: float,
) -> Served:
    """The answer as of `now` for the clients of `customers` and `edges`. `last`: the incident's latest transition."""
    known = latest_probes(probes, customers, edges, now)
    facts = tuple(_fact(probe) for probe in known) or last.evidence
    shown = tuple(sorted(facts, key=lambda fact: -fact.at)[:FACTS_SHOWN])
    if last.harm is Harm.CONFIRMED:
        return Served(Answer.NO, shown, _age(shown, now), "why_confirmed")
    if last.harm is not Harm.NONE:
        return Served(Answer.UNKNOWN, shown, _age(shown, now), f"why_{last.harm.value}")
    fresh = [probe for probe in known if now - probe.at <= freshness_s]
    if any(not probe.ok for probe in fresh):
        return Served(Answer.UNKNOWN, shown, _age(shown, now), "why_failing")
    positive = [fact.at for fact in facts if fact.source in _POSITIVE]
    if not positive:
        return Served(Answer.UNKNOWN, shown, None, "why_none")
    age = max(0.0, now - max(positive))
    if age > freshness_s:
        return Served(Answer.UNKNOWN, shown, age, "why_stale")
    return Served(Answer.YES, shown, age, "why_fine")


def latest_probes(
    probes: Iterable[Probe], customers: Sequence[str], edges: Sequence[str], now: float
) -> list[Probe]:
    """The latest look of each vantage point at each of these clients and edges."""
    wanted = {Scope("customer", name) for name in customers} | {Scope("edge", name) for name in edges}
    latest: dict[tuple[Scope, str], Probe] = {}
    for probe in probes:
        key = (probe.scope, probe.vantage)
        if probe.scope not in wanted or probe.at > now:
            continue
        # of one instant's looks the worse one counts
        if key not in latest or (probe.at, not probe.ok) >= (latest[key].at, not latest[key].ok):
            latest[key] = probe
    return [latest[key] for key in sorted(latest)]


def _fact(probe: Probe) -> Fact:
    detail = f": {probe.detail}" if probe.detail else ""
    return Fact(
        probe.at, "probe", f"{probe.scope} {'fine' if probe.ok else 'failing'} from {probe.vantage}{detail}"
    )


def _age(facts: Sequence[Fact], now: float) -> float | None:
    return max(0.0, now - max(fact.at for fact in facts)) if facts else None
