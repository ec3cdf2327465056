"""What was served in the last minutes, for the incident engine: by edge and minute, by resource, and as a level to
compare with; from winning facts at a cut."""

# ruff: noqa: S608 - statements are put together from this module's own words; values travel as parameters

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pipeline.store.reader import winners_within
from pipeline.store.sessions import names_subquery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.store.sessions import Sessions


class ServedRow(NamedTuple):
    """What an edge served of a resource (empty: of all) in a minute since 1970."""

    edge: str
    minute: int
    resource: str
    requests: int
    errors_5xx: int
    bytes_sent: int


_OF = "segment_minute >= toDateTime({since_s:UInt32}, 'UTC') AND segment_minute < toDateTime({until_s:UInt32}, 'UTC')"


class UsageLately:
    """Questions to the facts of some last minutes [first, after) of segments, at a cut."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def count(self, first: int, after: int) -> int:
        """About how many facts there are."""
        return int(
            self._sessions.one(
                f"SELECT count() FROM facts WHERE {_OF}", {"since_s": first * 60, "until_s": after * 60}
            )
        )

    def by_edge(self, first: int, after: int, cut: int) -> list[ServedRow]:
        """By edge and minute."""
        return self._rows("edge, m", first, after, cut, "''", "1")

    def by_resource(
        self, first: int, after: int, cut: int, *, resources: Sequence[str] | None = None, errors: int = 0
    ) -> list[ServedRow]:
        """By edge, minute and resource: of all, of these, or of those with so many answers 5xx at least."""
        of = "1" if resources is None else f"resource IN ({names_subquery(resources)})"
        if errors:
            of += f" AND {_failing(winners_within(cut, first, after)[0], errors)}"
        return self._rows("edge, m, resource", first, after, cut, "toValidUTF8(resource)", of)

    def levels(self, first: int, after: int, cut: int, edges: Sequence[str]) -> dict[str, int]:
        """Requests of each resource at these edges."""
        winners, params = winners_within(cut, first, after, edges)
        rows = self._sessions.rows(
            f"SELECT toValidUTF8(resource) AS name, sum(requests) FROM facts WHERE {_OF}"
            f" AND edge IN ({names_subquery(edges)}) AND identity(write_id) IN ({winners}) GROUP BY name",
            params,
        )
        return {name: int(requests) for name, requests in rows}

    def shares(self, firsts: Sequence[int], after: int, cut: int, errors: int) -> dict[str, tuple[int, ...]]:
        """Requests and answers 5xx since each of these minutes, two figures for each, of the resources that had so many
        of the latter since the first of them."""
        first = min(firsts)
        winners, params = winners_within(cut, first, after)
        since = [f"segment_minute >= toDateTime({int(minute) * 60}, 'UTC')" for minute in firsts]
        sums = ", ".join(f"sumIf(requests, {each}), sumIf(errors_5xx, {each})" for each in since)
        rows = self._sessions.rows(
            f"SELECT toValidUTF8(resource) AS name, {sums} FROM facts WHERE {_OF} AND {_failing(winners, errors)}"
            f" AND identity(write_id) IN ({winners}) GROUP BY name",
            params,
        )
        return {name: tuple(map(int, figures)) for name, *figures in rows}

    def resources(self, first: int, after: int) -> set[str]:
        """The names of all."""
        rows = self._sessions.rows(
            f"SELECT DISTINCT toValidUTF8(resource) FROM facts WHERE {_OF}",
            {"since_s": first * 60, "until_s": after * 60},
        )
        return {name for (name,) in rows}

    def _rows(self, by: str, first: int, after: int, cut: int, resource: str, of: str) -> list[ServedRow]:
        winners, params = winners_within(cut, first, after)
        rows = self._sessions.rows(
            f"SELECT toValidUTF8(edge), intDiv(toUInt32(minute), 60) AS m, {resource}, sum(requests),"
            f" sum(errors_5xx), sum(bytes_sent) FROM facts WHERE {_OF} AND {of}"
            f" AND identity(write_id) IN ({winners}) GROUP BY {by}",
            params,
        )
        return [
            ServedRow(edge, int(minute), name, int(requests), int(errors), int(sent))
            for edge, minute, name, requests, errors, sent in rows
        ]


def _failing(winners: str, errors: int) -> str:
    """Resources with so many answers 5xx at least."""
    return (
        f"resource IN (SELECT resource FROM facts WHERE {_OF} AND errors_5xx > 0"
        f" AND identity(write_id) IN ({winners}) GROUP BY resource HAVING sum(errors_5xx) >= {int(errors)})"
    )
