"""`prebill oncall`: who is on call now and next, who would hold which role; and handing a role of an incident over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from pipeline.app.context import acting_user
from pipeline.app.failures import UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.terminal import print_json, say

if TYPE_CHECKING:
    from incidents.people.settings import People
    from pipeline.app.context import Context

Action = Literal["show", "handover"]

LONGEST_DAYS = 366


def oncall(
    action: Action = "show",
    incident: str | None = None,
    role: str | None = None,
    person: str | None = None,
    /,
    *,
    at: str | None = None,
    days: Annotated[int, Parameter(show_default=False)] = 7,
    actor: str | None = None,
    reason: str | None = None,
    json: Flag = False,
    context: Given,
) -> int:
    """Who is on call: each level now, until when, who is next, and the roles if something concerned the whole company.

    `show`: that, the shifts of the next days, and the holes of the next 30.
    `handover INCIDENT ROLE PERSON`: gives a role of a company-wide incident
    (commander, operations, liaison or scribe) from whoever holds it to
    PERSON, with --reason; it is written down, and stands in what follows.

    Parameters
    ----------
    action
        show or handover.
    incident
        handover: the incident: its id, or how the id begins.
    role
        handover: commander, operations, liaison or scribe.
    person
        handover: the id of who takes it.
    at
        As of this time (RFC 3339). Default: now.
    days
        show: how many days of shifts. Default: 7.
    actor
        Who hands over. Default: the user of this process.
    reason
        handover: why; required.
    json
        One JSON document on standard output.
    """
    people = context.config.notifying.people
    if action == "handover":
        return _hand_over(context, people, incident, role, person, actor, reason, json=json)
    if incident is not None:
        raise UsageFailure("oncall show: expected nothing more; --at names a time")
    if not 1 <= days <= LONGEST_DAYS:
        raise UsageFailure(f"--days: expected 1 to {LONGEST_DAYS}, found {days}")
    if not people.person:
        raise UsageFailure(
            "nobody is configured: there is no [[person]]",
            mend="docs/escalation.md shows a rota to begin with.",
        )
    from pipeline.app.incidents.oncall_screen import oncall_document, show_oncall

    document = oncall_document(people, _time(context, at), days)
    if json:
        print_json(document)
    else:
        show_oncall(people, document)
    return 0


def _time(context: Context, text: str | None) -> float:
    from pipeline.app.context import parse_time

    if text is None:
        return context.now().replace(microsecond=0).timestamp()
    return parse_time(text, "--at").timestamp()


def _hand_over(
    context: Context,
    people: People,
    incident: str | None,
    role: str | None,
    person: str | None,
    actor: str | None,
    reason: str | None,
    *,
    json: bool,
) -> int:
    if incident is None or role is None or person is None:
        raise UsageFailure("oncall handover: expected an incident, a role, and who takes it")
    from incidents.people.roles import HAND_OVER, HandOver, hand_over, hand_over_body, roles_of
    from pipeline.app.incidents.commands import find
    from pipeline.app.incidents.hand_overs import hand_overs_of, transitions_of
    from pipeline.app.stores import existing_store
    from pipeline.store.incident_rows import ActRow

    now = context.now().timestamp()
    with existing_store(context) as store:
        incident = find(store.incidents.incidents(), incident).incident
        transitions = transitions_of(store, incident)
        roles = roles_of(people, transitions, hand_overs_of(store, incident), now)
        if not roles:
            raise UsageFailure(f"{incident} does not concern the whole company: nobody holds a role of it")
        act = HandOver(
            at=now,
            role=role,
            giver=getattr(roles, role, ""),
            taker=person,
            reason=(reason or "").strip(),
            actor=acting_user(actor),
        )
        if problems := hand_over(people, roles, act):
            raise UsageFailure(problems)
        row = ActRow(now, incident, HAND_OVER, act.actor, act.reason, hand_over_body(act))
        store.incidents.append_acts([row])
    told: dict[str, Any] = {"incident": incident, "roles": {**roles.json, role: person}}
    if json:
        print_json(told)
    else:
        say(f"{incident}: {role} goes from {act.giver or 'nobody'} to {person}")
    return 0
