"""Lost minutes and clients' words: their harm is that of other scopes, so they go up and down with the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.engine.changes import (
    clock_runs,
    escalates,
    hand_clock,
    hang,
    is_late,
    raise_to,
    rest,
    unanswered,
    waiting,
    wanted_of,
)
from incidents.engine.judge_customer import harm_rank
from incidents.engine.notices import ENGINE, announce, tell
from incidents.model import Change, Harm, Kind, Priority, Status
from incidents.words import instant_text

if TYPE_CHECKING:
    from incidents.engine.judgement import Judgement, View
    from incidents.engine.state import Incident
    from incidents.model import Transition


def follow(view: View, incident: Incident, found: Judgement) -> list[Transition]:
    """Lost minutes, or a client's word: as urgent as what is known of the clients, or as what it hangs below."""
    now, limits = view.now, view.limits
    if not found.bad:
        return []
    frozen = bool(view.state.frozen)
    if incident.kind is Kind.CLIENT_REQUEST and incident.clean_at is not None and not frozen:
        incident.verified = incident.verified or now >= incident.clean_at + limits.clean
    own = Harm.NONE if incident.verified and not found.followed else found.harm
    parent_before = incident.parent
    above = hang(view, incident, found)
    dismissed_by = _dismissed_by(view, incident, parent_before)
    asks = own if incident.verified or found.own is None else found.own
    if asks is Harm.NONE:
        incident.suspected_at = None
    elif incident.suspected_at is None or (parent_before and not incident.parent) or dismissed_by:
        incident.suspected_at = now  # what it hung below is over: its own clock begins
    if found.asked and incident.priority is Priority.NORMAL:
        incident.harm, incident.suspected_at = own, view.state.away.back
        return []
    wanted = wanted_of(own, above)
    reason = incident.reason
    late = is_late(view, incident)
    if above is not None and above.priority is not Priority.COMPANY_WIDE:
        handed = hand_clock(view, incident, above, found)
        if late and not handed and clock_runs(incident, found):
            above = None  # what it hangs below is held by evidence that does not answer for this one
            incident.parent, incident.paused, incident.reason = "", False, found.alone or found.reason
    if above is None and escalates(incident, found) and late:
        wanted, reason = Priority.COMPANY_WIDE, unanswered(view, incident.reason)
        incident.unanswered = True
    if wanted.rank > incident.priority.rank:
        incident.harm = own
        incident.borrowed = above is not None
        rest(view, incident, wanted)
        return raise_to(view, incident, wanted, reason, warn=found.warn)
    if wanted.rank < incident.priority.rank:
        if dismissed_by:  # what it borrowed ends with that, by the same word; its own harm remains
            why = f"{dismissed_by} resolved {parent_before}, which it hung below: {incident.reason}"
            return _lower(view, incident, wanted, own, why, dismissed_by)
        if _may_lower(view, incident, found, frozen=frozen):
            return _lower(view, incident, wanted, own, _verified(incident))
    if wanted.rank == incident.priority.rank or harm_rank(own) > harm_rank(incident.harm):
        incident.harm = own
    waited_before = incident.waits
    rest(view, incident)
    lines: list[Transition] = []
    if incident.parent != parent_before:
        change = Change.MERGED if incident.parent else Change.UPDATED
        reason = incident.reason if incident.parent else f"it stands for itself again: {incident.reason}"
        lines.append(tell(view, incident, change, reason))
        lines += announce(view, incident)
    elif waited_before and not incident.waits:
        lines.append(tell(view, incident, Change.UPDATED, f"it resumes: {incident.reason}"))
        lines += announce(view, incident)
    elif incident.waits and not waited_before:
        incident.next_level = incident.next_repeat = None
        lines.append(tell(view, incident, Change.UPDATED, waiting(incident)))
    return lines


def _dismissed_by(view: View, incident: Incident, parent_before: str) -> str:
    """Who ended, by a person's word, what it hung below and had its priority from; empty where nobody did."""
    if not incident.borrowed or not parent_before or incident.parent == parent_before:
        return ""
    above = next((one for one in view.state.incidents.values() if one.id == parent_before), None)
    if above is None or above.status is not Status.RESOLVED or above.resolved_by == ENGINE:
        return ""
    return above.resolved_by


def _may_lower(view: View, incident: Incident, found: Judgement, *, frozen: bool) -> bool:
    """Only positive evidence lowers: at once what was raised for want of it, after clean minutes what called
    everyone."""
    if frozen or found.followed:
        return False
    if incident.verified and incident.kind is Kind.CLIENT_REQUEST:
        return True
    if incident.clean_at is None:
        return False
    if incident.priority is Priority.COMPANY_WIDE and not incident.borrowed:
        return view.now >= incident.clean_at + view.limits.clean
    return True


def _verified(incident: Incident) -> str:
    seen = [fact for fact in incident.facts if fact.source == "probe"]
    shown = "; ".join(f"{fact.text} at {instant_text(fact.at)}" for fact in seen[:3]) or "probes are fine"
    return f"verified, the clients are served: {shown}"


def _lower(
    view: View, incident: Incident, wanted: Priority, harm: Harm, reason: str, actor: str = ENGINE
) -> list[Transition]:
    incident.priority, incident.harm, incident.unanswered = wanted, harm, False
    incident.borrowed, incident.level = bool(incident.parent), 0
    if wanted is Priority.NORMAL:
        incident.suspected_at, incident.acks = None, []
    rest(view, incident)
    line = tell(view, incident, Change.LOWERED, reason, actor=actor)
    return [line, *announce(view, incident)]
