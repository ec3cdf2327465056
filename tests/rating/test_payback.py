"""The payback of a discount: the interval covers as it claims in simulated histories and futures, what is not known is
said, and the rest is held against plain sums."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.rating.payback import (
    CONFIDENCE,
    HORIZON,
    Churn,
    Note,
    Payback,
    Range,
    forecast_payback,
)
from pipeline.rating.student import normal_quantile, student_below, student_quantile

RUNS = 300
Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]


def steady(rng: np.random.Generator, months: int) -> NDArray[np.float64]:
    return 3_000 * (1 + 0.2 * rng.standard_normal(months))


def skewed(rng: np.random.Generator, months: int) -> NDArray[np.float64]:
    return 3_000 * np.exp(0.5 * rng.standard_normal(months))


def clinging(rng: np.random.Generator, months: int) -> NDArray[np.float64]:
    """Each month is half like the one before."""
    noise, found = rng.standard_normal(months), np.zeros(months)
    found[0] = noise[0]
    for month in range(1, months):
        found[month] = 0.5 * found[month - 1] + np.sqrt(0.75) * noise[month]
    return 3_000 * (1 + 0.2 * found)


def wandering(rng: np.random.Generator, months: int) -> NDArray[np.float64]:
    """The usual month itself moves by 3 % a month."""
    return 3_000 * np.exp(np.cumsum(0.03 * rng.standard_normal(months)))


def seasonal(rng: np.random.Generator, months: int) -> NDArray[np.float64]:
    year = np.sin(2 * np.pi * (np.arange(months) + rng.integers(12)) / 12)
    return 3_000 * (1 + 0.2 * year) * (1 + 0.1 * rng.standard_normal(months))


def truly(future: NDArray[np.float64], discount: float) -> int:
    """The slow truth: pay month by month until the discount is back."""
    paid = 0.0
    for month, amount in enumerate(future, 1):
        paid += amount
        if paid >= discount:
            return month
    return len(future) + 1


def as_bills(values: NDArray[np.float64]) -> list[Decimal]:
    return [Decimal(f"{max(value, 0):.2f}") for value in values]


@pytest.mark.parametrize("discount", [12_000, 54_000])
@pytest.mark.parametrize(
    ("draw", "known"),
    [
        (steady, 6),
        (steady, 24),
        (skewed, 12),
        (clinging, 12),
        (wandering, 12),
        (seasonal, 12),
        (seasonal, 24),
    ],
)
def test_the_interval_covers_as_it_claims(draw: Draw, known: int, discount: int) -> None:
    rng = np.random.default_rng(20261101)
    covered, widths = 0, []
    for _ in range(RUNS):
        months = np.maximum(draw(rng, known + HORIZON), 0)
        found = forecast_payback(as_bills(months[:known]), Decimal(discount)).months
        true = truly(months[known:], discount)
        assert found.low is not None
        covered += found.low <= true and (found.high is None or true <= found.high)
        widths.append(float((found.high or HORIZON) - found.low))
    assert covered / RUNS >= CONFIDENCE
    assert median(widths) <= 1.2 * discount / 3_000 + 1, "and is no interval that holds everything"


def test_an_interval_out_of_the_noise_alone_would_not_cover() -> None:
    """What the test above would find in a forecast that took its mean for known: it can fail."""
    rng, covered = np.random.default_rng(1), 0
    for _ in range(RUNS):
        months = clinging(rng, 6 + HORIZON)
        mean, noise = months[:6].mean(), months[:6].std(ddof=1)
        ahead = np.arange(1, HORIZON + 1)
        low, high = (
            int(np.argmax(mean * ahead + sign * 1.645 * noise * np.sqrt(ahead) >= 54_000)) + 1
            for sign in (1, -1)
        )
        covered += low <= truly(months[6:], 54_000) <= high
    assert covered / RUNS < CONFIDENCE - 0.1


def test_a_history_that_is_too_short_is_said_and_has_no_interval() -> None:
    none = forecast_payback([], Decimal(100))
    assert (none.notes, none.months) == ((Note.NO_HISTORY,), Range())
    two = forecast_payback([Decimal(3000), Decimal(3000)], Decimal(9000))
    assert Note.TOO_SHORT in two.notes
    assert two.months == Range(None, Decimal(3), None)
    assert two.monthly == Range(None, Decimal("3000.00"), None)
    three = forecast_payback([Decimal(3000)] * 3, Decimal(9000))
    assert {Note.NO_TREND_SEEN, Note.NO_SEASONS_SEEN} <= set(three.notes)
    assert three.months.low is not None
    year = forecast_payback([Decimal(3000)] * 12, Decimal(9000), churn=Churn(10, 1000))
    assert year.notes == ()
    assert year.months == Range(Decimal(3), Decimal(3), Decimal(4))


def test_a_trend_widens_the_interval_and_is_said() -> None:
    rising = [Decimal(1000 + 100 * month) for month in range(12)]
    found = forecast_payback(rising, Decimal(54_000), churn=Churn(1, 100))
    assert Note.TREND in found.notes
    going_on = truly(np.arange(2200.0, 60_000, 100), 54_000)
    assert found.months.low is not None
    assert found.months.low <= going_on < (found.months.expected or 0)


def test_what_never_pays_back_is_said() -> None:
    found = forecast_payback([Decimal(0)] * 12, Decimal(1))
    assert Note.NEVER in found.notes
    assert (found.months, found.chance) == (Range(), Range())
    assert found.value.expected == 0
    assert found.break_even_churn.expected == 0


def test_break_even_churn_is_where_what_he_pays_is_the_discount() -> None:
    found = forecast_payback(
        [Decimal(3000)] * 12, Decimal(60_000), margin=Decimal("0.5"), churn=Churn(10, 1000)
    )
    rate = found.break_even_churn.expected
    assert rate is not None
    paid = sum(float(1 - rate) ** month * 1500 for month in range(1, 2000))
    assert paid == pytest.approx(60_000, rel=1e-3)
    assert found.months.expected == 40


def test_tenure_and_value_against_a_plain_sum() -> None:
    found = forecast_payback([Decimal(3000)] * 12, Decimal(60_000), churn=Churn(10, 1000))
    churn = found.churn.expected
    assert churn is not None
    assert float(churn) == pytest.approx(10.5 / 1001, abs=1e-6)
    stays = [float(1 - churn) ** month for month in range(1, 5000)]
    assert found.tenure.expected is not None
    assert float(found.tenure.expected) == pytest.approx(sum(stays), abs=0.1)
    assert found.value.expected is not None
    assert float(found.value.expected) == pytest.approx(3000 * sum(stays), rel=1e-3)
    assert found.chance.expected is not None
    assert float(found.chance.expected) == pytest.approx(float(1 - churn) ** 20, abs=1e-3)


def test_without_the_books_churn_his_own_months_are_taken_and_there_is_no_upper_bound() -> None:
    found = forecast_payback([Decimal(3000)] * 12, Decimal(9000))
    assert Note.OWN_CHURN in found.notes
    assert found.churn.low == 0
    assert (found.tenure.high, found.value.high) == (None, None)


def ordered(values: Range) -> bool:
    known = [value for value in (values.low, values.expected, values.high) if value is not None]
    return known == sorted(known)


amounts = st.decimals(min_value=0, max_value=10**9, places=2)


@given(st.lists(amounts, max_size=40), st.decimals(min_value="0.01", max_value=10**10, places=2))
def test_every_interval_is_in_order_and_a_dearer_discount_pays_back_later(
    history: list[Decimal], discount: Decimal
) -> None:
    def months(found: Payback) -> list[Decimal]:
        bounds = (found.months.low, found.months.expected, found.months.high)
        return [Decimal(HORIZON + 1) if bound is None else bound for bound in bounds]

    found = forecast_payback(history, discount)
    for values in (
        found.monthly,
        found.months,
        found.break_even_churn,
        found.churn,
        found.tenure,
        found.value,
    ):
        assert ordered(values)
    if len(history) >= 3:
        assert all(
            a <= b
            for a, b in zip(months(found), months(forecast_payback(history, discount * 2)), strict=True)
        )
    half = forecast_payback(history, discount, margin=Decimal("0.5"))
    assert (half.months.expected or HORIZON + 1) >= (found.months.expected or 0)


@pytest.mark.parametrize(("discount", "margin"), [(0, 1), (-1, 1), (1, 0), (1, 2)])
def test_what_cannot_be_asked(discount: int, margin: int) -> None:
    with pytest.raises(ValueError, match="expected a"):
        forecast_payback([Decimal(1)], Decimal(discount), margin=Decimal(margin))
    with pytest.raises(ValueError, match="customer-month"):
        forecast_payback([Decimal(1)], Decimal(1), churn=Churn(2, 1))


@pytest.mark.parametrize(
    ("level", "freedom", "value"),
    [(0.95, 1, 6.3138), (0.95, 2, 2.9200), (0.975, 3, 3.1824), (0.95, 5, 2.0150), (0.975, 10, 2.2281),
     (0.995, 29, 2.7564), (0.95, 100, 1.6602)],
)  # fmt: skip
def test_quantiles_as_the_tables_have_them(level: float, freedom: int, value: float) -> None:
    assert student_quantile(level, freedom) == pytest.approx(value, abs=5e-5)
    assert student_below(value, freedom) == pytest.approx(level, abs=1e-5)
    assert student_quantile(level, 2000) == pytest.approx(normal_quantile(level), rel=2e-3)
