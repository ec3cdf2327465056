"""Who hears of an incident, and when again: audiences by priority, levels on call, repeats, messages to clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.model import Audience, Change, Kind, Priority, Status, Transition
from incidents.words import instant_text

if TYPE_CHECKING:
    from incidents.engine.judgement import View
    from incidents.engine.state import Incident

FACTS_TOLD = 12
_OVER = "-over"
ENGINE = "engine"
"""Who did what a rule did."""
FOLLOW_EVIDENCE = (Kind.BILLING_GAP, Kind.CLIENT_REQUEST)
"""Kinds whose harm is that of other scopes: it goes with the evidence. Of the others the worst counts until they
close."""
_SILENT_TO_CLIENTS = (Kind.WATCHDOG, Kind.DATA_QUALITY)


def tell(
    view: View,
    incident: Incident,
    change: Change,
    reason: str,
    *,
    actor: str = ENGINE,
    audience: Audience | None = None,
    notice: str = "",
    level: int = 0,
    draft: bool = False,
    parent: str = "",
    quiet: tuple[str, ...] = (),
    customers: tuple[str, ...] | None = None,
) -> Transition:
    """A line about an incident as it stands now."""
    return Transition(
        at=view.now,
        incident=incident.id,
        kind=incident.kind,
        scope=incident.scope,
        harm=incident.harm,
        priority=incident.priority,
        status=incident.status,
        change=change,
        audience=audience,
        reason=reason,
        evidence=incident.facts[:FACTS_TOLD],
        notice=notice,
        level=level,
        draft=draft,
        actor=actor,
        parent=parent or incident.parent,
        flaps=incident.flaps,
        customers=incident.customers if customers is None else customers,
        quiet=quiet,
    )


def announce(view: View, incident: Incident, *, warn: bool = False) -> list[Transition]:
    """The notices that an incident's priority asks for, as it opens, is raised, comes back or resumes. Below another
    one they rest, but for the warning of a client to whom that one has not written."""
    now, limits, reason = view.now, view.limits, incident.reason
    incident.next_level = incident.next_repeat = None
    if incident.muted or incident.waits:
        return []
    lines: list[Transition] = []
    above = view.incident(incident.parent) if incident.paused else None
    known = incident.warned or (above is not None and Audience.CLIENT in _told(above))
    if warn and not known and incident.priority is not Priority.COMPANY_WIDE:
        incident.warned = True
        lines.append(_to_client(view, incident, f"to be told before he finds out himself: {reason}"))
    if incident.paused:
        return lines
    if incident.priority is Priority.NORMAL:
        lines.append(send(view, incident, Audience.QUEUE, reason))
    elif incident.priority is Priority.HIGH:
        incident.level = 1
        incident.next_level = now + limits.patience(1)
        lines.append(send(view, incident, Audience.ON_CALL, reason, level=1))
    else:
        incident.next_repeat = now + limits.repeat
        lines += _to_everyone(view, incident, reason)
    return lines


def remind(view: View, incident: Incident) -> list[Transition]:
    """What is due again: the next level of those on call, or the company and the clients once more."""
    now, limits = view.now, view.limits
    if incident.muted or incident.paused or incident.waits or incident.status is Status.RESOLVED:
        return []
    lines: list[Transition] = []
    back = (
        incident.kind is Kind.WATCHDOG and incident.clean_at is not None
    )  # it climbs on if it is lost once more
    if incident.next_level is not None and now >= incident.next_level and not back:
        incident.next_level = None
        if incident.priority is Priority.HIGH and incident.status is Status.OPEN:
            level = min(incident.level + 1, limits.levels)
            why = "not acknowledged" if level > incident.level else "still not acknowledged"
            incident.level = level
            incident.next_level = now + limits.patience(level)
            said = as_it_stands(view, incident)
            lines.append(send(view, incident, Audience.ON_CALL, f"{why}: {said}", level=level))
    if incident.next_repeat is not None and now >= incident.next_repeat:
        incident.next_repeat = None
        if incident.priority is Priority.COMPANY_WIDE:
            incident.next_repeat = now + limits.repeat
            lines += _to_everyone(view, incident, f"not resolved: {as_it_stands(view, incident)}")
    return lines


def all_clear(view: View, incident: Incident, reason: str) -> list[Transition]:
    """Those who were woken, each level of them, and the clients who were written to, hear that it is over, once."""
    if incident.muted:
        return []
    lines = []
    told = _told(incident)
    above = view.incident(incident.parent) if incident.paused else None
    if above is not None:  # who knows of that one hears its end
        known = _told(above)
        left = {who: levels - known.get(who, set()) for who, levels in told.items()}
        told = {who: levels for who, levels in left.items() if levels and Audience.COMPANY not in known}
    if Audience.COMPANY in told:
        lines.append(send(view, incident, Audience.COMPANY, reason, over=True))
    elif incident.priority is Priority.HIGH:
        lines += [
            send(view, incident, Audience.ON_CALL, reason, level=level, over=True)
            for level in sorted(told.get(Audience.ON_CALL, ()))
        ]
    if Audience.CLIENT in told:
        draft = not view.limits.send_to_clients
        lines.append(send(view, incident, Audience.CLIENT, reason, draft=draft, over=True))
    return lines


def stand_down(view: View, incident: Incident, reason: str) -> list[Transition]:
    """Where everyone had been called it is over for them when it is lowered; what is left concerns those alone who are
    told of it from now on."""
    if Audience.COMPANY not in _told(incident):
        return []
    lines = all_clear(view, incident, reason)
    incident.since, incident.written = view.now, ()
    return lines


def _told(incident: Incident) -> dict[Audience, set[int]]:
    """Who was told of it since it began this time, and at which levels."""
    told: dict[Audience, set[int]] = {}
    for notice, at in incident.sent.items():
        _, turn, who, level = notice.rsplit(".", 3)
        if at >= incident.since and not turn.endswith(_OVER):
            told.setdefault(Audience(who), set()).add(int(level) if who == Audience.ON_CALL else 0)
    return told


def as_it_stands(view: View, incident: Incident) -> str:
    """Why it is there, and, while minutes are counted in which all is well, since when they are, and what then
    becomes of it."""
    if incident.clean_at is None:
        return incident.reason
    since = f"fine since {instant_text(incident.clean_at)}"
    frozen = view.state.frozen
    if not frozen or incident.subject in frozen:
        ends = "is lowered" if incident.kind in FOLLOW_EVIDENCE else "closes"
        since += f" and {ends} at {instant_text(incident.clean_at + view.limits.clean)} if it stays so"
    return f"{since}: {incident.reason}"


def go_further(view: View, incident: Incident, notice: str) -> list[Transition]:
    """A notice reached nobody: the next level hears in the same instant. One sending escalates once."""
    sent_at = incident.sent.get(notice)
    if sent_at is None or incident.failed.get(notice) == sent_at or incident.status is Status.RESOLVED:
        return []
    incident.failed[notice] = sent_at
    limits = view.limits
    _, _, who, number = notice.rsplit(".", 3)
    level = int(number)
    why = f"notice {notice} reached nobody: {incident.reason}"
    if who == Audience.COMPANY.value:
        if level >= limits.levels:
            return []  # everyone was tried in every way; the repeats go on
        return [send(view, incident, Audience.COMPANY, why, level=level + 1)]
    if who == Audience.ON_CALL.value and level >= limits.levels:
        return [send(view, incident, Audience.COMPANY, why)]
    if who != Audience.ON_CALL.value:
        level = 0
    if incident.priority is Priority.HIGH and incident.status is Status.OPEN:
        incident.level = max(incident.level, level + 1)
        incident.next_level = view.now + limits.patience(incident.level)
    return [send(view, incident, Audience.ON_CALL, why, level=level + 1)]


def send(
    view: View,
    incident: Incident,
    audience: Audience,
    reason: str,
    *,
    level: int = 0,
    draft: bool = False,
    over: bool = False,
) -> Transition:
    """A notice; its key names incident, turn, audience and level, and so is the same whenever it is repeated. `over`:
    the end of it, which has a key of its own, and which they hear too who have acknowledged it."""
    notice = f"{incident.id}.{incident.turn}{_OVER if over else ''}.{audience.value}.{level}"
    incident.sent[notice] = view.now
    reminds = not over and audience in (Audience.ON_CALL, Audience.COMPANY)
    return tell(
        view, incident, Change.NOTICE, reason, audience=audience, notice=notice, level=level, draft=draft,
        quiet=tuple(incident.acks) if reminds else (),
        customers=_written_to(incident, over=over) if audience is Audience.CLIENT else None,
    )  # fmt: skip


def _written_to(incident: Incident, *, over: bool) -> tuple[str, ...]:
    """Whom a letter is for. Who was promised a next message gets it, or the end."""
    if not over:
        incident.written = tuple(sorted({*(incident.unseen or incident.customers), *incident.written}))
    return incident.written or incident.customers


def _to_everyone(view: View, incident: Incident, reason: str) -> list[Transition]:
    lines = [send(view, incident, Audience.COMPANY, reason)]
    if incident.kind not in _SILENT_TO_CLIENTS:
        next_at = instant_text(view.now + view.limits.repeat)
        lines.append(_to_client(view, incident, f"{reason}; the next message is at {next_at}"))
    return lines


def _to_client(view: View, incident: Incident, reason: str) -> Transition:
    return send(view, incident, Audience.CLIENT, reason, draft=not view.limits.send_to_clients)
