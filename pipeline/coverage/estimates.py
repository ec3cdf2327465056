"""What a loss may amount to, in bytes to clients: by the stream's own minutes around it and in the weeks before.

The ledger's columns come in; `Loss.lost_bytes` is made of what goes out. Nothing here finds a loss: a fall in traffic
is none, and only minutes known to be lost by another sign are estimated. Expected values are means, which are not
biased; medians are, where few large files carry the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pipeline.coverage.model import Amount, LedgerColumns
from pipeline.coverage.spread import gamma_interval, line_variance, part_interval

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from pipeline.coverage.model import Stream

    Floats = NDArray[np.float64]

AROUND = 60
"""Minutes before and after a loss that tell of it."""

_WEEK, _DAY = 7 * 1440, 1440

_ENOUGH = 20
"""Known minutes with traffic without which a stretch tells too little."""

_SHORT = 30
"""Minutes up to which neighbours tell better than the same minutes of earlier weeks."""

_TRIES = 200
"""Places at which an estimate by weeks is tried at most."""

_UNKNOWN = Amount(0, 0, 0, None, "unknown")


@dataclass(frozen=True, slots=True)
class _Series:
    """One stream minute by minute, float64 each; `known`: 1 where all that is there is whole."""

    lines: Floats
    sent: Floats
    content: Floats
    known: Floats


@dataclass
class Baseline:
    """What is usual for each stream. Made by `of`; series are made when a stream is first asked for."""

    first: int
    after: int
    _pieces: tuple[LedgerColumns, ...]
    _series: dict[Stream, _Series] = field(default_factory=dict)
    _sums: dict[Stream, tuple[Floats, Floats]] = field(default_factory=dict)

    @classmethod
    def of(cls, ledger: LedgerColumns | Iterable[LedgerColumns], first: int, after: int) -> Baseline:
        """The baseline of minutes [first, after), the ledger whole or in pieces.

        An hour before and after the losses is needed; days and weeks before make long losses better known.
        """
        pieces = (ledger,) if isinstance(ledger, LedgerColumns) else tuple(ledger)
        return cls(first, after, pieces)

    def missing(self, stream: Stream, first: int, after: int) -> Amount:
        """The bytes of all that was served in minutes [first, after), of which nothing is known."""
        by_weeks = self._by_weeks(stream, first, after) if after - first > _SHORT else None
        return by_weeks or self._by_neighbours(stream, first, after) or self._by_others(stream, first, after)

    def lines(self, stream: Stream, minute: int, lost_lines: int) -> Amount:
        """The bytes of so many lines lost in about that minute."""
        return self._of_units(stream, minute, lost_lines, by_line=True)

    def log_bytes(self, stream: Stream, minute: int, lost: int) -> Amount:
        """The bytes to clients in so many bytes of lost log."""
        return self._of_units(stream, minute, lost, by_line=False)

    def _of_units(self, stream: Stream, minute: int, lost: int, *, by_line: bool) -> Amount:
        if lost <= 0:
            return Amount(0, 0, 0, 0, "sequence")
        series, at = self._of(stream), minute - self.first
        for reach in (AROUND, 3 * AROUND, self.after - self.first):
            span = slice(max(0, at - reach), max(0, at + reach + 1))
            known = series.known[span] > 0
            per = (series.lines if by_line else series.content)[span][known]
            sent = series.sent[span][known]
            if np.count_nonzero(per) >= _ENOUGH:
                break
        if not per.sum():
            return self._of_others(lost, by_line=by_line)
        mean, variance, drift = line_variance(per, sent)
        size = lost * mean
        # The mean itself is known from as many lines as it is the mean of.
        spread = lost * variance + lost * lost * (variance / float(per.sum()) + drift * drift)
        low, high = gamma_interval(size, spread)
        return _amount(low, size, high, "sequence")

    def _of_others(self, lost: int, *, by_line: bool) -> Amount:
        """By all streams together, where this one tells nothing; one stream may differ from all by much."""
        per = sum(float((p.lines if by_line else p.content_bytes).sum()) for p in self._pieces)
        sent = sum(float(p.bytes_sent.sum()) for p in self._pieces)
        if not per:
            return _UNKNOWN
        return _amount(0.0, lost * sent / per, 5 * lost * sent / per, "sequence, other streams")

    def _by_neighbours(self, stream: Stream, first: int, after: int) -> Amount | None:
        """The mean of both sides, and what it would have been off by in other minutes."""
        n, at = after - first, first - self.first
        near = min(max(n, 15), AROUND)
        sent, known = self._totals(stream)
        left = _mean(sent, known, at - near, at)
        right = _mean(sent, known, at + n, at + n + near)
        sides = [side for side in (left, right) if side is not None]
        if not sides:
            return None
        guess = n * sum(sides) / len(sides)
        places = np.arange(0, len(sent) - n)
        tried, truth = _tried(sent, known, places, n, near, left is not None, right is not None)
        low, high = self._off_by(guess, tried, truth, n, sides)
        return _amount(low, guess, high, "neighbours")

    def _off_by(
        self, guess: float, tried: Floats, truth: Floats, n: int, sides: list[float]
    ) -> tuple[float, float]:
        if guess <= 0:
            quiet = truth[tried <= 0]
            return 0.0, float(quiet.max()) if len(quiet) else 0.0
        alike = (tried > guess / 3) & (tried < guess * 3)
        ratios = truth[alike] / tried[alike]
        independent = len(ratios) / n
        if independent >= 4:
            low, high = part_interval(ratios, independent)
        else:
            low, high = 0.4, 1.8
            if len(sides) == 2 and min(sides) > 0:
                apart = max(sides) / min(sides)
                low, high = low / apart**0.5, high * apart**0.5
        # Traffic walks away from where it was seen, further in longer losses.
        wander = (n / (4 * AROUND)) ** 0.5 * (1.0 if len(sides) == 2 else 2.0)
        few = independent < 30
        return guess * low / (1 + few * wander), guess * high * (1 + few * wander)

    def _by_weeks(self, stream: Stream, first: int, after: int) -> Amount | None:
        """The same minutes of up to four earlier weeks, of days where there is no week, each as much more or less as
        its neighbours were."""
        n, at = after - first, first - self.first
        sent, known = self._totals(stream)
        now = _around(sent, known, at, n)
        if now is None:
            return None
        for step, most in ((_WEEK, 4), (_DAY, 6)):
            pairs = (_then(sent, known, at - back * step, n) for back in range(1, most + 1))
            then = [pair for pair in pairs if pair is not None]
            if then:
                break
        else:
            return None
        # Of sums, not a mean of quotients: that would be too much wherever neighbours happened to be few.
        guess = now * sum(inside for inside, _ in then) / sum(around for _, around in then)
        stride = max(1, n // 8, len(sent) // _TRIES)
        places = np.arange(0, len(sent) - n, stride)
        ratios = np.array(list(_tried_then(sent, known, places, n, step)))
        independent = min(len(ratios), len(ratios) * stride / n)
        low, high = part_interval(ratios, independent) if independent >= 4 else (0.5, 1.7)
        return _amount(guess * low, guess, guess * high, "weeks" if step == _WEEK else "days")

    def _by_others(self, stream: Stream, first: int, after: int) -> Amount:
        """By all that the stream ever had, or by all streams, where nothing is near."""
        n = after - first
        sent, known = self._totals(stream)
        if known[-1]:
            usual = n * float(sent[-1] / known[-1])
            return _amount(0.0, usual, 5 * usual, "far minutes")
        rows = sum(len(piece) for piece in self._pieces)
        if not rows:
            return _UNKNOWN
        usual = n * sum(float(piece.bytes_sent.sum()) for piece in self._pieces) / rows
        return _amount(0.0, usual, 10 * usual, "other streams")

    def _of(self, stream: Stream) -> _Series:
        if stream not in self._series:
            width = self.after - self.first
            columns = np.zeros((5, width))
            for piece in self._pieces:
                _add(piece, stream, self.first, columns)
            lines, sent, content, whole, broken = columns
            known = np.where((whole > 0) & (broken == 0), 1.0, 0.0)
            self._series[stream] = _Series(lines, sent, content, known)
        return self._series[stream]

    def _totals(self, stream: Stream) -> tuple[Floats, Floats]:
        """Bytes in known minutes, and known minutes, before each minute; float64[minutes + 1]."""
        if stream not in self._sums:
            series = self._of(stream)
            self._sums[stream] = (
                np.concatenate([[0.0], np.cumsum(series.sent * series.known)]),
                np.concatenate([[0.0], np.cumsum(series.known)]),
            )
        return self._sums[stream]


def _add(piece: LedgerColumns, stream: Stream, first: int, columns: Floats) -> None:
    if stream not in piece.streams:
        return
    rows = np.flatnonzero(piece.stream == piece.streams.index(stream))
    at = piece.minute[rows].astype(np.int64) - first
    rows, at = rows[(at >= 0) & (at < columns.shape[1])], at[(at >= 0) & (at < columns.shape[1])]
    whole = piece.state[rows] <= 2
    counted = piece.lines[rows].astype(np.float64) - piece.duplicates[rows]
    for column, values in enumerate(
        (counted, piece.bytes_sent[rows], piece.content_bytes[rows], whole, ~whole)
    ):
        columns[column] += np.bincount(at, values.astype(np.float64), columns.shape[1])


def _clip(sums: Floats, place: int) -> float:
    return float(sums[min(max(place, 0), len(sums) - 1)])


def _mean(sent: Floats, known: Floats, first: int, after: int) -> float | None:
    """Bytes a known minute of [first, after); None where fewer than a quarter, or than five, are known."""
    minutes = _clip(known, after) - _clip(known, first)
    if minutes < max(3, (after - first) // 4):
        return None
    return (_clip(sent, after) - _clip(sent, first)) / minutes


def _around(sent: Floats, known: Floats, at: int, n: int) -> float | None:
    """Bytes a known minute within AROUND of minutes [at, at + n), without them."""
    minutes = total = 0.0
    for first, after in ((at - AROUND, at), (at + n, at + n + AROUND)):
        minutes += _clip(known, after) - _clip(known, first)
        total += _clip(sent, after) - _clip(sent, first)
    return total / minutes if minutes >= _ENOUGH else None


def _then(sent: Floats, known: Floats, at: int, n: int) -> tuple[float, float] | None:
    """The bytes of minutes [at, at + n), and a minute of those around them."""
    if at < 0 or known[at + n] - known[at] < 0.8 * n:
        return None
    around, inside = _around(sent, known, at, n), _mean(sent, known, at, at + n)
    return (n * inside, around) if around and inside is not None else None


def _tried_then(sent: Floats, known: Floats, places: NDArray[np.int64], n: int, step: int) -> Iterator[float]:
    """The truth of each place over what a step before makes of it."""
    for place in places[places >= step].tolist():
        now, then = _around(sent, known, place, n), _then(sent, known, place - step, n)
        if now and then and then[0] > 0 and known[place + n] - known[place] == n:
            yield float(sent[place + n] - sent[place]) * then[1] / (then[0] * now)


def _tried(
    sent: Floats, known: Floats, places: NDArray[np.int64], n: int, near: int, left: bool, right: bool
) -> tuple[Floats, Floats]:
    """The neighbours' guess and the truth of each place where all minutes are known."""
    last = len(sent) - 1
    total, sides = np.zeros(len(places)), np.zeros(len(places))
    good = known[np.minimum(places + n, last)] - known[places] == n
    for wanted, begin, end in ((left, places - near, places), (right, places + n, places + n + near)):
        if wanted:
            low, high = np.clip(begin, 0, last), np.clip(end, 0, last)
            minutes = known[high] - known[low]
            good &= minutes >= max(3, near // 2)
            total += (sent[high] - sent[low]) / np.maximum(minutes, 1.0)
            sides += 1
    truth = sent[np.minimum(places + n, last)] - sent[places]
    return (n * total / np.maximum(sides, 1))[good], truth[good]


def _amount(low: float, expected: float, high: float, method: str) -> Amount:
    middle = round(expected)
    return Amount(min(int(low), middle), middle, max(int(np.ceil(high)), middle), None, method)
