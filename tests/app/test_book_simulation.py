"""A whole book simulated at once against each customer alone, over drawn facts in a real store: attempts that lost or
never counted, late lines, edges of no zone, names in other spellings, contracts that begin or change."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadtest.plan_mix import NIGHT, draw_plans
from pipeline.app.bills.book_simulation import simulate_all
from pipeline.app.bills.month_bill import count_part, own_plan, spans_of
from pipeline.app.configuration.settings import Config
from pipeline.app.coverage.still_open import why_open
from pipeline.coverage.periods import Month
from pipeline.model import Origin
from pipeline.rating import book_batches, book_months, month_usage
from pipeline.rating.book import PlanBook
from pipeline.rating.book_simulation import BookSimulation
from pipeline.rating.compiled_book import compile_book
from pipeline.rating.held import Held
from pipeline.rating.model import Charge, Meter, Model, Plan, Rounding, Where
from pipeline.rating.simulate import simulate
from pipeline.rating.simulation import Simulation, provisionally
from pipeline.rating.usage_join import join_usage
from pipeline.shape import Problem, read_struct
from pipeline.store import Store, open_store
from tests.empty_store import lay_store
from tests.store.cases import make_batch, make_entry

FIRST = 29_891_520  # 2026-11-01T00:00Z
MONTH = Month.parse("2026-11")
NOW = datetime(2026, 12, 2, tzinfo=UTC)
NAMES = (
    "a.example",
    "A.Example",
    "b.example",
    "x.wide.example",
    "Y.WIDE.example",
    "k.example",
    "\u212a.example",
    "no.example",
)


def contract(plan: str, since: str, tz: str, **more: Any) -> dict[str, Any]:
    return {"plan": plan, "from": since, "tz": tz, **more}


CUSTOMERS: list[dict[str, Any]] = [
    {
        "id": "one",
        "resources": ["a.example"],
        "contract": [contract("plan-1", "2026-01-01", "Europe/Moscow")],
    },
    {
        "id": "changed",
        "resources": ["b.example"],
        "contract": [contract("plan-0", "2026-01-01", "UTC"), contract("plan-2", "2026-11-12", "UTC")],
    },
    {
        "id": "wide",
        "resources": ["*.wide.example", "k.example"],
        "contract": [contract("own", "2026-11-05", "Asia/Vladivostok")],
    },
    {
        "id": "gap",
        "resources": ["*.example"],
        "contract": [
            contract("plan-3", "2026-01-01", "UTC", to="2026-11-03"),
            contract("plan-3", "2026-11-20", "UTC"),
        ],
    },
    {"id": "quiet", "resources": ["quiet.example"], "contract": [contract("plan-6", "2026-01-01", "UTC")]},
    {"id": "later", "resources": ["later.example"], "contract": [contract("plan-6", "2026-12-01", "UTC")]},
]


def config_of(dsn: str) -> Config:
    written = {
        "store": {"dsn": dsn},
        "spool": {"path": "spool"},
        "edge": [
            {"id": f"e{i}", "from": "2026-01-01", "zone": z} for i, z in enumerate(("ru-central", "eu", ""))
        ],
        "customer": CUSTOMERS,
    }
    problems: list[Problem] = []
    found = read_struct(Config, written, (), problems)
    assert found is not None, problems
    return found


def book_plans() -> tuple[list[Plan], Plan]:
    """Plans of every kind, one that only the Decimal rating rates, some that count little; and one no longer sold."""
    plans = draw_plans(18)
    traffic = Charge("t", Meter.BYTES_SENT, Model.PER_UNIT, "GB", unit_price=plans[0].charges[0].unit_price)
    some = replace(traffic, where=Where(resources=("*.wide.example", "a.example")))
    odd = replace(traffic, rounding=Rounding(at="tier"))
    own = replace(plans[0], id="own", charges=(traffic,), version=2)
    hourly = replace(
        traffic, id="h", where=Where(zones=("eu", "ru-central")), window_s=3600, whole_units="up"
    )
    daily = replace(traffic, id="d", meter=Meter.REQUESTS, unit="requests", hours=NIGHT, window_s=86_400)
    plans.append(replace(own, id="windows", charges=(hourly, daily)))
    peaks = replace(traffic, meter=Meter.PEAK_BPS, unit="Mbps", window_s=86_400)
    # would have to be rated for one customer at a time, if any paid in its currency
    plans.append(replace(own, id="abroad", currency="CNY", charges=(peaks,)))
    return [*plans, replace(own, id="some", charges=(some,)), replace(own, id="odd", charges=(odd,))], own


def fill(store: Store, seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    write_id = 1
    for number in range(6):
        minute = FIRST + int(rng.integers(-600, 44_000))
        origin = Origin(f"e{rng.integers(0, 4)}", "access", minute)
        for attempt in range(int(rng.integers(1, 4))):
            facts = [
                (NAMES[rng.integers(0, len(NAMES))], minute - int(rng.integers(0, 40)), origin.edge, origin.segment_id,
                 write_id, int(rng.integers(0, 10**int(rng.integers(1, 9)))))
                for _ in range(rows)
            ]  # fmt: skip
            if rows:
                # of an edge that is not configured
                facts.append(("quiet.example", FIRST + 5, "e9", origin.segment_id, write_id, number + 1))
            store.insert_facts(make_batch(facts))
            if attempt < 2:  # a third one crashed before its ledger row
                store.commit([make_entry(origin, write_id, lines=10 + int(rng.integers(0, 3)))])
            write_id += 1


def each_alone(store: Store, config: Config, book: PlanBook, plans: list[Plan], name: str) -> Simulation:
    who = next(each for each in config.customer if each.id == name)
    spans = spans_of(who, MONTH)
    parts = [count_part(store, config, who, span, str(MONTH)) for span in spans]
    held = Held(spans, tuple(own_plan(who, span, book) for span in spans))
    found = simulate(
        join_usage([part.usage for part in parts]),
        compile_book(plans),
        held.period,
        current=held.plans[-1],
        held=held,
        switch=False,
    )
    return provisionally(found, why_open(store, (), MONTH.minutes("UTC"), NOW))


def without_amounts(found: Simulation) -> Simulation:
    """Whose usage nobody has at hand, of him `free` alone says that some is counted by no charge, and not how much."""
    standing, own = found.standing, found.current_bill
    assert standing is not None
    bills = tuple(replace(bill, uncounted=()) for bill in standing.bills)
    return replace(
        found,
        left_out=(),
        standing=replace(standing, bills=bills),
        current_bill=own and replace(own, uncounted=()),
    )


def compare(found: BookSimulation, store: Store, config: Config, book: PlanBook, plans: list[Plan]) -> None:
    best = {who.id: each for who, each in found.best()}
    for who, simulation in found.simulations():
        alone = each_alone(store, config, book, plans, who.id)
        assert simulation.ranked == alone.ranked, who.id
        assert set(map(str, simulation.left_out)) == set(map(str, alone.left_out))
        assert without_amounts(simulation) == without_amounts(alone)
        assert bool(alone.free) >= bool(alone.uncounted)
        assert alone.standing is not None
        assert best[who.id].net == alone.standing.net
        if alone.standing.net <= alone.ranked[0].net:
            assert (best[who.id].best, best[who.id].best_net) == (who.plan, alone.standing.net)
        else:
            assert best[who.id].best is alone.ranked[0].plan
            assert best[who.id].best_net == alone.ranked[0].net
        assert best[who.id].saves == alone.saves >= 0


@settings(
    deadline=None,
    max_examples=int(os.environ.get("BOOK_EXAMPLES", "4")),
    suppress_health_check=list(HealthCheck),
)
@given(
    st.integers(0, 9999),
    st.sampled_from([0, 1, 30]),
    st.sampled_from([20, 3_000_000]),
    st.sampled_from([0, 1]),
)
def test_all_at_once_is_each_alone(seed: int, rows: int, at_once: int, per_cell: int) -> None:
    plans, own = book_plans()
    book = PlanBook((*plans, own))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        patched.setattr(book_batches, "FACTS_AT_ONCE", at_once)
        patched.setattr(month_usage, "ROWS_HELD", at_once)
        patched.setattr(month_usage, "FACTS_PER_CELL", per_cell)
        config = config_of(lay_store(Path(folder) / "store"))
        with open_store(config.store.dsn) as store:
            fill(store, seed, rows)
            said: list[str] = []
            found = simulate_all(
                store, config, MONTH, config.customer, book, compile_book(plans), NOW, left_out=said.append
            )
            assert [text.split()[1] for text in said] == ["later"]
            assert {found.counted.customers[at].id for at in found.counted.alone} == {
                "gap",
                "changed",
                "wide",
            }
            compare(found, store, config, book, plans)
            patched.setattr(book_months, "WINDOWS_HELD", 1)
            again = simulate_all(
                store, config, MONTH, config.customer, book, compile_book(plans), NOW, left_out=said.append
            )
            assert len(again.counted.alone) == len(again.counted.customers)
            assert "windows of 3600 s, too many for all" in again.counted.alone[0]
