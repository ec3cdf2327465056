"""The shipped public prices give the sums of their vendors' own pages, and the story's client pays what he paid."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from pipeline.rating.book import SHIPPED, read_book
from pipeline.rating.model import Meter, Model, Period, Quantity
from pipeline.rating.rate import rate_plan
from pipeline.rating.units import base_of

OCTOBER = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), "UTC")


def net(plan_id: str, units: dict[str, str]) -> Decimal:
    """The bill of a plan for so many units of some charges, and none of the others."""
    plan = read_book(SHIPPED).find(plan_id, date(2026, 10, 1))
    counted = [
        each for each in plan.charges if each.meter is not Meter.FLAT and each.model is not Model.PERCENTAGE
    ]
    assert set(units) <= {each.id for each in counted}
    quantities = [
        Quantity(each.id, amount, int(amount * base_of(each.unit)[1]))
        for each in counted
        for amount in [Decimal(units.get(each.id, "0"))]
    ]
    return rate_plan(plan, quantities, OCTOBER).net


@pytest.mark.parametrize(
    ("plan", "units", "amount"),
    [
        # the page's tiers, by our own arithmetic: 10,240 at 0.085, 40,960 at 0.080, 10,240 at 0.060
        ("public-cloudfront", {"us-mx-ca": "61440"}, "4761.60"),
        # 3,000 TB are 6,600, 3,500 TB are 7,700; whoever uses less pays 6,600 all the same
        ("public-cdn77-3pb", {"traffic": "3500"}, "7700.00"),
        ("public-cdn77-3pb", {"traffic": "3000"}, "6600.00"),
        ("public-cdn77-3pb", {"traffic": "1"}, "6600.00"),
        # 10 GB and 10 million requests are 8.70, and 50 is the least that is asked
        ("public-fastly", {"traffic": "10", "requests": "1000"}, "50.00"),
        ("public-fastly", {"traffic": "1000", "requests": "1000"}, "127.50"),
        # 10,000 GB at 0.20 and 300 GB at 0.17
        ("public-baidu-traffic", {"traffic": "10300"}, "2051.00"),
        ("public-yandex-cloud-cdn", {"traffic": "1000"}, "960.00"),
        ("public-yandex-cloud-cdn", {"traffic": "999.000000001"}, "960.00"),
        ("public-azure-front-door-standard", {"traffic": "100", "requests": "100"}, "44.20"),
        ("public-bunny-volume", {"traffic": "600000"}, "2900.00"),
        ("public-google-cloud-cdn", {"europe": "20480", "lookups": "100"}, "1383.15"),
    ],
)
def test_a_public_price_gives_the_sum_of_its_page(plan: str, units: dict[str, str], amount: str) -> None:
    assert net(plan, units) == Decimal(amount)


def test_a_public_price_of_each_day_gives_the_sum_of_its_page() -> None:
    """912 Mbps are 465.12, at the price of their band; another day has a band of its own."""
    plan = read_book(SHIPPED).find("public-baidu-peak", date(2026, 10, 1))

    def paid(*days: str) -> Decimal:
        windows = tuple(Decimal(day) for day in days)
        return rate_plan(plan, [Quantity("peak", sum(windows, Decimal(0)), 0, windows=windows)], OCTOBER).net

    assert paid("912") == Decimal("465.12")
    assert paid("912", "0", "500", "20001") == Decimal("465.12") + Decimal("260.00") + Decimal("9400.47")


def test_the_story_of_the_spike() -> None:
    """3,000 a month, until half the country comes: 1,110 TB are a million on his plan, and a fraction elsewhere."""
    assert net("start", {"traffic": "800"}) == Decimal(3000)
    assert net("start", {"traffic": "1110000"}) == Decimal("1000200.00")
    assert net("media", {"traffic": "1110"}) == Decimal("600000.00")
    assert net("volume", {"traffic": "1110"}) == Decimal("366300.00")


def test_every_own_plan_asks_for_something_when_nothing_is_used() -> None:
    """Or a customer without traffic would be the best offer of all."""
    for plan in read_book(SHIPPED).offered(date(2026, 10, 1)):
        assert net(plan.id, {}) > 0, plan.id
