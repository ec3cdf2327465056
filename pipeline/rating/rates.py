"""How a rate comes about, in words: the rule of a percentile as the plan has it, and what metering counted by it; for
the lines of bills. Metering itself is pipeline.rating.meter."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from pipeline.rating.model import Meter, Percentile

if TYPE_CHECKING:
    from pipeline.rating.model import Charge

USUAL = Percentile(
    rank=Decimal(95), sample_s=300, method="nearest_rank", of="sum", missing_samples="zero", valid_days=False
)
"""How a series of rates becomes one where a plan does not say it."""

RATES = (Meter.P95_BPS, Meter.PEAK_BPS)

_OF = {
    "sum": "all zones together",
    "max_of_zones": "the greatest of the zones",
    "sum_of_zones": "each zone alone and added up",
}
_MISSING = {"zero": "missing samples count as zero", "skip": "missing samples do not count"}


def rule_of_rate(charge: Charge) -> Percentile:
    """The whole rule of a charge for bandwidth; a peak is the highest sample, whatever days there are."""
    how = charge.percentile or USUAL
    if charge.meter is not Meter.PEAK_BPS:
        return how
    return Percentile(
        Decimal(100),
        how.sample_s,
        "nearest_rank",
        how.of,
        how.missing_samples,
        valid_days=False,
        valid_days_factor=how.valid_days_factor,
    )


def counted_text(charge: Charge, count: int | None = None) -> str:
    """Which sample it is, of how many where that is known, and of what."""
    how = rule_of_rate(charge)
    said = "peak" if charge.meter is Meter.PEAK_BPS else f"p{how.rank} by {how.method}"
    many = "" if count is None else f"{count} "
    return f"{said} of {many}samples of {how.sample_s} s, {_OF[how.of]}"


def rate_words(charge: Charge, note: str = "") -> list[str]:
    """Everything that makes the rate what it is; `note`: what metering said of it, none where it was told as a sum."""
    if charge.meter not in RATES:
        return []
    how = rule_of_rate(charge)
    days = "days without traffic do not count" if how.valid_days else "all days count"
    if charge.meter is Meter.PEAK_BPS:
        words = [note or counted_text(charge)]
    else:
        words = [note or counted_text(charge), _MISSING[how.missing_samples], days]
    if how.valid_days_factor:
        words.append("paid for the days with traffic")
    return words
