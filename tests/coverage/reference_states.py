"""The states of minutes, slow and obvious: what the kernels behind pipeline.coverage.states are compared with."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from pipeline.coverage.model import Expectation, LedgerColumns, Roster, Run, SequenceHole, State, Stream

if TYPE_CHECKING:
    from collections.abc import Sequence

Minutes = dict[tuple[Stream, int], State]

_PARTS = {1: State.RECEIVED, 2: State.EMPTY, 3: State.DAMAGED, 4: State.DAMAGED}
_OUT = {
    Expectation.NOT: State.NONE,
    Expectation.PAUSED: State.PAUSED,
    Expectation.DECOMMISSIONED: State.DECOMMISSIONED,
}


def blind_spells(now: float, beats: Sequence[float], silence_s: float) -> list[tuple[float, float]]:
    """When we were blind, as (from, until): between two beats too far apart; before the first, and after the last."""
    if not len(beats):
        return []
    known = [-math.inf, *sorted(beat for beat in beats if beat <= now)]
    spells = [(before, after) for before, after in pairwise(known) if after - before > silence_s]
    return [*spells, (known[-1], math.inf)] if now - known[-1] > silence_s else spells


def due_of_minute(minute: int, *, now: float, allowance_s: float, beats: Sequence[float]) -> State:
    """What a minute is that is expected and not in."""
    end = (minute + 1) * 60
    if end > now:
        return State.NONE
    deadline, moved = end + allowance_s, False
    for start, until in blind_spells(now, beats, 60):
        if start < deadline and until > end:
            deadline, moved = until + allowance_s, True
    if now >= deadline:
        return State.MISSING
    return State.UNKNOWN if moved else State.LATE


def said_of(roster: Roster, stream: Stream, minute: int) -> Expectation:
    """What the roster says of a minute."""
    for span in roster.spans.get(stream, ()):
        if span.first <= minute < span.after:
            return span.says
    return Expectation.NOT


def state_of(parts: set[int], said: Expectation, due: State) -> State:
    """The state of one minute, `parts` being the states of its winning segments."""
    if not parts:
        return due if said == Expectation.EXPECTED else _OUT[said]
    if said != Expectation.EXPECTED:
        return State.UNEXPECTED
    states = {_PARTS[part] for part in parts}
    return next(worst for worst in (State.DAMAGED, State.RECEIVED, State.EMPTY) if worst in states)


def cover_slowly(
    ledger: LedgerColumns, roster: Roster, first: int, after: int, *, due: Sequence[int]
) -> Minutes:
    """The state of every minute [first, after) of every stream that the roster or the ledger names."""
    parts: dict[tuple[Stream, int], set[int]] = {}
    for place, minute, state in zip(ledger.stream, ledger.minute, ledger.state, strict=True):
        parts.setdefault((ledger.streams[place], int(minute)), set()).add(int(state))
    return {
        (stream, minute): state_of(
            parts.get((stream, minute), set()),
            said_of(roster, stream, minute),
            State(due[minute - first]),
        )
        for stream in sorted({*roster.spans, *ledger.streams})
        for minute in range(first, after)
    }


def partial_slowly(states: dict[int, State], holes: Sequence[SequenceHole]) -> dict[int, State]:
    """The states of one stream's minutes, once its holes are marked."""
    explains = (State.MISSING, State.DAMAGED, State.LATE, State.UNKNOWN)
    torn: set[int] = set()
    for hole in holes:
        minutes = [m for m in range(hole.from_minute, hole.after_minute) if m in states]
        explained = any(states[m] in explains for m in minutes) or (
            states.get(max(hole.after_minute, min(states))) == State.DAMAGED
        )
        if hole.inside or not explained:
            torn.update(minutes)
    return {
        m: State.PARTIAL if m in torn and state in (State.RECEIVED, State.EMPTY) else state
        for m, state in states.items()
    }


def runs_slowly(minutes: Minutes, states: set[State]) -> list[Run]:
    """Neighbouring minutes of one stream in one of the states, as runs, by stream and minute."""
    runs: list[Run] = []
    for (stream, minute), state in sorted(minutes.items()):
        if state not in states:
            continue
        if runs and (runs[-1].stream, runs[-1].after, runs[-1].state) == (stream, minute, state):
            runs[-1] = Run(stream, runs[-1].first, minute + 1, state)
        else:
            runs.append(Run(stream, minute, minute + 1, state))
    return runs
