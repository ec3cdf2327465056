"""The draft of a letter to a client whose month is getting dear, so that he hears it from us first; from a warning to
pipeline.rating.letter. Nothing is sent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from pipeline.app.configuration.settings import CustomerSettings
    from pipeline.rating.letter import Letter, Option
    from pipeline.rating.model import Period, Plan
    from pipeline.rating.spike import SpikeWarning
    from pipeline.rating.usage import Usage

NEXT_AFTER = timedelta(hours=24)


def draft_letter(
    customer: CustomerSettings,
    warning: SpikeWarning,
    plans: Mapping[str, Plan],
    period: Period,
    usage: Usage,
    now: datetime,
    *,
    taxed: bool,
    offers: tuple[Option, ...] = (),
) -> Letter:
    """What to write to him: the forecast, the best plan for the whole month where it is better, and `offers`. `plans`:
    by the ids that the warning names; `usage`: of the period so far."""
    from pipeline.rating.letter import Letter, Offer, Option
    from pipeline.rating.peak import find_peak, so_far

    current, best = warning.current, warning.best
    options = [Option(Offer.KEEP, plans[current.plan].names, current.expected)]
    if best.plan != current.plan and best.expected < current.expected:
        options.insert(0, Option(Offer.MOVE, plans[best.plan].names, best.expected, decided=False))
    peak = find_peak(usage, so_far(period, now))
    return Letter(
        customer=customer.name or customer.id,
        plan=plans[current.plan].names,
        period=period,
        currency=warning.currency,
        amount=current.expected,
        options=(*options, *offers),
        next_by=now + NEXT_AFTER,
        low=current.low,
        high=current.high,
        taxed=True if taxed else None,
        usual=warning.usual,
        peak_day=peak.day if peak else None,
        peak_share=peak.share if peak else None,
        peak_resource=peak.resource if peak else "",
    )
