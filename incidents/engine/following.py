"""Lost minutes and clients' words: their harm is that of other scopes, so they go up and down with the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.engine.changes import (
    clock_runs,
    dismissal,
    dismissed,
    escalates,
    hand_clock,
    hang,
    is_late,
    lower,
    raise_to,
    rest,
    unanswered,
    verified,
    waiting,
    wanted_of,
)
from incidents.engine.judge_customer import harm_rank
from incidents.engine.notices import announce, tell
from incidents.model import Change, Harm, Kind, Priority

if TYPE_CHECKING:
    from incidents.engine.judgement import Judgement, View
    from incidents.engine.state import Incident
    from incidents.model import Transition


def follow(view: View, incident: Incident, found: Judgement) -> list[Transition]:
    """Lost minutes, or a client's word: as urgent as what is known of the clients, or as what it hangs below."""
    now = view.now
    if not found.bad:
        return []
    frozen = bool(view.state.frozen)
    if incident.kind is Kind.CLIENT_REQUEST:
        _answer(view, incident, frozen=frozen)
    own = Harm.NONE if incident.verified and not found.followed else found.harm
    parent_before = incident.parent
    above = hang(view, incident, found)
    dismissed_by = dismissal(view, incident, parent_before)
    asks = own if incident.verified or found.own is None else found.own
    if asks is Harm.NONE:
        incident.suspected_at = None
    elif incident.suspected_at is None or dismissed_by:
        incident.suspected_at = now
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
            why = dismissed(incident, parent_before, dismissed_by)
            return lower(view, incident, wanted, own, why, dismissed_by)
        if _may_lower(view, incident, found, frozen=frozen):
            return lower(view, incident, wanted, own, verified(incident))
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


def _answer(view: View, incident: Incident, *, frozen: bool) -> None:
    """A client's word is answered by clean minutes. What is still urgent then, because of what it hangs below, is not,
    once that has grown old."""
    if incident.clean_at is None:
        incident.verified = incident.verified and incident.priority is Priority.NORMAL
    elif not frozen:
        incident.verified = incident.verified or view.now >= incident.clean_at + view.limits.clean


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
