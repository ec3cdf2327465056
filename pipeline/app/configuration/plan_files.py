"""Plans and usage out of the files that a person names: the book of the configuration, a plan, a usage file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.app.failures import UsageFailure
from pipeline.instants import instant_text

if TYPE_CHECKING:
    from pipeline.app.configuration.settings import Config
    from pipeline.rating.book import PlanBook
    from pipeline.rating.model import Plan, Quantity
    from pipeline.rating.usage import Usage

LARGEST_JSON = 16 << 20
YEARS = (1971, 2105)
"""Of times that a month can be billed in, wherever on earth."""


def book_of(config: Config) -> PlanBook:
    """The configured plan book; UsageFailure with every fault of every plan."""
    from pipeline.rating.book import read_book
    from pipeline.rating.plan_errors import BookError

    try:
        return read_book(Path(config.plans.path))
    except BookError as error:
        raise UsageFailure(
            [str(each) for each in error.errors], mend="`prebill plans check` tells the same."
        ) from None


def plan_of(path: Path) -> Plan:
    """A plan out of its TOML; UsageFailure with every fault."""
    from pipeline.rating.plan_toml import read_plan

    found = read_plan(path)
    if isinstance(found, list):
        raise UsageFailure([str(error) for error in found])
    return found


@dataclass(frozen=True, slots=True)
class Metered:
    """Quantities that somebody has metered already, and their period where it was told."""

    quantities: tuple[Quantity, ...]
    begin: datetime | None
    end: datetime | None


def usage_of_file(path: Path) -> Usage | Metered:
    """What `--usage` names: columns out of CSV or Parquet, or quantities out of JSON. UsageFailure lists all faults."""
    if path.suffix.lower() == ".json":
        return _metered(path)
    from pipeline.rating.usage import UsageError, read_usage

    try:
        return read_usage(path)
    except UsageError as error:
        raise UsageFailure(list(error.faults)) from None


def _metered(path: Path) -> Metered:
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise UsageFailure(f"{path}: expected at most {LARGEST_JSON >> 20} MiB of JSON")
        document = json.loads(path.read_text("utf-8"), object_pairs_hook=_once)
    except OSError as error:
        raise UsageFailure(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise UsageFailure(f"{path}: expected JSON, found {error}") from None
    shape = '{"quantities": {"CHARGE": "1250.5"}, "period": {"from": TIME, "to": TIME}}'
    if not isinstance(document, dict) or not isinstance(document.get("quantities"), dict):
        raise UsageFailure(f"{path}: expected {shape}, found no quantities")
    faults: list[str] = []
    unknown = sorted(set(document) - {"quantities", "period"})
    if unknown:
        faults.append(f"{path}: expected quantities and period, found {', '.join(unknown)}")
    quantities = [_quantity(charge, value, faults, path) for charge, value in document["quantities"].items()]
    begin, end = (_time(document.get("period"), end, faults, path) for end in ("from", "to"))
    if begin and end and end <= begin:
        found = f"{instant_text(begin)} and {instant_text(end)}"
        faults.append(f"{path}: period: expected from before to, found {found}")
    if faults:
        raise UsageFailure(faults)
    return Metered(tuple(quantities), begin, end)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A table whose keys are there once: of two quantities of a charge nobody knows which was meant."""
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        twice = max(names, key=names.count)
        raise ValueError(f'"{twice}" {names.count(twice)} times')
    return table


def _quantity(charge: str, value: Any, faults: list[str], path: Path) -> Quantity:
    from pipeline.rating.model import Quantity

    found = Decimal(-1)
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        try:
            found = Decimal(value)
        except InvalidOperation:
            found = Decimal(-1)
    if not found.is_finite() or found < 0:
        faults.append(
            f'{path}: quantities.{charge}: expected a number of 0 or more as text, like "1250.5"; found {value!r}'
        )
        found = Decimal(0)
    return Quantity(charge, found, 0)


def _time(period: Any, end: str, faults: list[str], path: Path) -> datetime | None:
    if period is None:
        return None
    text = period.get(end) if isinstance(period, dict) else None
    try:
        at = datetime.fromisoformat(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        faults.append(
            f"{path}: period.{end}: expected a time or a day, like 2026-11-01T00:00:00Z; found {text!r}"
        )
        return None
    if not YEARS[0] <= at.year <= YEARS[1]:
        faults.append(f"{path}: period.{end}: expected a time from {YEARS[0]} to {YEARS[1]}; found {text!r}")
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
