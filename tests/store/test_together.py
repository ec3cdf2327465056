"""Writers and readers at once: no torn read, numbers in order, and committers that race for the same number."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING

import pytest

from pipeline.model import Origin
from pipeline.store import StoreError, connect, open_store
from pipeline.store.errors import OwnerEndedError
from tests.store.cases import MINUTE, make_batch, make_entry

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.store import Store

EMBEDDED = pytest.mark.parametrize("dsn", ["embedded"], indirect=True)


@pytest.mark.parametrize("reads", [200, pytest.param(5_000, marks=pytest.mark.nightly)])
def test_no_read_is_torn_while_a_writer_runs(store: Store, reads: int) -> None:
    """Invariant: every commit moves 100 requests from one segment to the other, so the sum is 100 after each."""
    left, right = Origin("e1", "access", MINUTE), Origin("e1", "access", MINUTE + 1)
    stop = threading.Event()
    failures: list[BaseException] = []

    def write(write_id: int) -> None:
        amounts = (write_id % 101, 100 - write_id % 101)
        store.insert_facts(
            make_batch(
                [
                    (f"r{row}", origin.minute, "e1", origin.segment_id, write_id * 2 + side, amounts[side])
                    for side, origin in enumerate((left, right))
                    for row in range(10)
                ]
            )
        )
        store.commit(
            [make_entry(o, write_id * 2 + side, lines=write_id) for side, o in enumerate((left, right))]
        )

    def keep_writing() -> None:
        write_id = 1
        try:
            while not stop.is_set():
                write_id += 1
                write(write_id)
        except BaseException as error:
            failures.append(error)

    write(1)
    first = store.cut()
    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        cuts = []
        for _ in range(reads):
            cut = store.cut()
            cuts.append(cut)
            assert store.totals(cut)["requests"] == 1000
    finally:
        stop.set()
        writer.join()
    assert failures == []
    assert cuts == sorted(cuts)
    assert cuts[-1] > first, "the writer did write meanwhile"


def test_committers_that_race_never_share_a_number_nor_go_back(store: Store) -> None:
    """Writers with locks of their own, as separate processes have them."""
    from pipeline.store.writer import Writer

    failures: list[BaseException] = []
    given: list[tuple[int, int]] = []

    def commit(who: int) -> None:
        writer = Writer(store._sessions)
        try:
            for turn in range(15):
                origin = Origin(f"e{who}", "access", MINUTE + turn)
                ids = (who * 1000 + turn, who * 1000 + 500 + turn)
                last = writer.commit([make_entry(origin, write_id) for write_id in ids])
                given.append((last - 1, last))
                # a cut fixed now already holds what was just acknowledged
                assert writer.cut() >= last
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=commit, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(seq for pair in given for seq in pair) == list(range(1, 121))
    assert [e.seq for e in store.ledger_tail(0)] == list(range(1, 121))


def test_another_process_finds_the_same_store_and_writes_to_it(store: Store, dsn: str) -> None:
    origin = Origin("e1", "access", MINUTE)
    script = f"""
        from pipeline.model import Origin
        from pipeline.store import QueryError, open_store
        from tests.store.cases import make_batch, make_entry
        origin = Origin("e1", "access", {MINUTE})
        with open_store({dsn!r}) as store:
            assert not store.owner
            store.insert_facts(make_batch([("a", origin.minute, "e1", origin.segment_id, 7, 5)]))
            entry = make_entry(origin, 7)
            print(store.commit([entry]), store.totals(store.cut())["requests"], store.status().cut)
            assert store.winners([origin.segment_id])[origin.segment_id].write_id == 7
            assert store.query("SELECT count() AS n FROM facts").to_pylist() == [{{"n": 1}}]
            try:
                store.query("DROP TABLE facts")
            except QueryError as error:
                print(error.code)
    """  # noqa: S608 - a script for another Python
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == (["1", "5", "1", "164"], "")
    assert store.totals(store.cut())["requests"] == 5
    assert store.winners([origin.segment_id])[origin.segment_id].write_id == 7


def test_a_visitor_hears_that_its_owner_is_gone_and_can_become_the_owner(tmp_path: Path) -> None:
    dsn = f"chdb://{tmp_path}/store"
    command = [sys.executable, "-m", "tests.store.crash_writer", dsn, "1"]
    owner = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "ready\n"
        with open_store(dsn) as visitor:
            assert not visitor.owner
            assert visitor.cut() >= 0
            owner.kill()
            owner.wait()
            with pytest.raises(StoreError, match=r"the owner of the store .* has ended"):
                visitor.cut()
            with open_store(dsn) as store:
                assert store.owner
                assert store.cut() >= 0
    finally:
        owner.kill()
        owner.wait()


def test_an_owner_that_lets_go_of_its_connections_first_is_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = f"chdb://{tmp_path}/store"
    command = [sys.executable, "-m", "tests.store.crash_writer", dsn, "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout is not None
            assert owner.stdout.readline() == "ready\n"
            with open_store(dsn) as visitor:
                owner.kill()
                owner.wait()
                still = iter([True, True])
                monkeypatch.setattr(connect, "is_owned", lambda _folder: next(still, False))
                with pytest.raises(OwnerEndedError):
                    visitor.cut()
        finally:
            owner.kill()


@EMBEDDED
def test_one_process_one_folder(store: Store, tmp_path: Path) -> None:
    with open_store(store.dsn) as again:
        assert again.owner
        assert again.door == store.door
    assert store.cut() == 0, "closing one of two leaves the other open"
    with pytest.raises(StoreError, match="one process can hold one embedded store"):
        open_store(f"chdb://{tmp_path}/other")


def test_a_dead_owners_address_is_taken_over(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "owner.json").write_text('{"pid": 999999, "port": 9, "token": "x", "read_token": "y"}')
    (folder / "owner.lock").touch()
    with open_store(f"chdb://{folder}") as store:
        assert store.owner
        assert (folder / "owner.json").stat().st_mode & 0o777 == 0o600
    assert not (folder / "owner.json").exists()


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="expected a folder"):
        open_store(f"chdb://{tmp_path}/file")


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(StoreError, match=r"clickhouse://default@127\.0\.0\.1:9/x does not answer"):
        open_store("clickhouse://default:secret@127.0.0.1:9/x")


@EMBEDDED
def test_the_door_is_a_server_too(store: Store) -> None:
    """The third kind of DSN, over the server that is always there: the door itself."""
    from pipeline.store.connect import _owned

    door = next(iter(_owned.values())).door
    origin = Origin("e1", "access", MINUTE)
    with open_store(f"clickhouse://prebill:{door.token}@127.0.0.1:{door.port}/default") as server:
        server.insert_facts(make_batch([("a", MINUTE, "e1", origin.segment_id, 1, 5)]))
        assert server.commit([make_entry(origin, 1)]) == 1
        assert server.totals(1)["requests"] == 5
    assert store.totals(1)["requests"] == 5
