"""Writes a plan as TOML, which pipeline.rating.plan_toml must read back as the same plan."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

from pipeline.rating.model import Charge, Meter, Model, Plan, Rounding
from pipeline.rating.plan_shape import WEEK

_BARE = Rounding()


def plan_text(plan: Plan) -> str:
    """The TOML of a plan; what has its default is left out."""
    lines = list(_lines(_plan_keys(plan)))
    for charge in plan.charges:
        lines += ["", "[[charge]]", *_lines(_charge_keys(charge))]
    return "\n".join(lines) + "\n"


def _plan_keys(plan: Plan) -> dict[str, Any]:
    return {
        "id": plan.id,
        "version": plan.version,
        "name": dict(plan.names),
        "currency": plan.currency,
        "valid_from": plan.valid_from,
        "valid_to": plan.valid_to,
        "minimum": plan.minimum,
        "cap": plan.cap,
        "proration": plan.proration,
        "source": plan.source,
        "rounding": _rounding(plan.rounding),
    }


def _charge_keys(charge: Charge) -> dict[str, Any]:
    hours, rule, promise, tax = charge.hours, charge.percentile, charge.commitment, charge.tax
    unmetered = charge.meter is Meter.FLAT
    return {
        "id": charge.id,
        "name": dict(charge.names),
        "meter": charge.meter.value,
        "unit": None if unmetered and charge.model is Model.PERCENTAGE else charge.unit,
        "model": charge.model.value,
        "unit_price": charge.unit_price,
        "flat": charge.flat,
        "tiers": [
            {
                "up_to": tier.up_to,
                "unit_price": None if charge.model is Model.CAPACITY else tier.unit_price,
                "flat": tier.flat,
                "block": tier.block,
            }
            for tier in charge.tiers
        ],
        "package": charge.package,
        "begun": None if charge.begun else False,
        "rate": charge.rate,
        "of": list(charge.of),
        "free_units": charge.free_units,
        "whole_units": charge.whole_units,
        "zero_pays_first_flat": charge.zero_pays_first_flat or None,
        "top_tier": charge.top_tier or None,
        "window": f"{charge.window_s // 60}m" if charge.window_s else None,
        "group": charge.group,
        "percent_off": charge.percent_off,
        "minimum": charge.minimum,
        "cap": charge.cap,
        "tax": tax and {"name": tax.name, "rate": tax.rate, "included": tax.included},
        "where": {"zone": list(charge.where.zones), "resource": list(charge.where.resources)},
        "hours": hours
        and {
            "from": hours.begin,
            "to": hours.end,
            "tz": hours.tz,
            "days": [WEEK[day] for day in hours.days],
        },
        "rounding": _rounding(charge.rounding),
        "commitment": promise
        and {
            "units": promise.units,
            "price": promise.price,
            "overage_price": promise.overage_price,
            "true_up": promise.true_up,
        },
        "percentile": rule
        and {
            "rank": rule.rank,
            "sample": f"{rule.sample_s // 60}m",
            "method": rule.method,
            "of": rule.of,
            "missing_samples": rule.missing_samples,
            "valid_days": rule.valid_days,
            "valid_days_factor": rule.valid_days_factor or None,
        },
    }


def _rounding(rounding: Rounding) -> dict[str, Any] | None:
    if rounding == _BARE:
        return None
    return {"scale": rounding.scale, "mode": rounding.mode, "at": rounding.at}


def _lines(keys: Mapping[str, Any]) -> Iterator[str]:
    return (f"{key} = {_value(value)}" for key, value in keys.items() if _is_given(value))


def _is_given(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_is_given(each) for each in value.values())
    return value is not None and value not in ("", [])


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f'"{value:f}"'
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return f'"{value:%H:%M}"'
    if isinstance(value, dict):
        return "{ " + ", ".join(_lines(value)) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    if isinstance(value, int):
        return str(value)
    # JSON's escapes are TOML's, but for DEL, which TOML wants escaped too
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
