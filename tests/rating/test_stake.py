"""What a gap costs, held against a slow oracle that rates every customer's month with and without his lost bytes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from pipeline.coverage.model import Amount, Gap, GapState, Loss, LossClass, Share, Stream
from pipeline.rating.stake import ContractMonth, LostUsage, Money, Stake, stake_of

GB = 10**9
OCTOBER = (29_000_000, 29_044_640)
USAGE = {"small": 10 * GB, "edge of a tier": 999 * GB, "big": 5_000 * GB, "flat": 7 * GB, "falling": 999 * GB}


def bill(customer: str, bytes_sent: int) -> Decimal:
    """3,000 at least; 1.20 a GB up to 1,000, 0.90 beyond. `flat` pays 500; `falling` pays less beyond 1,000 GB."""
    units = Decimal(bytes_sent) / GB
    if customer == "flat":
        return Decimal(500)
    if customer == "falling":
        return units * (Decimal("1.20") if units <= 1000 else Decimal("0.30"))
    amount = min(units, Decimal(1000)) * Decimal("1.20") + max(units - 1000, Decimal(0)) * Decimal("0.90")
    return max(Decimal(3000), amount)


def rate(customer: str, month: str, lost: Sequence[LostUsage]) -> tuple[Decimal, str]:
    assert month in ("2026-10", "2026-11")
    return bill(customer, USAGE[customer] + sum(each.bytes_sent for each in lost)), "RUB"


def months(customer: str, first: int, after: int) -> Sequence[ContractMonth]:
    if customer == "guest":
        return ()
    both = (ContractMonth("2026-10", *OCTOBER), ContractMonth("2026-11", OCTOBER[1], OCTOBER[1] + 43_200))
    return [month for month in both if month.first < after and first < month.after]


def make_gap(lost: Amount, *shares: tuple[str, float], first: int = OCTOBER[0] + 10, minutes: int = 4) -> Gap:
    loss = Loss(Stream("e1"), LossClass.MISSING, first, first + minutes, None, lost)
    return Gap(f"g{first}", loss, GapState.OPEN, 0.0, 0.0, tuple(Share(*share) for share in shares))


def guess(low: int, expected: int, high: int) -> Amount:
    return Amount(low * GB, expected * GB, high * GB, None, "neighbours")


def stake(*gaps: Gap) -> Stake:
    return stake_of(gaps, rate, months)


def test_each_customer_pays_his_own_marginal_price() -> None:
    found = stake(make_gap(guess(100, 200, 400), ("big", 0.5), ("flat", 0.25), ("guest", 0.25)))
    assert found.customers == {
        ("big", "2026-10"): Money(Decimal(45), Decimal(90), Decimal(180)),
        ("flat", "2026-10"): Money(),
    }
    assert found.totals == {"RUB": Money(Decimal(45), Decimal(90), Decimal(180))}
    assert (found.unrated, found.unattributed) == (("guest",), Fraction(0))
    assert found.json == {"low": "45.00", "expected": "90.00", "high": "180.00", "currency": "RUB"}


def test_bytes_below_a_minimum_cost_nothing_and_those_over_a_tiers_end_less() -> None:
    assert stake(make_gap(guess(1, 2, 3), ("small", 1.0))).totals["RUB"] == Money()
    found = stake(make_gap(guess(1600, 2600, 3600), ("edge of a tier", 1.0))).totals["RUB"]
    assert found == Money(*(bill("big", (999 + lost) * GB) - 3000 for lost in (1600, 2600, 3600)))


def test_a_bill_that_falls_keeps_its_interval_in_order() -> None:
    money = stake(make_gap(guess(1, 2, 3), ("falling", 1.0))).totals["RUB"]
    assert money.low < 0 < money.high
    assert money.low <= money.expected <= money.high


def test_an_exact_loss_is_rated_once_and_nobody_known_is_said() -> None:
    calls = []

    def counted(customer: str, month: str, lost: Sequence[LostUsage]) -> tuple[Decimal, str]:
        calls.append(lost)
        return rate(customer, month, lost)

    gap = make_gap(Amount(GB, 2 * GB, 3 * GB, 2 * GB, "sequence"), ("big", 0.75))
    found = stake_of([gap], counted, months)
    assert found.totals["RUB"] == Money(*[Decimal("1.35")] * 3)
    assert len(calls) == 2
    assert found.unattributed == Fraction(1, 4)


def test_nobody_rated_is_null_and_not_zero() -> None:
    empty = {"low": None, "expected": None, "high": None, "currency": None}
    assert stake(make_gap(guess(1, 2, 3), ("guest", 1.0))).json == empty
    assert stake().json == empty


def test_a_gap_over_a_months_end_costs_in_both() -> None:
    gap = make_gap(guess(8, 8, 8), ("big", 1.0), first=OCTOBER[1] - 1)
    assert stake(gap).customers == {
        ("big", "2026-10"): Money(*[Decimal("1.8")] * 3),
        ("big", "2026-11"): Money(*[Decimal("5.4")] * 3),
    }


def test_two_gaps_of_a_month_are_priced_together() -> None:
    """Each alone is below the minimum of 3,000; together they are not."""
    usage = 10 + 2 * 1500
    gaps = [make_gap(guess(1500, 1500, 1500), ("small", 1.0), first=OCTOBER[0] + at) for at in (10, 900)]
    assert stake(gaps[0]).totals["RUB"].expected == bill("small", 1510 * GB) - 3000 == 0
    assert stake(*gaps).totals["RUB"].expected == bill("small", usage * GB) - 3000 > 0


names = st.sampled_from([*USAGE, "guest"])


@given(
    st.lists(st.integers(0, 10**13), min_size=3, max_size=3).map(sorted),
    st.dictionaries(names, st.sampled_from([0.125, 0.0625, 0.03125]), min_size=1),
)
def test_against_the_oracle(lost: list[int], shares: dict[str, float]) -> None:
    found = stake(make_gap(Amount(lost[0], lost[1], lost[2], None, "weeks"), *shares.items()))
    whole = Money()
    for customer, share in shares.items():
        if customer == "guest":
            continue
        parts = [(2 * amount * int(32 * share) + 32) // 64 for amount in lost]  # half up, in whole numbers
        prices = [bill(customer, USAGE[customer] + part) - bill(customer, USAGE[customer]) for part in parts]
        assert found.customers[customer, "2026-10"] == Money(min(prices), prices[1], max(prices))
        whole += found.customers[customer, "2026-10"]
    assert found.totals == ({"RUB": whole} if set(shares) - {"guest"} else {})
    assert found.unrated == (("guest",) if "guest" in shares else ())
