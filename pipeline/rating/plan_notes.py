"""What is allowed in a plan and may still not be meant: for `prebill plans check`, from plans that were read."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from pipeline.rating.model import Charge, Meter, Model, Plan
from pipeline.rating.uncounted import hours_left_out


def notes_on(plan: Plan, zones: Iterable[str] = ()) -> list[str]:
    """One sentence a thing to look at; `zones`: those that edges are in, where they are known."""
    notes = [f"charge {charge.id}: {text}" for charge in plan.charges for text in _charge_notes(charge)]
    meters = {charge.meter for charge in plan.charges} - {Meter.FLAT}
    for meter in sorted(meters, key=lambda each: each.value):
        charges = [charge for charge in plan.charges if charge.meter is meter]
        if left := zones_left_out(plan, meter, zones):
            notes.append(f"{meter.value}: nothing prices it in {', '.join(left)}, where there are edges")
        if free := hours_left_out(charges):
            notes.append(f"{meter.value}: nothing prices it from {free[0]} to {free[1]} ({free[2]})")
    if not plan.names:
        notes.append("no name, so bills call it by its id")
    return notes


def zones_left_out(plan: Plan, meter: Meter, zones: Iterable[str]) -> list[str]:
    """Of these zones, those whose usage of a meter no charge of the plan counts."""
    charges = [charge for charge in plan.charges if charge.meter is meter]
    if not charges or any(not charge.where.zones for charge in charges):
        return []
    priced = {zone for charge in charges for zone in charge.where.zones}
    return sorted(set(zones) - priced)


def _charge_notes(charge: Charge) -> Iterator[str]:
    if charge.tiers and charge.tiers[-1].up_to is not None:
        yield (
            f"the last tier ends at {charge.tiers[-1].up_to} {charge.unit}: more than that cannot be billed; "
            "leave its up_to out"
        )
    if charge.model is Model.VOLUME or charge.top_tier:
        prices = [tier.unit_price for tier in charge.tiers]
        if any(later < earlier for earlier, later in itertools.pairwise(prices)):
            yield "the bill falls where usage passes a bound into a cheaper tier"
