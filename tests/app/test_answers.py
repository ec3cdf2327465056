"""Values of the store as JSON and tables show them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pipeline.app.answers import plain_value
from pipeline.rating.exports.show import shorter


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("0E-9"), "0.00"),
        (Decimal("-0.000000000"), "0.00"),
        (Decimal("24000.000000000"), "24000.00"),
        (Decimal("26089.990000000"), "26089.99"),
        (Decimal("1E-9"), "0.000000001"),
        (Decimal("1E+3"), "1000"),
    ],
)
def test_a_decimal_is_plain_text_without_empty_decimals(value: Decimal, text: str) -> None:
    assert plain_value(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [("5490.000", "5490.00"), ("5490.125", "5490.125"), ("3660", "3660"), ("0.1", "0.1"), ("0E-3", "0.00")],
)
def test_a_product_keeps_two_decimals_of_its_zeros(value: str, text: str) -> None:
    assert shorter(Decimal(value)) == text
