"""What gaps hit is read many customers at a time: each has his own rows, whoever he is read with."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.app.coverage.hit_months import _batches, _split
from pipeline.rating.stake import Money, Stake
from pipeline.rating.stake_json import stake_from, stake_json

CUSTOMERS = ("anna", "boris", "vera", "nobody")
OF_NAME = {"a.example": "anna", "b.example": "boris", "c.example": "boris", "v.example": "vera"}


@settings(deadline=None)  # the first call loads Arrow
@given(st.lists(st.tuples(st.sampled_from(sorted(OF_NAME)), st.integers(0, 9))))
def test_everyone_has_his_own_rows_in_their_order(rows: list[tuple[str, int]]) -> None:
    table = pa.table(
        {
            "resource": pa.array([name for name, _ in rows], pa.string()),
            "bytes_sent": [sent for _, sent in rows],
        }
    )
    found = {customer: own.to_pylist() for customer, own in _split(table, OF_NAME, CUSTOMERS)}
    assert list(found) == list(CUSTOMERS)
    for customer in CUSTOMERS:
        assert [(row["resource"], row["bytes_sent"]) for row in found[customer]] == [
            row for row in rows if OF_NAME[row[0]] == customer
        ]


@given(st.dictionaries(st.text(min_size=1), st.integers(0, 30)), st.integers(1, 40))
def test_batches_hold_everyone_once_and_no_more_than_they_may(facts: dict[str, int], most: int) -> None:
    batches = list(_batches(facts, most))
    assert [customer for batch in batches for customer in batch] == list(facts)
    assert all(len(batch) == 1 or sum(facts[each] for each in batch) <= most for batch in batches)


def test_a_stake_comes_back_from_the_store_as_it_was() -> None:
    money = Money(Decimal("0.10"), Decimal("12.30"), Decimal(100))
    stake = Stake({"RUB": money, "EUR": money}, {("anna", "2026-10/0"): money}, ("guest",), Fraction(1, 3))
    assert stake_from(stake_json(stake)) == stake
