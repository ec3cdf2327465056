"""`prebill coverage`: the state of every minute of every edge, as a heat map or as runs."""

from __future__ import annotations

import json as jsonlib
import sys
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from pipeline.app.failures import UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.period import parse_period
from pipeline.app.stores import existing_store
from pipeline.app.terminal import out, say
from pipeline.instants import minute_text

if TYPE_CHECKING:
    from pipeline.coverage.model import Coverage

DEFAULT_MINUTES = 1440


def coverage(
    *,
    since: Annotated[str | None, Parameter(name="--from")] = None,
    until: Annotated[str | None, Parameter(name="--to")] = None,
    edge: Annotated[str | None, Parameter(name="--edge")] = None,
    zoom: Literal["month", "day", "hour", "minute"] | None = None,
    json: Flag = False,
    context: Given,
) -> int:
    """See which minutes of which edges are in, late, missing, damaged: a heat map, edges by time.

    Computed from what is in the store, as of now (or --now); nothing is
    written.

    Parameters
    ----------
    since
        From this time on: RFC 3339, or a day. Default: a day before --to.
    until
        Up to this time, exclusive. Default: now.
    edge
        One edge only, stream by stream.
    zoom
        How much time a cell holds. Default: what fits the period.
    json
        NDJSON on standard output, a line for each run of minutes in one state: edge, stream, from, to, state.
    """
    from pipeline.app.coverage.checking import look_at

    now = context.now()
    period = parse_period(since, until, now, DEFAULT_MINUTES)
    with existing_store(context) as store:
        found = look_at(store, context, now, period)
    found = _only(found, edge) if edge is not None else found
    if json:
        _print_runs(found)
        return 0
    if not found.streams:
        say(
            "no edge is expected, and none was seen: add an [[edge]] to the configuration, or run the pipeline"
        )
        return 0
    from pipeline.app.coverage.heat_map import draw, zoom_for
    from pipeline.app.coverage.screen import show_map

    out().print(
        f"[bold]Coverage[/bold] {minute_text(period.first)} to {minute_text(period.after)}", highlight=False
    )
    show_map(draw(found, zoom or zoom_for(period.after - period.first), by_stream=edge is not None))
    return 0


def _only(coverage: Coverage, edge: str) -> Coverage:
    from pipeline.coverage.model import Coverage

    places = [place for place, stream in enumerate(coverage.streams) if stream.edge == edge]
    if not places:
        import difflib

        known = sorted({stream.edge for stream in coverage.streams})
        near = difflib.get_close_matches(edge, known, 1)
        mend = f"Did you mean {near[0]}?" if near else ""
        raise UsageFailure(f"--edge: no edge {edge!r} is expected or was seen", mend=mend)
    return Coverage(
        tuple(coverage.streams[place] for place in places), coverage.first, coverage.states[places]
    )


def _print_runs(coverage: Coverage) -> None:
    from pipeline.coverage.model import State
    from pipeline.coverage.states import runs_of

    for run in runs_of(coverage):
        if run.state is State.NONE:
            continue
        line = {
            "edge": run.stream.edge,
            "stream": run.stream.stream,
            "from": minute_text(run.first),
            "to": minute_text(run.after),
            "state": run.state.name.lower(),
        }
        sys.stdout.write(jsonlib.dumps(line, ensure_ascii=False) + "\n")
