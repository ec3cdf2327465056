"""What `prebill oncall` shows: a document out of the rota, and the same for people."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from incidents.people.roles import name_roles
from incidents.people.rota import holes, levels, shifts
from incidents.people.rules import warnings
from incidents.words import instant_text
from pipeline.app.terminal import out

if TYPE_CHECKING:
    from incidents.people.rota import Shift
    from incidents.people.settings import People

DAY_S = 86_400.0
LOOK_AHEAD_DAYS = 400
"""A rotation's turns are a year at most: whoever is next begins within them."""


def oncall_document(people: People, at: float, days: int) -> dict[str, Any]:
    """Every level now and next, its shifts of the next days, the roles if all were called now, and what is amiss."""
    rota = people.oncall
    found = []
    for level in levels(rota):
        calendar = shifts(rota, level, at, at + LOOK_AHEAD_DAYS * DAY_S)
        now, following = next(calendar), next(calendar, None)
        found.append(
            {
                "level": level,
                "people": _people(people, now),
                "until": None if following is None else instant_text(now.until),
                "override": now.override or None,
                "next": None if following is None else _shift(people, following),
                "shifts": [_shift(people, each) for each in shifts(rota, level, at, at + days * DAY_S)],
            }
        )
    return {
        "at": instant_text(at),
        "levels": found,
        "roles": name_roles(people, at).json,
        "holes": [{"level": each.level} | _shift(people, each) for each in holes(rota, at)],
        "warnings": warnings(people, at),
    }


def show_oncall(people: People, document: dict[str, Any]) -> None:
    """A table of levels, the shifts, the roles, the warnings; by the rota's clocks."""
    from rich.markup import escape
    from rich.table import Table

    zone = ZoneInfo(people.oncall.tz)
    table = Table(box=None, pad_edge=False)
    for column in ("level", "now", "until", "next", "why"):
        table.add_column(column)
    for level in document["levels"]:
        following = level["next"]
        table.add_row(
            str(level["level"]),
            f"[bold]{escape(_names(level))}[/bold]",
            _clock(level["until"], zone) if level["until"] else "always",
            escape(_names(following)) if following else "",
            escape(level["override"] or ""),
        )
    out().print(f"On call at {_clock(document['at'], zone)}, {people.oncall.tz}")
    out().print(table)
    for level in document["levels"]:
        if len(level["shifts"]) > 1:
            out().print(f"\nLevel {level['level']}")
        for shift in level["shifts"] if len(level["shifts"]) > 1 else ():
            why = f"  ({shift['override']})" if shift["override"] else ""
            out().print(
                escape(
                    f"  {_clock(shift['from'], zone)} – {_clock(shift['to'], zone)}  {_names(shift)}{why}"
                ),
                soft_wrap=True,
            )
    roles = ", ".join(f"{role} {name}" for role, name in document["roles"].items() if name)
    out().print(f"\nIf it concerned the whole company now: {escape(roles) or 'nobody'}", soft_wrap=True)
    for warning in document["warnings"]:
        out().print(f"[yellow]![/yellow] {escape(warning)}", soft_wrap=True)


def _shift(people: People, shift: Shift) -> dict[str, Any]:
    return {
        "from": instant_text(shift.since),
        "to": instant_text(shift.until),
        "people": _people(people, shift),
        "override": shift.override or None,
    }


def _people(people: People, shift: Shift) -> list[dict[str, Any]]:
    found = ((name, people.of(name)) for name in shift.people)
    return [
        {
            "id": name,
            "name": person.name if person and person.name else name,
            "reachable": bool(person and person.channels),
        }
        for name, person in found
    ]


def _names(holder: dict[str, Any]) -> str:
    told = (each["name"] + ("" if each["reachable"] else " (no channel)") for each in holder["people"])
    return ", ".join(told) or "nobody"


def _clock(text: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone):%a %Y-%m-%d %H:%M}"
