"""Units: decimal and binary ones are never the same, both ways are exact, and what is none is told with the nearest."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rating.model import Meter
from pipeline.rating.units import KIND_OF, Kind, UnitError, base_of, known_units, to_units, unit_for


@pytest.mark.parametrize(
    ("unit", "kind", "size"),
    [
        ("B", Kind.BYTES, 1),
        ("kB", Kind.BYTES, 1000),
        ("GB", Kind.BYTES, 10**9),
        ("GiB", Kind.BYTES, 2**30),
        ("TB", Kind.BYTES, 10**12),
        ("TiB", Kind.BYTES, 2**40),
        ("PiB", Kind.BYTES, 2**50),
        ("Mbps", Kind.BPS, 10**6),
        ("Gbps", Kind.BPS, 10**9),
        ("requests", Kind.REQUESTS, 1),
        ("10k-requests", Kind.REQUESTS, 10_000),
        ("1000-requests", Kind.REQUESTS, 1000),
        ("M-requests", Kind.REQUESTS, 1_000_000),
        ("month", Kind.FLAT, 1),
    ],
)
def test_what_a_unit_counts_and_how_many(unit: str, kind: Kind, size: int) -> None:
    assert base_of(unit) == (kind, size)


@pytest.mark.parametrize(
    ("unit", "hint"),
    [
        ("gb", "; did you mean GB?"),
        ("GIB", "; did you mean GiB?"),
        ("Gigabytes", ""),
        ("MBPS", "; did you mean Mbps?"),
        ("3k-requests", "; did you mean 1k-requests?"),
        ("-requests", "; did you mean requests?"),
        ("", ""),
    ],
)
def test_what_is_no_unit_is_told_with_the_nearest(unit: str, hint: str) -> None:
    with pytest.raises(UnitError) as caught:
        base_of(unit)
    expected = "expected a unit like GB, GiB, TB, TiB, Mbps, 10k-requests or month"
    assert str(caught.value) == f'{expected}, found "{unit}"{hint}'


@pytest.mark.parametrize("meter", Meter)
@pytest.mark.parametrize("unit", known_units())
def test_a_meter_takes_units_of_its_own_kind_only(unit: str, meter: Meter) -> None:
    kind, size = base_of(unit)
    if kind is KIND_OF[meter]:
        assert unit_for(unit, meter) == size
    else:
        with pytest.raises(
            UnitError, match=rf"expected a unit of {kind_name(meter)} for meter {meter.value}, like"
        ):
            unit_for(unit, meter)


def kind_name(meter: Meter) -> str:
    return KIND_OF[meter].value


@given(st.integers(0, 2**70), st.sampled_from(known_units()))
def test_so_many_units_are_exact(base: int, unit: str) -> None:
    assert Fraction(to_units(base, unit)) == Fraction(base, base_of(unit)[1])


def test_a_gigabyte_is_no_gibibyte() -> None:
    assert to_units(2**30, "GB") == Decimal("1.073741824")
    assert to_units(10**9, "GiB") == Decimal("0.931322574615478515625")
