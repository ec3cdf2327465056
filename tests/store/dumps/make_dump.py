"""Writes schema_NNNN.sql: a store of the present schema with data in it, as SQL, for the tests of later migrations.

Run once when a schema version is released: `python -m tests.store.dumps.make_dump`. A dump is never made again.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from pipeline.model import Origin, Sequence, SequenceUnit, Skip
from pipeline.store import open_store
from pipeline.store.migrate import SCHEMA, load_migrations
from tests.store.cases import MINUTE, make_batch, make_entry

HERE = Path(__file__).parent
TABLES = ("migrations", "facts", "ledger", "writes", "pinned_writes", "sweeps", "edges")
VIEWS = ("usage", "segments")


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
        text = [
            f"-- Schema version {version}, as SHOW CREATE TABLE gave it, with two attempts at one segment."
        ]
        with store._sessions.client() as client:
            for name in (*TABLES, *VIEWS):
                created = client.query(f"SHOW CREATE TABLE {name}").result_rows[0][0].replace("default.", "")
                text.append(created + ";")
            for name in TABLES:
                settings = {
                    "output_format_sql_insert_table_name": name,
                    "output_format_sql_insert_use_replace": 0,
                }
                data = client.raw_query(f"SELECT * FROM {name}", fmt="SQLInsert", settings=settings).decode()  # noqa: S608
                if data.strip(" \n;"):
                    text.append(data.strip())
    dump = HERE / f"schema_{version:04d}.sql"
    dump.write_text("\n\n".join(text) + "\n")
    sums = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.name}" for p in sorted(SCHEMA.glob("*.sql"))]
    (HERE / "released.sha256").write_text("\n".join(sums) + "\n")


if __name__ == "__main__":
    main()
