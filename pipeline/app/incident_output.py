"""Incidents as `prebill incidents list` and `show` print them: tables for people, documents for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from incidents.words import instant_text
from pipeline.app.terminal import out, plural, printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incidents.model import Transition
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


def show_list(rows: Sequence[IncidentRow], now: float, watcher: str) -> None:
    """A table of incidents, and a line that says who watches."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for head in ("Incident", "Priority", "Status", "What", "Whom", "Harm", "For", "Why"):
        table.add_column(head, no_wrap=head not in ("Why", "Whom"))
    for row in rows[:SHOWN]:
        table.add_row(
            row.incident, Text(row.priority, _STYLES.get(row.priority, "")), row.status, row.kind,
            Text(printable(f"{row.scope_kind} {row.scope_id}".strip())), row.harm,
            age_text(now - row.since), Text(printable(row.reason)),
        )  # fmt: skip
    if rows:
        out().print(table)
    if len(rows) > SHOWN:
        out().print(f"{len(rows) - SHOWN:,} more; --json lists all", style="italic")
    opened = sum(row.status != "resolved" for row in rows)
    out().print(f"{plural(opened, 'open incident')}. {watcher}", soft_wrap=True, markup=False)


def show_one(
    row: IncidentRow,
    timeline: Sequence[Transition],
    newest: Sequence[Newest],
    deliveries: Sequence[DeliveryRow],
    acts: Sequence[ActRow],
    children: Sequence[IncidentRow],
    roles: Mapping[str, str],
    now: float,
) -> None:
    """Everything about one incident: how it stands, on what evidence, its story, who was told."""
    lines = [
        f"{row.incident}  {row.kind}, {printable(f'{row.scope_kind} {row.scope_id}'.strip())}",
        f"{row.priority}, {row.status}; harm {row.harm}; since {instant_text(row.since)}, {age_text(now - row.since)}",
        f"why: {printable(row.reason)}",
    ]
    if row.parent:
        lines.append(f"hangs below {row.parent}")
    if row.flaps:
        lines.append(f"came back {plural(row.flaps, 'time')}")
    if roles:
        lines.append("roles: " + ", ".join(f"{role} {name}" for role, name in roles.items()))
    if latest := next((each for each in reversed(timeline) if each.evidence), None):
        lines += ["", "Evidence of the last decision"]
        lines += [
            f"  {age_text(now - fact.at):>8} ago  {fact.source}: {printable(fact.text)}"
            for fact in latest.evidence
        ]
    if newest:
        lines += ["", "Newest evidence"]
        lines += [
            f"  {age_text(each.age_s):>8} ago{'  (stale)' if each.stale else ''}  {each.fact.source}: "
            f"{printable(each.fact.text)}"
            for each in newest
        ]
    lines += ["", "Timeline"]
    for each in timeline:
        whom = f" → {each.audience.value}{f' {each.level}' if each.level else ''}" if each.audience else ""
        draft = " (draft)" if each.draft else ""
        lines.append(
            f"  {instant_text(each.at)}  {each.change.value}{whom}{draft}, {each.priority.value}, "
            f"{each.actor}: {printable(each.reason)}"
        )
    if deliveries:
        lines += ["", "Told"]
        lines += [_told(each) for each in deliveries]
    if acts:
        lines += ["", "Done"]
        lines += [
            f"  {instant_text(a.at)}  {a.act}, {printable(a.actor)}: {printable(a.reason)}" for a in acts
        ]
    if children:
        lines += ["", "Below it"]
        lines += [f"  {c.incident}  {c.kind}, {c.status}: {printable(c.reason)}" for c in children]
    for line in lines:
        out().print(line, soft_wrap=True, markup=False)


def _told(row: DeliveryRow) -> str:
    came = "" if row.ok else f", {row.reason}: {printable(row.error)}" if row.error else f", {row.reason}"
    again = f", attempt {row.attempt}" if row.attempt > 1 else ""
    whom = f"{printable(row.recipient or 'nobody')} by {printable(row.channel or '-')}"
    return f"  {instant_text(row.at)}  {whom}{again}{came}"


def age_text(seconds: float) -> str:
    """`35 s`, `12 min`, `5 h`, `3 d`."""
    if seconds < 120:
        return f"{max(0, int(seconds))} s"
    minutes = int(seconds) // 60
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"
