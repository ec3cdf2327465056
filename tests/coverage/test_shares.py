"""A gap is spread over the customers by their traffic."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.coverage.model import Share
from pipeline.coverage.shares import share_out

OWNERS = {"a.ru": "c1", "b.ru": "c1", "c.ru": "c2"}


def test_shares_are_by_bytes_the_largest_first() -> None:
    usage = [("c.ru", 300), ("a.ru", 250), ("b.ru", 250), ("nobody.ru", 200)]
    assert share_out(usage, OWNERS.get) == (Share("c1", 0.5), Share("c2", 0.3))


def test_requests_without_bytes_count_by_resource() -> None:
    assert share_out([("a.ru", 0), ("c.ru", 0)], OWNERS.get) == (Share("c1", 0.5), Share("c2", 0.5))


def test_no_usage_is_nobodys() -> None:
    assert share_out([], OWNERS.get) == ()


@given(st.lists(st.tuples(st.sampled_from([*OWNERS, "nobody.ru"]), st.integers(0, 1 << 60))))
def test_parts_sum_to_one_at_most(usage: list[tuple[str, int]]) -> None:
    shares = share_out(usage, OWNERS.get)
    assert sum(s.share for s in shares) <= 1 + 1e-9
    assert all(s.share > 0 for s in shares)
    assert len({s.customer for s in shares}) == len(shares)
