"""Reads one plan's TOML into the nouns of rating, or tells every fault at once with its line; for book.py and commands
that take a plan's file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from pipeline.rating.model import (
    Charge,
    Commitment,
    Hours,
    Meter,
    Model,
    Percentile,
    Plan,
    Rounding,
    Tax,
    Tier,
    Where,
)
from pipeline.rating.plan_errors import PlanError
from pipeline.rating.plan_shape import (
    WEEK,
    Amount,
    ChargeTable,
    HoursTable,
    PercentileTable,
    PlanTable,
    RoundingTable,
)
from pipeline.rating.units import MONTH
from pipeline.shape import Key, Problem, holders, key_text, read_struct, told_keys
from pipeline.toml_lines import find_lines

MAX_SIZE = 1 << 20
ZERO = Decimal(0)
RANK = Decimal(95)
TOP_RANK = Decimal(100)
_ID_LINE = re.compile(r"""(?m)^[ \t]*id[ \t]*=[ \t]*["']([^"'\n]+)["']""")


def read_plan(path: Path) -> Plan | list[PlanError]:
    """The plan of a file, or every fault of it; nothing is raised for what the file holds."""
    try:
        if path.stat().st_size > MAX_SIZE:
            return [PlanError(str(path), 0, "", f"expected a plan, found more than {MAX_SIZE >> 20} MiB")]
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return [PlanError(str(path), 0, "", f"expected UTF-8, found something else at byte {error.start}")]
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return [PlanError(str(path), 0, "", f"cannot be read: {reason}")]
    return parse_plan(text, str(path))


def told_id(path: Path) -> str:
    """The id that a plan's file tells, whatever else is wrong with it; empty where none is seen."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_SIZE).decode(errors="replace")
    except OSError:
        return ""
    found = _ID_LINE.search(text)
    return found[1] if found else ""


def parse_plan(text: str, file: str = "<plan>") -> Plan | list[PlanError]:
    """The plan of a TOML text, or every fault of it; `file` names it in them."""
    from pipeline.rating.plan_rules import check_plan

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        return [PlanError(file, int(place[1]) if place else 0, "", f"not TOML: {error}")]
    except RecursionError:
        return [PlanError(file, 0, "", "not a plan: lists or tables within one another without end")]
    problems: list[Problem] = []
    table = read_struct(PlanTable, document, (), problems, salvage=True)
    if table is not None:
        told = told_keys(problems)
        problems += [each for each in check_plan(table) if told.isdisjoint(holders(each.key))]
    if table is None or problems:
        return _placed(problems, find_lines(text), file)
    return _plan(table)


def _placed(problems: Sequence[Problem], lines: dict[Key, int], file: str) -> list[PlanError]:
    """Each at its key's line, or that of the nearest table that holds it; in the order of the file."""
    errors = []
    for problem in problems:
        held = (lines.get(problem.key[:depth]) for depth in range(len(problem.key), 0, -1))
        line = next((line for line in held if line), 0)
        errors.append(PlanError(file, line, key_text(problem.key), problem.what))
    return sorted(errors, key=lambda error: error.line)


def _plan(table: PlanTable) -> Plan:
    return Plan(
        id=table.id.value,
        version=table.version,
        names=table.name.value if table.name else {},
        currency=table.currency.value,
        valid_from=table.valid_from.value,
        valid_to=table.valid_to.value if table.valid_to else None,
        charges=tuple(_charge(each, table) for each in table.charge),
        minimum=_value(table.minimum),
        cap=_value(table.cap),
        proration=table.proration,
        source=table.source or "",
        rounding=_rounding(table.rounding),
    )


def _charge(table: ChargeTable, plan: PlanTable) -> Charge:
    promise = table.commitment
    return Charge(
        id=table.id.value,
        meter=table.meter,
        model=table.model,
        unit=table.unit or (plan.currency.value if table.model is Model.PERCENTAGE else MONTH),
        names=table.name.value if table.name else {},
        unit_price=_value(table.unit_price),
        flat=_value(table.flat),
        tiers=tuple(
            Tier(
                _value(tier.up_to),
                _value(tier.unit_price) or ZERO,
                _value(tier.flat) or ZERO,
                _value(tier.block),
            )
            for tier in table.tiers or ()
        ),
        package=_value(table.package),
        begun=table.begun is not False,
        rate=_value(table.rate),
        free_units=_value(table.free_units),
        minimum=_value(table.minimum),
        cap=_value(table.cap),
        commitment=Commitment(
            promise.units.value, promise.price.value, promise.overage_price.value, promise.true_up
        )
        if promise
        else None,
        where=Where(table.where.zone or (), table.where.resource or ()),
        hours=_hours(table.hours),
        percentile=_percentile(table),
        rounding=_rounding(table.rounding),
        of=table.of or (),
        whole_units=table.whole_units or "",
        zero_pays_first_flat=bool(table.zero_pays_first_flat),
        top_tier=bool(table.top_tier),
        window_s=table.window.seconds if table.window else None,
        group=table.group.value if table.group else "",
        percent_off=_value(table.percent_off),
        tax=Tax(table.tax.name, table.tax.rate.value, table.tax.included) if table.tax else None,
    )


def _hours(table: HoursTable | None) -> Hours | None:
    """Days of the week in order; all of them are none named, and all hours of all days are no window."""
    if table is None:
        return None
    days = tuple(place for place, name in enumerate(WEEK) if name in (table.days or ()))
    days = () if len(days) == len(WEEK) else days
    if table.from_ == table.to and not days:
        return None
    return Hours(table.from_.value, table.to.value, table.tz, days)


def _percentile(table: ChargeTable) -> Percentile | None:
    """What is left out of it is filled in here, so that a bill can name all of the rule."""
    if table.meter not in (Meter.P95_BPS, Meter.PEAK_BPS):
        return None
    rule = table.percentile or PercentileTable()
    usual = RANK if table.meter is Meter.P95_BPS else TOP_RANK
    return Percentile(
        rank=usual if rule.rank is None else rule.rank.value,
        sample_s=rule.sample.seconds,
        method=rule.method,
        of=rule.of,
        missing_samples=rule.missing_samples,
        valid_days=rule.valid_days,
        valid_days_factor=rule.valid_days_factor,
    )


def _rounding(table: RoundingTable) -> Rounding:
    return Rounding(table.scale, table.mode, table.at)


def _value(amount: Amount | None) -> Decimal | None:
    return None if amount is None else amount.value
