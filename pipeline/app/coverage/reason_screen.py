"""Why segments are damaged, quarantined or have a bad sidecar: out of the ledger's reasons, onto `prebill status` and
`doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipeline.app.terminal import printable
from pipeline.instants import instant_text, minute_text
from pipeline.model import SegmentState

if TYPE_CHECKING:
    from pipeline.store.status import StoreStatus

SHOWN = 3
"""Of each state, on a screen."""
_WORST_FIRST = (SegmentState.QUARANTINED, SegmentState.DAMAGED, SegmentState.RECEIVED, SegmentState.EMPTY)
_BROKEN = {SegmentState.QUARANTINED: "red", SegmentState.DAMAGED: "red"}


def described_reasons(found: StoreStatus) -> dict[str, Any]:
    """`with_reason`, segments by state, and `reasons`, the last of each state, as JSON has them."""
    return {
        "with_reason": {state.value: count for state, count in found.with_reason.items()},
        "reasons": [
            {
                "edge": told.edge,
                "stream": told.stream,
                "minute": minute_text(told.minute),
                "part": told.part,
                "state": told.state.value,
                "path": told.path,
                "reason": told.reason,
                "committed_at": instant_text(told.committed_at),
            }
            for told in found.reasons
        ],
    }


def reason_lines(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Lines for the screen, each with its style: the newest reasons of each state, the worst state first."""
    for state in _WORST_FIRST:
        told = [each for each in document["reasons"] if each["state"] == state][:SHOWN]
        style = _BROKEN.get(state, "yellow")
        for each in told:
            place = f"{each['edge']}/{each['stream']} {each['minute']}" + (
                f" {each['part']}" if each["part"] else ""
            )
            yield printable(f"{state.value}: {place}: {each['reason']}"), style
        if more := document["with_reason"][state] - len(told):
            yield f"… {more:,} more {state.value} with a reason; --json lists the newest", style


def broken_found(found: StoreStatus) -> tuple[str, str]:
    """What `doctor` says of the segments that came broken, the last reason of each state, and how to mend them."""
    counts = {state: found.segments[state] for state in _BROKEN}
    if not any(counts.values()):
        return f"{sum(found.segments.values()):,} in, none quarantined or damaged", ""
    words = ", ".join(f"{count:,} {state.value}" for state, count in counts.items() if count)
    last = {told.state: told for told in reversed(found.reasons) if told.state in _BROKEN}
    each = "".join(f"; {told.state.value}: {told.path}: {told.reason}" for told in last.values())
    mend = (
        "`prebill status --json` lists the last. Put the whole file there again under its name, and it is read. "
        "Once spool.format is mended, `prebill run` reads again what is quarantined for it; where a format's own "
        "TOML was, `touch` the segments."
    )
    return printable(f"{words}{each}"), mend
