"""Who a resource belongs to: the customer that names it, or the one with the longest `*.` pattern above it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.app.configuration.settings import CustomerSettings


class Owners:
    """Resource → customer id, by the patterns of the configuration; letter case does not count, as in host names."""

    def __init__(self, customers: Iterable[CustomerSettings]) -> None:
        self._exact: dict[str, str] = {}
        self._below: dict[str, str] = {}
        for customer in customers:
            for pattern in customer.resources:
                name = pattern.lower()
                if name.startswith("*."):
                    self._below[name[2:]] = customer.id
                else:
                    self._exact[name] = customer.id

    def owner(self, resource: str) -> str | None:
        """The customer's id; `None` where nobody claims the resource."""
        name = resource.lower()
        if name in self._exact:
            return self._exact[name]
        while "." in name:
            name = name.split(".", 1)[1]
            if name in self._below:
                return self._below[name]
        return None
