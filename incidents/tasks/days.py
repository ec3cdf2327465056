"""What counts towards a task's due date: the rota's working days, from midnight to midnight, since its people hear of
tasks on those days alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.desk.calendar import WorkCalendar
from incidents.desk.settings import Hours
from incidents.people.settings import WORKING_WEEK
from incidents.people.times import is_working_day

if TYPE_CHECKING:
    from datetime import date

    from incidents.people.settings import OncallSettings


def working_days(rota: OncallSettings) -> WorkCalendar:
    """By the rota's zone, country and own days; Monday to Friday where it names none."""

    def works(day: date) -> bool:
        return is_working_day(rota.country, day, WORKING_WEEK, rota.own_days)

    return WorkCalendar(
        rota.tz,
        [Hours(from_="00:00", to="00:00", days=WORKING_WEEK)],
        day_off=lambda day: not works(day),
        moved=lambda day: day.weekday() >= len(WORKING_WEEK) and works(day),
    )
