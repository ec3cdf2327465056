"""What must hold in and between a customer's contracts of the configuration: zones known, times in order, one contract
at any time; for rules.py. What could not be read is None here whatever its type says, and passed over.
"""

from __future__ import annotations

import decimal
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.app.configuration.settings import Contract
from pipeline.configured import Instant
from pipeline.instants import instant_text
from pipeline.shape import Key, Problem, key_text

ANY_ZONE = timedelta(hours=26)
"""How far one date's midnights lie apart at most, from zone to zone: in a zone that is not known no time is surer."""


@dataclass(frozen=True, slots=True)
class _Held:
    """When a contract holds, by the zone of that name; UTC in the place of one that is not known."""

    start: datetime
    end: datetime | None
    number: int
    tz: str | None
    known: bool


def contract_problems(
    key: Key, contracts: tuple[Contract, ...], told: Collection[Key] = ()
) -> Iterator[Problem]:
    """At any time between the first and the last one contract holds: none overlap, and no time is left out.

    `told`: keys that could not be read.
    """
    held: list[_Held] = []
    for number, contract in enumerate(contracts):
        if contract is None:
            continue
        zone = zone_of(contract.tz)
        if zone is None and contract.tz is not None:
            yield Problem(
                (*key, number, "tz"), f'expected a time zone like "Europe/Moscow", found "{contract.tz}"'
            )
        yield from _terms(contract, zone, (*key, number), told)
        if contract.from_ is None:
            continue
        end = contract.to
        if end is not None and _reaches(contract.from_, end, zone):
            yield Problem((*key, number, "to"), "must be after from; it is exclusive")
            end = None
        held.append(
            _Held(
                contract.from_.at(zone or UTC),
                None if end is None else end.at(zone or UTC),
                number,
                contract.tz,
                zone is not None,
            )
        )
    yield from _between(key, held)


def zone_of(name: str | None) -> ZoneInfo | None:
    """The zone of time of that name, None where there is none."""
    try:
        return None if name is None else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _between(key: Key, held: list[_Held]) -> Iterator[Problem]:
    """Each contract against all that began before it, not only the last: that may be the shorter one."""
    held.sort(key=lambda each: each.start)
    longest: _Held | None = None
    before: _Held | None = None
    for each in held:
        if before is not None and before.start == each.start and not _margin(before, each):
            yield _overlap(key, each, before)
        elif longest is not None and longest.end is not None:
            over = longest.end - each.start
            if over > _margin(longest, each):
                yield _overlap(key, each, longest)
            elif -over > _margin(longest, each) and before is not None and before.end is not None:
                yield Problem(
                    (*key, each.number),
                    f"leaves a hole after {key_text((*key, longest.number))}: nothing holds from "
                    f"{instant_text(longest.end)} to {instant_text(each.start)}; "
                    "leave its to out, and it ends where this begins",
                )
        if each.end is not None and (longest is None or longest.end is None or each.end > longest.end):
            longest = each
        before = each


def _margin(one: _Held, other: _Held) -> timedelta:
    same = (one.known and other.known) or one.tz == other.tz
    return timedelta(0) if same else ANY_ZONE


def _overlap(key: Key, later: _Held, earlier: _Held) -> Problem:
    what = f"overlaps {key_text((*key, earlier.number))}: at any time one contract holds"
    return Problem((*key, later.number), what)


def _reaches(one: Instant, other: Instant, zone: ZoneInfo | None) -> bool:
    """Whether `one` is not before `other`: surely so, where their zone is not known."""
    alike = isinstance(one.value, datetime) == isinstance(other.value, datetime)
    margin = timedelta(0) if zone is not None or alike else ANY_ZONE
    return one.at(zone or UTC) >= other.at(zone or UTC) + margin


def _terms(contract: Contract, zone: ZoneInfo | None, key: Key, told: Collection[Key]) -> Iterator[Problem]:
    """Taxes in order, and each discount one of per cent and amount."""
    begun = contract.from_
    for place, tax in enumerate(contract.later_tax or ()):
        if tax is None or tax.from_ is None or begun is None:
            continue
        if _reaches(begun, tax.from_, zone):
            yield Problem(
                (*key, "later_tax", place, "from"),
                f"must be after {instant_text(begun.at(zone or UTC))}, when what was before it began",
            )
        else:
            begun = tax.from_
    for place, discount in enumerate(contract.discount or ()):
        at: Key = (*key, "discount", place)
        if discount is None:
            continue
        unread = (*at, "percent") in told or (*at, "amount") in told
        if not unread and (discount.percent is None) == (discount.amount is None):
            which = "neither" if discount.percent is None else "both"
            yield Problem(at, f"expected one of percent and amount, found {which}")
        if discount.percent is not None and decimal.Decimal(discount.percent) > 100:
            yield Problem((*at, "percent"), f"expected at most 100, found {discount.percent}")
        if (
            discount.to is not None
            and discount.from_ is not None
            and _reaches(discount.from_, discount.to, zone)
        ):
            yield Problem((*at, "to"), "must be after from; it is exclusive")
