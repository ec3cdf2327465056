"""What must hold between the keys of a plan, beyond the type of each: what a model needs, tiers in order, units that go
with meters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.rating.model import Meter, Model
from pipeline.rating.plan_shape import Amount, ChargeTable, PercentileTable, PlanTable
from pipeline.rating.units import UnitError, base_of, unit_for
from pipeline.shape import Key, Problem, found, key_text

_HOST = re.compile(r"(\*\.)?[^\s*,;/]{1,253}")
_RATES = (Meter.P95_BPS, Meter.PEAK_BPS)
LEAST_WINDOW_S = 3600
"""Of a rate: each window is a percentile of its own."""

_COUNTED = ("free_units", "whole_units", "window")

NEEDS: dict[Model, tuple[str, ...]] = {
    Model.FLAT: ("flat",),
    Model.PER_UNIT: ("unit_price",),
    Model.GRADUATED: ("tiers",),
    Model.VOLUME: ("tiers",),
    Model.PACKAGE: ("package", "unit_price"),
    Model.BLOCKS: ("tiers",),
    Model.CAPACITY: ("tiers",),
    Model.PERCENTAGE: ("rate",),
    Model.COMMITMENT: ("commitment",),
    Model.PERCENTILE: (),
}
"""The keys that a model cannot do without."""

MAY: dict[Model, tuple[str, ...]] = {
    Model.FLAT: (),
    Model.PER_UNIT: _COUNTED,
    Model.GRADUATED: (*_COUNTED, "zero_pays_first_flat"),
    Model.VOLUME: (*_COUNTED, "zero_pays_first_flat"),
    Model.PACKAGE: (*_COUNTED, "begun"),
    Model.BLOCKS: (*_COUNTED, "package", "begun", "top_tier", "zero_pays_first_flat"),
    Model.CAPACITY: _COUNTED,
    Model.PERCENTAGE: ("of", "free_units"),
    Model.COMMITMENT: _COUNTED,
    Model.PERCENTILE: (
        "unit_price",
        "tiers",
        "commitment",
        "top_tier",
        "zero_pays_first_flat",
        *_COUNTED,
    ),
}
"""The keys that it understands beside those."""

_PRICING = sorted({key for keys in (*NEEDS.values(), *MAY.values()) for key in keys})


def check_plan(plan: PlanTable) -> list[Problem]:
    """Every problem of a plan, but those of types: what was of a wrong type is None here, and passed over."""
    problems = list(_limits(plan.minimum, plan.cap, ()))
    if (
        plan.valid_to is not None
        and plan.valid_from is not None
        and plan.valid_to.value <= plan.valid_from.value
    ):
        problems.append(
            Problem(("valid_to",), f"must be after valid_from ({plan.valid_from.value}); it is exclusive")
        )
    first: dict[str, int] = {}
    for place, charge in enumerate(plan.charge or ()):
        key: Key = ("charge", place)
        if charge is None:
            continue
        if charge.id is not None and (other := first.setdefault(charge.id.value, place)) != place:
            problems.append(
                Problem((*key, "id"), f'"{charge.id.value}" is already the id of charge[{other}]')
            )
        problems += _charge(charge, plan, key)
    return problems


def _charge(charge: ChargeTable, plan: PlanTable, key: Key) -> Iterator[Problem]:
    if charge.model is not None:
        yield from _keys(charge, key)
        yield from _tiers(charge, key)
    if charge.model is not None and charge.meter is not None:
        yield from _unit(charge, plan, key)
        yield from _rates(charge, key)
    elif charge.unit is not None:
        yield from _known_unit(charge.unit, key)
    if charge.window is not None and charge.free_units is not None:
        yield Problem((*key, "free_units"), "not with window: free units are of the month")
    yield from _usage(charge, key)
    yield from _of(charge, plan, key)
    yield from _limits(charge.minimum, charge.cap, key)
    for name in ("package", "rate"):
        amount: Amount | None = getattr(charge, name)
        if amount is not None and not amount.value:
            yield Problem((*key, name), 'expected more than 0, found "0"')
    if charge.percent_off is not None and charge.percent_off.value > 100:
        yield Problem(
            (*key, "percent_off"), f"expected at most 100 per cent, found {charge.percent_off.value}"
        )


def _unit(charge: ChargeTable, plan: PlanTable, key: Key) -> Iterator[Problem]:
    if charge.model is Model.PERCENTAGE:
        currency = plan.currency.value if plan.currency is not None else charge.unit
        if charge.unit not in (None, currency):
            yield Problem(
                (*key, "unit"),
                f'model percentage counts money: leave it out, or write "{currency}"; '
                f"found {found(charge.unit)}",
            )
        if charge.meter is not Meter.FLAT:
            yield Problem(
                (*key, "meter"),
                f"expected flat for model percentage, which counts other charges; found {charge.meter.value}",
            )
    elif charge.unit is None:
        if charge.meter is not Meter.FLAT:
            yield Problem((*key, "unit"), f"required for meter {charge.meter.value}, and not given")
    else:
        try:
            unit_for(charge.unit, charge.meter)
        except UnitError as error:
            yield Problem((*key, "unit"), str(error))


def _known_unit(unit: str, key: Key) -> Iterator[Problem]:
    try:
        base_of(unit)
    except UnitError as error:
        yield Problem((*key, "unit"), str(error))


def _keys(charge: ChargeTable, key: Key) -> Iterator[Problem]:
    """What the model needs is there, and nothing that it would pass over in silence."""
    model = charge.model
    for name in NEEDS[model]:
        if getattr(charge, name) is None:
            yield Problem((*key, name), f"required for model {model.value}, and not given")
    for name in _PRICING:
        if getattr(charge, name) is not None and name not in (*NEEDS[model], *MAY[model]):
            uses = ", ".join((*NEEDS[model], *MAY[model]))
            yield Problem((*key, name), f"model {model.value} does not use it; it uses {uses}")
    if model is Model.PERCENTILE:
        given = [name for name in ("unit_price", "tiers", "commitment") if getattr(charge, name) is not None]
        if len(given) != 1:
            told = f"found {' and '.join(given)}" if given else "none is given"
            at: Key = key if given else (*key, "unit_price")
            yield Problem(at, f"model percentile needs one of unit_price, tiers, commitment; {told}")


def _tiers(charge: ChargeTable, key: Key) -> Iterator[Problem]:
    if charge.tiers is None:
        return
    if not charge.tiers:
        yield Problem((*key, "tiers"), "expected at least one, found an empty list")
    below, last = None, len(charge.tiers) - 1
    for place, tier in enumerate(charge.tiers):
        at: Key = (*key, "tiers", place)
        if tier is None:
            continue
        if tier.up_to is None:
            if place < last:
                yield Problem((*at, "up_to"), "required but in the last tier, and not given")
        else:
            floor = below if below is not None else 0
            if tier.up_to.value <= floor:
                than = f"{floor}, the up_to of tiers[{place - 1}]" if below is not None else "0"
                yield Problem((*at, "up_to"), f"expected more than {than}, found {tier.up_to.value}")
            below = tier.up_to.value
        wanted = "flat" if charge.model is Model.CAPACITY else "unit_price"
        if tier.unit_price is None and tier.flat is None:
            yield Problem((*at, wanted), f"required for model {charge.model.value}, and not given")
        if charge.model is Model.CAPACITY and tier.unit_price is not None:
            yield Problem((*at, "unit_price"), "model capacity does not use it; a tier's price is its flat")
        yield from _block(charge, place, at)


def _block(charge: ChargeTable, place: int, at: Key) -> Iterator[Problem]:
    tiers = charge.tiers or ()
    block = tiers[place].block
    if charge.model is not Model.BLOCKS:
        if block is not None:
            yield Problem((*at, "block"), f"only for model blocks, found in model {charge.model.value}")
    elif block is None and charge.package is None:
        yield Problem((*at, "block"), "required for model blocks where the charge has no package")
    elif block is not None and not block.value:
        yield Problem((*at, "block"), 'expected more than 0, found "0"')


def _rates(charge: ChargeTable, key: Key) -> Iterator[Problem]:
    """What belongs to bandwidth alone."""
    if charge.meter not in _RATES:
        if charge.model is Model.PERCENTILE:
            yield Problem(
                (*key, "meter"),
                f"expected p95_bps or peak_bps for model percentile, found {charge.meter.value}",
            )
        return
    yield from _rate_window(charge, key)
    rule = charge.percentile
    if rule is None or rule.rank is None:
        return
    at: Key = (*key, "percentile", "rank")
    if not 0 < rule.rank.value <= 100:
        yield Problem(at, f"expected above 0 and up to 100, found {rule.rank.value}")
    elif charge.meter is Meter.PEAK_BPS and rule.rank.value != 100:
        yield Problem(at, f"meter peak_bps is the highest sample, rank 100; found {rule.rank.value}")


def _rate_window(charge: ChargeTable, key: Key) -> Iterator[Problem]:
    """Each window has a rate of its own, so it holds whole samples."""
    if charge.window is None:
        return
    seconds, rule = charge.window.seconds, charge.percentile or PercentileTable()
    if seconds < LEAST_WINDOW_S:
        yield Problem(
            (*key, "window"),
            f"expected an hour or more for meter {charge.meter.value}, found {seconds // 60} minutes",
        )
    elif rule.sample is not None and seconds % rule.sample.seconds:
        yield Problem(
            (*key, "window"), f"expected a whole number of its samples of {rule.sample.seconds // 60} minutes"
        )
    if rule.valid_days_factor:
        at = (*key, "percentile", "valid_days_factor")
        yield Problem(at, "not with window: a window without traffic has its own price already")


def _usage(charge: ChargeTable, key: Key) -> Iterator[Problem]:
    """Which usage is counted: hours, zones, resources."""
    if charge.meter is Meter.FLAT:
        for name, given in (("hours", charge.hours), ("where", charge.where.zone or charge.where.resource)):
            if given:
                yield Problem((*key, name), "not for meter flat, which counts no usage")
        return
    for place, resource in enumerate(charge.where.resource or ()):
        if resource is not None and not _HOST.fullmatch(resource):
            yield Problem(
                (*key, "where", "resource", place),
                f'expected a host, or "*." and a domain for all below it, found "{resource}"',
            )
    hours = charge.hours
    if hours is None:
        return
    if hours.tz is not None and not _is_zone(hours.tz):
        yield Problem((*key, "hours", "tz"), f'expected a time zone like "Europe/Moscow", found "{hours.tz}"')
    if hours.to is not None and hours.from_ == hours.to and hours.days is None:
        yield Problem(
            (*key, "hours", "to"), "the same as from: leave hours out for the whole day, or name its days"
        )
    seen: dict[str | None, int] = {}
    for place, day in enumerate(hours.days or ()):
        if day is not None and (other := seen.setdefault(day, place)) != place:
            at = (*key, "hours", "days", place)
            yield Problem(at, f'"{day}" is already given at {key_text((*key, "hours", "days", other))}')


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _of(charge: ChargeTable, plan: PlanTable, key: Key) -> Iterator[Problem]:
    known_ids = [each for each in plan.charge if each is not None and each.id is not None]
    others = {each.id.value: each for each in known_ids if each.id != charge.id}
    for place, name in enumerate(charge.of or ()):
        if name is None:
            continue
        if name not in others:
            known = ", ".join(others) or "none"
            yield Problem((*key, "of", place), f'expected another charge ({known}), found "{name}"')
        elif others[name].model is Model.PERCENTAGE:
            yield Problem((*key, "of", place), f'"{name}" is a percentage itself: name the charges it is of')


def _limits(minimum: Amount | None, cap: Amount | None, key: Key) -> Iterator[Problem]:
    if minimum is not None and cap is not None and cap.value < minimum.value:
        holder = key_text((*key, "minimum"))
        yield Problem((*key, "cap"), f"must not be below {holder} ({minimum.value}), found {cap.value}")
