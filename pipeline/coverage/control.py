"""Checks a stretch of minutes: reads ledger, evidence, counters and beats from the store, calls the pure parts, and
says what is in, what is lost and how the gaps stand; `record` writes it back. `now` is an argument, epoch seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.coverage.model import Coverage, Gap, GapState, State, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.coverage.counters import Tolerance
    from pipeline.coverage.kept import Kept
    from pipeline.coverage.model import (
        CounterDelta,
        LedgerColumns,
        Loss,
        Reading,
        Roster,
        SequenceHole,
        Share,
    )
    from pipeline.coverage.readings import ReadingColumns
    from pipeline.coverage.roster import ConfiguredEdge
    from pipeline.store.store import Store

    Source = Store | Kept

BEFORE_MINUTES, AFTER_MINUTES = 60, 60
"""How far around the checked minutes the ledger is read: the neighbours of a loss, and the numbers before its first."""

COUNTED_BEFORE_MINUTES = 360
"""How far before them where there are counters: what these differ by where nothing is lost."""


def _nobody(_resource: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Settings:
    """What a check needs of the configuration. `owner`: resource → customer, None where nobody claims it. `keeps_s`:
    how long each edge keeps what it wrote; absent where unknown."""

    edges: tuple[ConfiguredEdge, ...] = ()
    allowance_s: float = 300.0
    tolerance_percent: float = 0.5
    tolerance_bytes: int = 65_536
    tolerance_requests: int = 5
    owner: Callable[[str], str | None] = _nobody
    keeps_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of a stretch of minutes found. `gaps`: every gap there is, as it stands now, of any state.
    `changed`: those of them that the store does not have so yet. `at`: its `now`. `seconds`: by step."""

    coverage: Coverage
    roster: Roster
    gaps: tuple[Gap, ...]
    changed: tuple[Gap, ...]
    holes: tuple[SequenceHole, ...]
    deltas: Sequence[CounterDelta]
    cut: int
    at: float
    seconds: dict[str, float]


@dataclass(frozen=True, slots=True)
class Seen:
    """The states of a stretch of minutes, and what they were made of: the first half of a check."""

    coverage: Coverage
    roster: Roster
    ledger: LedgerColumns
    holes: tuple[SequenceHole, ...]
    due: NDArray[np.uint8]
    cut: int
    watch: Watch


def look(
    store: Source,
    settings: Settings,
    *,
    now: float,
    first: int,
    after: int,
    firsts: Mapping[Stream, int] | None = None,
    roster: Roster | None = None,
    before: int = BEFORE_MINUTES,
) -> Seen:
    """The state of minutes [first, after) of every stream. `firsts`: the first minute of each stream in the ledger,
    asked of the store where neither it nor the roster is given."""
    from pipeline.coverage.looks import LOOK, looks_of
    from pipeline.coverage.partial import mark_partial
    from pipeline.coverage.sequences import find_holes
    from pipeline.coverage.states import cover, due_of

    watch = Watch()
    cut = store.cut()
    roster = roster or roster_of(store, settings, firsts)
    watch.lap("roster")
    ledger = store.ledger_columns(max(0, first - before), after + AFTER_MINUTES, cut=cut)
    watch.lap("ledger")
    beats = store.beats(0.0, now + 1)
    due = due_of(first, after, now=now, allowance_s=settings.allowance_s, beats=beats)
    if (due == State.UNKNOWN).any():
        looks = looks_of(store.evidence((LOOK,), first * 60.0))
        due = due_of(first, after, now=now, allowance_s=settings.allowance_s, beats=beats, looks=looks)
        _keep_settled(due, first, store.gaps())
    holes = [hole for hole in find_holes(ledger) if hole.from_minute < after and hole.after_minute > first]
    coverage = cover(ledger, roster, first, after, due=due)
    mark_partial(coverage, holes)
    watch.lap("coverage")
    return Seen(coverage, roster, ledger, tuple(holes), due, cut, watch)


def _keep_settled(due: NDArray[np.uint8], first: int, gaps: Sequence[Gap]) -> None:
    """What was found lost stays lost until it comes, whatever is known of our own running by now: minutes up to the
    last that a gap ever had were due once. Of damage that is not so, it is told before its minute is due."""
    from pipeline.coverage.model import LossClass

    settled = max((gap.loss.after for gap in gaps if gap.loss.kind is not LossClass.DAMAGED), default=first)
    early = due[: max(0, settled - first)]
    early[early == State.UNKNOWN] = State.MISSING


def check(
    store: Source,
    settings: Settings,
    *,
    now: float,
    first: int,
    after: int,
    firsts: Mapping[Stream, int] | None = None,
    roster: Roster | None = None,
) -> Checked:
    """Look at minutes [first, after), find what is lost of them, and how the gaps stand; nothing is written.

    Of a gap that reaches over the ends of the stretch, what lies outside stays as it was; `widen` gives a stretch that
    holds all gaps whole.
    """
    from pipeline.coverage.claims import claims_of, with_reasons
    from pipeline.coverage.counters import deltas_of
    from pipeline.coverage.estimates import Baseline
    from pipeline.coverage.history import follow
    from pipeline.coverage.losses import find_losses
    from pipeline.coverage.sharing_at_once import find_all_shares

    until = min(now, (after + AFTER_MINUTES) * 60.0) + 1
    readings = _readings(store, (first - COUNTED_BEFORE_MINUTES) * 60, until)
    before = COUNTED_BEFORE_MINUTES if len(readings) else BEFORE_MINUTES
    seen = look(
        store, settings, now=now, first=first, after=after, firsts=firsts, roster=roster, before=before
    )
    watch = seen.watch
    deltas = deltas_of(readings, seen.ledger)
    watch.lap("counters")
    baseline = Baseline.of(seen.ledger, max(0, first - before), after + AFTER_MINUTES)
    broken = _broken_segments(store, seen)
    losses = find_losses(
        seen.coverage,
        seen.ledger,
        seen.holes,
        deltas,
        baseline,
        claims=claims_of(broken),
        due=seen.due,
        tolerance=_tolerance(settings),
    )
    losses = with_reasons(losses, broken)
    watch.lap("losses")
    stored = store.gaps()
    beside = (*losses, *(gap.loss for gap in stored if gap.state is not GapState.CLOSED))

    def gaps_now(shares: Callable[[Loss], tuple[Share, ...]]) -> list[Gap]:
        return follow(
            stored,
            losses,
            now=now,
            shares=shares,
            recoverable=lambda loss: _recoverable(settings, loss),
            span=(first, after),
            standing=lambda loss: _standing(seen.coverage, loss),
        )

    # Once to learn whose shares are asked for, so that the store is asked for all of them together.
    asked: list[Loss] = []

    def ask(loss: Loss) -> tuple[Share, ...]:
        asked.append(loss)
        return ()

    changed = gaps_now(ask)
    if asked:
        changed = gaps_now(find_all_shares(store, settings.owner, seen.cut, asked, beside).__getitem__)
    gaps = {gap.id: gap for gap in (*stored, *changed)}
    watch.lap("gaps")
    return Checked(
        seen.coverage,
        seen.roster,
        tuple(gaps.values()),
        tuple(changed),
        seen.holes,
        deltas,
        seen.cut,
        now,
        watch.seconds,
    )


def record(store: Store, checked: Checked) -> None:
    """Write what a check found: gaps that changed, then the states of its minutes."""
    from pipeline.coverage.states import runs_of

    if checked.changed:
        store.write_gaps(checked.changed)
    coverage = checked.coverage
    store.write_coverage(coverage.first, coverage.after, runs_of(coverage), checked.at)


def widen(first: int, after: int, gaps: Sequence[Gap]) -> tuple[int, int]:
    """The least stretch around [first, after) that no unclosed gap reaches over, or adjoins from outside."""
    spans = sorted((gap.loss.first, gap.loss.after) for gap in gaps if gap.state is not GapState.CLOSED)
    grown = True
    while grown:
        grown = False
        for begin, end in spans:
            if begin <= after and end >= first and (begin < first or end > after):
                first, after, grown = min(first, begin), max(after, end), True
    return first, after


def roster_of(store: Source, settings: Settings, firsts: Mapping[Stream, int] | None = None) -> Roster:
    """Which streams are expected when, by the configuration, by what people said, and by what was seen."""
    from pipeline.coverage.roster import build_roster

    seen = first_minutes(store) if firsts is None else firsts
    return build_roster(settings.edges, store.evidence(("edge",)), seen)


def first_minutes(store: Source) -> dict[Stream, int]:
    """The first minute of each stream in the ledger: from then on it is expected, if nothing else names it."""
    found = store.query(
        "SELECT edge, stream, toUInt32(min(minute)) AS s FROM ledger GROUP BY edge, stream"
    ).to_pylist()
    return {Stream(_text(row["edge"]), _text(row["stream"])): int(row["s"]) // 60 for row in found}


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _readings(store: Source, since: float, until: float) -> Sequence[Reading] | ReadingColumns:
    """As columns, from a store that has them so."""
    columns = getattr(store, "reading_columns", None)
    return columns(since, until) if columns else store.readings(since, until)  # type: ignore[union-attr]


def _broken_segments(store: Source, seen: Seen) -> list[dict[str, Any]]:
    """The stretch's damaged and quarantined segments, and what is wrong with each."""
    from pipeline.coverage.claims import DAMAGED_SEGMENTS

    coverage = seen.coverage
    if not (coverage.states == State.DAMAGED).any():
        return []
    params = {"first": coverage.first, "after": coverage.after, "cut": seen.cut}
    return store.query(DAMAGED_SEGMENTS, params).to_pylist()  # type: ignore[no-any-return]


def _tolerance(settings: Settings) -> Tolerance:
    from pipeline.coverage.counters import Tolerance

    return Tolerance(settings.tolerance_percent, settings.tolerance_bytes, settings.tolerance_requests)


def _recoverable(settings: Settings, loss: Loss) -> float | None:
    """Until when the edge still has all of it."""
    keeps_s = settings.keeps_s.get(loss.stream.edge)
    return None if keeps_s is None else loss.first * 60 + keeps_s


def _standing(coverage: Coverage, loss: Loss) -> str:
    """What became of a loss's minutes: how many of them are in which state now."""
    import numpy as np

    rows = [row for row, stream in enumerate(coverage.streams) if stream.edge == loss.stream.edge]
    own = [row for row in rows if coverage.streams[row] == loss.stream] or rows
    begin, end = max(0, loss.first - coverage.first), max(0, loss.after - coverage.first)
    counts = np.bincount(coverage.states[own, begin:end].ravel(), minlength=len(State)).tolist()
    told = [f"{count:,} {State(state).name.lower()}" for state, count in enumerate(counts) if count]
    return f"minutes now: {', '.join(told)}" if told else ""


class Watch:
    """Seconds by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._at = time.perf_counter()

    def lap(self, step: str) -> None:
        at = time.perf_counter()
        self.seconds[step] = self.seconds.get(step, 0.0) + at - self._at
        self._at = at
