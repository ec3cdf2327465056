"""One customer's month out of a whole book's columns: what pipeline.rating.meter would have counted, without his rows.

From pipeline.rating.book_usage, to pipeline.rating.simulate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.rating.book_needs import window_key
from pipeline.rating.compiled_book import key_of
from pipeline.rating.model import Meter, Model, Quantity
from pipeline.rating.rates import RATES, counted_text
from pipeline.rating.units import to_units

if TYPE_CHECKING:
    from decimal import Decimal

    from pipeline.rating.book_needs import Needs
    from pipeline.rating.model import Charge, Plan


@dataclass(frozen=True, slots=True)
class Seen:
    """Where there is usage: each zone and, where plans ask for resources, each (zone, resource), once."""

    zones: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class BookMonth:
    """`bases`, `samples`: by the needs' columns. `zones`, `pairs`: where there is usage; pairs where plans ask for
    resources. `windows`: of each charge of the needs' windows."""

    needs: Needs
    bases: tuple[int, ...]
    samples: tuple[int, ...]
    zones: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...] = ()
    windows: tuple[tuple[int, ...], ...] = ()

    def lacks(self, charge: Charge) -> str:  # noqa: ARG002 - the store knows every count
        """Nothing."""
        return ""

    def base(self, charge: Charge) -> tuple[int, str]:
        """In bytes, requests or bit/s, and a word on how it came about. KeyError for what the needs do not have."""
        if charge.meter is Meter.FLAT:
            return 1, ""
        place = self.needs.places[key_of(charge)]
        if charge.meter not in RATES:
            return self.bases[place], ""
        return self.bases[place], counted_text(charge, self.samples[place])

    def quantities(self, plan: Plan) -> tuple[Quantity, ...]:
        """The quantity of each charge of a plan, but for shares of amounts."""
        return tuple(
            Quantity(charge.id, to_units(base, charge.unit), base, note, self._windows(charge))
            for charge in plan.charges
            if charge.model is not Model.PERCENTAGE
            for base, note in (self.base(charge),)
        )

    def _windows(self, charge: Charge) -> tuple[Decimal, ...]:
        if charge.window_s is None:
            return ()
        keys = [window_key(each) for each in self.needs.windows]
        return tuple(to_units(each, charge.unit) for each in self.windows[keys.index(window_key(charge))])
