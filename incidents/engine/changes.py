"""What changes of an incident have in common: which priority harm asks for, raising, hanging below another, resting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.engine.notices import ENGINE, FOLLOW_EVIDENCE, announce, stand_down, tell
from incidents.engine.subjects import GAP
from incidents.model import Change, Harm, Priority, Status
from incidents.words import counted, instant_text

if TYPE_CHECKING:
    from incidents.engine.judgement import Judgement, View
    from incidents.engine.limits import Limits
    from incidents.engine.state import Incident
    from incidents.model import Transition

PRIORITIES = {
    Harm.NONE: Priority.NORMAL,
    Harm.UNKNOWN: Priority.HIGH,
    Harm.SUSPECTED: Priority.HIGH,
    Harm.CONFIRMED: Priority.COMPANY_WIDE,
}


def deadline(incident: Incident, limits: Limits) -> float | None:
    """When a suspicion is answered at the latest, None where there is none: from the first one on. What breaks minutes
    that were fine asks for no longer than those would have held by themselves, however late it comes."""
    if incident.suspected_at is None:
        return None
    return max(incident.suspected_at + limits.verification, incident.again)


def is_late(view: View, incident: Incident) -> bool:
    due = deadline(incident, view.limits)
    return due is not None and view.now >= due


def clock_runs(incident: Incident, found: Judgement) -> bool:
    """Whether the verification clock runs: a suspicion that nothing answers."""
    return (
        incident.suspected_at is not None
        and incident.priority is not Priority.COMPANY_WIDE
        and incident.clean_at is None
        and not found.held
        and not incident.muted
    )


def escalates(incident: Incident, found: Judgement) -> bool:
    """Whether it is this incident that goes up by its clock, and not the one that it hangs below."""
    return clock_runs(incident, found) and not incident.paused


def raise_to(
    view: View, incident: Incident, wanted: Priority, reason: str, *, warn: bool
) -> list[Transition]:
    incident.priority = wanted
    incident.reason = reason
    incident.turn += 1
    if incident.status is Status.ACKNOWLEDGED:
        incident.status = Status.OPEN  # it was acknowledged as what it was, not as what it is
        incident.acks = []
    return [tell(view, incident, Change.RAISED, reason), *announce(view, incident, warn=warn)]


def hang(view: View, incident: Incident, found: Judgement) -> Incident | None:
    """Put it below the incident that it follows; its own notices rest there. What has called everyone by itself
    stays above what has not."""
    above = view.state.incidents.get(found.followed) if found.followed else None
    if above is not None and _called(incident) and above.priority is not Priority.COMPANY_WIDE:
        above, alone = None, found.alone or found.reason
        incident.reason = unanswered(view, alone) if incident.unanswered else alone
    incident.parent = above.id if above else ""
    incident.paused = above is not None
    return above


def _called(incident: Incident) -> bool:
    return incident.priority is Priority.COMPANY_WIDE and not incident.borrowed


def hand_clock(view: View, incident: Incident, above: Incident, found: Judgement) -> bool:
    """A question that nobody has answered yet is older than the outage that takes it over: so is its deadline. Whether
    that brings the deadline nearer."""
    asked, theirs = deadline(incident, view.limits), deadline(above, view.limits)
    if asked is None or theirs is None or asked >= theirs or not clock_runs(incident, found):
        return False
    above.suspected_at, above.again = asked - view.limits.verification, 0.0
    return True


def lender(incident: Incident, above: Incident | None) -> Incident | None:
    """Whose priority it borrows while it hangs below it; an outage has a harm of its own."""
    return above if incident.kind in FOLLOW_EVIDENCE else None


def wanted_of(harm: Harm, above: Incident | None) -> Priority:
    own = PRIORITIES[harm]
    return above.priority if above is not None and above.priority.rank > own.rank else own


def rest(view: View, incident: Incident, priority: Priority | None = None) -> None:
    """A task about lost data rests while clients are hurt elsewhere."""
    incident.waits = (
        incident.subject.startswith(GAP)
        and (priority or incident.priority) is Priority.NORMAL
        and not incident.parent
        and bool(view.state.hurt)
    )


def below(incident: Incident, above: Incident) -> str:
    return f"{incident.reason}; it hangs below {above.id}"


def waiting(incident: Incident) -> str:
    return f"it waits, clients first: {incident.reason}"


def unanswered(view: View, reason: str) -> str:
    minutes = counted(view.limits.verification / 60, "minute")
    return f"not verified within {minutes}, so the worst is assumed: {reason}"


def known_now(incident: Incident, found: Judgement) -> str:
    """Why the worst is assumed: what it was raised for may have been long ago."""
    if found.bad:
        return incident.reason
    kind, whom = incident.scope.kind, incident.scope.id
    of_edge = f"nothing fresh shows that the clients of edge {whom} are served"
    return of_edge if kind == "edge" else f"nothing fresh shows that {whom} is served"


def dismissal(view: View, incident: Incident, parent_before: str) -> str:
    """Who ended, by a person's word, what it hung below and had its priority from; empty where nobody did."""
    if not incident.borrowed or not parent_before or incident.parent == parent_before:
        return ""
    above = view.incident(parent_before)
    if above is None or above.status is not Status.RESOLVED or above.resolved_by == ENGINE:
        return ""
    return above.resolved_by


def dismissed(incident: Incident, above: str, actor: str) -> str:
    return f"{actor} resolved {above}, which it hung below: {incident.reason}"


def verified(incident: Incident) -> str:
    seen = [fact for fact in incident.facts if fact.source == "probe" and not fact.since]
    shown = "; ".join(f"{fact.text} at {instant_text(fact.at)}" for fact in seen[:3]) or "probes are fine"
    return f"verified, the clients are served: {shown}"


def lower(
    view: View, incident: Incident, wanted: Priority, harm: Harm, reason: str, actor: str = ENGINE
) -> list[Transition]:
    incident.priority, incident.harm, incident.unanswered = wanted, harm, False
    incident.borrowed, incident.level = bool(incident.parent), 0
    if wanted is Priority.NORMAL:
        incident.suspected_at, incident.acks = None, []
    rest(view, incident)
    line = tell(view, incident, Change.LOWERED, reason, actor=actor)
    return [line, *stand_down(view, incident, reason), *announce(view, incident)]
