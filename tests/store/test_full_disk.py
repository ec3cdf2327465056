"""A disk without room: what was not written is said, counts nothing, and comes in once there is room again."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import clickhouse_connect
import pytest

from pipeline.store import open_store
from pipeline.store.errors import DamagedError, DiskFullError, StoreError
from pipeline.store.making import MARK
from pipeline.store.migrate import Migration, load_migrations
from pipeline.store.owner import read_address
from tests.empty_store import lay_store
from tests.store.cases import make_batch, make_entry, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.model import Origin, UsageBatch
    from pipeline.store import Store

ROWS = 40_000


class Disk:
    """A small file system of its own: filled up but for some bytes, and with room again."""

    def __init__(self, at: Path) -> None:
        self.at = at

    def fill(self, leave: int) -> None:
        import shutil

        with (self.at / "filler").open("wb") as filler:
            filler.write(bytes(shutil.disk_usage(self.at).free - leave))

    def make_room(self) -> None:
        (self.at / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    lay_store(tmp_path / "made")
    at = tmp_path / "disk"
    at.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(at)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"this user may not mount a small disk: {mounted.stderr.strip()}")
    try:
        yield Disk(at)
    finally:
        subprocess.run(["umount", str(at)], check=True)


@pytest.fixture
def store(disk: Disk) -> Iterator[Store]:
    with open_store(lay_store(disk.at / "store")) as opened:
        yield opened


def batch(origin: Origin, write_id: int) -> UsageBatch:
    return make_batch(
        [(f"r{i}.example.ru", origin.minute, "e1", origin.segment_id, write_id, 1) for i in range(ROWS)]
    )


def test_facts_that_found_no_room_are_refused_and_come_in_when_there_is_some(
    disk: Disk, store: Store, origin: Callable[[int], Origin]
) -> None:
    disk.fill(2 << 20)
    with pytest.raises(DiskFullError) as full:
        store.insert_facts(batch(origin(1), 1))
    assert str(full.value).startswith(
        f"the store could not write {ROWS:,} rows of facts: is the disk full? "
    ), "what could not be written, and a question that its figure answers"
    assert str(full.value).endswith(f" MB free at {disk.at}/store")
    assert store.totals(store.cut())["rows"] == 0
    disk.make_room()
    assert store.insert_facts(batch(origin(1), 2)) == ROWS
    store.commit([make_entry(origin(1), 2)])
    assert store.totals(store.cut())["rows"] == ROWS


def test_a_ledger_without_room_commits_nothing_and_blames_nobody_else(
    disk: Disk, store: Store, origin: Callable[[int], Origin]
) -> None:
    cut = write(store, origin(0), 1, 5)
    disk.fill(1 << 18)
    with pytest.raises(DiskFullError, match="1 rows of ledger"):
        store.commit([make_entry(origin(1), 2)])
    assert store.cut() == cut
    disk.make_room()
    assert store.commit([make_entry(origin(1), 2)]) == cut + 1


@pytest.mark.usefixtures("store")
def test_the_door_says_so_too(disk: Disk) -> None:
    address = read_address(disk.at / "store")
    assert address is not None
    visitor = clickhouse_connect.get_client(
        host="127.0.0.1", port=address.port, username="x", password=address.token
    )
    disk.fill(1 << 18)
    with pytest.raises(clickhouse_connect.driver.exceptions.DatabaseError, match="NOT_ENOUGH_SPACE"):
        visitor.raw_insert("beats", ["at"], b"2026-11-22 10:00:00\n", fmt="TSV")
    disk.make_room()
    visitor.raw_insert("beats", ["at"], b"2026-11-22 10:00:00\n", fmt="TSV")
    assert visitor.query("SELECT count() FROM beats").result_rows == [(1,)]
    visitor.close()


@pytest.mark.parametrize("leave", [0, 1 << 19])
def test_a_store_is_not_begun_without_room_and_opens_once_there_is_some(disk: Disk, leave: int) -> None:
    disk.fill(leave)
    with pytest.raises(StoreError, match="is the disk full"):
        open_store(f"chdb://{disk.at}/store")
    disk.make_room()
    with open_store(f"chdb://{disk.at}/store") as store:
        assert store.cut() == 0


def test_a_store_whose_making_was_broken_off_is_made_anew(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = disk.at / "store"

    def fill(_sessions: object, _migration: object) -> None:
        disk.fill(0)

    with monkeypatch.context() as patched:
        patched.setattr("pipeline.store.migrate._record", fill)
        with pytest.raises(StoreError):
            open_store(f"chdb://{folder}")
    assert any(not path.stat().st_size for path in folder.glob("metadata/*/*.sql")), "what the engine leaves"
    disk.make_room()
    with open_store(f"chdb://{folder}") as store:
        assert store.cut() == 0
    assert not (folder / MARK).exists()


def test_an_empty_definition_in_a_store_that_was_whole_is_named_and_nothing_is_removed(
    tmp_path: Path,
) -> None:
    dsn = lay_store(tmp_path / "store")
    (ledger,) = (tmp_path / "store").glob("metadata/*/ledger.sql")
    ledger.write_bytes(b"")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DamagedError, match="definition of its table ledger is empty"):
        open_store(dsn)
    assert [path for path in before if not path.exists()] == []


def test_no_table_is_changed_without_room(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    dsn = lay_store(disk.at / "store")
    migrations = load_migrations()
    newer = Migration(len(migrations) + 1, "newer", ("ALTER TABLE facts ADD COLUMN x UInt8",), "0" * 64)
    monkeypatch.setattr("pipeline.store.migrate.load_migrations", lambda: [*migrations, newer])
    disk.fill(4_000_000)
    with pytest.raises(DiskFullError, match="8 MB are needed"):
        open_store(dsn)
