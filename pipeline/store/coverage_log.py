"""The state of every minute as it was found last: a row a day and stream, written by each check."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from pipeline.coverage.model import Run, State
from pipeline.store.instants import instants, seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from pipeline.store.sessions import Sessions

DAY = 1440
_EPOCH = date(1970, 1, 1)
_NAMES = tuple(state.name.lower() for state in State)

Key = tuple[int, str, str]
"""A day since 1970, edge, stream."""

Runs = list[tuple[int, int, int]]
"""(first, after, state), minutes of the day, ascending, without NONE."""


def write_coverage(sessions: Sessions, first: int, after: int, runs: Sequence[Run], checked_at: float) -> int:
    """Makes `runs` what is known of minutes [first, after): of all streams, those that have no run there included.

    Days that are as they were are not written again. Returns the rows written.
    """
    if after <= first:
        return 0
    new: dict[Key, Runs] = {}
    for run in runs:
        if run.state is not State.NONE:
            _cut_by_day(run, first, after, new)
    held = _read_days(sessions, first // DAY, (after - 1) // DAY)
    changed: list[tuple[Key, Runs, float]] = []
    for key in sorted(new.keys() | held.keys()):
        day, (old, version) = key[0], held.get(key, ([], 0.0))
        low, high = max(first - day * DAY, 0), min(after - day * DAY, DAY)
        whole = _join([*_outside(old, low, high), *new.get(key, [])])
        if whole != old:
            changed.append((key, whole, max(version, checked_at)))
    # an INSERT over many months is refused, and a month is a partition
    for _, rows in groupby(changed, lambda row: _day(row[0][0]).replace(day=1)):
        sessions.insert("coverage_days", _table(list(rows)))
    return len(changed)


def _cut_by_day(run: Run, first: int, after: int, into: dict[Key, Runs]) -> None:
    begin, end = max(run.first, first), min(run.after, after)
    while begin < end:
        day = begin // DAY
        stop = min(end, (day + 1) * DAY)
        piece = (begin - day * DAY, stop - day * DAY, int(run.state))
        into.setdefault((day, run.stream.edge, run.stream.stream), []).append(piece)
        begin = stop


def _outside(runs: Runs, low: int, high: int) -> Runs:
    """What of a day's runs lies outside of [low, high)."""
    if low <= 0 and high >= DAY:
        return []
    pieces = [(a, min(b, low), s) for a, b, s in runs if a < low]
    return pieces + [(max(a, high), b, s) for a, b, s in runs if b > high]


def _join(runs: Iterable[tuple[int, int, int]]) -> Runs:
    """The same in order, and runs of one state that touch as one."""
    joined: Runs = []
    for a, b, state in sorted(runs):
        if joined and joined[-1][1] == a and joined[-1][2] == state:
            joined[-1] = (joined[-1][0], b, state)
        else:
            joined.append((a, b, state))
    return joined


def _read_days(sessions: Sessions, first: int, last: int) -> dict[Key, tuple[Runs, float]]:
    rows = sessions.rows(
        "SELECT toUInt16(day), edge, stream, firsts, afters, arrayMap(s -> toInt8(s), states),"
        " toUnixTimestamp64Micro(checked_at) FROM coverage_days FINAL"
        " WHERE day >= toDate({first:UInt16}) AND day <= toDate({last:UInt16})",
        {"first": first, "last": last},
    )
    return {
        (int(day), edge, stream): (list(zip(firsts, afters, states, strict=True)), seconds(checked))
        for day, edge, stream, firsts, afters, states, checked in rows
    }


def _table(rows: Sequence[tuple[Key, Runs, float]]) -> pa.Table:
    import pyarrow as pa

    small = pa.list_(pa.uint16())
    return pa.table(
        {
            "day": pa.array([_day(key[0]) for key, _, _ in rows], pa.date32()),
            "edge": [key[1] for key, _, _ in rows],
            "stream": [key[2] for key, _, _ in rows],
            "firsts": pa.array([[run[0] for run in runs] for _, runs, _ in rows], small),
            "afters": pa.array([[run[1] for run in runs] for _, runs, _ in rows], small),
            "states": pa.array(
                [[_NAMES[run[2]] for run in runs] for _, runs, _ in rows], pa.list_(pa.string())
            ),
            "checked_at": instants(version for _, _, version in rows),
        }
    )


def _day(days: int) -> date:
    return _EPOCH + timedelta(days=days)
