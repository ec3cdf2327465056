"""A client's month with one good day in it, as usage by the minute: the story behind a bill of a million."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pipeline.rating.usage import usage_of

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.rating.usage import Usage

RESOURCES = ("premiere.example.ru", "static.premiere.example.ru")
ZONES = ("ru-central", "ru-volga", "ru-siberia")
ZONE_SHARES = (0.6, 0.25, 0.15)
USUAL_BYTES = 60 * 10**9
"""A usual day's traffic, 60 GB: below what the minimum pays for."""

HOT_SHARE = 0.9
"""Of the traffic, that of the first resource."""


def month_with_a_spike(begin: datetime, days: int, spike_day: int, spike_bytes: int, seed: int = 1) -> Usage:
    """Usage of `days` days from `begin`, a midnight, `spike_bytes` of it above the usual on one day (counted from 0),
    most of that from noon on. Deterministic for a seed; totals come near what was asked, not exactly."""
    dice = np.random.default_rng(seed)
    start = int(begin.timestamp()) // 60
    minutes = np.arange(days * 1440)
    hour = minutes % 1440 / 60
    rhythm = 1 + 0.7 * np.sin((hour - 9) / 24 * 2 * math.pi)  # highest in the evening, lowest before dawn
    sent = USUAL_BYTES / 1440 * rhythm * dice.uniform(0.8, 1.2, len(minutes))
    within = minutes // 1440 == spike_day
    wave = np.where(hour >= 12, np.exp(-((hour - 19) ** 2) / 12), 0.02) * within
    sent += spike_bytes * wave / wave.sum()
    rows = [
        (r, z, sent * share * (HOT_SHARE if r == 0 else 1 - HOT_SHARE))
        for r in range(len(RESOURCES))
        for z, share in enumerate(ZONE_SHARES)
    ]
    count = len(minutes)
    bytes_sent = np.concatenate([part for _, _, part in rows]).astype(np.uint64)
    return usage_of(
        np.tile(minutes + start, len(rows)).astype(np.uint32),
        resource=(RESOURCES, np.repeat([r for r, _, _ in rows], count)),
        zone=(ZONES, np.repeat([z for _, z, _ in rows], count)),
        requests=bytes_sent // 2_000_000 + 1,
        bytes_sent=bytes_sent,
        body_bytes=bytes_sent - bytes_sent // 500,
    )
