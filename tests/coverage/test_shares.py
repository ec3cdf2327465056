"""A gap is spread over the customers by their traffic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.coverage.model import Share
from pipeline.coverage.shares import Came, make_blocks, share_lost, share_out, sum_blocks

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


BLOCKS = make_blocks([(1000, 1010)], [])


def came(usual: dict[str, float], inside: dict[str, float], seed: int = 1) -> Came:
    """Requests of ten minutes by customer, usually and in the gap; c2's weigh ten times as much."""
    rng = np.random.default_rng(seed)
    customers = tuple(sorted({*usual, *inside}))
    spans = np.diff(BLOCKS.bounds) / 10
    mean = np.array([[usual.get(c, 0.0) for c in customers]] * len(spans))
    mean[list(BLOCKS.inside)] = [inside.get(c, 0.0) for c in customers]
    requests = rng.poisson(mean * spans[:, None]).astype(float)
    return Came(customers, requests, requests * np.array([10_000 if c == "c2" else 1000 for c in customers]))


def parts(shares: tuple[Share, ...]) -> dict[str, float]:
    return {share.customer: share.share for share in shares}


USUAL = {"c1": 1000.0, "c2": 200.0, "c3": 3000.0}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("lines", [None, 200])
def test_whose_requests_fell_has_lost_it_all(seed: int, lines: int | None) -> None:
    found = parts(
        share_lost(
            came(USUAL, USUAL | {"c2": 0.0}, seed),
            BLOCKS,
            lost_lines=lines,
            lost_bytes=(1_600_000, 2_000_000, 2_400_000),
        )
    )
    assert found["c2"] >= 0.95


@pytest.mark.parametrize("seed", range(5))
def test_two_fell_by_a_half_and_each_loses_as_many_bytes_as_his_weigh(seed: int) -> None:
    inside = {"c1": 500.0, "c2": 100.0, "c3": 3000.0}
    found = parts(share_lost(came(USUAL, inside, seed), BLOCKS, lost_lines=600, lost_bytes=(1_500_000,) * 3))
    assert found["c1"] == pytest.approx(1 / 3, abs=0.12)
    assert found["c2"] == pytest.approx(2 / 3, abs=0.12)
    assert found.get("c3", 0.0) <= 0.05


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.95])
def test_where_all_lost_alike_shares_are_as_around(seed: int, kept: float) -> None:
    inside = {customer: kept * requests for customer, requests in USUAL.items()}
    lost = round((1 - kept) * sum(USUAL.values()))
    found = parts(share_lost(came(USUAL, inside, seed), BLOCKS, lost_lines=lost, lost_bytes=(0, 0, 0)))
    for customer, part in {"c1": 1 / 6, "c2": 2 / 6, "c3": 3 / 6}.items():
        assert found[customer] == pytest.approx(part, abs=0.03)


@pytest.mark.parametrize("seed", range(5))
def test_who_rises_while_another_falls_does_not_hide_him(seed: int) -> None:
    """A crowd at c3's raises the edge's level; c1 and c2 would fall short of it."""
    inside = {"c1": 0.0, "c2": 200.0, "c3": 9000.0}
    found = parts(share_lost(came(USUAL, inside, seed), BLOCKS, lost_lines=1000, lost_bytes=(10**6,) * 3))
    assert found["c1"] >= 0.9


def test_one_dead_of_a_host_that_is_nobodys_is_nobodys() -> None:
    traffic = came({"c1": 1000.0, "c3": 3000.0}, {"c1": 1000.0, "c3": 0.0})
    nobodys = Came(("c1", None), traffic.requests, traffic.sent)
    found = parts(share_lost(nobodys, BLOCKS, lost_lines=3000, lost_bytes=(3_000_000,) * 3))
    assert found.get("c1", 0.0) <= 0.05


def test_with_nothing_around_nobody_is_named() -> None:
    assert share_lost(came({}, {"c1": 5.0}), BLOCKS, lost_lines=5, lost_bytes=(5, 5, 5)) != ()
    assert share_lost(came({}, {}), BLOCKS, lost_lines=5, lost_bytes=(5, 5, 5)) == ()


def test_a_part_that_swings_by_itself_is_no_loss_of_its_customer() -> None:
    """c1 comes and goes every ten minutes; that he is away in the gap says nothing."""
    traffic = came(USUAL, USUAL | {"c1": 100.0})
    away = [block for block in BLOCKS.around if block % 2]
    traffic.requests[away, 0] *= 0.1
    found = parts(share_lost(traffic, BLOCKS, lost_lines=400, lost_bytes=(400_000,) * 3))
    assert found["c1"] < 0.3
    assert found["c3"] > 0.3


def test_blocks_leave_out_other_losses_and_what_is_next_to_a_loss() -> None:
    blocks = make_blocks([(1000, 1003), (1004, 1006)], [(1000, 1003), (980, 990)])
    spans = {at: range(blocks.bounds[at], blocks.bounds[at + 1]) for at in range(len(blocks.bounds) - 1)}
    inside = [minute for at in blocks.inside for minute in spans[at]]
    around = [minute for at in blocks.around for minute in spans[at]]
    assert inside == [1000, 1001, 1002, 1004, 1005]
    assert around == [*range(940, 979), *range(991, 999), *range(1007, 1066)]
    assert blocks.bounds[0] == 940
    assert blocks.bounds[-1] == 1066


def test_resources_are_added_up_by_customer_and_block() -> None:
    owner = {"a.ru": "c1", "b.ru": "c1", "c.ru": "c2"}.get
    blocks = make_blocks([(1000, 1001)], [])
    (own,) = blocks.inside
    rows = [(own, "a.ru", 10, 1), (own, "b.ru", 20, 2), (0, "c.ru", 5, 1), (0, "x.ru", 7, 3)]
    summed = sum_blocks(rows, blocks, owner)
    assert summed.customers == ("c1", "c2", None)
    assert summed.sent[own].tolist() == [30, 0, 0]
    assert summed.requests[0].tolist() == [0, 1, 3]
