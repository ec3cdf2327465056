"""The door as clients see it: plain clickhouse-connect, plain HTTP, wrong secrets, hostile bodies, read-only users."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import socket
import threading
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lz4.frame
import pyarrow as pa
import pytest
import zstandard

from pipeline.model import Origin
from pipeline.store import QueryError, open_store
from pipeline.store.http_door import Door
from pipeline.store.owner import Address, read_address
from tests.empty_store import lay_store
from tests.store.cases import MINUTE, make_entry, write
from tests.store.questions import FORBIDDEN, NEVER_WRITTEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.store import Store


@pytest.fixture
def dsn(tmp_path: Path) -> str:
    """Only an embedded store has a door."""
    return f"chdb://{tmp_path}/store"


@pytest.fixture
def address(store: Store) -> Address:
    found = read_address(Path(store.dsn.removeprefix("chdb://")))
    assert found is not None
    return found


def _client(address: Address, secret: str, **options: Any) -> Any:
    import clickhouse_connect

    return clickhouse_connect.get_client(
        host="127.0.0.1", port=address.port, username="anyone", password=secret, **options
    )


@pytest.fixture
def client(address: Address) -> Iterator[Any]:
    with _client(address, address.token) as opened:
        yield opened


class Http:
    """One keep-alive connection to the door."""

    def __init__(self, address: Address, token: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=60)
        self.headers = {"X-ClickHouse-User": "any", "X-ClickHouse-Key": token}

    def __call__(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, body, {**self.headers, **named})
        answer = self.connection.getresponse()
        return answer.status, answer.read(), dict(answer.getheaders())


@pytest.fixture
def http_(address: Address) -> Http:
    return Http(address, address.token)


def test_plain_clickhouse_connect(client: Any) -> None:
    client.command("CREATE TABLE t (a UInt64, b String, c Array(UInt8)) ENGINE = MergeTree ORDER BY a")
    assert (
        client.insert("t", [[1, "x", [1]], [2, "it's\t\n", []]], column_names=["a", "b", "c"]).written_rows
        == 2
    )
    more = pa.table(
        {"a": pa.array([3], pa.uint64()), "b": ["z"], "c": pa.array([[3, 4]], pa.list_(pa.uint8()))}
    )
    assert client.insert_arrow("t", more).written_rows == 1
    rows = client.query("SELECT * FROM t ORDER BY a").result_rows
    assert rows == [(1, "x", [1]), (2, "it's\t\n", []), (3, "z", [3, 4])]
    assert client.query_arrow("SELECT a FROM t ORDER BY a").to_pydict() == {"a": [1, 2, 3]}
    assert client.command("SELECT count() FROM t") == 3
    asked = client.query("SELECT b FROM t WHERE b = {b:String} AND a IN {a:Array(UInt64)}",
                         parameters={"b": "it's\t\n", "a": [1, 2]})  # fmt: skip
    assert asked.result_rows == [("it's\t\n",)]
    assert client.query("SELECT getSetting('max_threads')", settings={"max_threads": 3}).result_rows == [(3,)]
    with client.query_row_block_stream("SELECT number FROM numbers(300000)") as stream:
        assert sum(len(block) for block in stream) == 300_000
    client.command("DROP TABLE t")


@pytest.mark.parametrize("method", ["lz4", "zstd", "gzip", True])
def test_compressed_inserts(address: Address, method: str | bool) -> None:
    with _client(address, address.token, compress=method) as client:
        client.command("CREATE TABLE c (a UInt64, b String) ENGINE = MergeTree ORDER BY a")
        rows = [[i, f"row {i % 7}"] for i in range(20_000)]
        client.insert("c", rows, column_names=["a", "b"])
        assert client.query("SELECT count(), sum(a), uniqExact(b) FROM c").result_rows == [
            (20_000, 199_990_000, 7)
        ]


def test_no_rows_still_have_columns(client: Any) -> None:
    found = client.query("SELECT edge, segment_id, skip_first FROM ledger WHERE 0")
    assert found.column_names == ("edge", "segment_id", "skip_first")
    assert found.result_rows == []


def test_errors_are_clickhouses_own(client: Any, http_: Http) -> None:
    from clickhouse_connect.driver.exceptions import DatabaseError

    with pytest.raises(DatabaseError, match=r"(?s)code: 47.*nope"):
        client.query("SELECT nope")
    with pytest.raises(DatabaseError, match=r"(?s)code: 60"):
        client.query("SELECT * FROM no_such_table")
    with pytest.raises(DatabaseError, match=r"(?s)code: 27"):
        client.raw_insert("edges", ["generation"], b"not a number\n", fmt="TSV")
    with pytest.raises(DatabaseError, match="no_such_setting"):
        client.raw_query("SELECT 1", settings={"no_such_setting": 1})
    status, text, headers = http_("POST", "/", "SELEC 1")
    assert (status, headers["X-ClickHouse-Exception-Code"]) == (400, "62")
    assert text.startswith(b"Code: 62. DB::Exception: Syntax error")
    assert http_("POST", "/", "SELECT * FROM no_such_table")[0] == 404
    assert http_("POST", "/", "SELECT throwIf(number = 5) FROM numbers(9)")[0] == 500


def test_http_as_dashboards_speak_it(http_: Http, address: Address) -> None:
    assert http_("GET", "/ping")[:2] == (200, b"Ok.\n")
    assert http_("GET", "/nowhere")[0] == 404
    assert http_("GET", "/?query=SELECT%201%20AS%20one%20FORMAT%20JSONEachRow")[:2] == (200, b'{"one":1}\n')
    assert http_("GET", "/?query=SELECT%201&default_format=CSV")[1] == b"1\n"
    assert http_("POST", "/?param_x=5", "SELECT {x:UInt8} + 1")[1] == b"6\n"
    assert http_("POST", "/?query=SELECT", " 2")[1] == b"2\n"
    assert http_("POST", "/?database=system", "SELECT count() > 0 FROM functions")[1] == b"1\n"
    two = http_(
        "POST", "/?session_id=x&wait_end_of_query=1&max_threads=2", "SELECT getSetting('max_threads')"
    )
    assert two[1] == b"2\n"
    status, body, headers = http_("POST", "/", "SELECT 1 AS a FORMAT JSON")
    assert (status, json.loads(body)["data"], headers["X-ClickHouse-Format"]) == (200, [{"a": 1}], "JSON")
    bearer = {"Authorization": f"Bearer {address.token}"}
    assert Http(address, "")("POST", "/", "SELECT 1", **bearer)[:2] == (200, b"1\n")
    basic = {"Authorization": "Basic " + base64.b64encode(f"me:{address.token}".encode()).decode()}
    assert Http(address, "")("POST", "/", "SELECT 1", **basic)[:2] == (200, b"1\n")


def test_inserts_of_every_shape(http_: Http) -> None:
    assert http_("POST", "/", "CREATE TABLE i (a UInt64, b String) ENGINE = MergeTree ORDER BY a")[0] == 200
    assert http_("POST", "/", "INSERT INTO i VALUES (1, 'FORMAT')")[0] == 200
    assert http_("POST", "/", "INSERT INTO i (a, b) FORMAT CSV\n2,two\n")[0] == 200
    assert http_("POST", "/?query=INSERT%20INTO%20i%20FORMAT%20TSV", b"3\tthree\n")[0] == 200
    assert (
        http_("POST", "/?query=INSERT%20INTO%20i%20FORMAT%20CSV", iter([b"4,fo", b"ur\n5,fi", b"ve\n"]))[0]
        == 200
    )
    assert http_("POST", "/", "INSERT INTO i SELECT 6, 'six'")[0] == 200
    odd = 'INSERT /* FORMAT x */ INTO i (a, "b") SETTINGS max_threads = 1 FORMAT JSONEachRow {"a":7,"b":"7"}'
    assert http_("POST", "/", odd)[0] == 200
    packed = {
        "gzip": gzip.compress(b"8,eight\n"), "deflate": zlib.compress(b"9,nine\n"),
        "zstd": zstandard.compress(b"10,ten\n"), "lz4": lz4.frame.compress(b"11,eleven\n"),
    }  # fmt: skip
    for encoding, body in packed.items():
        answer = http_("POST", "/?query=INSERT%20INTO%20i%20FORMAT%20CSV", body, Content_Encoding=encoding)
        assert answer[0] == 200, answer
    assert http_("POST", "/", "SELECT a FROM i ORDER BY a")[1].split() == [
        str(i).encode() for i in range(1, 12)
    ]
    assert http_("POST", "/", "INSERT INTO i FROM INFILE '/etc/passwd' FORMAT CSV")[0] == 500
    assert http_("POST", "/", "INSERT INTO i FORMAT CSV\n12,twelve\nbad,bad\n")[0] != 200
    assert http_("POST", "/", "SELECT count() FROM i")[1] == b"11\n", "a failed insert leaves nothing"


def test_bad_bodies_and_bad_words(http_: Http, address: Address) -> None:
    insert = "/?query=INSERT%20INTO%20edges%20FORMAT%20CSV"
    for encoding in ("gzip", "zstd", "lz4", "deflate"):
        assert (
            Http(address, address.token)("POST", insert, b"not packed", Content_Encoding=encoding)[0] == 400
        )
    assert Http(address, address.token)("POST", insert, b"x", Content_Encoding="br")[0] == 415
    assert Http(address, address.token)("POST", "/", b"x", Content_Length="99999999999")[0] == 413
    assert Http(address, address.token)("POST", "/", b"x", Content_Length="many")[0] == 400
    assert http_("POST", "/?compress=1", "SELECT 1")[0] == 501
    assert http_("POST", "/", b"SELECT '\xff'")[0] == 400
    assert http_("POST", "/", "")[0] == 400
    assert http_("POST", "/?max_threads%20=1", "SELECT 1")[0] == 400
    assert http_("POST", "/?database=a%60%3B%20DROP%20TABLE%20facts", "SELECT 1")[0] == 404
    assert http_("POST", "/", "SELECT count() FROM facts")[1] == b"0\n"


@pytest.mark.parametrize("length", ["²", "-1", "9" * 5_000, "1 2", "x"])
def test_a_length_that_is_no_number(address: Address, length: str) -> None:
    asked = Http(address, address.token)
    assert asked("POST", "/", b"SELECT 1", Content_Length=length)[0] == 400


def test_wrong_secrets(address: Address) -> None:
    for headers in (
        {}, {"X-ClickHouse-Key": ""}, {"X-ClickHouse-Key": "wrong"}, {"Authorization": "Bearer wrong"},
        {"Authorization": "Basic !!!"}, {"Authorization": "Basic " + base64.b64encode(b"u:\xff").decode()},
    ):  # fmt: skip
        http_ = Http(address, "")
        http_.headers = {}
        status, text, answered = http_("POST", "/", "SELECT 1", **headers)
        assert (status, answered["X-ClickHouse-Exception-Code"]) == (401, "516")
        assert address.token.encode() not in text


class TestReadOnlyUser:
    """All at one door: what is refused leaves nothing behind, and each looks whether it did."""

    @pytest.fixture(scope="class")
    @classmethod
    def store(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
        with open_store(lay_store(tmp_path_factory.mktemp("door") / "store")) as opened:
            yield opened

    @pytest.mark.parametrize("sql", FORBIDDEN)
    def test_cannot(self, store: Store, address: Address, sql: str) -> None:
        status, text, headers = Http(address, address.read_token)("POST", "/", sql)
        assert (status, headers["X-ClickHouse-Exception-Code"]) == (403, "164"), text
        # the same through GET with the writer's token, and through the owner's own read-only questions
        assert Http(address, address.token)("GET", "/?" + _query(sql))[0] == 403
        with pytest.raises(QueryError) as caught:
            store.query(sql)
        assert caught.value.code in (164, 62)  # 62: with FORMAT Arrow after it, INTO OUTFILE is no SQL
        assert not NEVER_WRITTEN.exists()
        assert store.cut() == 0


def _query(sql: str) -> str:
    from urllib.parse import urlencode

    return urlencode({"query": sql})


def test_the_read_only_user_can_read(store: Store, address: Address) -> None:
    origin = Origin("e1", "access", MINUTE)
    write(store, origin, 1, 5)
    with _client(address, address.read_token) as client:
        assert client.query("SELECT requests FROM usage").result_rows == [(5,)]
        found = client.query("SELECT edge FROM segments WHERE lines = {n:UInt64}", parameters={"n": 10})
        assert found.result_rows == [("e1",)]
        assert client.query_arrow("SHOW TABLES").num_rows > 5
        assert len(client.query("DESCRIBE TABLE usage").result_rows) == 10
        assert client.query("EXPLAIN SELECT 1").row_count > 0
        assert client.query("SELECT sum(number) FROM numbers(10)").result_rows == [(45,)]
        assert client.query("SELECT 'file(' AS a, 'x' AS url").result_rows == [("file(", "x")]
    http_ = Http(address, address.read_token)
    assert (
        http_("POST", "/?max_execution_time=5&output_format_json_quote_64bit_integers=1", "SELECT 1")[0]
        == 200
    )
    assert http_("POST", "/?max_memory_usage=0", "SELECT 1")[0] == 403
    assert http_("POST", "/?readonly=0", "SELECT 1")[0] == 403
    hidden = "SELECT arrayMap({f:Identifier}, ['/etc/passwd'])"
    assert http_("POST", "/?param_f=file", hidden)[0] == 403


def test_many_clients_while_the_owner_writes(store: Store, address: Address) -> None:
    failures: list[BaseException] = []

    def read() -> None:
        try:
            with _client(address, address.read_token) as client:
                for _ in range(10):
                    rows, requests = client.query("SELECT count(), sum(requests) FROM usage").result_rows[0]
                    assert requests == rows * 3
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for place in range(10):
        write(store, Origin("e1", "access", MINUTE + place), place + 1, 3)
    for thread in threads:
        thread.join()
    assert failures == []


def test_readers_that_are_killed_hurt_nobody(store: Store, address: Address) -> None:
    """Each leaves in the middle of a stream: the engine must end it while its connection lives."""
    token = base64.b64encode(f"any:{address.token}".encode()).decode()
    question = "SELECT%20number%20FROM%20numbers(1000000000)"
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", address.port), timeout=60) as reader:
            reader.sendall(
                f"GET /?query={question} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {token}\r\n\r\n".encode()
            )
            assert reader.recv(1 << 16).startswith(b"HTTP/1.1 200")
        store.cut()  # raises when the engine has ended


def test_only_loopback_answers(store: Store) -> None:
    assert store.door[0] == "127.0.0.1"


def test_closing_closes_the_door(store: Store, address: Address) -> None:
    http_ = Http(address, address.token)
    assert http_("GET", "/ping")[0] == 200
    store.commit([make_entry(Origin("e1", "access", MINUTE), 1)])
    store.close()
    with pytest.raises(ConnectionError):
        Http(address, address.token)("GET", "/ping")


def test_a_door_that_idles_closes_at_once(tmp_path: Path) -> None:
    """Every command that opens a store waits for it; the server's own loop looks up every 0.5 s only."""
    took = []
    for _ in range(5):
        door = Door(tmp_path, "writes", "reads")
        door.start()
        begun = time.monotonic()
        door.stop()
        took.append(time.monotonic() - begun)
    assert min(took) < 0.3
