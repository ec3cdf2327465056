"""Whose traffic was lost: a gap spread over the customers by what the same edge served of them around it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pipeline.coverage.model import Share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def share_out(
    usage: Iterable[tuple[str, int]], customer_of: Callable[[str], str | None]
) -> tuple[Share, ...]:
    """Each customer's part of all bytes, the largest first; what belongs to nobody is missing from their sum.

    Where all resources have 0 bytes, each counts the same.

    >>> share_out([("a.ru", 60), ("b.ru", 20), ("x.ru", 20)], {"a.ru": "c1", "b.ru": "c2"}.get)
    (Share(customer='c1', share=0.6), Share(customer='c2', share=0.2))
    """
    rows = [(resource, sent) for resource, sent in usage if sent >= 0]
    if not any(sent for _, sent in rows):
        rows = [(resource, 1) for resource, _ in rows]
    total = sum(sent for _, sent in rows)
    of: dict[str, int] = defaultdict(int)
    for resource, sent in rows:
        customer = customer_of(resource)
        if customer is not None and sent:
            of[customer] += sent
    return tuple(
        Share(customer, sent / total)
        for customer, sent in sorted(of.items(), key=lambda item: (-item[1], item[0]))
    )
