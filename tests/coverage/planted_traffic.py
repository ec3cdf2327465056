"""Traffic of streams as estimates meet it: day and week, noise, drift, bursts, few large files; and planted losses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.coverage.model import LedgerColumns, Stream

DAY = 1440


@dataclass(frozen=True)
class Traffic:
    """One stream, a value a minute."""

    lines: NDArray[np.int64]
    sent: NDArray[np.int64]
    content: NDArray[np.int64]

    def ledger(self, first: int = 0, lost: slice | None = None) -> LedgerColumns:
        """As ledger rows from minute `first` on, without the lost minutes."""
        there = np.ones(len(self.lines), bool)
        if lost is not None:
            there[lost] = False
        at = np.flatnonzero(there)
        n = len(at)
        zeros = np.zeros(n, np.uint64)
        return LedgerColumns(
            (Stream("e1"),),
            ("1",),
            stream=np.zeros(n, np.uint32),
            minute=(at + first).astype(np.uint32),
            state=np.where(self.lines[at] > 0, 1, 2).astype(np.uint8),
            lines=self.lines[at].astype(np.uint64),
            duplicates=zeros,
            bytes_sent=self.sent[at].astype(np.uint64),
            content_bytes=self.content[at].astype(np.uint64),
            epoch=np.zeros(n, np.uint32),
            first=zeros,
            next=zeros,
            unit=np.zeros(n, np.uint8),
            committed=np.zeros(n),
        )

    def cut(self, first: int, after: int) -> Traffic:
        return replace(
            self, **{name: getattr(self, name)[first:after] for name in ("lines", "sent", "content")}
        )


def draw_traffic(rng: np.random.Generator, minutes: int, mean: float, heavy: float = 6.0) -> Traffic:
    """A stream of `mean` lines a minute; `heavy`: the square of a line's bytes' standard deviation over its mean."""
    at = np.arange(minutes) + rng.integers(0, 7 * DAY)
    day = 0.3 + 0.7 * (1 + np.sin(2 * np.pi * at / DAY)) / 2
    week = np.where(at // DAY % 7 >= 5, rng.uniform(0.6, 1.4), 1.0)
    level = mean * day * week * _drift(rng, minutes, 45, 0.08) * np.exp(rng.normal(0, 0.05, minutes))
    for _ in range(minutes // 700):
        begin = int(rng.integers(0, minutes))
        level[begin : begin + int(rng.integers(2, 40))] *= rng.uniform(1.5, 5)
    lines = rng.poisson(level)
    per_line = 60_000 * _drift(rng, minutes, 45, 0.06)
    sent = rng.gamma(np.maximum(lines, 0.01) / heavy) * heavy * per_line * (lines > 0)
    content = lines * 165 + rng.normal(0, 25, minutes) * np.sqrt(lines)
    return Traffic(lines, sent.astype(np.int64), np.maximum(content, lines * 60).astype(np.int64))


def lose_lines(
    rng: np.random.Generator, traffic: Traffic, at: int, lines: int, heavy: float = 6.0
) -> tuple[Traffic, int, int]:
    """The traffic without so many lines of a minute, and the bytes sent and bytes of log in them."""
    held = int(traffic.lines[at])
    part = rng.beta(lines / heavy, (held - lines) / heavy) if lines < held else 1.0
    gone, content = int(traffic.sent[at] * part), int(traffic.content[at] * lines / held)
    left = {name: getattr(traffic, name).copy() for name in ("lines", "sent", "content")}
    left["lines"][at] -= lines
    left["sent"][at] -= gone
    left["content"][at] -= content
    return Traffic(**left), gone, content


def _drift(rng: np.random.Generator, minutes: int, every: int, size: float) -> NDArray[np.float64]:
    """A slow walk around 1 that forgets itself in some hours."""
    knots = minutes // every + 3
    walk = np.zeros(knots)
    for knot in range(1, knots):
        walk[knot] = 0.8 * walk[knot - 1] + rng.normal(0, size)
    return np.asarray(np.exp(np.interp(np.arange(minutes) / every, np.arange(knots), walk)))
