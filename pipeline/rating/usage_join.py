"""Usage of several sources as one: parts of a month end to end, and a closed month with what came after its close."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.model import MEASURES
from pipeline.rating.usage import COUNTS, Usage, usage_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.coverage.adjustments import Changes

Names = tuple[str, ...]


def join_usage(parts: Sequence[Usage]) -> Usage:
    """The rows of all parts; known is what all of them know."""
    first, *others = parts
    for part in others:
        first = _append(first, part)
    return first


def _append(one: Usage, other: Usage) -> Usage:
    resources, ours, theirs = _join_names(one.resources, other.resources)
    zones, our_zones, their_zones = _join_names(one.zones, other.zones)
    requests, sent, body = (np.concatenate([getattr(one, name), getattr(other, name)]) for name in COUNTS)
    return Usage(
        resources,
        zones,
        np.concatenate([one.minute, other.minute]),
        np.concatenate([ours[one.resource], theirs[other.resource]]),
        np.concatenate([our_zones[one.zone], their_zones[other.zone]]),
        requests,
        sent,
        body,
        one.known & other.known,
    )


def change_usage(usage: Usage, changes: Changes) -> Usage:
    """Usage with what changed since, which may take away: sums by (minute, resource, zone), none of them below zero.

    What is taken away in a zone that holds less, because its edge was put into another since, goes from the zones that
    it was counted in.
    """
    resources, ours, theirs = _join_names(usage.resources, changes.resources)
    zones, our_zones, their_zones = _join_names(usage.zones, changes.zones)
    minute = np.concatenate([usage.minute, changes.minute]).astype(np.int64)
    resource = np.concatenate([ours[usage.resource], theirs[changes.resource]])
    zone = np.concatenate([our_zones[usage.zone], their_zones[changes.zone]])
    distinct, at = np.unique(np.stack([minute, resource, zone]), axis=1, return_inverse=True)
    counts = {}
    for name in COUNTS:
        sums = np.zeros(distinct.shape[1], np.int64)
        counted = getattr(usage, name).astype(np.int64)
        np.add.at(sums, at, np.concatenate([counted, changes.sums[MEASURES.index(name)]]))
        _settle_zones(distinct, sums)
        counts[name] = sums
    return usage_of(distinct[0], resource=(resources, distinct[1]), zone=(zones, distinct[2]), **counts)


def _settle_zones(cells: NDArray[np.int64], sums: NDArray[np.int64]) -> None:
    """Cells are ordered by minute and resource: zones of one are neighbours."""
    below = np.flatnonzero(sums < 0)
    if not len(below):
        return
    differs = np.any(cells[:2, 1:] != cells[:2, :-1], axis=0)
    starts = np.concatenate([[0], np.flatnonzero(differs) + 1, [len(sums)]])
    for group in np.unique(np.searchsorted(starts, below, side="right") - 1).tolist():
        here = slice(int(starts[group]), int(starts[group + 1]))
        owed = -int(np.minimum(sums[here], 0).sum())
        if owed > int(np.maximum(sums[here], 0).sum()):
            continue  # more than there was: whoever reads it says so
        np.maximum(sums[here], 0, out=sums[here])
        for at in range(here.start, here.stop):
            taken = min(owed, int(sums[at]))
            sums[at] -= taken
            owed -= taken


def _join_names(some: Names, others: Names) -> tuple[Names, NDArray[np.uint32], NDArray[np.uint32]]:
    places = {name: at for at, name in enumerate(dict.fromkeys([*some, *others]))}
    ours, theirs = (np.array([places[name] for name in each], np.uint32) for each in (some, others))
    return tuple(places), ours, theirs
