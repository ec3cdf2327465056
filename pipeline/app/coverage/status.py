"""What `prebill status` says of coverage: what is late and how late, what is lost; from a check of the last day, and
the gaps that are known."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pipeline.app.period import span_text
from pipeline.app.terminal import human_bytes, plural, printable
from pipeline.instants import second_text

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.app.configuration.settings import Config
    from pipeline.store.store import Store

RECENT_MINUTES = 1440
GAPS_SHOWN = 5


def look_at_coverage(store: Store, config: Config | None, now: datetime) -> dict[str, Any]:
    """The last day minute by minute, and every gap that is still lost."""
    import numpy as np

    from pipeline.app.coverage.checking import settings_of
    from pipeline.app.coverage.gap_output import STILL_LOST, gap_document
    from pipeline.coverage.control import check, widen
    from pipeline.coverage.model import GapState, State

    after = int(now.timestamp()) // 60
    first, after = widen(after - RECENT_MINUTES, after, store.gaps())
    checked = check(store, settings_of(config), now=now.timestamp(), first=first, after=after)
    lost = sorted(
        (g for g in checked.gaps if g.state in STILL_LOST), key=lambda g: (-g.loss.after, g.loss.stream)
    )
    states = checked.coverage.states
    late = states == State.LATE
    waiting = []
    for number in np.flatnonzero(late.any(axis=1)).tolist():
        oldest = first + int(late[number].argmax())
        waiting.append(
            {
                "edge": checked.coverage.streams[number].edge,
                "stream": checked.coverage.streams[number].stream,
                "minutes": int(late[number].sum()),
                "since": second_text(oldest * 60),
                "late_s": max(0, int(now.timestamp()) - (oldest + 1) * 60),
            }
        )
    amounts = {
        name: sum(getattr(gap.loss.lost_bytes, name) for gap in lost) for name in ("low", "expected", "high")
    }
    return {
        "checked_from": second_text(first * 60),
        "late": sorted(waiting, key=lambda each: -each["late_s"]),
        "unknown_minutes": int((states == State.UNKNOWN).sum()),
        "open_gaps": len(lost),
        "lost_minutes": sum(gap.minutes for gap in lost),
        "lost_bytes": amounts,
        "accepted_gaps": sum(gap.state is GapState.ACCEPTED for gap in checked.gaps),
        "latest_gaps": [gap_document(gap) for gap in lost[:GAPS_SHOWN]],
        "seen_unnamed": [str(stream) for stream in sorted(checked.roster.seen)],
    }


def coverage_rows(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Lines of the status screen: a head, what it says, the style."""
    rows = []
    late = document["late"]
    if late:
        minutes = plural(sum(each["minutes"] for each in late), "minute")
        worst = f"{late[0]['edge']}/{late[0]['stream']} since {late[0]['since']}"
        rows.append(
            ("Late", f"{minutes} of {plural(len(late), 'stream')}, most of all {printable(worst)}: "
             f"{timedelta(seconds=late[0]['late_s'])}", "yellow")
        )  # fmt: skip
    if document["unknown_minutes"]:
        told = f"{plural(document['unknown_minutes'], 'minute')} that were due while prebill was not running"
        rows.append(("Unknown", told, ""))
    if document["open_gaps"]:
        low, high = (human_bytes(document["lost_bytes"][name]) for name in ("low", "high"))
        told = (
            f"{plural(document['open_gaps'], 'gap')}, {plural(document['lost_minutes'], 'minute')}, "
            f"{low if low == high else f'{low} to {high}'}; `prebill gaps` lists them"
        )
        rows.append(("Lost", told, "bold red"))
        rows += [("", _gap_line(gap), "red") for gap in document["latest_gaps"]]
    elif not late:
        rows.append(("Lost", "nothing; all that is due is in", "green"))
    else:
        rows.append(("Lost", "nothing so far", "green"))
    if document["seen_unnamed"]:
        names = ", ".join(map(printable, document["seen_unnamed"][:3]))
        more = " …" if len(document["seen_unnamed"]) > 3 else ""
        rows.append(("Not named", f"{names}{more}: seen, and expected from then on; add an [[edge]]", ""))
    return rows


def _gap_line(gap: dict[str, Any]) -> str:
    from datetime import datetime

    first, after = (int(datetime.fromisoformat(gap[name]).timestamp()) // 60 for name in ("from", "to"))
    where = printable(f"{gap['edge']}/{gap['stream']}")
    return f"{where} {span_text(first, after)} {gap['class']}, {gap['state']} ({gap['id']})"
