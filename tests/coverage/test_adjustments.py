"""Whose a change after the close is: by what the closes counted, and only then by the configuration of now."""

from __future__ import annotations

import numpy as np

from pipeline.coverage.adjustments import Changes, adjust
from pipeline.coverage.model import Close

FIRST, AFTER = 29_000_000, 29_044_640


def changes(*names: str) -> Changes:
    """One request more of each name, in the first minute."""
    count = len(names)
    none = np.zeros(count, np.uint32)
    sums = np.zeros((6, count), np.int64)
    sums[0] = 1
    return Changes(
        tuple(names), ("e1",), ("",), np.arange(count, dtype=np.uint32), none + FIRST, none, none, sums
    )


def closed(customer: str, close_id: int, cut: int, first: int = FIRST, after: int = AFTER) -> Close:
    return Close("2026-10", "UTC", customer, first, after, cut, "d", 1, 0.0, "anna", id=close_id)


def test_closes_of_one_cut_and_zone_share_one_look() -> None:
    asked: list[tuple[int, int, int]] = []

    def look(since: int, first: int, after: int) -> Changes:
        asked.append((since, first, after))
        return changes("a", "b")

    closes = [closed("c1", 1, 5), closed("c2", 2, 5), closed("c3", 3, 5, FIRST + 180, AFTER + 180)]
    found = adjust(closes, look, cut=9, counted={1: ["a"], 2: ["b"], 3: []}, owner=lambda _: None)
    assert asked == [(5, FIRST, AFTER), (5, FIRST + 180, AFTER + 180)]
    assert [(each.close.customer, each.totals["requests"]) for each in found] == [("c1", 1), ("c2", 1)]


def test_nothing_is_looked_for_where_nothing_was_committed_since() -> None:
    def look(since: int, first: int, after: int) -> Changes:
        raise AssertionError((since, first, after))

    assert adjust([closed("c1", 1, 9)], look, cut=9, counted={}, owner=lambda _: "c1") == []


def test_a_resource_of_a_close_of_another_cut_is_counted_once() -> None:
    """c1 was closed before c2; a resource that c1's close counted was given to c2 in the configuration meanwhile."""
    closes = [closed("c1", 1, 5), closed("c2", 2, 7)]
    found = adjust(
        closes, lambda *_: changes("a", "new"), cut=9, counted={1: ["a"], 2: []}, owner=lambda _: "c2"
    )
    assert [(each.close.customer, each.to_json()["resources"]) for each in found] == [
        ("c1", ["a"]),
        ("c2", ["new"]),
    ]


def test_what_nobody_claims_is_nobodys_adjustment() -> None:
    found = adjust(
        [closed("c1", 1, 5)], lambda *_: changes("x"), cut=9, counted={1: ["a"]}, owner=lambda _: None
    )
    assert found == []


def test_an_adjustment_says_where_it_lies() -> None:
    (found,) = adjust(
        [closed("c1", 1, 5)], lambda *_: changes("a"), cut=9, counted={1: ["a"]}, owner=lambda _: None
    )
    document = found.to_json()
    assert (document["closed_cut"], document["cut"], document["rows"], document["requests"]) == (5, 9, 1, 1)
    assert (document["from"], document["to"]) == ("2025-02-19T21:20:00Z", "2025-02-19T21:21:00Z")
