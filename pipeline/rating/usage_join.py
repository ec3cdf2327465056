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
    """Usage with what changed since, which may take away: sums by (minute, resource, zone), none of them below zero."""
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
        counts[name] = sums
    return usage_of(distinct[0], resource=(resources, distinct[1]), zone=(zones, distinct[2]), **counts)


def _join_names(some: Names, others: Names) -> tuple[Names, NDArray[np.uint32], NDArray[np.uint32]]:
    places = {name: at for at, name in enumerate(dict.fromkeys([*some, *others]))}
    ours, theirs = (np.array([places[name] for name in each], np.uint32) for each in (some, others))
    return tuple(places), ours, theirs
