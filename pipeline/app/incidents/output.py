"""Incidents as `prebill incidents list` and `show` print them: tables for people, documents for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from incidents.model import Scope
from incidents.phrases import in_language, source_text
from incidents.screen_words import back_text, handed_text, say, span_text, whom, word
from incidents.words import counted, instant_text, number_text
from pipeline.app.incidents.hand_overs import hand_overs_in
from pipeline.app.terminal import out, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incidents.model import Fact, Transition
    from incidents.newest import Newest
    from pipeline.store.incident_rows import ActRow, DeliveryRow, IncidentRow

SHOWN = 100
_STYLES = {"company_wide": "bold red", "high": "yellow", "normal": ""}
_RANKS = {"company_wide": 0, "high": 1, "normal": 2}


def incident_document(row: IncidentRow) -> dict[str, Any]:
    """An incident as it stands, with the keys of a transition."""
    return {
        "incident": row.incident,
        "kind": row.kind,
        "scope": {row.scope_kind: row.scope_id},
        "harm": row.harm,
        "priority": row.priority,
        "status": row.status,
        "since": instant_text(row.since),
        "updated": instant_text(row.updated),
        "reason": row.reason,
        "actor": row.actor,
        "parent": row.parent or None,
        "flaps": row.flaps,
        "notices": row.notices,
    }


def delivery_document(row: DeliveryRow) -> dict[str, Any]:
    """Who was told of what, how, and what came of it."""
    return {
        "at": instant_text(row.at),
        "notice": row.notice,
        "recipient": row.recipient,
        "channel": row.channel,
        "attempt": row.attempt,
        "ok": row.ok,
        "outcome": row.reason,
        "error": row.error or None,
    }


def act_document(row: ActRow) -> dict[str, Any]:
    """What somebody did."""
    return {
        "at": instant_text(row.at),
        "act": row.act,
        "actor": row.actor,
        "reason": row.reason,
        **({"body": row.body} if row.body else {}),
    }


def by_urgency(rows: Sequence[IncidentRow]) -> list[IncidentRow]:
    """Open ones first, the most urgent first, then the oldest."""
    return sorted(
        rows, key=lambda row: (row.status == "resolved", _RANKS.get(row.priority, 3), row.since, row.incident)
    )


def show_list(rows: Sequence[IncidentRow], now: float, watcher: str, language: str) -> None:
    """A table of incidents, and a line that says who watches."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for head in ("incident", "priority", "status", "what", "whom", "harm", "for", "why"):
        table.add_column(say(head, language), no_wrap=head not in ("why", "whom"))
    for row in rows[:SHOWN]:
        table.add_row(
            row.incident,
            Text(word("priority", row.priority, language), _STYLES.get(row.priority, "")),
            word("status", row.status, language),
            word("kind", row.kind, language),
            Text(printable(_whom(row, language))),
            word("harm", row.harm, language),
            span_text(_until(row, now) - row.since, language),
            Text(printable(in_language(row.reason, language))),
        )
    if rows:
        out().print(table)
    if len(rows) > SHOWN:
        count = number_text(f"{len(rows) - SHOWN:,}", language)
        out().print(say("more", language, count=count), style="italic")
    opened = counted(sum(row.status != "resolved" for row in rows), "open incident", language)
    out().print(f"{opened}. {watcher}", soft_wrap=True, markup=False)


def _until(row: IncidentRow, now: float) -> float:
    """An incident that is over lasted until it was."""
    return row.updated if row.status == "resolved" else now


def show_one(
    row: IncidentRow,
    timeline: Sequence[Transition],
    newest: Sequence[Newest],
    deliveries: Sequence[DeliveryRow],
    acts: Sequence[ActRow],
    children: Sequence[IncidentRow],
    roles: Mapping[str, str],
    now: float,
    language: str,
) -> None:
    """Everything about one incident: how it stands, on what evidence, its story, who was told."""
    ends = (each.at for each in reversed(timeline) if each.change.value == "resolved")
    over = next(ends, row.updated) if row.status == "resolved" else None
    lines = [
        f"{row.incident}  {word('kind', row.kind, language)}, {printable(_whom(row, language))}",
        say(
            "standing", language, priority=word("priority", row.priority, language),
            status=word("status", row.status, language), harm=word("harm", row.harm, language),
            at=instant_text(row.since), age=span_text((over or now) - row.since, language),
        ),
        say("because", language, reason=printable(in_language(row.reason, language))),
    ]  # fmt: skip
    if row.parent:
        lines.append(say("below", language, parent=row.parent))
    if row.flaps:
        lines.append(back_text(row.flaps, language))
    if roles:
        held = ", ".join(f"{word('role', role, language)} {name}" for role, name in roles.items())
        lines.append(say("roles", language, roles=held))
    if latest := next((each for each in reversed(timeline) if each.evidence), None):
        lines += ["", say("decided", language)]
        lines += [_fact(fact, now - fact.at, language) for fact in latest.evidence]
    if newest:
        lines += ["", say("newest", language)]
        lines += [_fact(each.fact, each.age_s, language, stale=each.stale) for each in newest]
    lines += ["", say("timeline", language)]
    lines += [_changed(each, language) for each in timeline]
    if deliveries:
        lines += ["", say("told", language)]
        lines += [_told(each, language) for each in deliveries]
    if acts:
        lines += ["", say("done", language)]
        lines += [_done(each, language) for each in acts]
    if children:
        lines += ["", say("children", language)]
        lines += [
            f"  {c.incident}  {word('kind', c.kind, language)}, {word('status', c.status, language)}: "
            f"{printable(in_language(c.reason, language))}"
            for c in children
        ]
    for line in lines:
        out().print(line, soft_wrap=True, markup=False)


def _whom(row: IncidentRow, language: str) -> str:
    return whom(Scope(row.scope_kind, row.scope_id), language)


def _fact(fact: Fact, age_s: float, language: str, *, stale: bool = False) -> str:
    ago = say("ago", language, age=f"{span_text(age_s, language):>8}")
    old = f"  {say('stale', language)}" if stale else ""
    source = source_text(fact.source, language)
    return f"  {ago}{old}  {source}: {printable(in_language(fact.text, language))}"


def _changed(each: Transition, language: str) -> str:
    level = f" {each.level}" if each.level else ""
    hearer = f" → {word('audience', each.audience.value, language)}{level}" if each.audience else ""
    draft = f" {say('draft', language)}" if each.draft else ""
    return (
        f"  {instant_text(each.at)}  {word('change', each.change.value, language)}{hearer}{draft}, "
        f"{word('priority', each.priority.value, language)}, {printable(_actor(each.actor, language))}: "
        f"{printable(in_language(each.reason, language))}"
    )


def _done(row: ActRow, language: str) -> str:
    given = hand_overs_in([row])
    what = handed_text(given[0], language) if given else word("act", row.act, language)
    return f"  {instant_text(row.at)}  {printable(what)}, {printable(row.actor)}: {printable(row.reason)}"


def _actor(actor: str, language: str) -> str:
    return "движок" if language == "ru" and actor == "engine" else actor


def _told(row: DeliveryRow, language: str) -> str:
    outcome = word("outcome", row.reason, language)
    why = f": {printable(in_language(row.error, language))}" if row.error else ""
    came = "" if row.ok else f", {outcome}{why}"
    again = say("attempt", language, count=row.attempt) if row.attempt > 1 else ""
    who = printable(row.recipient) or say("no_one", language)
    return (
        f"  {instant_text(row.at)}  {say('by', language, who=who, channel=printable(row.channel or '-'))}"
        f"{again}{came}"
    )
