"""Whose usage is far off: one rough read of the whole book, each customer against his own days; from the store to
spike_watch.py, which reads and rates only those that are found here.

Loose on purpose: who is found here in vain costs a read, who is not found is not warned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.app.configuration.settings import Config
    from pipeline.store.store import Store

DAYS = 35
"""Days that are compared: the longest month and the day of the week four times before."""

HOT_HOURS = 3
HOT, MONTH, DAY = 1.3, 1.3, 2.0
"""By which factor his last hours, his month so far, or one day of it must be above what is usual. The first two lie
at the least factor that may be configured; a day that is above by less does not move a month."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A customer whose usage is off, and the names under which he was seen in the last DAYS days."""

    customer: str
    resources: tuple[str, ...]


def find_suspects(store: Store, config: Config, hour: int) -> list[Suspect]:
    """Who used far more than usual, with the most bytes above it first. `hour`: counted is what came before it."""
    import numpy as np

    from pipeline.app.configuration.customers import Owners

    rough = store.rough_days(hour * 60, DAYS, HOT_HOURS)
    owner = Owners(config.customer).owner
    rated = [customer for customer in config.customer if customer.contract]
    place = {customer.id: at for at, customer in enumerate(rated)}
    of = np.array([place.get(owner(name) or "", -1) for name in rough.resources], np.int64)
    known = of >= 0
    # float64: a suspicion needs no last byte
    day, hot = (np.zeros((len(rated), *each.shape[1:])) for each in (rough.day, rough.hot))
    np.add.at(day, of[known], rough.day[known])
    np.add.at(hot, of[known], rough.hot[known])
    so_far = np.array([_days_of_month(hour, customer.contract[-1].tz) for customer in rated], np.int64)
    off = far_off(day, hot, so_far)
    names: dict[int, list[str]] = {}
    for name, at in zip(rough.resources, of.tolist(), strict=True):
        names.setdefault(at, []).append(name)
    above = day[:, 0, 0] - np.median(day[:, :, 0], axis=1)
    order = sorted(np.flatnonzero(off).tolist(), key=lambda at: (-above[at], rated[at].id))
    return [Suspect(rated[at].id, tuple(names.get(at, ()))) for at in order]


def far_off(
    day: NDArray[np.float64], hot: NDArray[np.float64], so_far: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """bool[customers]: float64[customers, days, measures], day 0 the last one, against themselves; `so_far`: how many
    days of the month there are, the first one begun."""
    import numpy as np

    usual_day = np.median(day, axis=1)
    # whole weeks before: a weekend is not far off where the weekends before were like it
    same = np.median(hot[:, 7::7], axis=1)
    usual_hot = np.maximum(np.median(hot[:, 1:], axis=1), same)
    found = (hot[:, 0] > HOT * usual_hot).any(axis=1)
    within = np.arange(day.shape[1])[None, :] < so_far[:, None]
    month = np.where(within[:, :, None], day, 0)
    found |= (month.sum(axis=1) > MONTH * usual_day * np.maximum(so_far, 1)[:, None]).any(axis=1)
    found |= (month.max(axis=1) > DAY * usual_day).any(axis=1)
    return np.asarray(found, np.bool_)


def _days_of_month(hour: int, tz: str) -> int:
    """How many days of 24 hours back from an hour reach the beginning of its month, the first one in part."""
    from pipeline.coverage.periods import Month

    at = datetime.fromtimestamp(hour * 3600 - 60, UTC).astimezone(ZoneInfo(tz))
    begins = Month(at.year, at.month).begins(tz)
    return min(-(-(hour * 60 - begins) // 1440), DAYS)
