"""Draws the requests of a CDN as columns of integers, from a seed alone; `loadtest.render` makes log lines of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

ZIPF_EXPONENT = 1.05
"""3 M lines over 30,000 resources and 60 minutes then make about 568,000 (minute, resource) groups."""

START_S = 1_793_491_200
"""2026-11-01T00:00:00Z, the first second of a draw that names no other."""

STATUSES = (200, 206, 304, 301, 404, 403, 499, 500, 502, 504)
STATUS_WEIGHTS = (838, 60, 45, 10, 25, 8, 5, 3, 4, 2)
CACHES = ("HIT", "MISS", "EXPIRED", "STALE", "BYPASS", "REVALIDATED", "UPDATING", "-")
CACHE_WEIGHTS = (780, 110, 30, 5, 30, 15, 5, 25)
METHODS = ("GET", "HEAD", "POST", "OPTIONS")
METHOD_WEIGHTS = (960, 15, 20, 5)

URIS, AGENTS, REFERERS = 40_000, 400, 4_000
"""How many different ones there are; `loadtest.render` writes them out."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """One request a place, in log order; every column int64[n].

    `seq` counts from 0 over the whole draw; `time_ms` since 1970; `resource` is also the Zipf rank, from 0; `method`,
    `status`, `cache` are places in this module's tables; `client` is an IPv4 address; `ray` any 63 bits.
    """

    seq: NDArray[np.int64]
    time_ms: NDArray[np.int64]
    resource: NDArray[np.int64]
    edge: NDArray[np.int64]
    method: NDArray[np.int64]
    uri: NDArray[np.int64]
    status: NDArray[np.int64]
    bytes_sent: NDArray[np.int64]
    body_bytes: NDArray[np.int64]
    cache: NDArray[np.int64]
    duration_ms: NDArray[np.int64]
    agent: NDArray[np.int64]
    referer: NDArray[np.int64]
    client: NDArray[np.int64]
    ray: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.seq)

    def take(self, places: NDArray[np.int64]) -> Traffic:
        """The requests at `places`, in that order."""
        return Traffic(**{f.name: getattr(self, f.name)[places] for f in fields(self)})


def concatenate(parts: list[Traffic]) -> Traffic:
    """All parts as one."""
    return Traffic(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Traffic)})


def weigh_resources(resources: int) -> NDArray[np.float64]:
    """How often each resource is asked for, against the first, by Zipf's law."""
    return np.arange(1, resources + 1, dtype=np.float64) ** -ZIPF_EXPONENT


def draw_minutes(
    lines: int | Sequence[int], resources: int, minutes: int, seed: int, edges: int, start_s: int = START_S
) -> Iterator[Traffic]:
    """Each minute's requests in turn; a minute depends on (seed, its number) alone, whatever is drawn beside it.

    `lines`: over all minutes, spread evenly, or the number of each minute.

    One line in fifty is written up to 3 s after the time that it carries, as a long request is, so that neighbouring
    minutes mix a little at their border; no line is earlier than `start_s`.
    """
    popularity = np.cumsum(weigh_resources(resources))
    popularity /= popularity[-1]
    seq = 0
    for minute in range(minutes):
        n = lines[minute] if isinstance(lines, Sequence) else _even(lines, minute, minutes)
        yield _draw_minute(n, popularity, np.random.default_rng([seed, minute]), edges, start_s, minute, seq)
        seq += n


def _even(lines: int, minute: int, minutes: int) -> int:
    return lines * (minute + 1) // minutes - lines * minute // minutes


def _draw_minute(
    n: int,
    popularity: NDArray[np.float64],
    rng: np.random.Generator,
    edges: int,
    start_s: int,
    minute: int,
    seq: int,
) -> Traffic:
    time_ms = np.sort(rng.integers(0, 60_000, n)) + (start_s + minute * 60) * 1000
    time_ms -= np.where(rng.random(n) < 0.02, rng.integers(0, 3000, n), 0)
    status = _weighted(rng, n, STATUS_WEIGHTS)
    method = _weighted(rng, n, METHOD_WEIGHTS)
    # Sizes by powers of two: most bodies are small, most bytes are in the large ones. Integers only, so that no
    # mathematical library can change a file.
    power = 7 + rng.integers(0, 5, n) + rng.integers(0, 5, n) + rng.integers(0, 6, n)
    body = (np.int64(1) << power) + (rng.integers(0, 1 << 30, n) & ((np.int64(1) << power) - 1))
    code = np.array(STATUSES)[status]
    body = np.where((code == 304) | (method == 1), 0, np.where(code >= 300, body & 1023, body))
    cache = np.where(code >= 403, CACHES.index("-"), _weighted(rng, n, CACHE_WEIGHTS))
    resource = np.searchsorted(popularity, rng.random(n), side="right").clip(0, len(popularity) - 1)
    return Traffic(
        seq=np.arange(seq, seq + n, dtype=np.int64),
        time_ms=np.maximum(time_ms, start_s * 1000),
        resource=resource.astype(np.int64),
        edge=rng.integers(0, edges, n),
        method=method,
        uri=rng.integers(0, URIS, n),
        status=status,
        bytes_sent=body + rng.integers(180, 620, n),
        body_bytes=body,
        cache=cache,
        duration_ms=rng.integers(0, 40, n) * rng.integers(1, 40, n),
        agent=rng.integers(0, AGENTS, n) * rng.integers(0, AGENTS, n) // AGENTS,
        referer=np.where(rng.random(n) < 0.45, 0, rng.integers(1, REFERERS, n)),
        client=rng.integers(16_777_216, 3_741_319_168, n),
        ray=rng.integers(0, (1 << 63) - 1, n),
    )


def _weighted(rng: np.random.Generator, n: int, weights: tuple[int, ...]) -> NDArray[np.int64]:
    table = np.repeat(np.arange(len(weights)), weights)
    return table[rng.integers(0, len(table), n)]
