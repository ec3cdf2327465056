"""The roster: which streams are expected in which minutes, out of the configuration, the acts of people (`edge` events)
and what the ledger has seen; pure, for states, losses and reports.

A stream is expected once something begins it, and no longer once something ends it; silence is neither. Whichever
comes later in time counts:

- a configured edge begins at `from` and ends at `to`; within its pauses nothing is expected of any stream of it;
- `add` and `resume` begin a stream, and end the pause it is in, a configured one too; `pause` holds until one of them;
  `decommission` ends it. An act that names no stream is for all streams of its edge;
- a stream that neither the configuration nor an `add` names is expected from its first segment on, and reported.

An edge that is added without a stream, and that nothing else names, has the stream that the ledger saw first, or
`access` while it has seen none. What begins in mid-minute begins with that minute: it is partly served; what ends or
pauses in mid-minute holds from the next one on.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pipeline.coverage.model import FOREVER, Expectation, Roster, Span, Stream

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipeline.coverage.evidence import Evidence

MINUTE_S = 60
DEFAULT_STREAM = "access"

_RANK = {"decommission": 0, "pause": 1, "resume": 2, "add": 3}
"""Acts of one instant, added at one instant: the one that expects the most comes last and counts."""


@dataclass(frozen=True, slots=True)
class ConfiguredEdge:
    """One `[[edge]]` of the configuration. Instants are epoch seconds; `to_s` and the pauses' ends are exclusive."""

    id: str
    from_s: float
    to_s: float | None = None
    pauses: tuple[tuple[float, float], ...] = ()
    streams: tuple[str, ...] = (DEFAULT_STREAM,)
    zone: str = ""
    counters: bool = False


class _Turn(NamedTuple):
    """From `minute` on: whether the stream is alive, and whether it is paused; None leaves it as it is."""

    minute: int
    alive: bool | None
    paused: bool | None


class _Act(NamedTuple):
    at: float
    added_at: float
    rank: int
    action: str
    stream: str


def build_roster(
    config_edges: Iterable[ConfiguredEdge], acts: Sequence[Evidence], ledger_first: Mapping[Stream, int]
) -> Roster:
    """The roster of all streams that anything names.

    `acts`: evidence in any order; what is no act on an edge is passed over. `ledger_first`: the first minute of each
    stream that the ledger has.
    """
    configured: dict[str, list[ConfiguredEdge]] = defaultdict(list)
    for edge in sorted(config_edges, key=lambda edge: edge.from_s):
        configured[edge.id].append(edge)
    acted: dict[str, list[_Act]] = defaultdict(list)
    for act in acts:
        action = act.body.get("action") if act.type == "edge" else None
        if isinstance(action, str) and action in _RANK:
            acted[act.edge].append(_Act(act.at, act.added_at, _RANK[action], action, act.stream))
    ledger: dict[str, dict[str, int]] = defaultdict(dict)
    for stream, first in ledger_first.items():
        ledger[stream.edge][stream.stream] = first
    spans: dict[Stream, tuple[Span, ...]] = {}
    seen: set[Stream] = set()
    for edge_id in configured.keys() | acted.keys() | ledger.keys():
        settings, of_edge, first_of = (
            configured.get(edge_id, []),
            acted.get(edge_id, []),
            ledger.get(edge_id, {}),
        )
        of_edge.sort()
        named = _named(settings, of_edge, first_of)
        for name in named | first_of.keys():
            stream = Stream(edge_id, name)
            begins = None if name in named else first_of[name]
            if begins is not None:
                seen.add(stream)
            spans[stream] = _spans(name, settings, of_edge, begins)
    zones = {
        id_: tuple((_floor(edge.from_s), edge.zone) for edge in edges) for id_, edges in configured.items()
    }
    counted = frozenset(id_ for id_, edges in configured.items() if any(edge.counters for edge in edges))
    return Roster(dict(sorted(spans.items())), dict(sorted(zones.items())), counted, frozenset(seen))


def _named(edges: Sequence[ConfiguredEdge], acts: Sequence[_Act], first_of: Mapping[str, int]) -> set[str]:
    """The streams of an edge that the configuration or an `add` names."""
    named = {stream for edge in edges for stream in edge.streams}
    named |= {act.stream for act in acts if act.action == "add" and act.stream}
    if not named and any(act.action == "add" for act in acts):
        first = min(
            first_of, key=lambda name: (first_of[name], name != DEFAULT_STREAM, name), default=DEFAULT_STREAM
        )
        named.add(first)
    return named


def _spans(
    stream: str, edges: Sequence[ConfiguredEdge], acts: Sequence[_Act], begins: int | None
) -> tuple[Span, ...]:
    """What is said of one stream. `begins`: its first minute in the ledger, where nothing names it."""
    own = [act for act in acts if act.stream in ("", stream)]
    resumed = [act.at for act in own if act.action in ("add", "resume")]
    turns: list[tuple[float, int, _Turn]] = []
    for edge in edges:
        if edge.to_s is not None and edge.to_s <= edge.from_s:
            continue
        if stream in edge.streams or begins is not None:
            turns.append((edge.from_s, 0, _Turn(_floor(edge.from_s), True, None)))
        if edge.to_s is not None:
            turns.append((edge.to_s, 0, _Turn(_ceil(edge.to_s), False, None)))
    if begins is not None and not edges:
        turns.append((begins * MINUTE_S, 0, _Turn(begins, True, None)))
    for place, act in enumerate(own, 1):
        turns.append((act.at, place, _turn(act)))
    turns.sort()
    pauses = [_pause(pause, resumed) for edge in edges for pause in edge.pauses]
    spans = _say([turn for _, _, turn in turns], [pause for pause in pauses if pause[0] < pause[1]])
    if begins is None:
        return spans
    return tuple(Span(max(s.first, begins), s.after, s.says) for s in spans if s.after > begins)


def _turn(act: _Act) -> _Turn:
    match act.action:
        case "add" | "resume":
            return _Turn(_floor(act.at), True, False)
        case "pause":
            return _Turn(_ceil(act.at), None, True)
        case _:
            return _Turn(_ceil(act.at), False, None)


def _pause(pause: tuple[float, float], resumed: Sequence[float]) -> tuple[int, int]:
    """Minutes [first, after) of a configured pause; whoever resumes the stream within it ends it."""
    from_s, to_s = pause
    ends = min([at for at in resumed if from_s <= at < to_s], default=to_s)
    return _ceil(from_s), _floor(ends)


def _say(turns: Sequence[_Turn], pauses: Sequence[tuple[int, int]]) -> tuple[Span, ...]:
    """Turns in the order of their instants, each overruling those before it from its own minute on, as spans."""
    marks = {turn.minute for turn in turns} | {minute for pause in pauses for minute in pause} | {FOREVER}
    spans: list[Span] = []
    for first, after in pairwise(sorted(marks)):
        alive = _latest([turn.alive for turn in turns if turn.minute <= first])
        paused = _latest([turn.paused for turn in turns if turn.minute <= first])
        if alive is None:
            continue
        if not alive:
            says = Expectation.DECOMMISSIONED
        elif paused or any(begin <= first < end for begin, end in pauses):
            says = Expectation.PAUSED
        else:
            says = Expectation.EXPECTED
        if spans and spans[-1].after == first and spans[-1].says is says:
            first = spans.pop().first
        spans.append(Span(first, after, says))
    return tuple(spans)


def _latest(said: Sequence[bool | None]) -> bool | None:
    return next((value for value in reversed(said) if value is not None), None)


def _floor(at: float) -> int:
    return math.floor(at / MINUTE_S)


def _ceil(at: float) -> int:
    return math.ceil(at / MINUTE_S)
