"""Lost bytes put back into usage, to the last byte, and priced by the real engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.coverage.model import Amount, Gap, GapState, Loss, LossClass, Share, Stream
from pipeline.rating.lost_usage import usage_with
from pipeline.rating.meter import meter_plan
from pipeline.rating.model import Charge, Meter, Model, Period, Plan, Where
from pipeline.rating.rate import rate_plan
from pipeline.rating.stake import ContractMonth, LostUsage, Money, stake_of
from pipeline.rating.usage import Usage, usage_of

GB = 10**9
FIRST = 29_862_000
PERIOD = Period(
    datetime.fromtimestamp(FIRST * 60, UTC), datetime.fromtimestamp((FIRST + 43_200) * 60, UTC), "UTC"
)


def price(zone: str, amount: str) -> Charge:
    return Charge(
        zone, Meter.BYTES_SENT, Model.PER_UNIT, "GB", {}, Decimal(amount), where=Where(zones=(zone,))
    )


PLAN = Plan("zones", 1, {}, "RUB", date(2026, 1, 1), None, (price("ru", "1.20"), price("asia", "3.00")))


def zone_of(edge: str, _minute: int) -> str:
    return "asia" if edge == "e2" else "ru"


def usage() -> Usage:
    return usage_of(
        [FIRST + 1, FIRST + 2, FIRST + 2],
        resource=(["a.ru", "b.ru", "idle.ru"], [0, 1, 0]),
        zone=(["ru"], [0, 0, 0]),
        requests=[10, 20, 30],
        bytes_sent=[1 * GB, 3 * GB, 2 * GB],
        body_bytes=[GB // 2, 3 * GB // 2, GB],
    )


def test_lost_bytes_lie_in_their_minutes_on_his_resources_in_the_edges_zone() -> None:
    found = usage_with(usage(), [LostUsage("e2", FIRST + 5, FIRST + 7, 8 * GB)], zone_of)
    added = slice(3, None)
    assert found.zones == ("ru", "asia")
    assert {found.zones[place] for place in found.zone[added]} == {"asia"}
    by_minute = {
        int(m): int(found.bytes_sent[added][found.minute[added] == m].sum()) for m in set(found.minute[added])
    }
    assert by_minute == {FIRST + 5: 4 * GB, FIRST + 6: 4 * GB}
    by_name = [int(found.bytes_sent[added][found.resource[added] == place].sum()) for place in range(3)]
    assert by_name == [4 * GB, 4 * GB, 0]
    assert int(found.requests[added].sum()) == 80, "60 in 6 GB were known"
    assert int(found.body_bytes[added].sum()) == 4 * GB
    assert (found.bytes_sent[:3] == usage().bytes_sent).all()


counts = st.integers(0, 1 << 50)  # beyond what a minute may have


@given(
    st.lists(st.tuples(st.integers(1, 90), counts, st.integers(0, 10**9)), max_size=4),
    st.lists(st.integers(0, 10**13), max_size=80),
)
def test_nothing_is_lost_or_made(lost: list[tuple[int, int, int]], rows: list[int]) -> None:
    names = [f"r{place}" for place in range(len(rows))]
    base = usage_of(
        [FIRST] * len(rows), resource=(names, range(len(rows))), bytes_sent=rows, requests=rows
    )  # fmt: skip
    found = usage_with(
        base, [LostUsage("e1", FIRST, FIRST + span, sent, lines) for span, sent, lines in lost], zone_of
    )
    assert sum(map(int, found.bytes_sent)) == sum(rows) + sum(sent for _, sent, _ in lost)
    requests = sum(lines or (sent if any(rows) else 0) for _, sent, lines in lost)
    assert sum(map(int, found.requests)) == sum(rows) + requests
    assert not len(found) or int(found.resource.max()) < len(found.resources)


def test_a_gap_priced_by_the_real_engine() -> None:
    """Half of the lost bytes of an edge in Asia are his: he pays Asia's price for them, whatever he pays elsewhere."""

    def rate(_customer: str, _month: str, lost: Sequence[LostUsage]) -> tuple[Decimal, str]:
        metered = meter_plan(PLAN, usage_with(usage(), lost, zone_of), PERIOD)
        return rate_plan(PLAN, metered, PERIOD).total, PLAN.currency

    amount = Amount(10 * GB, 20 * GB, 40 * GB, None, "neighbours")
    loss = Loss(Stream("e2"), LossClass.MISSING, FIRST + 10, FIRST + 14, None, amount)
    gap = Gap("g1", loss, GapState.OPEN, 0.0, 0.0, (Share("c1", 0.5),))
    found = stake_of([gap], rate, lambda *_: [ContractMonth("2026-10", FIRST, FIRST + 43_200)])
    assert found.totals == {"RUB": Money(Decimal("15.00"), Decimal("30.00"), Decimal("60.00"))}


@pytest.mark.parametrize("claimed", [1 << 46, 1 << 60, (1 << 63) - 1, 1 << 70])
def test_what_no_minute_can_hold_is_counted_too(claimed: int) -> None:
    """Counters and sidecars may claim it; a claim beyond all measure must not keep other gaps from being priced."""
    found = usage_with(usage(), [LostUsage("e1", FIRST, FIRST + 1, claimed)], zone_of)
    lost = sum(map(int, found.bytes_sent)) - sum(map(int, usage().bytes_sent))
    assert lost == min(claimed, (1 << 63) - 1)
    assert rate_plan(PLAN, meter_plan(PLAN, found, PERIOD), PERIOD).total > 0


def test_nothing_lost_changes_nothing() -> None:
    assert np.array_equal(usage_with(usage(), [], zone_of).minute, usage().minute)
