"""A closed month, what comes late, its adjustment, and a rebill: sums over the real store against a slow model that
keeps every attempt in a dict and rates by hand; and the same whatever the order in which late data comes."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from pipeline.app.bills.month_bill import adjust_bill, bill_part, customer_of, month_parts, plan_for
from pipeline.app.commands.close import close
from pipeline.app.configuration.config import read_config, usable
from pipeline.app.configuration.plan_files import book_of
from pipeline.app.context import Context
from pipeline.coverage.periods import Month
from pipeline.model import Origin
from pipeline.rating.model import Bill, Discount
from pipeline.store import Store, open_store
from tests.empty_store import lay_store
from tests.store.cases import make_batch, make_entry

FIRST = int(datetime(2026, 9, 30, 21, tzinfo=UTC).timestamp()) // 60
AFTER = int(datetime(2026, 10, 31, 21, tzinfo=UTC).timestamp()) // 60
RIPE = datetime(2026, 11, 9, tzinfo=UTC)
OCTOBER = Month(2026, 10)
NAMES = ("a.example", "b.example", "other.example")
SEEDS = (1, 2, 3)

CONFIG = """
[store]
dsn = "chdb://{folder}/store"
[spool]
path = "spool"
[[edge]]
id = "e1"
zone = "ru"
from = 2026-10-31T20:59:00Z
to = 2026-10-31T21:00:00Z
[[customer]]
id = "c1"
resources = ["a.example", "b.example"]
contract = [{{ plan = "start", from = 2026-01-01, tz = "Europe/Moscow", tax = {{ name = "VAT", rate = "20" }} }}]
[[customer]]
id = "c2"
resources = ["other.example"]
contract = [{{ plan = "start", from = 2026-01-01, tz = "Europe/Moscow" }}]
"""
PLAN = """
id = "{name}"
version = 1
name = "{name}"
currency = "RUB"
valid_from = 2026-01-01
minimum = "{minimum}"
[[charge]]
id = "requests"
meter = "requests"
unit = "requests"
model = "graduated"
tiers = [{{ up_to = "900", unit_price = "1.17" }}, {{ unit_price = "{second}" }}]
"""
START, CALM = ("100", "0.53"), ("400", "0.11")

Attempt = tuple[Origin, int, tuple[tuple[str, int, int], ...]]
"""A segment, how many lines it has, and its rows (resource, minute, requests)."""


def draw(dice: random.Random, count: int) -> list[Attempt]:
    """Attempts at segments in and around the month; some are at the same segment, and more lines win."""
    made, lines = [], list(range(1, count + 1))
    dice.shuffle(lines)
    for number in range(count):
        minute = dice.choice([FIRST - 30, FIRST, FIRST + 7_000, FIRST + 20_000, AFTER - 1, AFTER])
        minute += dice.randrange(4)
        rows = {
            (dice.choice(NAMES), minute + dice.randrange(-60, 30)): dice.randrange(1, 200) for _ in range(4)
        }
        origin = Origin("e1", "access", minute)
        made.append((origin, lines[number], tuple((name, at, n) for (name, at), n in sorted(rows.items()))))
    return made


def put(store: Store, attempts: list[Attempt], first_write: int) -> None:
    numbered = list(enumerate(attempts, first_write))
    facts = [
        (name, at, "e1", origin.segment_id, write, n)
        for write, (origin, _, rows) in numbered
        for name, at, n in rows
    ]
    store.insert_facts(make_batch(facts))
    store.commit(
        [
            make_entry(origin, write, lines=lines, parsed=sum(row[-1] for row in rows))
            for write, (origin, lines, rows) in numbered
        ]
    )


def counted(attempts: list[Attempt], names: tuple[str, ...] = NAMES[:2]) -> int:
    """Requests of the month, of the attempt with most lines at each segment."""
    best: dict[Origin, Attempt] = {}
    for attempt in attempts:
        if attempt[0] not in best or attempt[1] > best[attempt[0]][1]:
            best[attempt[0]] = attempt
    sums: dict[str, int] = defaultdict(int)
    for _, _, rows in best.values():
        for name, at, requests in rows:
            sums[name] += requests * (FIRST <= at < AFTER)
    return sum(sums[name] for name in names)


def money(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def price(requests: int, plan: tuple[str, str], off: int = 0) -> Decimal:
    below = min(requests, 900)
    net = max(money(below * Decimal("1.17") + (requests - below) * Decimal(plan[1])), Decimal(plan[0]))
    net -= money(net * off / 100)
    return net + money(net * 20 / 100)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "prebill.toml").write_text(CONFIG.format(folder=tmp_path))
    (tmp_path / "plans").mkdir()
    for name, (minimum, second) in (("start", START), ("calm", CALM)):
        (tmp_path / "plans" / f"{name}.toml").write_text(
            PLAN.format(name=name, minimum=minimum, second=second)
        )
    lay_store(tmp_path / "store")
    return tmp_path


def billed(site: Path) -> tuple[Bill, Bill | None]:
    """The customer's bill and its adjustment, as the command makes them."""
    config = usable(read_config(site / "prebill.toml", Path(), {}))
    with open_store(config.store.dsn) as store:
        (part,) = month_parts(store, config, customer_of(config, "c1"), OCTOBER, RIPE)
        plan = plan_for(part, book_of(config))
        bill = bill_part(part, plan)
        return bill, adjust_bill(part, plan, bill)


def close_month(site: Path) -> None:
    context = Context(config_path=str(site / "prebill.toml"), now_text=RIPE.isoformat())
    assert close("2026-10", actor="anna", accept_gaps=True, reason="disk burnt", context=context) == 0


def add(site: Path, attempts: list[Attempt], first_write: int) -> None:
    with open_store(f"chdb://{site}/store") as store:
        put(store, attempts, first_write)


@pytest.mark.parametrize("seed", SEEDS)
def test_bill_and_adjustment_are_always_the_price_of_what_is_known(site: Path, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - which segments there are
    every = draw(dice, 40)
    known, late = every[:22], every[22:]
    add(site, known, 1)
    close_month(site)
    bill, adjustment = billed(site)
    first = price(counted(known), START)
    assert (bill.total, bill.provisional, adjustment) == (first, (), None)

    dice.shuffle(late)
    for begin in range(0, len(late), 6):
        add(site, late[begin : begin + 6], 100 + begin)
        now = price(counted(known + late[: begin + 6]), START)
        bill, adjustment = billed(site)
        assert bill.total == first, "what was closed does not change"
        assert (adjustment.total if adjustment else Decimal(0)) == now - first
        if adjustment:
            assert sum((line.amount for line in adjustment.lines), Decimal(0)) == now - first


def test_a_rebill_of_the_closed_month_and_what_is_owed_in_all(site: Path) -> None:
    dice = random.Random(4)  # noqa: S311
    every = draw(dice, 40)
    add(site, every[:22], 1)
    close_month(site)
    add(site, every[22:], 100)
    bill, adjustment = billed(site)
    assert adjustment is not None
    config = usable(read_config(site / "prebill.toml", Path(), {}))
    with open_store(config.store.dsn) as store:
        (part,) = month_parts(store, config, customer_of(config, "c1"), OCTOBER, RIPE)
        (issued,) = store.bills.issue([(bill, part.proof)], at=RIPE, actor="robot")
        tenth = Discount("viral day", percent=Decimal(10), once=True)
        calm = book_of(config).version("calm", 1)
        cheaper = replace(part, span=replace(part.span, discounts=(tenth,)))
        new = bill_part(cheaper, calm)
        asked = store.bills.propose(
            issued.number, new, part.proof, discounts=[tenth], at=RIPE, actor="anna", reason="he stays"
        )
        store.bills.approve(asked.id, at=RIPE, actor="boris", reason="agreed")
        owed = sum((entry.bill.total for entry in store.bills.books().documents.values()), Decimal(0))
        # the adjustment of what stands now: late data at the price of the plan that he was moved to
        late = adjust_bill(cheaper, calm, new)
        assert store.bills.faults() == []
    closed, known = counted(every[:22]), counted(every)
    assert owed == new.total == price(closed, CALM, 10)
    assert late is not None
    assert owed + late.total == price(known, CALM, 10)
    assert bill.total + adjustment.total == price(known, START)


def test_the_order_of_what_comes_late_is_nothing(site: Path, tmp_path: Path) -> None:
    dice = random.Random(5)  # noqa: S311
    every = draw(dice, 30)
    add(site, every[:15], 1)
    close_month(site)
    add(site, every[15:], 100)
    one = billed(site)
    other = tmp_path / "other"
    other.mkdir()
    (other / "prebill.toml").write_text(CONFIG.format(folder=other))
    (site / "plans").rename(other / "plans")
    lay_store(other / "store")
    add(other, every[:15], 1)
    close_month(other)
    backwards = every[:14:-1]
    for begin in range(0, len(backwards), 5):
        add(other, backwards[begin : begin + 5], 200 + begin)
    assert billed(other) == one
