"""The completeness proof of a customer's month: how many minutes of the edges that served him were expected, came, came
empty, or are lost, which gaps hold the lost ones, and the digest of what was counted. Pure; for bills."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.coverage.model import Coverage, Gap, GapState, LossClass, State
from pipeline.instants import minute_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.coverage.periods import ContractMonth

_LOST = (State.MISSING, State.DAMAGED, State.PARTIAL)
_UNSETTLED = (State.LATE, State.UNKNOWN)
_EXPECTED = (State.RECEIVED, State.EMPTY, *_LOST, *_UNSETTLED)


@dataclass(frozen=True, slots=True)
class Minutes:
    """Minutes of streams. expected = received + empty + lost + unsettled; `estimated` of the lost ones are in no gap
    whose bytes are known exactly; `unexpected` came although nobody expected them, and are counted in usage, too."""

    expected: int = 0
    received: int = 0
    empty: int = 0
    lost: int = 0
    estimated: int = 0
    unsettled: int = 0
    unexpected: int = 0

    def __add__(self, other: Minutes) -> Minutes:
        return Minutes(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Minutes)))


@dataclass(frozen=True, slots=True)
class ProvenGap:
    """A gap in a proof. `minutes`: those inside the month. `lost_*`: of the whole gap, in bytes; `share`: the
    customer's part of them, None where it is not known."""

    id: str
    kind: str
    edge: str
    stream: str
    first: int
    after: int
    minutes: int
    lost_low: int
    lost_expected: int
    lost_high: int
    lost_exact: int | None
    method: str
    share: float | None
    state: str
    reason: str

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ProvenGap:
        """What `to_json` made."""
        lost = document["lost_bytes"]
        return cls(
            id=document["id"], kind=document["class"], edge=document["edge"], stream=document["stream"],
            first=_minute(document["from"]), after=_minute(document["to"]), minutes=document["minutes"],
            lost_low=lost["low"], lost_expected=lost["expected"], lost_high=lost["high"], lost_exact=lost["exact"],
            method=document["method"], share=document["share"], state=document["state"], reason=document["reason"],
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """As `prebill gaps --json` names things."""
        return {
            "id": self.id,
            "class": self.kind,
            "edge": self.edge,
            "stream": self.stream,
            "from": minute_text(self.first),
            "to": minute_text(self.after),
            "minutes": self.minutes,
            "lost_bytes": {
                "low": self.lost_low,
                "expected": self.lost_expected,
                "high": self.lost_high,
                "exact": self.lost_exact,
            },
            "method": self.method,
            "share": self.share,
            "state": self.state,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known of the completeness of a customer's month. `edges`: how many served him; 0 where none is known, and
    then all edges are counted. `digest`: SHA-256 of the counted rows in hex, `rows`: how many; empty and None while the
    month is open, for then nothing has been set down yet that they could be of."""

    customer: str
    period: str
    tz: str
    first: int
    after: int
    cut: int
    digest: str
    rows: int | None
    edges: int
    minutes: Minutes
    gaps: tuple[ProvenGap, ...] = ()

    @property
    def complete(self) -> bool:
        """Every expected minute came, whole."""
        return self.minutes.lost == 0 and self.minutes.unsettled == 0

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Proof:
        """What `to_json` made: a close keeps its proof as `body["proof"]`."""
        counts = {each.name: document[f"{each.name}_minutes"] for each in fields(Minutes)}
        return cls(
            customer=document["customer"], period=document["period"], tz=document["tz"],
            first=_minute(document["from"]), after=_minute(document["to"]), cut=document["cut"],
            digest=(document["digest"] or "").removeprefix("sha256:"), rows=document["rows"],
            edges=document["edges"], minutes=Minutes(**counts),
            gaps=tuple(ProvenGap.from_json(gap) for gap in document["gaps"]),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """One document; what `prebill close --json` and a bill hold."""
        counts = {f"{each.name}_minutes": getattr(self.minutes, each.name) for each in fields(Minutes)}
        return {
            "customer": self.customer,
            "period": self.period,
            "tz": self.tz,
            "from": minute_text(self.first),
            "to": minute_text(self.after),
            "complete": self.complete,
            "edges": self.edges,
            **counts,
            "gaps": [gap.to_json() for gap in self.gaps],
            "cut": self.cut,
            "rows": self.rows,
            "digest": f"sha256:{self.digest}" if self.digest else None,
        }


def tally_minutes(coverage: Coverage, gaps: Iterable[Gap], first: int, after: int) -> dict[str, Minutes]:
    """Minutes [first, after) of each edge, all its streams together. Minutes of a counter's gap are lost, although
    segments came. Raises ValueError where coverage does not hold all of [first, after)."""
    if first < coverage.first or after > coverage.after:
        raise ValueError(
            f"coverage of {minute_text(coverage.first)} to {minute_text(coverage.after)} does not hold "
            f"{minute_text(first)} to {minute_text(after)}"
        )
    states = coverage.states[:, first - coverage.first : after - coverage.first]
    found: dict[str, Minutes] = {}
    by_edge: dict[str, list[Gap]] = {}
    for gap in gaps:
        if gap.state is not GapState.CLOSED and gap.loss.first < after and gap.loss.after > first:
            by_edge.setdefault(gap.loss.stream.edge, []).append(gap)
    for place, stream in enumerate(coverage.streams):
        mine = [gap for gap in by_edge.get(stream.edge, ()) if gap.loss.stream.stream in (stream.stream, "*")]
        counted = _count(states[place], mine, first)
        found[stream.edge] = found.get(stream.edge, Minutes()) + counted
    return found


def _count(states: NDArray[np.uint8], gaps: Sequence[Gap], first: int) -> Minutes:
    by_state = np.bincount(states, minlength=len(State))
    expected = int(sum(by_state[state] for state in _EXPECTED))
    unsettled = int(sum(by_state[state] for state in _UNSETTLED))
    lost_states = int(sum(by_state[state] for state in _LOST))
    received, empty = int(by_state[State.RECEIVED]), int(by_state[State.EMPTY])
    lost = exact = 0
    if lost_states or gaps:
        is_lost = np.isin(states, np.array(_LOST, np.uint8))
        is_exact = np.zeros(len(states), bool)
        for gap in gaps:
            span = slice(max(0, gap.loss.first - first), max(0, gap.loss.after - first))
            if gap.loss.kind is LossClass.COUNTER:
                is_lost[span] |= (states[span] == State.RECEIVED) | (states[span] == State.EMPTY)
            if gap.loss.lost_bytes.exact is not None:
                is_exact[span] = True
        lost, exact = int(is_lost.sum()), int((is_lost & is_exact).sum())
        received -= int((is_lost & (states == State.RECEIVED)).sum())
        empty -= int((is_lost & (states == State.EMPTY)).sum())
    return Minutes(expected, received, empty, lost, lost - exact, unsettled, int(by_state[State.UNEXPECTED]))


def prove(
    month: ContractMonth,
    *,
    cut: int,
    minutes: Mapping[str, Minutes],
    edges: frozenset[str],
    gaps: Iterable[Gap] = (),
    digest: str = "",
    rows: int | None = None,
) -> Proof:
    """The proof of one contract's month.

    `minutes`: of each edge in exactly this month (`tally_minutes`). `edges`: those that served the customer. `gaps`:
    those that concern him (`Concerned`); their edges count as his, too.
    """
    mine = sorted(
        (
            gap
            for gap in gaps
            if gap.state is not GapState.CLOSED
            and gap.loss.first < month.after
            and gap.loss.after > month.first
        ),
        key=lambda gap: (gap.loss.first, gap.id),
    )
    counted = edges | {gap.loss.stream.edge for gap in mine} if edges else frozenset(minutes)
    total = Minutes()
    for edge in sorted(counted):
        total += minutes.get(edge, Minutes())
    return Proof(
        customer=month.customer,
        period=str(month.month),
        tz=month.tz,
        first=month.first,
        after=month.after,
        cut=cut,
        digest=digest,
        rows=rows,
        edges=len(counted) if edges else 0,
        minutes=total,
        gaps=tuple(_proven(gap, month) for gap in mine),
    )


def _proven(gap: Gap, month: ContractMonth) -> ProvenGap:
    loss, lost = gap.loss, gap.loss.lost_bytes
    shares = {share.customer: share.share for share in gap.customers}
    return ProvenGap(
        id=gap.id,
        kind=loss.kind.name.lower(),
        edge=loss.stream.edge,
        stream=loss.stream.stream,
        first=loss.first,
        after=loss.after,
        minutes=min(loss.after, month.after) - max(loss.first, month.first),
        lost_low=lost.low,
        lost_expected=lost.expected,
        lost_high=lost.high,
        lost_exact=lost.exact,
        method=lost.method,
        share=shares.get(month.customer, 0.0) if shares else None,
        state=str(gap.state),
        reason=gap.reason,
    )


def _minute(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) // 60
