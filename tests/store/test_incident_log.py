"""The incident log: what comes back is what was written, once, in order; and only one writes."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pipeline.coverage.evidence import EVENTS, Evidence, parse_evidence
from pipeline.store.incident_rows import ActRow, ChangeRow, DeliveryRow, Snapshot
from pipeline.store.leases import Lease, LeaseLostError

if TYPE_CHECKING:
    from pipeline.store import Store

NOON = 1_795_348_800.0
CHANGE = ChangeRow(
    NOON, "i1", "outage", "customer", "c1", "confirmed", "company_wide", "open", "opened", {"at": "T", "n": 1},
    reason="probes fail", actor="engine", event_seq=2,
)  # fmt: skip


def probe(second: int, vantage: str = "v1", *, added: float = NOON) -> Evidence:
    at = f"2026-11-22T12:{second // 60:02}:{second % 60:02}Z"
    line = {"at": at, "type": "probe", "customer": "c1", "vantage": vantage, "ok": False}
    return parse_evidence(json.dumps(line), actor="prober", now=added)[0]


def test_events_come_back_in_order_and_know_who_wrote_last(store: Store) -> None:
    log = store.incidents
    assert log.end() == (0, 0.0)
    assert log.began() is None
    assert log.append_events([probe(1), probe(2)], NOON + 3, after=0) == 2
    assert log.append_events([], NOON + 4, after=2) == 2
    assert log.append_events([probe(4, "v2")], NOON + 5.25, after=2) == 3
    found = [taken for some in log.events(1) for taken in some]
    assert [(taken.seq, taken.taken_at) for taken in found] == [(2, NOON + 3), (3, NOON + 5.25)]
    assert replace(found[1].evidence, added_at=NOON) == probe(4, "v2")
    assert log.end() == (3, NOON + 5.25)
    assert log.began() == NOON + 3
    with pytest.raises(LeaseLostError, match="expected the incident log to end at 2, found 3"):
        log.append_events([probe(9)], NOON + 9, after=2)


def test_the_latest_of_each_source_that_names_somebody(store: Store) -> None:
    log = store.incidents
    assert log.latest(["c1"], ["probe"], NOON) == []
    log.append_events([probe(1), probe(2, "v2"), probe(3)], NOON + 3, after=0)
    other = {"at": "2026-11-22T12:00:04Z", "type": "probe", "customer": "c11", "vantage": "v1", "ok": True}
    log.append_events(parse_evidence(json.dumps(other), actor="prober", now=NOON), NOON + 4, after=3)
    found = log.latest(["c1"], ["probe", "gap"], NOON)
    assert [taken.seq for taken in found] == [3, 2]
    assert [taken.seq for taken in log.latest(["c1", "c11"], ["probe"], NOON + 4)] == [4]
    assert log.latest(["c1"], ["gap"], NOON) == []
    assert log.latest([], ["probe"], NOON) == []


def test_changes_are_written_once_and_the_last_one_stands(store: Store) -> None:
    log = store.incidents
    later = replace(
        CHANGE, at=NOON + 5, change="notice", notice="n1", audience="company", level=2, body={"n": 2}
    )
    assert log.append_changes([CHANGE, later]) == 2
    assert log.append_changes([CHANGE, later, later]) == 0
    solved = replace(CHANGE, at=NOON + 9, status="resolved", change="resolved", reason="fine", body={"n": 3})
    assert log.append_changes([later, solved, solved]) == 1
    assert [(row.seq, row.change, row.body) for row in log.changes("i1")] == [
        (1, "opened", CHANGE.body), (2, "notice", later.body), (3, "resolved", solved.body),
    ]  # fmt: skip
    assert log.changes("i1", after=2)[0] == replace(solved, seq=3)
    (row,) = log.incidents()
    assert (row.status, row.reason, row.since, row.updated, row.notices) == (
        "resolved", "fine", NOON, NOON + 9, 1,
    )  # fmt: skip
    assert [row.notice for row in log.notices(NOON)] == ["n1"]
    assert log.notices(NOON + 6) == []


def test_many_names_are_written_once_and_read_back_in_each_line(store: Store) -> None:
    names, fewer = [f"c{number}" for number in range(300)], [f"c{number}" for number in range(20)]

    def line(second: int, customers: list[str], incident: str = "i1") -> ChangeRow:
        notice = f"n{second}" if second % 2 else ""
        change = "notice" if notice else "updated"
        body = {"at": second, "incident": incident, "customers": customers}
        return replace(
            CHANGE, at=NOON + second, incident=incident, change=change, notice=notice, event_seq=2, body=body
        )

    log = store.incidents
    told = [
        line(0, names),
        line(1, names),
        line(2, names, "i2"),
        line(3, names),
        line(4, fewer),
        line(5, fewer),
    ]
    assert log.append_changes(told[:2]) == 2
    assert log.append_changes(told[2:]) == 4
    assert log.append_changes(told) == 0, "known again, whatever stands in the log for its names"
    assert [row.body for row in log.changes()] == [row.body for row in told]
    assert [row.body for row in log.notices(NOON + 2)] == [told[3].body, told[5].body], (
        "the names are in no line of these"
    )
    assert [row.body for row in log.changes("i1", after=2)] == [row.body for row in told[3:]]
    stored = [json.loads(body)["customers"] for (body,) in log._sessions.rows(
        "SELECT body FROM incident_changes ORDER BY seq")]  # fmt: skip
    assert stored == [names, "#1", names, "#1", fewer, "#5"]
    log._names.clear()  # as after a restart
    assert log.append_changes([line(6, fewer), line(7, fewer)]) == 2
    assert [row.body["customers"] for row in log.changes(after=6)] == [fewer, fewer]


def test_deliveries_acts_and_snapshots(store: Store) -> None:
    log = store.incidents
    tries = [
        DeliveryRow(NOON, "n1", "i1", "anna", "mail", 1, ok=False, error="refused", key="k"),
        DeliveryRow(NOON + 2, "n1", "i1", "anna", "mail", 2, ok=True, key="k"),
    ]
    log.append_deliveries([])
    log.append_deliveries(tries)
    assert [replace(row, seq=0) for row in log.deliveries(incident="i1")] == tries
    assert [row.attempt for row in log.deliveries(since=NOON + 1)] == [2]
    assert log.deliveries(after=2) == []
    act = ActRow(NOON, "i1", "take", "anna", "mine", {"due": None})
    assert log.append_acts([act, act]) == 1
    assert log.append_acts([act]) == 0
    assert [replace(row, seq=0, key="") for row in log.acts("i1")] == [act]
    assert log.acts("i2") == []
    assert log.snapshot() is None
    log.append_events([probe(1), probe(2)], NOON, after=0)
    log.append_snapshot(Snapshot(1, NOON, b"\x00\xff state"))
    log.append_snapshot(Snapshot(9, NOON, b"of another log"))
    assert log.snapshot() == Snapshot(1, NOON, b"\x00\xff state")


def test_evidence_is_handed_out_once_however_late_it_was_added(store: Store) -> None:
    log = store.incidents
    store.add_evidence([probe(0, "old", added=NOON), probe(1)])
    log.append_events([probe(1)], NOON, after=0)
    news = store.evidence_news(tuple(EVENTS), NOON - 60)
    assert [row.body["vantage"] for row in news.read()] == ["old"]
    assert news.read() == []
    store.add_evidence([probe(5, added=NOON + 5), probe(6, added=NOON + 5)])
    assert [row.at - NOON for row in news.read()] == [5, 6]
    store.add_evidence([probe(3, added=NOON - 5000)])
    assert [row.at - NOON for row in news.read()] == [3], "found by counting: its time of adding is old"
    store.add_evidence([replace(probe(7, added=NOON + 6), type="elsewhere"), probe(8, added=NOON + 6)])
    assert [row.at - NOON for row in news.read()] == [8]
    assert news.read() == []
    late = store.evidence_news(tuple(EVENTS), NOON + 4, lasting=("maintenance",))
    line = {
        "at": "2026-11-01T00:00:00Z", "type": "maintenance", "scope": {"edge": "e1"},
        "from": "2026-11-22T12:00:00Z", "to": "2026-11-22T13:00:00Z",
    }  # fmt: skip
    store.add_evidence(parse_evidence(json.dumps(line), actor="anna", now=NOON))
    assert [row.type for row in late.read()] == ["maintenance", "probe", "probe", "probe"]


def test_one_holds_a_lease_until_it_ends(store: Store) -> None:
    leases = store.leases
    mine = Lease("watch", "a", "h1", 1, NOON, NOON + 30)
    other = Lease("watch", "b", "h2", 2, NOON + 1, NOON + 31)
    assert leases.current("watch") is None
    assert leases.take(mine, now=NOON) == mine
    assert leases.take(other, now=NOON + 1) == mine
    mine = leases.renew(mine, now=NOON + 10, ends_at=NOON + 40)
    assert leases.take(other, now=NOON + 35) == mine
    assert leases.take(other, now=NOON + 35, over="a") == other, "its holder is known to be dead"
    with pytest.raises(LeaseLostError, match="process 2 on h2"):
        leases.renew(mine, now=NOON + 36, ends_at=NOON + 66)
    leases.release(mine, now=NOON + 36)
    assert leases.current("watch") == other
    leases.release(other, now=NOON + 37)
    assert leases.take(mine, now=NOON + 37) == mine
    with pytest.raises(LeaseLostError):
        leases.renew(other, now=NOON + 90, ends_at=NOON + 99)


def test_of_many_that_try_at_once_one_gets_it(store: Store) -> None:
    wanted = [Lease("watch", f"w{place}", "h", place, NOON, NOON + 30) for place in range(6)]
    got: list[Lease] = []
    threads = [
        threading.Thread(target=lambda lease=lease: got.append(store.leases.take(lease, now=NOON)))
        for lease in wanted
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 6
    assert len({lease.holder for lease in got}) == 1
