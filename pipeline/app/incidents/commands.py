"""What `prebill incidents list|show|ack|resolve|note` does: reads the incident log, and adds what people say to the
evidence, where the watch takes it up."""

from __future__ import annotations

import json as jsonlib
import time
from typing import TYPE_CHECKING

from incidents.screen_words import say as word
from incidents.words import instant_text
from pipeline.app.failures import UsageFailure
from pipeline.app.incidents.output import (
    act_document,
    by_urgency,
    delivery_document,
    incident_document,
    show_list,
    show_one,
)
from pipeline.app.period import parse_language
from pipeline.app.stores import existing_store
from pipeline.app.terminal import print_json, say
from pipeline.app.watch.lease import WATCH, is_dead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incidents.model import Transition
    from incidents.newest import Newest
    from pipeline.app.context import Context
    from pipeline.store.incident_rows import ActRow, IncidentRow
    from pipeline.store.store import Store

PATIENCE_S, LOOK_EVERY_S = 5.0, 0.1
NEWEST_S, BEFORE_S = 86_400.0, 3_600.0
"""How far back the newest evidence is looked for: a day, and not before the hour in which the incident began."""

NEWEST_TYPES = ("probe", "traffic", "counter", "segment", "gap", "gap_closed", "request", "edge")
CUSTOMERS_ASKED = 10


def list_incidents(context: Context, *, resolved: bool, lang: str | None = None, json: bool) -> int:
    """All that is open; with `resolved` everything."""
    language, now = _language(context, lang), context.now().timestamp()
    with existing_store(context) as store:
        rows = by_urgency(
            [row for row in store.incidents.incidents() if resolved or row.status != "resolved"]
        )
        watcher = _watcher(store, language)
    if json:
        print_json([incident_document(row) for row in rows])
    else:
        show_list(rows, now, watcher or word("nobody", language), language)
    return 0


def show_incident(context: Context, name: str, *, lang: str | None = None, json: bool) -> int:
    """One incident, with its story."""
    from pipeline.app.watch.log import transition_of

    language, now = _language(context, lang), context.now().timestamp()
    with existing_store(context) as store:
        rows = store.incidents.incidents()
        row = find(rows, name)
        timeline = [transition_of(each) for each in store.incidents.changes(row.incident)]
        deliveries = store.incidents.deliveries(incident=row.incident)
        acts = store.incidents.acts(row.incident)
        newest = _newest(context, store, row, timeline, now)
    children = [each for each in rows if each.parent == row.incident]
    roles = _roles(context, timeline, acts, now)
    if not json:
        show_one(row, timeline, newest, deliveries, acts, children, roles, now, language)
        return 0
    document = incident_document(row)
    evidence = next((each.evidence for each in reversed(timeline) if each.evidence), ())
    document |= {
        "customers": list(next((each.customers for each in reversed(timeline) if each.customers), ())),
        "evidence": [
            {"at": instant_text(f.at), "age_s": round(now - f.at, 3), "source": f.source, "text": f.text}
            for f in evidence
        ],
        "newest": [each.json for each in newest],
        "timeline": [each.json for each in timeline],
        "told": [delivery_document(each) for each in deliveries],
        "acts": [act_document(each) for each in acts],
        "roles": roles,
        "children": [incident_document(each) for each in children],
    }
    print_json(document)
    return 0


def say_on_incident(
    context: Context, act: str, name: str, *, actor: str | None, reason: str | None, json: bool
) -> int:
    """A person's word on an incident: `ack`, `resolve` or `note`."""
    missing = [
        option
        for option, value in (("--actor", actor), ("--reason", reason))
        if not (value and value.strip())
    ]
    if missing:
        raise UsageFailure([f"{option}: required with {act}, and not given" for option in missing])
    from pipeline.coverage.evidence import EvidenceError, parse_evidence

    if act == "ack":
        _check_person(context, str(actor))
    now = context.now().timestamp()
    with existing_store(context) as store:
        log = store.incidents
        row = find(log.incidents(), name)
        if act == "ack" and actor in _acknowledged(store, row):
            if json:
                print_json(incident_document(row) | {"taken_up": True})
            else:
                say(f"{row.incident}: acknowledged by {actor} already; nothing to be done")
            return 0
        if row.status == "resolved" and act != "note":
            raise UsageFailure(f"{row.incident} is resolved already; a note can still be added")
        said = {
            "at": instant_text(now), "type": act, "incident": row.incident, "actor": actor, "text": reason,
        }  # fmt: skip
        before = max((each.seq for each in log.changes(row.incident)), default=0)
        try:
            store.add_evidence(parse_evidence(jsonlib.dumps(said), actor=str(actor), now=now))
        except EvidenceError as error:
            raise UsageFailure([f"{problem.where}: {problem}" for problem in error.problems]) from None
        watcher = _watcher(store)
        after = _wait_for(store, row, before) if watcher else None
    if json:
        print_json(incident_document(after or row) | {"taken_up": after is not None})
    elif after is not None:
        say(
            f"{row.incident}: {act} by {actor}; it is {after.status} now, {after.priority}, harm {after.harm}"
        )
    elif watcher:
        say(f"{row.incident}: {act} by {actor} is written down; the watch has not taken it up yet")
    else:
        say(
            f"{row.incident}: {act} by {actor} is written down. Nobody watches: it counts once `prebill watch` runs."
        )
    return 0


def _check_person(context: Context, actor: str) -> None:
    """An acknowledgement stops the levels: where people are configured, it is one of theirs."""
    from pipeline.app.coverage.checking import config_or_none
    from pipeline.shape import nearest

    config = config_or_none(context)
    known = [person.id for person in config.notifying.people.person] if config else []
    if known and actor not in known:
        raise UsageFailure(
            f"--actor: only one of the people acknowledges, and no [[person]] has the id {actor!r}; "
            f"{nearest(actor, known)}",
            mend="`prebill incidents note` takes anybody's word.",
        )


def _acknowledged(store: Store, row: IncidentRow) -> Sequence[str]:
    from incidents.acknowledged import acknowledged_by
    from pipeline.app.incidents.hand_overs import transitions_of

    return acknowledged_by(transitions_of(store, row.incident))


def find(rows: Sequence[IncidentRow], name: str) -> IncidentRow:
    """The incident of this id, or of the one id that begins so; raises UsageFailure."""
    found = [row for row in rows if row.incident == name] or [
        row for row in rows if len(name) >= 3 and row.incident.startswith(name)
    ]
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} incidents begin with {name!r}" if found else f"there is no incident {name!r}"
    raise UsageFailure(what, mend="`prebill incidents list --all` shows them.")


def _newest(
    context: Context, store: Store, row: IncidentRow, timeline: Sequence[Transition], now: float
) -> Sequence[Newest]:
    """What has come about it most lately, whether anything was decided on it or not."""
    from incidents.events import event_of
    from incidents.model import Scope
    from incidents.newest import newest_of
    from incidents.policy import Policy
    from pipeline.app.coverage.checking import config_or_none

    customers = next((each.customers for each in reversed(timeline) if each.customers), ())[:CUSTOMERS_ASKED]
    since = max(row.since - BEFORE_S, now - NEWEST_S)
    taken = store.incidents.latest([row.scope_id, *customers], NEWEST_TYPES, since) if row.scope_id else []
    events = [event for each in taken if (event := event_of(each.evidence)) is not None]
    config = config_or_none(context)
    policy = config.incidents if config else Policy()
    return newest_of(events, Scope(row.scope_kind, row.scope_id), customers, now=now, policy=policy)


def _wait_for(store: Store, row: IncidentRow, before: int) -> IncidentRow | None:
    """How it stands once the watch has taken up what was said; None where that takes long."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if store.incidents.changes(row.incident, before):
            return find(store.incidents.incidents(), row.incident)
        time.sleep(LOOK_EVERY_S)
    return None


def _watcher(store: Store, language: str = "en") -> str:
    lease = store.leases.current(WATCH)
    if lease is None or not lease.holds_at(time.time()) or is_dead(lease):
        return ""
    return word("watches", language, pid=lease.pid, host=lease.host)


def _language(context: Context, lang: str | None) -> str:
    """`--lang`, else the configuration's, where there is one."""
    from pipeline.app.coverage.checking import config_or_none

    parse_language(lang)
    config = config_or_none(context)
    return parse_language(lang, config.tasks.language if config else "en")


def _roles(
    context: Context, timeline: Sequence[Transition], acts: Sequence[ActRow], now: float
) -> dict[str, str]:
    """Who holds the roles of an incident that concerns the whole company, after what was handed over."""
    from incidents.people.roles import roles_of
    from pipeline.app.coverage.checking import config_or_none
    from pipeline.app.incidents.hand_overs import hand_overs_in

    config = config_or_none(context)
    if config is None:
        return {}
    roles = roles_of(config.notifying.people, timeline, hand_overs_in(acts), now)
    return {role: name for role, name in roles.json.items() if name}
