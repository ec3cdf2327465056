"""Transitions as rows of the incident log, read back: from the store's plain rows to the nouns of the incident room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from incidents.model import Audience, Change, Fact, Harm, Kind, Priority, Scope, Status, Transition
from pipeline.coverage.evidence import parse_instant

if TYPE_CHECKING:
    from pipeline.store.incident_rows import ChangeRow


def transition_of(row: ChangeRow) -> Transition:
    """The transition or notice of a row; what only its body has is read from there."""
    return Transition(
        at=row.at,
        incident=row.incident,
        kind=Kind(row.kind),
        scope=Scope(row.scope_kind, row.scope_id),
        harm=Harm(row.harm),
        priority=Priority(row.priority),
        status=Status(row.status),
        change=Change(row.change),
        audience=Audience(row.audience) if row.audience else None,
        reason=row.reason,
        evidence=tuple(_fact(fact) for fact in row.body.get("evidence") or ()),
        notice=row.notice,
        level=row.level,
        draft=row.draft,
        actor=row.actor,
        parent=row.parent,
        flaps=row.flaps,
        customers=tuple(row.body.get("customers") or ()),
        quiet=tuple(row.body.get("quiet") or ()),
    )


def _fact(fact: dict[str, Any]) -> Fact:
    at = fact["at"]
    return Fact(parse_instant(at) if isinstance(at, str) else float(at), fact["source"], fact["text"])
