"""A small CDN in a real store, minute by minute under a clock of its own: what edges log, count and what probes see."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from incidents.words import instant_text
from pipeline.app.configuration.config import read_config, usable
from pipeline.coverage.evidence import parse_evidence
from pipeline.coverage.model import Reading
from pipeline.model import MEASURES, Origin, UsageBatch
from tests.empty_store import lay_store
from tests.store.cases import make_entry

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pipeline.app.configuration.settings import Config
    from pipeline.store import Store

START = datetime(2026, 11, 10, tzinfo=UTC)
FIRST = int(START.timestamp()) // 60
EDGES = ("e1", "e2")
CUSTOMERS = {"c1": "a.example.ru", "c2": "b.example.ru"}
PRICE_PER_GB = 2
BYTES = 40_000_000

CONFIG = """
[store]
dsn = "chdb://{folder}/store"
[spool]
path = "{folder}/spool"
[plans]
path = "{folder}/plans"
[[edge]]
id = "e1"
from = 2026-11-10T00:00:00Z
counters = true
[[edge]]
id = "e2"
from = 2026-11-10T00:00:00Z
counters = true
[[customer]]
id = "c1"
resources = ["a.example.ru"]
contract = [{{ plan = "plain", from = 2026-01-01 }}]
[[customer]]
id = "c2"
resources = ["b.example.ru"]
contract = [{{ plan = "plain", from = 2026-01-01 }}]
"""
PLAN = """
id = "plain"
version = 1
name = {{ en = "Plain" }}
currency = "RUB"
valid_from = 2026-01-01
[[charge]]
id = "traffic"
name = {{ en = "Traffic" }}
meter = "bytes_sent"
unit = "GB"
model = "per_unit"
unit_price = "{price}"
"""


def make_config(folder: Path, more: str = "") -> Config:
    """The configuration of this CDN, its files in a folder, and an empty store; `more`: TOML behind it."""
    if not (folder / "store").exists():
        lay_store(folder / "store")
    (folder / "spool").mkdir(exist_ok=True)
    (folder / "plans").mkdir(exist_ok=True)
    (folder / "plans" / "plain.toml").write_text(PLAN.format(price=PRICE_PER_GB))
    path = folder / "prebill.toml"
    path.write_text(CONFIG.format(folder=folder) + more)
    return usable(read_config(path, path, {}))


class Clock:
    """A time that goes on when it is told to."""

    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)


def served(edge: str, customer: str, minute: int) -> int:
    """Requests of a minute: a day's rhythm, and each his own size."""
    day = 1 + 0.5 * math.sin((minute % 1440) / 1440 * 2 * math.pi)
    size = {"c1": 400, "c2": 250}[customer] * {"e1": 1.0, "e2": 0.8}[edge]
    return int(size * day)


def sent(edge: str, customer: str, minute: int) -> int:
    """Bytes of a minute."""
    return served(edge, customer, minute) * BYTES // 400


def put_minutes(
    store: Store, first: int, after: int, *, silent: Collection[str] = (), failing: Collection[str] = ()
) -> None:
    """What happens in minutes [first, after): edges count all they serve, and log it unless their logs are cut. A
    hundredth of the requests of `failing` customers fails."""
    names = sorted(CUSTOMERS.values())
    rows = []
    origins: list[Origin] = []
    for minute in range(first, after):
        for edge in EDGES:
            if edge in silent:
                continue
            origin = Origin(edge, "access", minute)
            origins.append(origin)
            rows += [
                (names.index(CUSTOMERS[c]), minute, EDGES.index(edge), origin.segment_id, served(edge, c, minute),
                 sent(edge, c, minute), served(edge, c, minute) // 100 * (c in failing))
                for c in CUSTOMERS
            ]  # fmt: skip
    if rows:
        segments = sorted({row[3] for row in rows})
        rows = sorted((*row[:3], segments.index(row[3]), *row[4:]) for row in rows)
        table = np.array(rows, np.uint64)
        nothing = np.zeros(len(rows), np.uint64)
        store.insert_facts(
            UsageBatch(
                resources=tuple(names), edges=EDGES,
                segments=tuple((segment, _write_id(segment)) for segment in segments),
                resource=table[:, 0].astype(np.uint32), minute=table[:, 1].astype(np.uint32),
                edge=table[:, 2].astype(np.uint32), segment=table[:, 3].astype(np.uint32),
                sums=np.stack([table[:, 4], table[:, 5], table[:, 5], nothing, nothing, table[:, 6]]),
                known=frozenset(MEASURES),
            )
        )  # fmt: skip
        store.commit(
            [
                make_entry(
                    origin, _write_id(origin.segment_id),
                    lines=sum(served(origin.edge, c, origin.minute) for c in CUSTOMERS),
                    bytes_sent=sum(sent(origin.edge, c, origin.minute) for c in CUSTOMERS),
                    committed_at=datetime.fromtimestamp(origin.minute * 60 + 65, UTC),
                )
                for origin in origins
            ]
        )  # fmt: skip
    store.add_readings([_reading(edge, minute) for edge in EDGES for minute in range(first + 1, after + 1)])
    store.beat(*map(float, range(first * 60, after * 60 + 31, 20)))


def _write_id(segment: int) -> int:
    return segment % (1 << 61) + 1


_totals: dict[str, list[tuple[int, int]]] = {}


def _reading(edge: str, minute: int) -> Reading:
    totals = _totals.setdefault(edge, [(0, 0)])
    while len(totals) <= minute - FIRST:
        at = FIRST + len(totals) - 1
        requests, size = totals[-1]
        totals.append(
            (
                requests + sum(served(edge, c, at) for c in CUSTOMERS),
                size + sum(sent(edge, c, at) for c in CUSTOMERS),
            )
        )
    return Reading(edge, minute * 60.0, *totals[minute - FIRST])


def put_probes(
    store: Store, at: float, *, ok: bool = True, customers: Collection[str] = tuple(CUSTOMERS)
) -> None:
    """Two vantage points look at these customers."""
    lines = [
        json.dumps({"at": instant_text(at), "type": "probe", "customer": name, "vantage": vantage, "ok": ok,
                    **({} if ok else {"detail": "connect timeout"})})
        for name in customers
        for vantage in ("msk-1", "ekb-1")
    ]  # fmt: skip
    store.add_evidence(parse_evidence("\n".join(lines), actor="prober", now=at))
