"""From judgements to incidents: opening, raising, lowering, hanging below another, closing, coming back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.engine.canonical import incident_id
from incidents.engine.judge_customer import harm_rank
from incidents.engine.losses import lost_minutes
from incidents.engine.notices import all_clear, announce, remind, tell
from incidents.engine.plans import muted_until, why_muted
from incidents.engine.state import Incident
from incidents.engine.subjects import GAP, kind_of, name_of, scope_of
from incidents.model import Change, Harm, Kind, Priority, Status
from incidents.words import instant_text

if TYPE_CHECKING:
    from incidents.engine.judgement import Judgement, View
    from incidents.model import Transition

_FOLLOW_EVIDENCE = (Kind.BILLING_GAP, Kind.CLIENT_REQUEST)
"""Kinds whose harm is that of other scopes: it goes with the evidence. Of the others the worst counts until they
close."""

_PRIORITIES = {
    Harm.NONE: Priority.NORMAL,
    Harm.UNKNOWN: Priority.HIGH,
    Harm.SUSPECTED: Priority.HIGH,
    Harm.CONFIRMED: Priority.COMPANY_WIDE,
}


def settle(view: View, subject: str, found: Judgement) -> list[Transition]:
    """The transitions that a judgement asks for now, with their notices."""
    incident = view.state.incidents.get(subject)
    if incident is None or incident.status is Status.RESOLVED:
        if found.bad and (incident is None or found.newest > (incident.resolved_at or 0.0)):
            return _open(view, subject, incident, found)
        return []
    before = _standing(incident)
    _take(view, incident, found)
    lines = _mute_over(view, incident, found) if incident.muted else []
    if incident.muted:
        if _standing(incident) != before:
            lines.append(tell(view, incident, Change.UPDATED, incident.reason))
        return lines + _close_when_clean(view, incident, found)
    closing = _close_when_clean(view, incident, found)
    if closing:
        return lines + closing
    if not lines:
        follow = _follow if incident.kind in _FOLLOW_EVIDENCE else _stick
        lines = follow(view, incident, found)
    if not lines and _standing(incident) != before:
        lines = [tell(view, incident, Change.UPDATED, incident.reason)]
    return lines + remind(view, incident)


def resolve(view: View, incident: Incident, reason: str, actor: str = "engine") -> list[Transition]:
    """Close an incident; those who were woken hear it."""
    incident.status = Status.RESOLVED
    incident.resolved_at = view.now
    incident.resolved_by = actor
    incident.clean_at = incident.suspected_at = None
    incident.next_level = incident.next_repeat = None
    incident.waits = False
    line = tell(view, incident, Change.RESOLVED, reason, actor=actor)
    clear = all_clear(view, incident, reason)
    incident.parent = ""
    incident.paused = False
    return [line, *clear]


def escalates(incident: Incident, found: Judgement) -> bool:
    """Whether the verification clock runs: a suspicion that nothing answers."""
    return (
        incident.suspected_at is not None
        and incident.priority is not Priority.COMPANY_WIDE
        and incident.clean_at is None
        and not found.held
        and not incident.muted
        and not incident.paused
    )


def _open(view: View, subject: str, old: Incident | None, found: Judgement) -> list[Transition]:
    state, now = view.state, view.now
    scope = scope_of(subject, state)
    kind = kind_of(subject)
    if old is None:
        incident = Incident(
            incident_id(subject, now), subject, kind, scope, now, harm=found.harm, priority=Priority.NORMAL
        )
        state.incidents[subject] = incident
        change = Change.OPENED
    else:
        incident, change = old, Change.REOPENED
        incident.flaps += 1
        incident.turn += 1
        incident.status, incident.harm, incident.resolved_at = Status.OPEN, found.harm, None
        incident.acks, incident.sources = [], []
        incident.warned = incident.verified = False
    _take(view, incident, found)
    incident.suspected_at = now if found.harm in (Harm.SUSPECTED, Harm.UNKNOWN) else None
    until = 0.0 if found.beyond or kind is Kind.CLIENT_REQUEST else muted_until(state, subject, scope, now)
    incident.muted, incident.muted_until = until > now, until
    if incident.muted:
        incident.priority = Priority.NORMAL
        incident.reason = f"muted, {why_muted(state, subject, scope, now)}: {found.reason}"
        return [tell(view, incident, change, incident.reason)]
    above = _hang(view, incident, found)
    incident.priority = _wanted(found.harm, above)
    incident.borrowed = above is not None
    _wait(view, incident)
    if old is not None:
        incident.reason = f"it is back ({incident.flaps}. time): {incident.reason}"
    return [tell(view, incident, change, incident.reason), *announce(view, incident, warn=found.warn)]


def _take(view: View, incident: Incident, found: Judgement) -> None:
    """What is known now; sources that ever spoke of harm are remembered, and breaks in what was clean."""
    if found.bad:
        incident.facts, incident.customers = found.facts, found.customers
        incident.reason = found.reason
        incident.sources = sorted({*incident.sources, *found.bad})
        incident.word = max(incident.word, found.newest)
    elif found.facts:
        incident.facts = found.facts
    incident.wants_probe = found.wants_probe
    if incident.kind is Kind.BILLING_GAP:
        loss = view.state.losses.get(name_of(incident.subject))
        incident.minutes = lost_minutes(loss) if loss else 0
    if incident.kind in _FOLLOW_EVIDENCE:
        clean = "served" in found.good
    else:
        clean = not found.bad and set(incident.sources) <= set(found.good)
        if found.bad and incident.clean_at is not None:
            incident.flaps += 1
            incident.suspected_at = view.now
    if not clean:
        incident.clean_at = None
    elif incident.clean_at is None:
        incident.clean_at = view.now


def _stick(view: View, incident: Incident, found: Judgement) -> list[Transition]:
    """An outage or a watchdog: the worst of it counts until it closes."""
    now = view.now
    if found.bad:
        if harm_rank(found.harm) > harm_rank(incident.harm):
            incident.harm = found.harm
        if incident.harm in (Harm.SUSPECTED, Harm.UNKNOWN) and incident.suspected_at is None:
            incident.suspected_at = now
    wanted = _PRIORITIES[incident.harm]
    reason = incident.reason
    if escalates(incident, found) and now >= (incident.suspected_at or 0.0) + view.limits.verification:
        wanted = Priority.COMPANY_WIDE
        reason = _unanswered(view, incident)
    if wanted.rank > incident.priority.rank:
        return _raise(view, incident, wanted, reason, warn=found.warn)
    return []


def _follow(view: View, incident: Incident, found: Judgement) -> list[Transition]:
    """Lost minutes, or a client's word: as urgent as what is known of the clients, or as what it hangs below."""
    now, limits = view.now, view.limits
    if not found.bad:
        return []
    frozen = bool(view.state.frozen)
    if incident.kind is Kind.CLIENT_REQUEST and incident.clean_at is not None and not frozen:
        incident.verified = incident.verified or now >= incident.clean_at + limits.clean
    own = Harm.NONE if incident.verified and not found.followed else found.harm
    parent_before = incident.parent
    above = _hang(view, incident, found)
    if own is Harm.NONE:
        incident.suspected_at = None
    elif incident.suspected_at is None or (parent_before and not incident.parent):
        incident.suspected_at = now  # what it hung below is over: its own clock begins
    wanted = _wanted(own, above)
    reason = incident.reason
    late = incident.suspected_at is not None and now >= incident.suspected_at + limits.verification
    if above is None and escalates(incident, found) and late:
        wanted, reason = Priority.COMPANY_WIDE, _unanswered(view, incident)
    if wanted.rank > incident.priority.rank:
        incident.harm = own
        incident.borrowed = above is not None
        _wait(view, incident, wanted)
        return _raise(view, incident, wanted, reason, warn=found.warn)
    if wanted.rank < incident.priority.rank and _may_lower(view, incident, found, frozen=frozen):
        return _lower(view, incident, wanted, own)
    if wanted.rank == incident.priority.rank or harm_rank(own) > harm_rank(incident.harm):
        incident.harm = own
    waited_before = incident.waits
    _wait(view, incident)
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
        lines.append(tell(view, incident, Change.UPDATED, f"it waits, clients first: {incident.reason}"))
    return lines


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
    return incident.kind is Kind.BILLING_GAP


def _lower(view: View, incident: Incident, wanted: Priority, harm: Harm) -> list[Transition]:
    seen = [fact for fact in incident.facts if fact.source == "probe"]
    shown = "; ".join(f"{fact.text} at {instant_text(fact.at)}" for fact in seen[:3]) or "probes are fine"
    incident.priority, incident.harm, incident.borrowed = wanted, harm, False
    incident.suspected_at = None
    incident.level, incident.acks = 0, []
    _wait(view, incident)
    line = tell(view, incident, Change.LOWERED, f"verified, the clients are served: {shown}")
    return [line, *announce(view, incident)]


def _raise(view: View, incident: Incident, wanted: Priority, reason: str, *, warn: bool) -> list[Transition]:
    incident.priority = wanted
    incident.reason = reason
    incident.turn += 1
    if incident.status is Status.ACKNOWLEDGED:
        incident.status = Status.OPEN  # it was acknowledged as what it was, not as what it is
        incident.acks = []
    return [tell(view, incident, Change.RAISED, reason), *announce(view, incident, warn=warn)]


def _mute_over(view: View, incident: Incident, found: Judgement) -> list[Transition]:
    """Muted work is judged again when its window ends, or when it hurts more than was planned."""
    until = muted_until(view.state, incident.subject, incident.scope, view.now)
    if until > view.now and not found.beyond:
        incident.muted_until = until
        if found.bad and harm_rank(found.harm) > harm_rank(incident.harm):
            incident.harm = found.harm
        return []
    incident.muted, incident.muted_until = False, 0.0
    why = "it goes beyond the plan" if found.beyond else "the planned work is over"
    if not found.bad and incident.clean_at is not None:
        incident.harm, incident.suspected_at = Harm.NONE, None
        return [tell(view, incident, Change.UPDATED, f"{why}, and all is fine so far")]
    harm = found.harm if found.bad else Harm.SUSPECTED  # silence is not health
    incident.harm = harm
    incident.suspected_at = view.now if harm in (Harm.SUSPECTED, Harm.UNKNOWN) else None
    wanted = _wanted(harm, _hang(view, incident, found))
    if wanted is Priority.NORMAL:
        line = tell(view, incident, Change.UPDATED, f"{why}: {incident.reason}")
        return [line, *announce(view, incident, warn=found.warn)]
    return _raise(
        view, incident, wanted, f"{why}: {found.reason or 'nothing shows that it is fine'}", warn=found.warn
    )


def _close_when_clean(view: View, incident: Incident, found: Judgement) -> list[Transition]:
    if view.state.frozen and incident.subject not in view.state.frozen:
        return []
    if incident.kind is Kind.BILLING_GAP and not found.bad:
        return resolve(view, incident, "all that was lost has come: the task closes by itself")
    if incident.kind in _FOLLOW_EVIDENCE or incident.clean_at is None:
        return []
    if view.now < incident.clean_at + view.limits.clean:
        return []
    minutes = round(view.limits.clean / 60)
    since = instant_text(incident.clean_at)
    return resolve(view, incident, f"{minutes} minutes of fresh evidence that all is well, since {since}")


def _hang(view: View, incident: Incident, found: Judgement) -> Incident | None:
    """Put it below the incident that it follows; its own notices rest there."""
    above = view.state.incidents.get(found.followed) if found.followed else None
    incident.parent = above.id if above else ""
    incident.paused = above is not None
    return above


def _wanted(harm: Harm, above: Incident | None) -> Priority:
    own = _PRIORITIES[harm]
    return above.priority if above is not None and above.priority.rank > own.rank else own


def _wait(view: View, incident: Incident, priority: Priority | None = None) -> None:
    """A task about lost data rests while clients are hurt elsewhere."""
    incident.waits = (
        incident.subject.startswith(GAP)
        and (priority or incident.priority) is Priority.NORMAL
        and not incident.parent
        and bool(view.state.hurt)
    )


def _unanswered(view: View, incident: Incident) -> str:
    minutes = view.limits.verification / 60
    return f"not verified within {minutes:g} minutes, so the worst is assumed: {incident.reason}"


def _standing(incident: Incident) -> tuple[object, ...]:
    return (
        incident.harm,
        incident.flaps,
        incident.minutes,
        len(incident.sources),
        incident.word * (incident.kind is Kind.CLIENT_REQUEST),
    )
