"""Who gets a request: the working manager who speaks the client's language and has the least to do; of equals
the one who was named longest ago. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.desk.calendar import WorkCalendar, manager_calendar
from incidents.desk.model import Named

if TYPE_CHECKING:
    from incidents.desk.requests import Desk
    from incidents.desk.settings import Manager, SupportSettings


class Managers:
    """The managers and their calendars, made once."""

    def __init__(self, settings: SupportSettings) -> None:
        self._settings = settings
        self._calendars = {each.id: manager_calendar(each, settings) for each in settings.manager}

    def find(self, manager: str) -> Manager | None:
        """The manager of an id."""
        return next((each for each in self._settings.manager if each.id == manager), None)

    def is_working(self, manager: Manager, at: float) -> bool:
        """Whether it is his working time, and he is not away."""
        calendar: WorkCalendar = self._calendars[manager.id]
        away = any(each.from_.at().timestamp() <= at < each.to.at().timestamp() for each in manager.away)
        return not away and calendar.is_working(at)

    def choose(self, desk: Desk, lang: str, at: float, *, anyone: bool = False) -> Manager | None:
        """Who gets the next request; None while nobody works. `anyone`: also those who do not work now, where
        none does, but never one who is away."""
        there = [each for each in self._settings.manager if self.is_working(each, at)]
        if not there and anyone:
            there = [
                each
                for each in self._settings.manager
                if not any(a.from_.at().timestamp() <= at < a.to.at().timestamp() for a in each.away)
            ]
        there = [each for each in there if lang in each.langs] or there
        load = dict.fromkeys((each.id for each in there), 0)
        last = dict.fromkeys(load, float("-inf"))
        for request in desk.requests.values():
            if request.is_open and request.manager in load:
                load[request.manager] += 1
            for event in request.history:
                if isinstance(event, Named) and event.manager in last:
                    last[event.manager] = max(last[event.manager], event.at)
        return min(there, key=lambda each: (load[each.id], last[each.id]), default=None)
