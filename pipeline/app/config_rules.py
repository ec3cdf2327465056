"""What must hold between settings, beyond the type of each: ids once, times in order, zones known."""

from __future__ import annotations

import decimal
import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from incidents import policy
from incidents.channels import settings as channels
from incidents.desk import settings as desk
from incidents.probes import settings as probes
from incidents.tasks import settings as tasks
from pipeline.app.settings import VERSION, Config, Contract, CustomerSettings, EdgeSettings
from pipeline.shape import Key, Problem, key_text
from pipeline.store.dsn import parse_dsn
from pipeline.store.errors import DsnError

LEAST_FACTOR = decimal.Decimal("1.3")
"""Below it the first, rough look would not find who is to be warned."""

_HOST = re.compile(r"(\*\.)?[^\s*,;/]{1,253}")


def check(
    config: Config, broken: Collection[str] = (), customers: Collection[str] | None = None
) -> list[Problem]:
    """Every problem of a configuration whose types are right.

    `broken`: sections whose types are not, with defaults in their place: rules that look at one of them are left out,
    so that nothing is told that only follows. `customers`: the ids there are, where `customer` is one of those.
    """
    ids = tuple(customer.id for customer in config.customer) if customers is None else tuple(customers)
    rules: tuple[tuple[str, Callable[[], Iterable[Problem]]], ...] = (
        ("version", lambda: _version(config)),
        ("store", lambda: _store(config)),
        ("coverage", lambda: _coverage(config)),
        ("spikes", lambda: _spikes(config)),
        ("edge", lambda: _edges(config.edge)),
        ("customer", lambda: _customers(config.customer)),
        ("tasks", lambda: tasks.problems(config.tasks)),
        ("probing probe", lambda: probes.problems(config.probing, config.probe, set(ids))),
        ("incidents", lambda: _below("incidents", policy.problems(config.incidents))),
        ("support", lambda: _below("support", desk.problems(config.support, set(ids)))),
        ("person oncall contact channel", lambda: channels.of_people(config.notifying, ids)),
        ("channel notices", lambda: channels.of_channels(config.notifying)),
    )
    return [
        problem
        for sections, rule in rules
        if not any(section in broken for section in sections.split())
        for problem in rule()
    ]


def _version(config: Config) -> Iterator[Problem]:
    if config.version != VERSION:
        yield Problem(("version",), f"this prebill reads version {VERSION}, found {config.version}")


def _store(config: Config) -> Iterator[Problem]:
    try:
        parse_dsn(config.store.dsn)
    except DsnError as error:
        yield Problem(("store", "dsn"), str(error))


def _coverage(config: Config) -> Iterator[Problem]:
    if config.coverage.reach.span < timedelta(days=1):
        yield Problem(("coverage", "reach"), "must be a day at least, for late data to find its gap")


def _spikes(config: Config) -> Iterator[Problem]:
    if decimal.Decimal(config.spikes.factor) < LEAST_FACTOR:
        yield Problem(
            ("spikes", "factor"),
            f"must be {LEAST_FACTOR} at least, for a usual month is not a spike; found {config.spikes.factor}",
        )


def _below(section: str, found: Iterable[Problem]) -> Iterator[Problem]:
    for problem in found:
        yield Problem((section, *problem.key), problem.what)


def _edges(edges: tuple[EdgeSettings, ...]) -> Iterator[Problem]:
    yield from _twice("edge", [edge.id for edge in edges])
    for place, edge in enumerate(edges):
        key: Key = ("edge", place)
        start = edge.from_.at()
        if edge.to is not None and edge.to.at() <= start:
            yield Problem((*key, "to"), f"must be after from ({start:%Y-%m-%dT%H:%M:%SZ}); it is exclusive")
        for number, pause in enumerate(edge.pauses):
            if pause.to.at() <= pause.from_.at():
                yield Problem((*key, "pauses", number, "to"), "must be after from; it is exclusive")


def _customers(customers: tuple[CustomerSettings, ...]) -> Iterator[Problem]:
    yield from _twice("customer", [customer.id for customer in customers])
    owners: dict[str, Key] = {}
    for place, customer in enumerate(customers):
        for number, resource in enumerate(customer.resources):
            key: Key = ("customer", place, "resources", number)
            if not _HOST.fullmatch(resource):
                yield Problem(
                    key, f'expected a host, or "*." and a domain for all below it, found "{resource}"'
                )
            elif (other := owners.setdefault(resource.lower(), key)) != key:
                yield Problem(
                    key, f'"{resource}" is already given at {key_text(other)}: who pays must be one'
                )
        yield from _contracts(("customer", place, "contract"), customer.contract)


def _contracts(key: Key, contracts: tuple[Contract, ...]) -> Iterator[Problem]:
    """At any time between the first and the last one contract holds: none overlap, and no time is left out."""
    held: list[tuple[datetime, datetime | None, int]] = []
    for number, contract in enumerate(contracts):
        try:
            zone = ZoneInfo(contract.tz)
        except (ZoneInfoNotFoundError, ValueError):
            yield Problem(
                (*key, number, "tz"), f'expected a time zone like "Europe/Moscow", found "{contract.tz}"'
            )
            continue
        start = contract.from_.at(zone)
        end = contract.to.at(zone) if contract.to is not None else None
        if end is not None and end <= start:
            yield Problem((*key, number, "to"), "must be after from; it is exclusive")
        yield from _terms(contract, (*key, number))
        held.append((start, end, number))
    held.sort(key=lambda each: each[0])
    for (start, end, number), (following, _, later) in itertools.pairwise(held):
        earlier = key_text((*key, number))
        if following == start or (end is not None and end > following):
            yield Problem((*key, later), f"overlaps {earlier}: at any time one contract holds")
        elif end is not None and end < following:
            yield Problem(
                (*key, later),
                f"leaves a hole after {earlier}: nothing holds from {end:%Y-%m-%dT%H:%M:%SZ} "
                f"to {following:%Y-%m-%dT%H:%M:%SZ}; leave its to out, and it ends where this begins",
            )


def _terms(contract: Contract, key: Key) -> Iterator[Problem]:
    """Taxes in order, and each discount one of per cent and amount."""
    zone = ZoneInfo(contract.tz)
    begun = contract.from_.at(zone)
    for place, tax in enumerate(contract.later_tax):
        starts = tax.from_.at(zone)
        if starts <= begun:
            yield Problem(
                (*key, "later_tax", place, "from"),
                f"must be after {begun:%Y-%m-%dT%H:%M:%SZ}, when what was before it began",
            )
        begun = max(begun, starts)
    for place, discount in enumerate(contract.discount):
        at: Key = (*key, "discount", place)
        if (discount.percent is None) == (discount.amount is None):
            which = "neither" if discount.percent is None else "both"
            yield Problem(at, f"expected one of percent and amount, found {which}")
        if discount.percent is not None and decimal.Decimal(discount.percent) > 100:
            yield Problem((*at, "percent"), f"expected at most 100, found {discount.percent}")
        if (
            discount.to is not None
            and discount.from_ is not None
            and discount.to.at(zone) <= discount.from_.at(zone)
        ):
            yield Problem((*at, "to"), "must be after from; it is exclusive")


def _twice(what: str, ids: list[str]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for place, name in enumerate(ids):
        if (other := first.setdefault(name, place)) != place:
            yield Problem((what, place, "id"), f'"{name}" is already the id of {what}[{other}]')
