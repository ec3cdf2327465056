"""What the store lost of its own is found and told, and whoever only reads makes and changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.model import SegmentState
from pipeline.store import SchemaError, open_store
from pipeline.store.errors import DamagedError, NoStoreError
from pipeline.store.migrate import load_migrations
from tests.empty_store import lay_store
from tests.store.cases import NOW, make_batch, make_entry, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.model import Origin
    from pipeline.store import Store


def lost(store: Store, minutes: tuple[int, int] | None = None) -> dict[int, tuple[int, int]]:
    return {each.write_id: (each.parsed, each.found) for some in store.lost_facts(minutes) for each in some}


def delete(store: Store, where: str) -> None:
    store._sessions.execute(f"DELETE FROM facts WHERE {where}")  # noqa: S608 - the test's own words


def test_facts_that_are_gone_are_found_by_the_ledger(store: Store, origin: Callable[[int], Origin]) -> None:
    for place in range(4):
        write(store, origin(place), place + 1, 5, parsed=5)
    assert lost(store) == {}
    delete(store, "write_id IN (2, 3)")
    assert lost(store) == {2: (5, 0), 3: (5, 0)}
    assert lost(store, (origin(2).minute, origin(4).minute)) == {3: (5, 0)}
    assert lost(store, (origin(3).minute, origin(4).minute)) == {}
    again = make_batch([("a.example.ru", origin(1).minute, "e1", origin(1).segment_id, 2, 5)])
    found = [each for some in store.lost_facts() for each in some if each.write_id == 2]
    store.replace_facts(found, again)
    assert lost(store) == {3: (5, 0)}
    # written twice is as wrong, and replaced as a whole
    store.insert_facts(again)
    found = [each for some in store.lost_facts() for each in some if each.write_id == 2]
    assert found[0].found == 10
    store.replace_facts(found, again)
    assert lost(store) == {3: (5, 0)}


def test_what_rightly_has_no_facts_is_not_lost(store: Store, origin: Callable[[int], Origin]) -> None:
    write(store, origin(0), 1, 5, parsed=5, lines=5)
    write(store, origin(0), 2, 7, parsed=7, lines=7)  # supersedes it
    nothing = {"lines": 0, "parsed": 0, "bytes_sent": 0}
    store.commit([make_entry(origin(1), 3, state=SegmentState.EMPTY, **nothing)])
    store.commit([make_entry(origin(2), 4, state=SegmentState.QUARANTINED, **nothing)])
    write(store, origin(3), 5, 6, parsed=6, malformed=4)
    store.pin([1], "a close", NOW)
    assert lost(store) == {}
    delete(store, "write_id = 1")
    assert lost(store) == {1: (5, 0)}, "what changed since a close is told against what it counted"
    store._sessions.execute("DELETE FROM pinned_writes WHERE write_id = 1")
    assert lost(store) == {}, "the sweep deletes it as well"
    assert store.ledger_lacks() == 0
    part = store.query(
        "SELECT name FROM system.parts WHERE table = 'ledger' AND active ORDER BY name LIMIT 1"
    )
    rows = store.query("SELECT count() AS n FROM ledger")["n"][0].as_py()
    store._sessions.execute(f"ALTER TABLE ledger DROP PART '{part['name'][0].as_py()}'")
    left = store.query("SELECT count() AS n, max(seq) AS last FROM ledger").to_pylist()[0]
    assert left["last"] == rows == store.ledger_lacks() + left["n"] > left["n"]


def halve(folder: Path, table: str) -> None:
    """Cut each part of a table, as a disk does that lost a block."""
    parts = list((folder / "data" / "default" / table).resolve().glob("*/data.bin"))
    assert parts
    for path in parts:
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 2)


def test_parts_that_cannot_be_read_are_told_and_nothing_is_swept(
    tmp_path: Path, origin: Callable[[int], Origin]
) -> None:
    folder = tmp_path / "store"
    dsn = lay_store(folder)
    with open_store(dsn) as store:
        assert store.parts_aside() == ()
        write(store, origin(0), 1, 5, parsed=5)
    halve(folder, "ledger")
    with open_store(dsn) as store:
        aside = store.parts_aside()
        assert [part.table for part in aside] == ["ledger"]
        assert Path(aside[0].path).is_dir()
        # no ledger row names these facts any more, and they are not to be deleted for it
        store.sweep(NOW.replace(year=2030))
        assert store.query("SELECT sum(requests) AS n FROM facts")["n"].to_pylist() == [5]
        store.forget_aside(aside)
        assert store.parts_aside() == ()


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_reader_makes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    for make_folder in (False, True):
        if make_folder:
            folder.mkdir()
            (folder / "photo.jpg").write_bytes(b"x")
        with pytest.raises(NoStoreError, match="there is no store at"):
            open_store(f"chdb://{folder}", make=False)
    assert listing(tmp_path) == ["pictures", "pictures/photo.jpg"]
    lay_store(tmp_path / "store")
    with open_store(f"chdb://{tmp_path}/store", make=False) as store:
        assert store.cut() == 0


def test_a_reader_does_not_bring_an_older_schema_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dsn, every = f"chdb://{tmp_path}/store", load_migrations()[:9]
    for known in (every[:8], every):
        monkeypatch.setattr("pipeline.store.migrate.load_migrations", lambda known=known: known)
        monkeypatch.setattr("pipeline.store.connect.load_migrations", lambda known=known: known)
        if len(known) == 8:
            open_store(dsn).close()
    with pytest.raises(SchemaError, match=r"is at version 8, this prebill needs 9: `prebill run`"):
        open_store(dsn, make=False)
    open_store(dsn).close()
    open_store(dsn, make=False).close()


def other_application(folder: Path) -> None:
    shutil.rmtree(folder)
    import chdb

    made = chdb.connect(str(folder))
    made.query("CREATE TABLE theirs (n Int32) ENGINE = MergeTree ORDER BY n")
    made.close()


def links_followed(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("copy"))
    shutil.rmtree(folder)
    folder.with_name("copy").rename(folder)


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "another application's": (other_application, r"holds tables of the embedded engine and not prebill's"),
    "links followed": (links_followed, r"copy the store again with `cp -a` or `tar`"),
    "all data gone": (
        lambda folder: shutil.rmtree(folder / "store"),
        r"or a part of the store's files is gone",
    ),
    "a table gone": (
        lambda folder: (folder / "metadata/default/facts.sql").unlink(),
        r"not there any more: table facts",
    ),
    "a view gone": (
        lambda folder: (folder / "metadata/default/usage.sql").unlink(),
        r"not there any more: view usage",
    ),
    "its history broken": (
        lambda folder: halve(folder, "migrations"),
        r"its table migrations cannot be read",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("make", [False, True])
def test_what_is_not_a_whole_store_is_refused_in_plain_words(
    tmp_path: Path, name: str, *, make: bool
) -> None:
    folder = tmp_path / "store"
    dsn = lay_store(folder)
    breaking, told = BROKEN[name]
    breaking(folder)
    for _ in range(2):
        with pytest.raises(DamagedError, match=told):
            open_store(dsn, make=make)


def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DamagedError, match="is a file: expected the folder of a store"):
        open_store(f"chdb://{tmp_path}/file", make=False)
