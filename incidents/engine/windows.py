"""Minutes of traffic and sums over windows of them: the last ones as cells, older ones in slots of five minutes, each
minute once whatever was told again, late or corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from incidents.engine.state import Cell, Past, Slot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MINUTE = 60.0
SLOT = 300.0

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[Cell]).decode


class Burn(Struct, frozen=True):
    """Requests and errors in a window. `at`: when its last minute was told. `minutes`: how many were told, from `first`
    on."""

    requests: int = 0
    errors: int = 0
    origin: int = 0
    at: float = 0.0
    minutes: int = 0
    first: float = 0.0

    def plus(self, other: Burn) -> Burn:
        """Both together, of different places."""
        return Burn(
            self.requests + other.requests,
            self.errors + other.errors,
            self.origin + other.origin,
            max(self.at, other.at),
            max(self.minutes, other.minutes),
            min(self.first, other.first) if self.minutes and other.minutes else self.first or other.first,
        )

    def less(self, other: Burn) -> Burn:
        """Without a part of it; never below nothing, where the whole was told before the part."""
        return Burn(
            max(0, self.requests - other.requests),
            max(0, self.errors - other.errors),
            max(0, self.origin - other.origin),
            self.at,
            self.minutes,
            self.first,
        )

    def over(self, share: tuple[int, int]) -> bool:
        """Whether more than this share of the requests fail."""
        part, whole = share
        return self.errors * whole > part * self.requests

    @property
    def text(self) -> str:
        """Of the origin only where something is known of it: logs cannot tell whose an error is."""
        share = 100 * self.errors / self.requests if self.requests else 0.0
        said = f"{self.errors:,} of {self.requests:,} requests fail ({share:.3g} %)"
        return f"{said}, {self.origin:,} at the origin" if self.origin else said


def errors_known(cells: Iterable[Cell], past: Past | None) -> int:
    """In all that is remembered: no window has more."""
    return sum(cell.errors for cell in cells) + (past.errors if past is not None else 0)


def sum_window(cells: Iterable[Cell], past: Past | None, since: float, last: float) -> Burn:
    """Of the minutes behind `since`, up to and with `last`. Written out: it is most of what an event costs."""
    requests = errors = origin = minutes = 0
    at, first = 0.0, last
    for cell in cells:
        minute = cell.minute
        if since < minute <= last:
            requests += cell.requests
            errors += cell.errors
            origin += cell.origin
            minutes += 1
            if cell.at > at:
                at = cell.at
            if minute < first:
                first = minute
    if past is not None:
        for slot in reversed(past.slots):
            begin = slot.begin
            if begin + SLOT <= since:
                break
            if begin > since and begin + SLOT <= last:
                requests += slot.requests
                errors += slot.errors
                origin += slot.origin
                minutes += slot.minutes
                at, first = max(at, slot.at), begin
            elif begin <= last:
                part = sum_window(_unpack(slot.told), None, since, last)
                requests += part.requests
                errors += part.errors
                origin += part.origin
                minutes += part.minutes
                at = max(at, part.at)
                first = part.first if part.minutes else first
    return Burn(requests, errors, origin, at, minutes, first if minutes else 0.0)


def failing_since(
    cells: Iterable[Cell], past: Past | None, window: float, share: tuple[int, int]
) -> float | None:
    """The minute from which on more than a share of the requests fail: back from the last minutes, the window, through
    all those before it without one that is better. None where none in the window is that bad. `past` is unpacked as far
    as that goes, for the first telling alone."""
    part, whole = share
    found = end = None
    for cell in _backwards(cells, past):
        end = cell.minute if end is None else end
        if (end if found is None else found) - cell.minute > window:
            break
        if cell.errors * whole > part * cell.requests:
            found = cell.minute
        elif found is not None and cell.minute <= end - window:
            break
    return found


def _backwards(cells: Iterable[Cell], past: Past | None) -> Iterator[Cell]:
    yield from sorted(cells, key=_minute_of, reverse=True)
    for slot in reversed(past.slots if past is not None else ()):
        yield from sorted(_unpack(slot.told), key=_minute_of, reverse=True)


def _minute_of(cell: Cell) -> float:
    return cell.minute


def newer(told: Cell, old: Cell) -> bool:
    """Whether one telling of a minute takes the place of another: the later one; of one instant, the worse."""
    return (told.at, told.errors, told.requests, told.origin) > (old.at, old.errors, old.requests, old.origin)


def keep_minute(past: Past, told: Cell) -> Cell | None:
    """Remember a minute behind the cells: what it takes the place of, None where it is new, `told` itself where nothing
    changes."""
    slot, cells = _open(past, told.minute)
    for place, old in enumerate(cells):
        if old.minute == told.minute:
            if not newer(told, old):
                return told
            cells[place] = told
            break
    else:
        old = None
        cells.append(told)
    _close(past, slot, cells)
    return old


def add_minute(past: Past, told: Cell, old: Cell | None) -> None:
    """Add to a minute of a sum: what was told of a part of it, for what that part was before."""
    slot, cells = _open(past, told.minute)
    cell = next((each for each in cells if each.minute == told.minute), None)
    if cell is None:
        cell = Cell(told.minute, told.at)
        cells.append(cell)
    shift(cell, told, old)
    _close(past, slot, cells)


def shift(cell: Cell, told: Cell, old: Cell | None) -> None:
    """A sum with a part of it told anew."""
    cell.at = max(cell.at, told.at)
    cell.requests += told.requests - (old.requests if old else 0)
    cell.errors += told.errors - (old.errors if old else 0)
    cell.origin += told.origin - (old.origin if old else 0)


def age_out(cells: list[Cell], past: Past | None, window: float, reach: float) -> Past | None:
    """Cells that the window has left go behind it, and what lies behind all windows is forgotten."""
    last = cells[-1].minute
    if cells[0].minute <= last - window:
        past = past if past is not None else Past()
        while cells[0].minute <= last - window:
            keep_minute(past, cells.pop(0))
    while past is not None and past.slots and past.slots[0].begin + SLOT <= last - reach:
        past.errors -= past.slots.pop(0).errors
    return past if past is not None and past.slots else None


def _open(past: Past, minute: float) -> tuple[Slot, list[Cell]]:
    begin = minute // SLOT * SLOT
    slots = past.slots
    place = len(slots)
    while place and slots[place - 1].begin > begin:
        place -= 1
    if place and slots[place - 1].begin == begin:
        slot = slots[place - 1]
        return slot, _unpack(slot.told)
    slot = Slot(begin, 0.0, 0, 0, 0, 0, b"")
    slots.insert(place, slot)
    return slot, []


def _close(past: Past, slot: Slot, cells: list[Cell]) -> None:
    past.errors -= slot.errors
    slot.requests = sum(cell.requests for cell in cells)
    slot.errors = sum(cell.errors for cell in cells)
    slot.origin = sum(cell.origin for cell in cells)
    slot.at = max(cell.at for cell in cells)
    slot.minutes = len(cells)
    slot.told = _pack(cells)
    past.errors += slot.errors
