"""What each kind of fault does to a drawn fleet: lines that go, segments that never come, clocks, counters, acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadtest.fleet_drawn import DAMAGED, LINE_BYTES, QUARANTINED, Act, lose, note

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadtest.fleet import Volumes
    from loadtest.fleet_drawn import Drawn
    from loadtest.fleet_faults import Place


def still(served: Volumes, place: Place) -> None:
    """Takes out what an edge does not serve because it is out of service: that is no loss."""
    if place.fault.kind not in ("maintenance", "added", "decommissioned"):
        return
    rows, span = list(place.rows), slice(place.first, place.after)
    for column in (served.lines, served.sent, served.content):
        partly = place.fault.kind == "maintenance" and place.fault.seconds
        first, last = column[rows, place.first] // 2, column[rows, place.after - 1] // 2
        column[rows, span] = 0
        if partly:
            column[rows, place.first], column[rows, place.after - 1] = first, last


def strike(drawn: Drawn, place: Place) -> None:
    """Lets one fault strike where it was placed; kinds that only touch numbers or files do nothing here."""
    effect = _EFFECTS.get(place.fault.kind)
    if effect:
        effect(drawn, place)


def _silence(drawn: Drawn, place: Place) -> None:
    for row, minute in _cells(place):
        lose(drawn, row, minute, int(drawn.lines[row, minute]))
        drawn.present[row, minute] = False
    note(drawn, place)


def _lines(drawn: Drawn, place: Place) -> None:
    """A share of the lines, at least one of a minute that has any."""
    for row, minute in _cells(place):
        rng = drawn.fleet.rng(12, row, minute)
        held = int(drawn.lines[row, minute])
        gone = min(held, max(1, int(rng.binomial(held, place.fault.share))))
        between = place.fault.where == "between"
        if gone:
            lose(drawn, row, minute, gone, "tail" if between else "any")
            if between:
                # The edge numbered them, and no segment says that it has them.
                by_bytes = drawn.fleet.unit(row) == "byte"
                kept = drawn.content if by_bytes else drawn.lines
                drawn.numbers.next[row, minute] = drawn.numbers.first[row, minute] + kept[row, minute]
    note(drawn, place)


def _customer(drawn: Drawn, place: Place) -> None:
    """The lines of one customer do not reach the segments, or a share of them."""
    customer = str(place.fault.customer)
    for row, minute in _cells(place):
        gone = drawn.source.count(row, minute, customer, place.fault.share)
        if gone:
            lose(drawn, row, minute, gone, customer)
    note(drawn, place, customer)


def _damaged(drawn: Drawn, place: Place) -> None:
    """Segments come cut: the first lines are read, the sidecar and the numbers say what they had."""
    for row, minute in _cells(place):
        held = int(drawn.lines[row, minute])
        lose(drawn, row, minute, held - held // 2, "tail")
        drawn.state[row, minute] = DAMAGED
    note(drawn, place)


def _quarantined(drawn: Drawn, place: Place) -> None:
    for row, minute in _cells(place):
        lose(drawn, row, minute, int(drawn.lines[row, minute]))
        drawn.state[row, minute] = QUARANTINED
    note(drawn, place)


def _reset(drawn: Drawn, place: Place) -> None:
    drawn.resets.append((place.edge, place.first, float(drawn.fleet.rng(14, place.first).random())))


def _poll_missing(drawn: Drawn, place: Place) -> None:
    drawn.unread.append((place.edge, place.first, place.after))


def _skew(drawn: Drawn, place: Place) -> None:
    """A clock that is ahead ends its minutes early."""
    drawn.committed[list(place.rows)] -= place.fault.seconds


def _late(drawn: Drawn, place: Place) -> None:
    drawn.committed[list(place.rows), place.first : place.after] += place.fault.seconds or 86_400


def _repeated(drawn: Drawn, place: Place) -> None:
    for row, minute in _cells(place):
        again = int(drawn.lines[row, minute]) // 10
        drawn.duplicates[row, minute] += again
        drawn.content[row, minute] += again * LINE_BYTES


def _overlap(drawn: Drawn, place: Place) -> None:
    """Segments begin with the last lines of the one before, which the pipeline leaves out and counts as duplicates."""
    for row, minute in _cells(place):
        again = min(7, int(drawn.lines[row, minute - 1])) if drawn.lines[row, minute] else 0
        drawn.numbers.first[row, minute] -= again
        drawn.duplicates[row, minute] += again
        drawn.content[row, minute] += again * LINE_BYTES
        drawn.overlaps[row, minute] = again


def _downtime(drawn: Drawn, place: Place) -> None:
    first = drawn.fleet.first
    drawn.blind.append(((first + place.first) * 60.0 + 11, (first + place.after) * 60.0 + 11))


def _maintenance(drawn: Drawn, place: Place) -> None:
    """Paused and resumed by acts; in mid-minute where the fault has seconds."""
    edge, at = drawn.fleet.names[place.edge], drawn.fleet.first
    seconds = float(place.fault.seconds)
    since = (at + place.first) * 60 + seconds
    until = (at + place.after - (1 if seconds else 0)) * 60 + seconds
    drawn.acts += [Act(since, edge, "pause"), Act(until, edge, "resume")]


def _added(drawn: Drawn, place: Place) -> None:
    """No configuration names the edge: an act adds it when it begins to serve."""
    edge = drawn.fleet.names[place.edge]
    drawn.edges[edge] = None
    drawn.acts.append(Act((drawn.fleet.first + place.after) * 60.0, edge, "add"))


def _decommissioned(drawn: Drawn, place: Place) -> None:
    drawn.acts.append(
        Act((drawn.fleet.first + place.first) * 60.0, drawn.fleet.names[place.edge], "decommission")
    )


def _cells(place: Place) -> list[tuple[int, int]]:
    return [(row, minute) for row in place.rows for minute in range(place.first, place.after)]


_EFFECTS: dict[str, Callable[[Drawn, Place], None]] = {
    "silence": _silence,
    "lines": _lines,
    "customer": _customer,
    "damaged": _damaged,
    "quarantined": _quarantined,
    "reset": _reset,
    "poll_missing": _poll_missing,
    "skew": _skew,
    "late": _late,
    "repeated": _repeated,
    "overlap": _overlap,
    "downtime": _downtime,
    "maintenance": _maintenance,
    "added": _added,
    "decommissioned": _decommissioned,
}
