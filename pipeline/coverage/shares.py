"""Whose traffic was lost: a gap spread over the customers by what is missing of theirs on the same edge, from what came
in its minutes and around them.

Around a gap each customer has a part of the edge's requests; within it what came of them tells whose fell. Where the
composition is as usual, or nothing came at all, everybody lost alike, and parts around it are shares. Else each lost
what he falls short of; requests tell it, since they vary less than bytes, and weigh as many bytes as they do around it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.coverage.model import Share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

AROUND_MINUTES = 60
"""So much before and after a gap tells what is usual."""

BLOCK_MINUTES = 10
"""How long the stretches are by which it is seen how far a customer's part varies."""

FEWEST_BLOCKS = 3
"""With fewer nobody knows what is usual."""

SPREAD_OF_BYTES = 10.0
"""The square of a line's bytes' deviation over their mean, as far as lost bytes tell of lost requests."""


LEAST_DEVIATIONS = 3.0
"""Who falls short of what is usual by less is within noise; by more, where there are many who might."""

BISECTIONS = 40


@dataclass(frozen=True, slots=True)
class Blocks:
    """Minutes around a gap in blocks: block k is [bounds[k], bounds[k + 1]). `inside`, `around`: which are the gap's
    own, and which are whole and beside it; the others belong to other losses, or are the minutes next to it."""

    bounds: tuple[int, ...]
    inside: tuple[int, ...]
    around: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Came:
    """What came of an edge by block and customer, float64[blocks, customers]. `customers`: None for all resources that
    are nobody's."""

    customers: tuple[str | None, ...]
    requests: Floats
    sent: Floats


def make_blocks(gaps: Sequence[tuple[int, int]], taken: Iterable[tuple[int, int]]) -> Blocks:
    """The blocks around gaps in minutes [first, after) that are looked at as one. `taken`: minutes of other losses; the
    gaps' own may be there.

    The minutes next to a loss say nothing: where it began and ended in them is not known.
    """
    first, after = min(gap[0] for gap in gaps), max(gap[1] for gap in gaps)
    begin, end = max(0, first - AROUND_MINUTES), after + AROUND_MINUTES
    clear = np.ones(end - begin, np.bool_)
    for since, until in (*taken, *gaps):
        clear[max(0, since - 1 - begin) : max(0, until + 1 - begin)] = False
    kind = np.where(clear, 1 + np.abs(np.arange(begin, end) - first) // BLOCK_MINUTES, 0)
    for since, until in gaps:
        kind[since - begin : until - begin] = -1
    cuts = [0, *(np.flatnonzero(np.diff(kind)) + 1).tolist(), len(kind)]
    kinds = kind[cuts[:-1]]
    return Blocks(
        tuple(begin + cut for cut in cuts),
        tuple(np.flatnonzero(kinds < 0).tolist()),
        tuple(np.flatnonzero(kinds > 0).tolist()),
    )


def sum_blocks(
    rows: Iterable[tuple[int, str, int, int]], blocks: Blocks, customer_of: Callable[[str], str | None]
) -> Came:
    """(block, resource, bytes, requests) of what came, as the store has it, by customer."""
    sums: dict[tuple[int, str | None], list[int]] = defaultdict(lambda: [0, 0])
    owners: dict[str, str | None] = {}
    for block, resource, sent, requests in rows:
        if resource not in owners:
            owners[resource] = customer_of(resource)
        of = sums[block, owners[resource]]
        of[0] += sent
        of[1] += requests
    customers = tuple(sorted({customer for _, customer in sums}, key=lambda name: (name is None, name or "")))
    place = {customer: at for at, customer in enumerate(customers)}
    requests_by, sent_by = (np.zeros((len(blocks.bounds) - 1, len(customers))) for _ in range(2))
    for (block, customer), (sent, requests) in sums.items():
        requests_by[block, place[customer]] = requests
        sent_by[block, place[customer]] = sent
    return Came(customers, requests_by, sent_by)


def share_lost(
    came: Came, blocks: Blocks, *, lost_lines: int | None, lost_bytes: tuple[int, int, int]
) -> tuple[Share, ...]:
    """Each customer's part of a gap. `lost_lines`: where it is known exactly; `lost_bytes`: low, expected, high.

    Empty where nothing came around it.
    """
    around, inside = list(blocks.around), list(blocks.inside)
    usual, usual_sent = came.requests[around].sum(axis=0), came.sent[around].sum(axis=0)
    if usual_sent.sum() > 0 and np.count_nonzero(came.requests[around].any(axis=1)) >= FEWEST_BLOCKS:
        spans = np.diff(blocks.bounds) / AROUND_MINUTES
        usually = _Usual(usual, usual_sent, _variation(came.requests[around]))
        here, long = came.requests[inside].sum(axis=0), float(spans[inside].sum())
        lost = _shortfalls(usually, here, long, lost_lines, lost_bytes) if here.any() else None
        beside = set(range(len(spans))).difference(around, inside)
        known = [*inside, *(at for at in beside if not usually.fell(came.requests[at], spans[at]).any())]
    else:
        lost, known = None, inside
    if lost is None:
        # What came in its own minutes is the nearest, and what came next to it.
        lost = usual_sent + came.sent[known].sum(axis=0)
        lost = lost if lost.any() else usual
    return _shares(zip(came.customers, lost.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class _Usual:
    """What came around a gap by customer, float64[customers]. `varies`: the square of how far a customer's part of the
    requests varies from block to block beyond chance."""

    requests: Floats
    sent: Floats
    varies: Floats

    def variance(self, level: float, long: float) -> Floats:
        """Of requests that are expected at `level` times the usual within `long` hours: their chance, that of the
        usual, and how far parts vary, the more the longer."""
        expected = level * self.requests
        return np.asarray(expected * (1 + level) + expected**2 * self.varies * (1 + long))

    def fell(
        self, came: Floats, long: float, level: float | None = None, doubt: float = 0.0
    ) -> NDArray[np.bool_]:
        """Whose requests are fewer than at `level` by more than chance, by deviance, since some are few; the level is
        that at which all of them together are as many as came, if it is not given. `doubt`: how far it may be off."""
        if level is None:
            level = float(came.sum() / self.requests.sum())
        many = max(LEAST_DEVIATIONS, float(np.sqrt(2 * np.log(len(came)))) + 1.5)
        expected = level * self.requests
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.where(came > 0, came * np.log(came / expected), 0.0)
            deviance = 2 * (logs - came + expected)
            times = (self.variance(level, long) + (self.requests * doubt) ** 2) / expected
        return np.asarray((expected > came) & (deviance > many**2 * times))


def _shortfalls(
    usual: _Usual, here: Floats, long: float, lost_lines: int | None, lost_bytes: tuple[int, int, int]
) -> Floats | None:
    """Bytes that each customer lost; None where nobody's part fell beyond noise, as when all have lost alike."""
    if not usual.fell(here, long).any():
        return None
    weight = np.divide(usual.sent, usual.requests, out=np.zeros_like(here), where=usual.requests > 0)
    # What is lost is measured in requests where they are known, else in bytes.
    unit = np.ones_like(weight) if lost_lines is not None else weight
    low, expected, high = lost_bytes
    wanting = float(expected if lost_lines is None else lost_lines)
    whole = float((usual.requests * unit).sum())
    level, doubt = (wanting + float((here * unit).sum())) / whole, 0.0
    if lost_lines is None:
        chance = (SPREAD_OF_BYTES * expected * whole / float(usual.requests.sum())) ** 0.5
        doubt = ((high - low) / 4 + chance) / whole
    if wanting <= 0:
        return None

    def falls(at: float) -> tuple[Floats, float]:
        short = np.where(usual.fell(here, long, at, doubt), at * usual.requests - here, 0.0)
        return short * unit, float((usual.variance(at, long) * unit**2).sum() ** 0.5)

    short, blur = falls(level)
    if short.sum() > wanting + 2 * blur:
        # Somebody's rose meanwhile, so that others fall short of a level that is not theirs: down to where what they
        # fall short of is what is lost.
        least, most = 0.0, level
        for _ in range(BISECTIONS):
            middle = (least + most) / 2
            least, most = (least, middle) if falls(middle)[0].sum() > wanting else (middle, most)
        short, blur = falls(most)
    if not short.any():
        return None
    rest, others = wanting - float(short.sum()), np.where(short > 0, 0.0, usual.requests * unit)
    if rest > 2 * blur and others.any():
        short = short + others * (rest / others.sum())
    return np.asarray(short if lost_lines is None else short * weight)


def _variation(requests: Floats) -> Floats:
    """By customer, the square of how far his part of the requests varies from block to block beyond chance."""
    blocks = requests.sum(axis=1, keepdims=True)
    requests, blocks = requests[blocks[:, 0] > 0], blocks[blocks[:, 0] > 0]
    total = requests.sum(axis=0)
    expected = blocks * (total / max(float(blocks.sum()), 1.0))
    free = max(len(requests) - 1, 1)
    over = ((requests - expected) ** 2).sum(axis=0) - total * (1 - 1 / len(requests))
    own = np.maximum(over, 0.0) / np.maximum((expected**2).sum(axis=0), 1.0) * len(requests) / free
    # Few blocks tell little of one customer; what all vary by is the least that is taken.
    common = float(np.maximum(over.sum(), 0.0)) / max(float((expected**2).sum()), 1.0) * len(requests) / free
    return np.asarray(np.maximum(own, common))


def share_out(
    usage: Iterable[tuple[str, int]], customer_of: Callable[[str], str | None]
) -> tuple[Share, ...]:
    """Each customer's part of all bytes, the largest first; what belongs to nobody is missing from their sum.

    Where all resources have 0 bytes, each counts the same.

    >>> share_out([("a.ru", 60), ("b.ru", 20), ("x.ru", 20)], {"a.ru": "c1", "b.ru": "c2"}.get)
    (Share(customer='c1', share=0.6), Share(customer='c2', share=0.2))
    """
    rows = [(resource, sent) for resource, sent in usage if sent >= 0]
    if not any(sent for _, sent in rows):
        rows = [(resource, 1) for resource, _ in rows]
    return _shares((customer_of(resource), sent) for resource, sent in rows)


def _shares(parts: Iterable[tuple[str | None, float]]) -> tuple[Share, ...]:
    of: dict[str | None, float] = defaultdict(float)
    for customer, part in parts:
        of[customer] += part
    total = sum(of.values())
    return tuple(
        Share(customer, part / total)
        for customer, part in sorted(of.items(), key=lambda item: (-item[1], item[0] or ""))
        if customer is not None and part > 0
    )
