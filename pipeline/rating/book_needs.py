"""What the plans of a book count, all of them together: the columns that many customers' usage is reduced to, once.

From a compiled book and the plans that it refused, to pipeline.rating.book_usage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.rating.compiled_book import key_of
from pipeline.rating.meter import matches
from pipeline.rating.model import Meter, Model, Percentile
from pipeline.rating.rates import RATES, rule_of_rate
from pipeline.rating.samples import MINUTE_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.rating.compiled_book import CompiledBook
    from pipeline.rating.model import Charge, Hours, Plan

Filter = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Needs:
    """`columns`: a charge for each column, those of the compiled book first and in its order; `places`: the column of
    each `key_of`; `filters`: what of a customer's resources they ask for; `hours`: the windows of the day that totals
    are told apart by; `rates`: the columns of each (filter, seconds of a sample); `windows`: a charge for each column
    that is also counted window by window; `alone`: plans that count what no column holds, and why."""

    columns: tuple[Charge, ...]
    places: dict[object, int]
    filters: tuple[Filter, ...]
    hours: tuple[Hours, ...]
    rates: dict[tuple[Filter, int], tuple[int, ...]]
    windows: tuple[Charge, ...]
    alone: tuple[tuple[Plan, str], ...]

    @property
    def by_resource(self) -> bool:
        """Whether any of them asks for some resources only."""
        return any(self.filters)

    def asked_by(self, resource: str) -> frozenset[int]:
        """The places of the filters that a resource passes."""
        return frozenset(place for place, each in enumerate(self.filters) if matches(resource, each))


def needs_of(book: CompiledBook) -> Needs:
    """What the plans of a book count."""
    columns = list(book.columns)
    places = {key_of(charge): place for place, charge in enumerate(columns)}
    alone: list[tuple[Plan, str]] = []
    windows: dict[object, Charge] = {}
    for plan in [*(one.plan for one in book.plans), *(plan for plan, _ in book.refused)]:
        counted = [charge for charge in plan.charges if charge.model is not Model.PERCENTAGE]
        if why := next((said for charge in counted if (said := _why_alone(charge))), ""):
            alone.append((plan, why))
            continue
        for charge in counted:
            if charge.window_s is not None:
                windows.setdefault(window_key(charge), charge)
            if key_of(charge) not in places:
                places[key_of(charge)] = len(columns)
                columns.append(charge)
    kept = [charge for charge in columns if charge.meter is not Meter.FLAT and not _why_alone(charge)]
    rates: dict[tuple[Filter, int], list[int]] = {}
    for charge in kept:
        if charge.meter in RATES:
            key = (charge.where.resources, percentile_of(charge).sample_s)
            rates.setdefault(key, []).append(places[key_of(charge)])
    return Needs(
        tuple(columns),
        places,
        tuple(dict.fromkeys(charge.where.resources for charge in kept)),
        tuple(
            dict.fromkeys(
                charge.hours for charge in kept if charge.hours is not None and charge.meter not in RATES
            )
        ),
        {key: tuple(found) for key, found in rates.items()},
        tuple(windows.values()),
        tuple(alone),
    )


def _why_alone(charge: Charge) -> str:
    if charge.window_s is not None and (
        charge.meter in RATES
        or charge.meter is Meter.FLAT
        or charge.window_s % MINUTE_S
        or charge.window_s <= 0
    ):
        return f"charge {charge.id} prices windows of {charge.window_s} s of {charge.meter.value}"
    if charge.meter in RATES and rule_of_rate(charge).valid_days_factor:
        return f"charge {charge.id} is paid for the days with traffic"
    if charge.meter in RATES and percentile_of(charge).sample_s % MINUTE_S:
        return f"charge {charge.id} has samples of {percentile_of(charge).sample_s} s, which are no whole minutes"
    return ""


def window_key(charge: Charge) -> object:
    """What makes the windows of two charges the same."""
    return (key_of(charge), charge.window_s)


def percentile_of(charge: Charge) -> Percentile:
    """How the samples of a rate become one."""
    return rule_of_rate(charge)


def classes_of(asked: Sequence[frozenset[int]]) -> tuple[list[int], list[frozenset[int]]]:
    """Each one's place among the distinct ones, and those."""
    distinct: dict[frozenset[int], int] = {}
    return [distinct.setdefault(each, len(distinct)) for each in asked], list(distinct)
