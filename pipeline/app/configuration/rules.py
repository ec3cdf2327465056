"""What must hold between settings, beyond the type of each: ids once, times in order, zones known."""

from __future__ import annotations

import decimal
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import timedelta

from incidents import policy
from incidents.channels import settings as channels
from incidents.desk import settings as desk
from incidents.probes import settings as probes
from incidents.tasks import settings as tasks
from pipeline.app.configuration.contract_rules import contract_problems
from pipeline.app.configuration.settings import VERSION, Config, CustomerSettings, EdgeSettings
from pipeline.instants import instant_text
from pipeline.shape import Key, Problem, holders, key_text
from pipeline.store.dsn import parse_dsn
from pipeline.store.errors import DsnError

LEAST_FACTOR = decimal.Decimal("1.3")
"""Below it the first, rough look would not find who is to be warned."""

_HOST = re.compile(r"(\*\.)?[^\s*,;/]{1,253}")


def check(
    config: Config,
    broken: Collection[str] = (),
    customers: Collection[str] | None = None,
    told: Collection[Key] = (),
) -> list[Problem]:
    """Every problem of a configuration whose types are right.

    `broken`: sections whose types are not, with defaults in their place: rules that look at one of them are left out,
    so that nothing is told that only follows. `customers`: the ids there are, where `customer` is one of those.
    `told`: keys that could not be read; what is wrong at one of them, or below it, is not told again.
    """
    ids = tuple(customer.id for customer in config.customer) if customers is None else tuple(customers)
    rules: tuple[tuple[str, Callable[[], Iterable[Problem]]], ...] = (
        ("version", lambda: _version(config)),
        ("store", lambda: _store(config)),
        ("coverage", lambda: _coverage(config)),
        ("spikes", lambda: _spikes(config)),
        ("payback", lambda: _payback(config)),
        ("letters", lambda: _letters(config)),
        ("edge", lambda: _edges(config.edge)),
        ("customer", lambda: _customers(config.customer, told)),
        ("tasks", lambda: tasks.problems(config.tasks)),
        ("probing probe", lambda: probes.problems(config.probing, config.probe, set(ids))),
        ("incidents", lambda: _below("incidents", policy.problems(config.incidents))),
        ("support", lambda: _below("support", desk.problems(config.support, set(ids)))),
        ("person oncall contact channel", lambda: channels.of_people(config.notifying, ids)),
        ("channel notices", lambda: channels.of_channels(config.notifying)),
    )
    told_keys = set(told)
    return [
        problem
        for sections, rule in rules
        if not any(section in broken for section in sections.split())
        for problem in rule()
        if told_keys.isdisjoint(holders(problem.key))
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


MOST_OFFERS = 6
"""Beside the plan that he has, two others, and no tenth option."""


def _payback(config: Config) -> Iterator[Problem]:
    if not 0 < decimal.Decimal(config.payback.margin) <= 1:
        yield Problem(
            ("payback", "margin"),
            f"must be above 0 and at most 1: a part of a bill; found {config.payback.margin}",
        )
    if config.payback.left > config.payback.months:
        yield Problem(
            ("payback", "left"),
            f"must be at most payback.months ({config.payback.months}): customers left in that many customer-months; "
            f"found {config.payback.left}",
        )


def _letters(config: Config) -> Iterator[Problem]:
    if (count := len(config.letters.free) + len(config.letters.paid)) > MOST_OFFERS:
        yield Problem(
            ("letters",),
            f"free and paid must be {MOST_OFFERS} offers at most, for one digit answers a letter; found {count}",
        )


def _below(section: str, found: Iterable[Problem]) -> Iterator[Problem]:
    for problem in found:
        yield Problem((section, *problem.key), problem.what)


def _edges(edges: tuple[EdgeSettings, ...]) -> Iterator[Problem]:
    yield from _twice("edge", [edge.id for edge in edges])
    for place, edge in enumerate(edges):
        key: Key = ("edge", place)
        if edge.from_ is not None and edge.to is not None and edge.to.at() <= edge.from_.at():
            begins = instant_text(edge.from_.at())
            yield Problem((*key, "to"), f"must be after from ({begins}); it is exclusive")
        for number, pause in enumerate(edge.pauses or ()):
            if pause is None or pause.from_ is None or pause.to is None:
                continue
            if pause.to.at() <= pause.from_.at():
                yield Problem((*key, "pauses", number, "to"), "must be after from; it is exclusive")


def _customers(customers: tuple[CustomerSettings, ...], told: Collection[Key]) -> Iterator[Problem]:
    yield from _twice("customer", [customer.id for customer in customers])
    owners: dict[str, Key] = {}
    for place, customer in enumerate(customers):
        for number, resource in enumerate(customer.resources or ()):
            key: Key = ("customer", place, "resources", number)
            if resource is None:
                continue
            if not _HOST.fullmatch(resource):
                yield Problem(
                    key, f'expected a host, or "*." and a domain for all below it, found "{resource}"'
                )
            elif (other := owners.setdefault(resource.lower(), key)) != key:
                yield Problem(
                    key, f'"{resource}" is already given at {key_text(other)}: who pays must be one'
                )
        yield from contract_problems(("customer", place, "contract"), customer.contract or (), told)


def _twice(what: str, ids: list[str | None]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for place, name in enumerate(ids):
        if name is not None and (other := first.setdefault(name, place)) != place:
            yield Problem((what, place, "id"), f'"{name}" is already the id of {what}[{other}]')
