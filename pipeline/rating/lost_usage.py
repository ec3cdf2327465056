"""A customer's usage as if a gap had not been: lost bytes added as rows, minute by minute, spread over his resources as
the rest of his usage is. For stake.py's rate functions, where plans look at minutes, zones or resources."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pipeline.rating.usage import Usage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.rating.stake import LostUsage

MOST = 50
"""The largest resources take all that was lost: days of a gap times thousands of resources are millions of rows."""

PARTS = 1 << 16
"""Shares of resources are counted in so many parts: times the bytes of a minute they stay in 63 bits."""

MOST_COUNTED = 2**63 - 1

ZoneOf = Callable[[str, int], str]
"""(edge, minute) → its zone."""


def usage_with(usage: Usage, lost: Iterable[LostUsage], zone_of: ZoneOf) -> Usage:
    """The usage with what was lost. Bytes are kept to the last one; requests and body bytes, where the loss does not
    know them, are as many for a byte as in the rest of the usage. Without any usage all is of a resource without name.
    """
    names, shares = _resources(usage)
    zones = list(usage.zones)
    sent, requests, body = (
        int(column.sum(dtype=object)) for column in (usage.bytes_sent, usage.requests, usage.body_bytes)
    )
    pieces: list[dict[str, NDArray[np.uint64]]] = []
    for each in lost:
        minutes = np.arange(each.first, each.after, dtype=np.uint32)
        counts = {
            "bytes_sent": each.bytes_sent,
            "requests": each.requests or _in_proportion(each.bytes_sent, requests, sent),
            "body_bytes": _in_proportion(each.bytes_sent, body, sent),
        }
        columns = {what: _spread(count, len(minutes), shares) for what, count in counts.items()}
        places = []
        for minute in minutes:
            zone = zone_of(each.edge, int(minute))
            if zone not in zones:
                zones.append(zone)
            places.append(zones.index(zone))
        columns["minute"] = np.repeat(minutes, len(shares)).astype(np.uint64)
        columns["zone"] = np.repeat(np.array(places, np.uint64), len(shares))
        columns["resource"] = np.tile(names.astype(np.uint64), len(minutes))
        pieces.append(columns)
    if not pieces:
        return usage

    def joined(what: str) -> NDArray[np.generic]:
        old = getattr(usage, what)
        return np.concatenate([old, *(piece[what].astype(old.dtype) for piece in pieces)])

    added = {
        what: joined(what) for what in ("minute", "resource", "zone", "requests", "bytes_sent", "body_bytes")
    }
    return replace(usage, resources=usage.resources or ("",), zones=tuple(zones), **added)  # type: ignore[arg-type]


def _resources(usage: Usage) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of the largest resources, and their shares in PARTS."""
    sums = np.bincount(usage.resource, usage.bytes_sent, len(usage.resources) or 1)
    return shares_of(sums.astype(np.float64), MOST)


def shares_of(sums: NDArray[np.float64], most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places of the `most` largest sums, and their shares, which make PARTS; of all zeros the first has all."""
    largest = np.argsort(-sums, kind="stable")[:most].astype(np.int64)
    weights = sums[largest]
    if not weights.any():
        return largest[:1], np.array([PARTS], np.int64)
    ends = np.rint(np.cumsum(weights) / weights.sum() * PARTS).astype(np.int64)
    return largest, np.diff(ends, prepend=0)


def _in_proportion(amount: int, of: int, to: int) -> int:
    return (2 * amount * of + to) // (2 * to) if to else 0


def _spread(count: int, minutes: int, shares: NDArray[np.int64]) -> NDArray[np.uint64]:
    """uint64[minutes * shares]: a count over minutes evenly and over resources by their shares; they sum to it."""
    # no edge sends 2^46 bytes a minute, but counters and sidecars may claim it: slow, and exact up to what usage holds
    count = min(count, MOST_COUNTED)
    ends = [count * minute // minutes for minute in range(minutes + 1)]
    kind = np.int64 if count // minutes < 1 << 46 else object
    each = np.diff(np.array(ends, kind))[:, None]
    reach = each * np.cumsum(shares)[None].astype(kind) // PARTS
    spread: NDArray[np.uint64] = np.diff(reach, axis=1, prepend=0).astype(np.uint64)
    return spread.ravel()
