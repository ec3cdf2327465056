"""Calls to the support line, whichever command takes them down: into the desk's log, where the weekly report counts
them and their politeness, and, where one was a test, into the evidence that the incident engine judges."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from incidents.desk import acts
from incidents.desk.model import Called

if TYPE_CHECKING:
    from incidents.desk.model import DeskEvent
    from pipeline.app.support.log import StoreLog
    from pipeline.store.store import Store


def take_call(
    store: Store,
    log: StoreLog,
    *,
    who: str,
    answered: bool,
    test: bool,
    score: int | None = None,
    line: str = "",
    request: str = "",
    text: str = "",
    now: float,
) -> tuple[list[DeskEvent], dict[str, Any] | None]:
    """What was new at the desk, and the evidence of a test. The same test told twice is taken down once.

    A client's own call is counted, and no evidence: what he said is in his request. Raises ActError, or EvidenceError
    for a name or a text that no evidence may hold; then nothing is kept.
    """
    from incidents.probes.checks import call_evidence
    from pipeline.coverage.evidence import parse_evidence

    body = call_evidence(now, who, ok=answered, line=line, politeness=score, text=text) if test else None
    evidence = parse_evidence(json.dumps(body, ensure_ascii=False), actor=who, now=now) if body else []
    key = evidence[0].key if evidence else secrets.token_hex(8)
    event = Called(
        at=now, actor=who, key=f"call:{key}", answered=answered, test=test, score=score, request=request, text=text
    )  # fmt: skip
    acts.call(event)
    if evidence:  # first: it pages people
        store.add_evidence(evidence)
    return log.append(lambda _: acts.call(event)), body
