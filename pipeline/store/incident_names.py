"""Whom an incident hits, once in its log and not in each line of it: an incident of a large edge names hundreds. A line
with the same names as one before keeps `"customers": "#seq"`, the number of the line that has them; what is read back
is whole again. Lines of before, with names of their own, read as they are. Pure."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from pipeline.store.incident_rows import ChangeRow

FEW = 12
"""So many names are written each time, and are read without looking elsewhere."""

REMEMBERED = 2_000
"""Incidents whose last names are known; of others they are written once more."""

Known = dict[str, tuple[list[str], int]]
"""incident → names, and the `seq` of the line that has them."""


def stored_texts(rows: Sequence[ChangeRow], first: int, known: Known) -> tuple[list[str], Known]:
    """What is written as `body` of rows that get the numbers from `first` on, and what is known after it."""
    known, texts = dict(known), []
    for seq, row in enumerate(rows, first):
        names = row.body.get("customers")
        if not isinstance(names, list) or len(names) <= FEW:
            texts.append(row.text)
            continue
        held, place = known.get(row.incident, ([], 0))
        if held == names:
            texts.append(replace(row, body={**row.body, "customers": f"#{place}"}).text)
            continue
        known.pop(row.incident, None)  # the newest last
        known[row.incident] = (names, seq)
        texts.append(row.text)
    for incident in list(known)[:-REMEMBERED]:
        del known[incident]
    return texts, known


def with_names(
    rows: Sequence[ChangeRow], bodies: Callable[[Collection[int]], Mapping[int, str]]
) -> list[ChangeRow]:
    """Rows as they were told. `bodies`: the stored texts of lines by their numbers."""
    places = {row.seq: int(named[1:]) for row in rows if (named := _reference(row.body))}
    if not places:
        return list(rows)
    names = {row.seq: row.body.get("customers") for row in rows if row.seq not in places}
    if missing := set(places.values()) - names.keys():
        names |= {seq: json.loads(text).get("customers") for seq, text in bodies(missing).items()}
    return [
        replace(row, body={**row.body, "customers": names[places[row.seq]]}) if row.seq in places else row
        for row in rows
    ]


def _reference(body: dict[str, Any]) -> str:
    named = body.get("customers")
    return named if isinstance(named, str) else ""
