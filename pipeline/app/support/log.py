"""The desk's log over the store, and what the desk asks of the rest: evidence to the incident log, tenure and value
of clients. Where pipeline.store and incidents.desk meet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from incidents.desk.log import decode_event, encode_event, event_type
from incidents.desk.requests import read_desk
from pipeline.coverage.evidence import parse_evidence
from pipeline.store.desk_log import DeskRow

SOLVED_DAYS = 7
"""Requests that were closed so many days ago may still end an incident, once what else held it is over."""

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from incidents.desk.evidence import Held
    from incidents.desk.model import DeskEvent, Request
    from incidents.desk.report import Client
    from incidents.desk.requests import Desk
    from pipeline.app.configuration.settings import Config
    from pipeline.store.store import Store


class StoreLog:
    """`incidents.desk.rounds.Log` over a store. `now`: what is written as the time of writing."""

    def __init__(self, store: Store, now: Callable[[], float]) -> None:
        self._store, self._now = store, now
        self._rows: list[DeskRow] = []
        self._events: list[DeskEvent] = []
        self._desk: tuple[int, Desk] | None = None

    def events(self) -> list[DeskEvent]:
        """Every event, in the order in which they were written; what was read before is not read again."""
        self._take(self._store.desk.events(self._rows[-1].seq if self._rows else 0))
        return self._events

    def read(self, until: float | None = None) -> Desk:
        """What the log says, of what happened up to `until`."""
        events = self.events()
        return self._whole() if until is None else read_desk(events, until)

    def _take(self, rows: Sequence[DeskRow]) -> None:
        for row in rows:
            self._events.append(decode_event(row.body))
            self._rows.append(row)

    def _whole(self) -> Desk:
        """Of all events that were read; a log of years takes tenths of a second, and mostly nothing is new."""
        if self._desk is None or self._desk[0] != len(self._events):
            self._desk = len(self._events), read_desk(self._events)
        return self._desk[1]

    def append(self, decide: Callable[[Desk], Sequence[DeskEvent]]) -> list[DeskEvent]:
        """Appends what `decide` wants of the whole log; returns what was new."""
        made: dict[str, DeskEvent] = {}

        def rows(known: list[DeskRow]) -> list[DeskRow]:
            made.clear()
            self._take(known[len(self._rows) :])
            found = decide(self._whole())
            made.update((event.key, event) for event in found)
            return [self._row(event) for event in found]

        return [made[row.key] for row in self._store.desk.append(rows, self._rows)]

    def _row(self, event: DeskEvent) -> DeskRow:
        return DeskRow(
            at=event.at,
            added_at=self._now(),
            type=event_type(event),
            actor=event.actor,
            key=event.key,
            body=encode_event(event),
            request=getattr(event, "request", ""),
            customer=getattr(event, "customer", None) or "",
        )


def add_evidence(store: Store, lines: list[dict[str, Any]], now: float) -> int:
    """Hands technical requests to the incident log; each is there once. Returns how many were new."""
    if not lines:
        return 0
    text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    return store.add_evidence(parse_evidence(text, actor="support desk", now=now))


def tell_closings(store: Store, log: StoreLog, now: float) -> list[Request]:
    """Technical requests that were closed lately, each with its closing in the evidence: whoever takes up what came
    meanwhile sees both, and wakes nobody for what is done."""
    from incidents.desk.evidence import closings_of

    since = now - SOLVED_DAYS * 86_400
    requests = [each for each in log.read().requests.values() if each.kind == "technical"]
    add_evidence(store, closings_of(requests, since), now)
    return [each for each in requests if each.closed_at is not None and each.closed_at >= since]


def end_solved(store: Store, log: StoreLog, now: float) -> tuple[list[str], list[Held]]:
    """Tells the incident engine of technical requests that are closed, where nothing else holds their incidents open;
    the requests of which that is news, and those that something holds."""
    from incidents.desk.evidence import OpenIncident, solved_lines

    solved = tell_closings(store, log, now)
    if not solved:
        return [], []
    open_ = [
        OpenIncident(
            row.incident, row.kind, row.scope_id if row.scope_kind == "customer" else "", row.since, row.updated,
            row.parent,
        )
        for row in store.incidents.incidents()
        if row.status != "resolved"
    ]  # fmt: skip
    ended: list[str] = []
    held: list[Held] = []
    for request in solved:
        lines, kept = solved_lines([request], open_)
        held += kept
        if add_evidence(store, lines, now):
            ended.append(request.id)
    return ended, held


def clients_of(store: Store, config: Config) -> dict[str, Client]:
    """Each customer's name, the begin of his first contract, and what he was billed in all, credit notes taken
    off."""
    from zoneinfo import ZoneInfo

    from incidents.desk.report import Client

    value: dict[str, dict[str, str]] = {}
    rows = store.query(
        "SELECT customer, currency, toString(sum(total)) AS owed FROM bills GROUP BY customer, currency"
    )
    for row in sorted(rows.to_pylist(), key=lambda row: (row["customer"], row["currency"])):
        value.setdefault(row["customer"], {})[row["currency"]] = row["owed"]
    return {
        customer.id: Client(
            name=customer.name,
            since=min(
                (each.from_.at(ZoneInfo(each.tz)).timestamp() for each in customer.contract), default=None
            ),
            value=value.get(customer.id, {}),
        )
        for customer in config.customer
    }
