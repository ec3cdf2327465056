"""`prebill evidence add`: acts on edges, counters, probes, client requests and maintenance, NDJSON to the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pipeline.app.context import acting_user
from pipeline.app.failures import UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.stores import any_store
from pipeline.app.terminal import plural, print_json, say
from pipeline.app.whole_files import name_of, read_lines_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.coverage.evidence import Evidence

PROBLEMS_SHOWN = 100


def evidence(
    action: Literal["add"],
    file: str,
    /,
    *,
    actor: str = "",
    json: Flag = False,
    context: Given,
) -> int:
    """Add evidence: what edges, probes, clients and people report, one JSON object a line.

    All of a file is taken, or nothing; what was added before is not
    added again. What is too old for the watch to take up is told. For instance:
    {"at": "2026-11-01T00:00:00Z", "type": "edge", "edge": "e1", "action": "pause"}

    Parameters
    ----------
    action
        `add`.
    file
        NDJSON; `-` is standard input.
    actor
        Who adds it, where a line does not say. Default: the user's name on this machine.
    json
        One JSON document on standard output: how many were read, and how many were new.
    """
    name = name_of(file)
    from incidents.words import instant_text
    from pipeline.app.watch.history import horizon_of, too_old, warning

    now = context.now().timestamp()
    found = _parse(read_lines_file(file), name, acting_user(actor), now)
    with any_store(context) as store:
        added = store.add_evidence(found)
        horizon, begun = horizon_of(store, now)
    old = too_old(found, horizon)
    if json:
        told = {action: added, "read": len(found), "known": len(found) - added}
        aged = {"too_old_for_the_watch": len(old), "horizon": instant_text(horizon)} if old else {}
        print_json(told | aged)
    else:
        known = f"; {len(found) - added:,} of {len(found):,} were known" if added < len(found) else ""
        say(f"{name}: {plural(added, 'event')} added{known}")
    if old:
        say(f"{name}: {warning(old, horizon, begun=begun)}")
    return 0


def _parse(raw: bytes, name: str, actor: str, now: float) -> Sequence[Evidence]:
    from pipeline.coverage.evidence import EvidenceError, parse_evidence

    try:
        return parse_evidence(raw, actor=actor, now=now)
    except EvidenceError as error:
        told = [f"{name}: {problem}" for problem in error.problems[:PROBLEMS_SHOWN]]
        if len(error.problems) > PROBLEMS_SHOWN:
            told.append(f"{name}: {len(error.problems) - PROBLEMS_SHOWN:,} more")
        raise UsageFailure(told, mend="Nothing was added.") from None
