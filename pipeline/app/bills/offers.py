"""What else a letter offers, free and for money, as the configuration says; for letters about a month, and for drafts
about a coming one."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.app.configuration.settings import Config
    from pipeline.rating.letter import Option


def configured_offers(config: Config, currency: str) -> tuple[Option, ...]:
    """What is done for nothing, then what for money in the letter's currency."""
    from pipeline.rating.letter import Offer, Option

    free = [Option(Offer.FREE, {"ru": each.ru, "en": each.en}) for each in config.letters.free]
    paid = [
        Option(Offer.PAID, {"ru": each.ru, "en": each.en}, Decimal(each.price))
        for each in config.letters.paid
        if each.currency == currency
    ]
    return (*free, *paid)
