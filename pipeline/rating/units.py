"""Units as plans name them: from "GB", "Mbps" or "10k-requests" to what is counted and how many of it, and back,
exactly; for the plan book, metering and bills. Decimal and binary units are never taken for one another.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact
from enum import Enum

from pipeline.rating.model import Meter
from pipeline.shape import nearest


class Kind(Enum):
    """What a unit counts in the end."""

    BYTES = "bytes"
    BPS = "bit/s"
    REQUESTS = "requests"
    FLAT = "flat"


KIND_OF = {
    Meter.BYTES_SENT: Kind.BYTES,
    Meter.BODY_BYTES: Kind.BYTES,
    Meter.REQUESTS: Kind.REQUESTS,
    Meter.P95_BPS: Kind.BPS,
    Meter.PEAK_BPS: Kind.BPS,
    Meter.FLAT: Kind.FLAT,
}
"""What each meter's quantities are counted in."""

MONTH = "month"
"""The unit of what is not metered."""

_LIKE = {
    Kind.BYTES: "GB, GiB, TB or TiB",
    Kind.BPS: "Mbps or Gbps",
    Kind.REQUESTS: "requests, 10k-requests or 1M-requests",
    Kind.FLAT: MONTH,
}
_DECIMAL = ("", "k", "M", "G", "T", "P")
_BINARY = ("Ki", "Mi", "Gi", "Ti", "Pi")
_FIXED: dict[str, tuple[Kind, int]] = {
    MONTH: (Kind.FLAT, 1),
    **{f"{prefix}B": (Kind.BYTES, 1000**power) for power, prefix in enumerate(_DECIMAL)},
    **{f"{prefix}B": (Kind.BYTES, 1024**power) for power, prefix in enumerate(_BINARY, 1)},
    **{f"{prefix}bps": (Kind.BPS, 1000**power) for power, prefix in enumerate(_DECIMAL)},
    "requests": (Kind.REQUESTS, 1),
}
_REQUESTS = re.compile(r"(10{0,6})?([kM])?-requests")
# every unit is a product of twos and fives, so a quotient by one ends after as many digits as it has of them
_EXACT = Context(prec=400, traps=[Inexact])


class UnitError(ValueError):
    """A unit that is none, or that does not go with a meter; the text says what was expected."""


def base_of(unit: str) -> tuple[Kind, int]:
    """What a unit counts, and how many of it: GB → bytes, 10^9; 10k-requests → requests, 10,000. Raises UnitError."""
    if unit in _FIXED:
        return _FIXED[unit]
    if (found := _REQUESTS.fullmatch(unit)) and (found[1] or found[2]):
        return Kind.REQUESTS, int(found[1] or 1) * {"": 1, "k": 1000, "M": 1_000_000}[found[2] or ""]
    raise UnitError(f'expected a unit like {_examples()}, found "{unit}"{_hint(unit, known_units())}')


def unit_for(unit: str, meter: Meter) -> int:
    """How many bytes, bit/s or requests of a meter are in a unit. Raises UnitError when it counts something else."""
    try:
        kind, size = base_of(unit)
    except UnitError:
        kind, size = Kind.FLAT, 0
    wanted = KIND_OF[meter]
    if kind is wanted and size:
        return size
    known = known_units(wanted)
    raise UnitError(
        f'expected a unit of {wanted.value} for meter {meter.value}, like {_LIKE[wanted]}, found "{unit}"'
        f"{_hint(unit, known)}"
    )


def to_units(base: int, unit: str) -> Decimal:
    """So many bytes, bit/s or requests in a unit, exactly. Raises UnitError."""
    return _EXACT.divide(Decimal(base), Decimal(base_of(unit)[1]))


def known_units(kind: Kind | None = None) -> list[str]:
    """The units by name, of one kind or all; powers of ten before `k-requests` and `M-requests` are more of them."""
    counted = ["1k-requests", "10k-requests", "1M-requests"] if kind in (None, Kind.REQUESTS) else []
    return [name for name, (each, _) in _FIXED.items() if kind in (None, each)] + counted


def _examples() -> str:
    return "GB, GiB, TB, TiB, Mbps, 10k-requests or month"


def _hint(unit: str, known: list[str]) -> str:
    same = [name for name in known if name.lower() == unit.lower()]
    hint = nearest(unit, known)
    if same:
        return f"; did you mean {same[0]}?"
    return f"; {hint}" if "did you mean" in hint else ""
