"""From judgements to incidents: opening, raising, lowering, hanging below another, closing, coming back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.engine.canonical import incident_id
from incidents.engine.changes import (
    PRIORITIES,
    below,
    clock_runs,
    dismissal,
    dismissed,
    hand_clock,
    hang,
    is_late,
    known_now,
    lender,
    lower,
    raise_to,
    rest,
    unanswered,
    verified,
    waiting,
    wanted_of,
)
from incidents.engine.following import follow
from incidents.engine.judge_customer import harm_rank
from incidents.engine.losses import lost_minutes
from incidents.engine.notices import ENGINE, FOLLOW_EVIDENCE, all_clear, announce, remind, tell
from incidents.engine.plans import FOREVER, muted_until, why_muted
from incidents.engine.state import Incident
from incidents.engine.subjects import kind_of, name_of, scope_of
from incidents.model import Change, Harm, Kind, Priority, Status
from incidents.words import counted, instant_text

if TYPE_CHECKING:
    from incidents.engine.judgement import Judgement, View
    from incidents.model import Transition


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
        decide = follow if incident.kind in FOLLOW_EVIDENCE else _stick
        lines = decide(view, incident, found)
    if not lines and _standing(incident) != before:
        lines = [tell(view, incident, Change.UPDATED, incident.reason)]
    return lines + remind(view, incident)


def resolve(view: View, incident: Incident, reason: str, actor: str = ENGINE) -> list[Transition]:
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
        incident.acks, incident.sources, incident.written = [], [], ()
        incident.warned = incident.verified = incident.borrowed = incident.unanswered = False
        incident.priority, incident.level = Priority.NORMAL, 0
    incident.since = now
    _take(view, incident, found)
    asks = found.harm if found.own is None else found.own  # what it hangs below has a clock of its own
    incident.suspected_at = now if asks in (Harm.SUSPECTED, Harm.UNKNOWN) else None
    until = 0.0 if found.beyond or kind is Kind.CLIENT_REQUEST else muted_until(state, subject, scope, now)
    incident.muted, incident.muted_until = until > now, until
    if incident.muted:
        incident.priority = Priority.NORMAL
        incident.reason = f"muted, {why_muted(state, subject, scope, now)}: {found.reason}"
        return [tell(view, incident, change, incident.reason)]
    above = hang(view, incident, found)
    lends = lender(incident, above)
    incident.priority = wanted_of(found.harm, lends)
    incident.borrowed = lends is not None
    rest(view, incident)
    if old is not None:
        incident.reason = f"it is back (flap {incident.flaps}): {incident.reason}"
    reason = waiting(incident) if incident.waits else incident.reason
    if above is not None and lends is None:
        reason = below(incident, above)
    return [tell(view, incident, change, reason), *announce(view, incident, warn=found.warn)]


def _take(view: View, incident: Incident, found: Judgement) -> None:
    """What is known now; sources that ever spoke of harm are remembered, and breaks in what was clean."""
    if found.bad:
        incident.facts, incident.customers, incident.unseen = found.facts, found.customers, found.unseen
        if incident.kind in FOLLOW_EVIDENCE or PRIORITIES[found.harm].rank >= incident.priority.rank:
            # else what it was raised for stays said, while less is seen now
            worst = incident.unanswered and not found.followed and "served" not in found.good
            incident.reason = unanswered(view, found.reason) if worst else found.reason
        incident.sources = sorted({*incident.sources, *found.bad})
        incident.word = max(incident.word, found.newest)
    elif found.facts:
        incident.facts = found.facts
    incident.wants_probe = found.wants_probe
    incident.served_at = (incident.served_at or view.now) if "served" in found.good else None
    if incident.kind is Kind.BILLING_GAP:
        loss = view.state.losses.get(name_of(incident.subject))
        incident.minutes = lost_minutes(loss) if loss else 0
    if incident.kind in FOLLOW_EVIDENCE:
        clean = "served" in found.good
    else:
        clean = not found.bad and set(incident.sources) <= set(found.good)
        if found.bad and incident.clean_at is not None:
            incident.flaps += 1
            incident.again = min(view.now + view.limits.verification, incident.fine_until)
    if not clean:
        incident.clean_at = None
        return
    incident.again, incident.fine_until = 0.0, found.fine_until
    if incident.clean_at is None:
        incident.clean_at = view.now


def _stick(view: View, incident: Incident, found: Judgement) -> list[Transition]:
    """An outage or a watchdog: the worst of it counts until it closes. Below another one that tells of the same its
    priority and its clock are its own, and its notices rest; on, too, while minutes are counted in which it is fine."""
    now, parent_before, paused_before = view.now, incident.parent, incident.paused
    above = hang(view, incident, found)
    incident.paused = above is not None or (paused_before and incident.clean_at is not None)
    if found.bad:
        if harm_rank(found.harm) > harm_rank(incident.harm):
            incident.harm = found.harm
        if incident.harm in (Harm.SUSPECTED, Harm.UNKNOWN) and incident.suspected_at is None:
            incident.suspected_at = now
    wanted = PRIORITIES[incident.harm]
    reason = incident.reason
    lesser = above is not None and above.priority is not Priority.COMPANY_WIDE
    handed = above is not None and lesser and hand_clock(view, incident, above, found)
    if clock_runs(incident, found) and is_late(view, incident) and not handed:
        wanted = Priority.COMPANY_WIDE
        reason = unanswered(view, known_now(incident, found))
    if wanted.rank > incident.priority.rank:
        if above is None or (lesser and wanted is Priority.COMPANY_WIDE):
            incident.parent, incident.paused = "", False  # it hangs below nothing less urgent
        incident.borrowed = incident.paused
        return raise_to(view, incident, wanted, reason, warn=found.warn)
    if wanted.rank < incident.priority.rank:
        by = dismissal(view, incident, parent_before)
        if by:
            incident.suspected_at = now
        if by or _is_answered(view, incident):
            incident.reason = found.reason
            why = dismissed(incident, parent_before, by) if by else verified(incident)
            return lower(view, incident, wanted, incident.harm, why, by or ENGINE)
    if above is not None and incident.parent != parent_before:
        return [tell(view, incident, Change.MERGED, below(incident, above)), *announce(view, incident)]
    if paused_before and not incident.paused:
        again = tell(view, incident, Change.UPDATED, f"it stands for itself again: {incident.reason}")
        return [again, *announce(view, incident, warn=found.warn)]
    return []


def _is_answered(view: View, incident: Incident) -> bool:
    """Whether the client of an origin that called everyone is shown to be served by now, for clean minutes."""
    answered = incident.served_at is not None and view.now >= incident.served_at + view.limits.clean
    return answered and not view.state.frozen


def _mute_over(view: View, incident: Incident, found: Judgement) -> list[Transition]:
    """Muted work is judged again when its window ends, or when it hurts more than was planned."""
    until = muted_until(view.state, incident.subject, incident.scope, view.now)
    if incident.kind is Kind.BILLING_GAP and until == FOREVER != incident.muted_until:
        until = 0.0  # it was told before the work ended, and is judged again at its end
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
    wanted = wanted_of(harm, lender(incident, hang(view, incident, found)))
    if wanted is Priority.NORMAL:
        line = tell(view, incident, Change.UPDATED, f"{why}: {incident.reason}")
        return [line, *announce(view, incident, warn=found.warn)]
    return raise_to(
        view, incident, wanted, f"{why}: {found.reason or 'nothing shows that it is fine'}", warn=found.warn
    )


def _close_when_clean(view: View, incident: Incident, found: Judgement) -> list[Transition]:
    if view.state.frozen and incident.subject not in view.state.frozen:
        return []
    if incident.kind is Kind.BILLING_GAP and not found.bad:
        return resolve(view, incident, "all that was lost has come: the task closes by itself")
    if incident.kind in FOLLOW_EVIDENCE or incident.clean_at is None:
        return []
    if view.now < incident.clean_at + view.limits.clean:
        return []
    minutes = counted(round(view.limits.clean / 60), "minute")
    since = instant_text(incident.clean_at)
    return resolve(view, incident, f"{minutes} of fresh evidence that all is well, since {since}")


def _standing(incident: Incident) -> tuple[object, ...]:
    return (
        incident.harm,
        incident.flaps,
        incident.minutes,
        len(incident.sources),
        incident.word * (incident.kind is Kind.CLIENT_REQUEST),
    )
