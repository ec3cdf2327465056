"""What the demo loses on purpose: minutes that never come, or late, a cut segment, lines lost on the way, and traffic
that was never logged; from a generated CDN to what its edges deliver first and later, with their counters beside."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.instants import minute_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loadtest.cdn import Cdn, Delivery

NEVER = (("e2", 25, 28),)
"""Minutes of an edge, from and to (exclusive), that never come."""

LATE = (("e2", 20, 25), ("e3", 40, 42))
"""Those that come when the first check has been made."""

CUT = ("e4", 33)
"""The segment of which only the first half comes."""

TORN = ("e1", 15)
"""The segment whose first fifth is lost on the way; the numbers of its lines show it."""

UNLOGGED = ("e5", 48, 52)
"""Minutes in which the edge served a third more than it logged; its counters show it."""

STORY = (
    "e2 is silent for 8 minutes; 5 of them come late",
    "e3 is silent for 2 minutes; both come late",
    "e4 delivers one segment cut in half",
    "e1 loses a fifth of a minute's lines on the way",
    "e5 serves a third more than it logs for 4 minutes: only its counters know",
)


@dataclass(frozen=True, slots=True)
class Losses:
    """`now`: what is delivered at first. `late`: what comes after. `counters`: content by path in the spool. `truth`:
    sums of everything that is delivered in the end."""

    now: tuple[Delivery, ...]
    late: tuple[Delivery, ...]
    counters: dict[str, str]
    truth: dict[str, int]


def plant(cdn: Cdn) -> Losses:
    """Every fault, planted. The CDN delivers each segment once and loses nothing by itself."""
    first = cdn.shape.start_s // 60
    never, late = _minutes(NEVER, first), _minutes(LATE, first)
    served: dict[tuple[str, int], dict[str, int]] = {}
    truth: dict[str, int] = {}
    waves: tuple[list[Delivery], list[Delivery]] = ([], [])
    for whole in cdn.deliveries:
        at = (whole.edge, whole.minute)
        served[at] = _sums(whole)
        if at in never:
            continue
        delivery = _spoil(whole, at, first)
        waves[at in late].append(delivery)
        sums = served[at] if delivery is whole else _sums(delivery)
        truth = {name: truth.get(name, 0) + amount for name, amount in sums.items()}
    return Losses(tuple(waves[0]), tuple(waves[1]), _counters(served, first), truth)


def write_counters(spool: Path, counters: dict[str, str]) -> None:
    """The counter files into a spool, each renamed into place."""
    for name, content in counters.items():
        path = spool / name
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}")
        unfinished.write_text(content)
        unfinished.rename(path)


def _minutes(spans: Iterable[tuple[str, int, int]], first: int) -> set[tuple[str, int]]:
    return {(edge, first + minute) for edge, begin, end in spans for minute in range(begin, end)}


def _spoil(whole: Delivery, at: tuple[str, int], first: int) -> Delivery:
    lines = whole.content.splitlines(keepends=True)
    if at == (CUT[0], first + CUT[1]):
        return replace(whole, content=b"".join(lines[: len(lines) // 2]))
    if at != (TORN[0], first + TORN[1]):
        return whole
    kept = lines[len(lines) // 5 :]
    while not kept[0].split(b"\t")[1:2] or not kept[0].split(b"\t")[1].isdigit():
        kept.pop(0)  # begin with a line that has a number
    numbers = {**whole.sidecar["seq"], "first": int(kept[0].split(b"\t")[1])}
    return replace(whole, content=b"".join(kept), sidecar={"lines": len(kept), "seq": numbers})


def _sums(delivery: Delivery) -> dict[str, int]:
    from loadtest.truth import sum_lines

    return sum_lines([(delivery.edge, delivery.minute, delivery.content)]).totals()


def _counters(served: dict[tuple[str, int], dict[str, int]], first: int) -> dict[str, str]:
    """A reading at the end of each minute of each edge, cumulative, and one before the first."""
    files = {}
    after = max(minute for _, minute in served) + 1
    edge_unlogged, begin, end = UNLOGGED
    for edge in sorted({edge for edge, _ in served}):
        requests, sent = 1_000_000, 5_000_000_000  # it has served before
        for minute in range(first - 1, after):
            sums = served.get((edge, minute), {"requests": 0, "bytes_sent": 0})
            more = 4 if edge == edge_unlogged and first + begin <= minute < first + end else 3
            requests += sums["requests"] * more // 3
            sent += sums["bytes_sent"] * more // 3
            at = datetime.fromtimestamp(minute * 60, UTC)
            files[f"{edge}/{at:%Y%m%dT%H%MZ}.counters.json"] = json.dumps(
                {"at": minute_text(minute + 1), "requests_total": requests, "bytes_sent_total": sent}
            )
    return files
