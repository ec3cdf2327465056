"""Writes schema_NNNN.sql: a store of the present schema with data in it, as SQL, for the tests of later migrations.

Run once when a schema version is released: `python -m tests.store.dumps.make_dump`. A dump is never made again.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path

from pipeline.coverage.evidence import parse_evidence
from pipeline.coverage.model import (
    Amount,
    Close,
    Gap,
    GapState,
    Loss,
    LossClass,
    Reading,
    Run,
    Share,
    State,
    Stream,
)
from pipeline.model import Origin, Sequence, SequenceUnit, Skip
from pipeline.store import Store, open_store
from pipeline.store.closes import Taking
from pipeline.store.desk_log import DeskRow
from pipeline.store.gap_money import RatedGap
from pipeline.store.incident_rows import DeliveryRow
from pipeline.store.migrate import SCHEMA, load_migrations
from tests.rating.billing import NOW, simple_bill
from tests.store.cases import MINUTE, make_batch, make_entry
from tests.store.test_incident_log import CHANGE

HERE = Path(__file__).parent
GAP = Gap(
    "g1",
    Loss(Stream("e1"), LossClass.MISSING, MINUTE + 1, MINUTE + 3, None, Amount(1, 2, 3, None, "neighbours")),
    GapState.ACCEPTED,
    MINUTE * 60.0,
    MINUTE * 60.0,
    (Share("c1", 0.5),),
    reason="anna: lost",
)


def main() -> None:
    version = len(load_migrations())
    origin = Origin("e1", "access", MINUTE, "1")
    sequence = Sequence(SequenceUnit.LINE, "1", 5, 15)
    with tempfile.TemporaryDirectory() as folder, open_store(f"chdb://{folder}/store") as store:
        for write_id, requests in ((1, 40), (2, 42)):
            rows = [("a.example.ru", MINUTE, "e1", origin.segment_id, write_id, requests)]
            store.insert_facts(make_batch(rows))
            entry = make_entry(origin, write_id, lines=write_id, sequence=sequence, skips=(Skip(5, 6),))
            store.commit([entry])
        store.pin([1], "2026-10", origin.at)
        store.set_edges([("e1", "ru-central", origin.at, None)])
        fill_coverage(store, origin)
        fill_bills(store)
        fill_incidents(store)
        text = [
            f"-- Schema version {version}, as SHOW CREATE TABLE gave it: two attempts at one segment, a gap, "
            "a close, a rebill, an incident, a request."
        ]
        with store._sessions.client() as client:
            tables, views = present(store)
            for name in (*tables, *views):
                created = client.query(f"SHOW CREATE TABLE {name}").result_rows[0][0].replace("default.", "")
                text.append(created + ";")
            for name in tables:
                settings = {
                    "output_format_sql_insert_table_name": name,
                    "output_format_sql_insert_use_replace": 0,
                }
                raw = client.raw_query(f"SELECT * FROM {name}", fmt="SQLInsert", settings=settings)  # noqa: S608
                data = raw.decode(errors="backslashreplace")  # \\xc1 is an escape of ClickHouse, too
                if data.strip(" \n;"):
                    text.append(data.strip())
    dump = HERE / f"schema_{version:04d}.sql"
    dump.write_text("\n\n".join(text) + "\n")
    sums = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}" for p in sorted(SCHEMA.glob("*.sql"))]
    (HERE / "released.sha256").write_text("\n".join(sums) + "\n")


def present(store: Store) -> tuple[list[str], list[str]]:
    """The tables and the views that there are, `migrations` first."""
    rows = store._sessions.rows(
        "SELECT name, engine = 'View' FROM system.tables WHERE database = currentDatabase() AND name NOT LIKE '.%'"
        " ORDER BY name != 'migrations', name"
    )
    return [name for name, view in rows if not view], [name for name, view in rows if view]


def fill_coverage(store: Store, origin: Origin) -> None:
    """A gap, the states of a day, a reading, a beat, and a closed month of the one resource."""
    at, minute = origin.at.timestamp(), origin.minute
    store.write_gaps([GAP])
    run = Run(Stream("e1"), minute, minute + 1, State.RECEIVED)
    store.write_coverage(minute, minute + 1, [run], at)
    store.add_readings([Reading("e1", at, 42, 42_000)])
    store.beat(at)
    period, span, cut = f"{origin.at:%Y-%m}", (minute, minute + 1), store.cut()
    attempt = store.closing.begin(period, [Taking(7, "c1", *span, ("a.example.ru",))], origin.at)
    store.closing.take(attempt, cut, *span, origin.at, f"close {period}")
    close = Close(period, "UTC", "c1", *span, cut, "", 1, at, "anna", id=7)
    store.closing.finish([replace(close, digest=store.closing.digests([close])[7])])


def fill_bills(store: Store) -> None:
    """A bill, and the rebill that replaced it."""
    store.bills.issue([(simple_bill("1000000.00"), None)], at=NOW, actor="robot")
    made = store.bills.propose(1, simple_bill("180000.07"), at=NOW, actor="anna", reason="viral day")
    store.bills.approve(made.id, at=NOW, actor="boris", reason="agreed")


def fill_incidents(store: Store) -> None:
    """An incident from its evidence to who was told, a request at the desk, and what the gap costs."""
    at = GAP.updated
    line = '{"at": "2026-11-22T12:00:00Z", "type": "probe", "customer": "c1", "vantage": "v1", "ok": false}'
    store.incidents.append_events(parse_evidence(line, actor="prober", now=at), at, after=0)
    store.incidents.append_changes([CHANGE])
    store.incidents.append_deliveries([DeliveryRow(at, "n1", "i1", "anna", "mail", 1, ok=True, key="k")])
    store.desk.append(lambda _: [DeskRow(at, at, "received", "anna", "k1", '{"text": "Почему?"}', "1", "c1")])
    store.write_gap_money([RatedGap("g1", GAP.updated, GAP.minutes, "b", at, "1", "2", "3", "RUB", {})])


if __name__ == "__main__":
    main()
