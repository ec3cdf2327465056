"""Whom an incident may hit where nobody knows: who was served by that edge within the last hour, else everyone in the
configuration; for the liaison's drafts, never for letters that go by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.people.recipients import Customer
from pipeline.app.coverage.checking import settings_of
from pipeline.store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from incidents.model import Transition
    from pipeline.app.configuration.settings import Config
    from pipeline.store.store import Store

HOUR = 60


def known_customers(config: Config) -> dict[str, Customer]:
    """The configured ones, by id."""
    return {
        each.id: Customer(id=each.id, name=each.name or each.id, lang=each.lang) for each in config.customer
    }


def roster_of(store: Store, config: Config) -> Callable[[Transition], Sequence[Customer]]:
    """A function from a notice that names no customer to those whom it may concern, the busiest first."""
    known, owner = known_customers(config), settings_of(config).owner

    def roster(notice: Transition) -> Sequence[Customer]:
        if notice.scope.kind != "edge":
            return list(known.values())
        minute = int(notice.at) // 60
        try:
            found = store.usage_lately.levels(minute - HOUR, minute + 1, store.cut(), [notice.scope.id])
        except StoreError:
            found = {}  # a message that must go now is not held up by a store that does not answer
        busiest = sorted(found, key=lambda resource: -found[resource])
        served = dict.fromkeys(name for each in busiest if (name := owner(each)) is not None)
        return [known.get(name) or Customer(id=name, name=name) for name in served] or list(known.values())

    return roster
