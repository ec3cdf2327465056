"""Support requests by HTTP over real sockets: handed in once, refused plainly, bounded in bytes, time and number."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from incidents.desk.settings import SmtpSettings
from pipeline.app.support import api as support_api
from pipeline.app.support.api import SupportApi
from pipeline.configured import Duration
from pipeline.store import open_store
from pipeline.store.errors import StoreError
from tests.app.api_client import GOOD, SECRET, SECRET_OF_C1, Api, api_config, call, raw_call, running
from tests.empty_store import lay_store
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.store import Store

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with open_store(lay_store(tmp_path_factory.mktemp("api") / "store")) as opened:
        yield opened


@pytest.fixture(scope="module")
def api(store: Store) -> Iterator[Api]:
    with running(store) as found:
        yield found


def evidence(store: Store, text: str) -> list[str]:
    """The customers of technical requests with this text that the incident engine can see."""
    return [row.body["customer"] for row in store.evidence(("request",)) if row.body.get("text") == text]


def received(store: Store, text: str) -> list[dict[str, Any]]:
    found = [json.loads(row.body) for row in store.desk.events() if row.type == "received"]
    return [event for event in found if event["text"] == text]


def test_a_technical_request_is_in_the_store_and_evidence_before_it_is_acknowledged(
    api: Api, store: Store
) -> None:
    before = api.woken
    status, headers, document = call(
        api.port, "POST", "/v1/requests", json.dumps(GOOD | {"key": "first"}).encode(), JSON
    )
    assert status == 201
    assert headers["Content-Type"] == "application/json"
    assert headers["Location"] == f"/v1/requests/{document['id']}"
    assert document["acknowledged"].startswith("Здравствуйте!")
    assert "Анна" in document["acknowledged"]
    assert document["manager_by"].endswith("Z")
    assert evidence(store, GOOD["text"]) == ["c1"]
    assert api.woken > before
    (event,) = received(store, GOOD["text"])
    assert (event["actor"], event["channel"], event["request"]) == ("portal", "api", document["id"])
    status, shown = api.get(document["id"])
    assert (status, shown["state"], shown["customer"]) == (200, "new", "c1")
    assert shown["acknowledged_at"] == document["received_at"]


def test_a_question_is_no_evidence(api: Api, store: Store) -> None:
    status, document = api.post({"customer": "c2", "kind": "question", "text": "A question?"})
    assert status == 201
    assert document["acknowledged"].startswith("Hello")
    assert evidence(store, "A question?") == []


def test_without_mail_an_answer_to_a_contact_is_the_acknowledgement(api: Api) -> None:
    _, document = api.post(GOOD | {"text": "write to me", "contact": "a@b.example", "kind": "billing"})
    assert api.get(document["id"])[1]["acknowledged_at"] is not None


def test_with_mail_the_letter_is_the_acknowledgement(store: Store) -> None:
    plain = api_config()
    mail = replace(
        plain.support, email="desk@cdn.example", smtp=SmtpSettings(host="127.0.0.1", security="none")
    )
    with running(store, replace(plain, support=mail)) as mailing:
        _, document = mailing.post(GOOD | {"text": "by letter", "contact": "a@b.example", "kind": "billing"})
        assert mailing.get(document["id"])[1]["acknowledged_at"] is None, (
            "it goes with the next round of mail"
        )
        _, document = mailing.post(GOOD | {"text": "without an address", "kind": "billing"})
        assert mailing.get(document["id"])[1]["acknowledged_at"] == document["received_at"]


def test_who_came_at_night_has_a_manager_within_twenty_minutes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(support_api, "SETTLE_EVERY_S", 0.0)
    now = [datetime(2099, 1, 5, 3, 0, tzinfo=UTC).timestamp()]  # a Monday before working hours
    with running(store, clock=lambda: now[0]) as night:
        step = night.desk.watched(lambda: True)
        _, document = night.post(GOOD | {"text": "at night"})
        assert (document["manager"], document["manager_by"]) == (None, "2099-01-05T03:20:00Z")
        for minutes, manager in ((19, None), (21, "Ольга")):
            step(now[0] + 60 * minutes)
            assert night.get(document["id"])[1]["manager"] == manager


def test_a_text_of_sql_and_letters_of_all_kinds_is_a_text(api: Api, store: Store) -> None:
    text = "'; DROP TABLE desk_events; -- {x:String} \\ \" 😀 ../../etc/passwd\n%s"
    status, document = api.post(GOOD | {"text": text, "key": "'||1--"})
    assert status == 201
    assert [event["request"] for event in received(store, text)] == [document["id"]]


def test_the_same_key_and_content_is_one_request_whoever_is_quicker(api: Api, store: Store) -> None:
    body = GOOD | {"text": "sent by eight", "key": "eight"}
    start = threading.Barrier(8)

    def send(_: int) -> tuple[int, dict[str, Any]]:
        start.wait(10)
        return api.post(body)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(send, range(8)))
    assert sorted(status for status, _ in found) == [200] * 7 + [201]
    assert len({json.dumps(document) for _, document in found}) == 1
    assert len(received(store, "sent by eight")) == 1
    assert evidence(store, "sent by eight") == ["c1"]
    status, conflict = api.post(body | {"text": "another"})
    assert (status, conflict["id"]) == (409, found[0][1]["id"])
    assert received(store, "another") == []
    assert api.post(body | {"text": "of another token"}, SECRET_OF_C1)[0] == 201, "a key is the token's own"


def test_two_that_answer_for_one_store_take_it_in_once_and_so_does_one_that_starts_again(
    api: Api, store: Store
) -> None:
    body = GOOD | {"text": "to two at once", "key": "two"}
    with running(store) as other, ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda which: which.post(body), [api, other] * 2))
    assert sorted(status for status, _ in found) == [200, 200, 200, 201]
    with running(store) as later:
        status, document = later.post(body)
        assert status == 200
        assert later.post(body | {"kind": "billing"})[0] == 409
    assert all(each == document for _, each in found)
    assert len(received(store, "to two at once")) == 1


def test_a_token_of_one_customer(api: Api) -> None:
    _, of_c2 = api.post(GOOD | {"customer": "c2", "text": "of c2"})
    assert api.post(GOOD | {"customer": "c2"}, SECRET_OF_C1)[0] == 403
    status, hidden = api.get(of_c2["id"], SECRET_OF_C1)
    missing = api.get("999999", SECRET_OF_C1)[1]
    assert status == 404
    assert hidden["detail"].replace(of_c2["id"], "N") == missing["detail"].replace("999999", "N")
    assert api.get(of_c2["id"])[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "header"),
    [
        ("POST", "/v1/requests", b"{}", {"Authorization": ""}, 401, "WWW-Authenticate"),
        ("POST", "/v1/requests", b"{}", {"Authorization": "Bearer wrong"}, 401, "WWW-Authenticate"),
        ("GET", "/v1/requests/1", None, {"Authorization": "Bearer wrong"}, 401, "WWW-Authenticate"),
        ("GET", "/", None, {}, 404, ""),
        ("GET", "/v1/requests/..%2f..%2fetc%2fpasswd", None, {}, 404, ""),
        ("DELETE", "/v1/requests/1", None, {}, 405, "Allow"),
        ("BREW", "/v1/requests", None, {}, 405, "Allow"),
        ("POST", "/v1/requests", b"{}", {"Content-Type": "text/xml"}, 415, ""),
        ("POST", "/v1/requests", b"\x1f\x8b", JSON | {"Content-Encoding": "gzip"}, 415, ""),
        ("POST", "/v1/requests", b"{", JSON, 400, ""),
        ("POST", "/v1/requests", b"", JSON, 400, ""),
        ("POST", "/v1/requests", b"{}", JSON | {"Content-Length": "²"}, 400, ""),
        ("POST", "/v1/requests", b"x" * 65_537, JSON, 413, ""),
        ("POST", "/v1/requests", b"x" * 1_000_000, JSON, 413, ""),
        ("POST", "/v1/requests", b"x", JSON | {"X-Long": "y" * 40_000}, 431, ""),
    ],
)
def test_what_is_refused_is_a_problem_document(
    api: Api, method: str, path: str, body: bytes | None, headers: dict[str, str], status: int, header: str
) -> None:
    found, told, document = call(api.port, method, path, body, headers)
    assert found == status
    assert told["Content-Type"] == "application/problem+json"
    assert (document["status"], set(document) >= {"type", "title", "detail"}) == (status, True)
    assert not header or header in told
    assert told["Connection"] == "close"
    assert "Traceback" not in json.dumps(document)


def test_the_largest_body_is_taken_whole_and_in_chunks(api: Api) -> None:
    raw = json.dumps(GOOD | {"text": "large"}).encode()
    raw = raw[:-1] + b" " * (65_536 - len(raw)) + b"}"
    assert api.post(raw)[0] == 201
    chunked = raw_call(
        api.port,
        lambda wire: wire.sendall(
            b"POST /v1/requests HTTP/1.1\r\nAuthorization: Bearer " + SECRET.encode() + b"\r\n"
            b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"".join(b"8000\r\n" + raw[at : at + 0x8000] + b"\r\n" for at in (0, 0x8000)) + b"0\r\n\r\n"
        ),
    )  # fmt: skip
    assert chunked.startswith(b"HTTP/1.1 201 ")


def test_chunks_without_end_are_cut_off(api: Api) -> None:
    def pour(wire: socket.socket) -> None:
        wire.sendall(
            b"POST /v1/requests HTTP/1.1\r\nAuthorization: Bearer " + SECRET.encode() + b"\r\n"
            b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(20):
            wire.sendall(b"4000\r\n" + b" " * 0x4000 + b"\r\n")

    assert raw_call(api.port, pour).startswith(b"HTTP/1.1 413 ")


def test_too_many_calls_of_one_token_wait_and_another_one_does_not(store: Store) -> None:
    with running(store, api_config(per_minute=3)) as few:
        assert [few.get("1")[0] for _ in range(3)].count(429) == 0
        status, headers, document = call(few.port, "GET", "/v1/requests/1", None, {})
        assert status == 429
        assert 1 <= int(headers["Retry-After"]) <= 20
        assert document["type"].endswith(":too-many")
        assert few.get("999999", SECRET_OF_C1)[0] == 404


HALF_A_CALL = (
    b"POST /v1/requests HTTP/1.1\r\nAuthorization: Bearer " + SECRET.encode() + b"\r\n"
    b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
)


def test_slow_clients_keep_nobody_waiting(store: Store) -> None:
    patient = api_config(patience=Duration.parse("10m"), at_once=3)  # far longer than any machine is busy
    with running(store, patient) as api, contextlib.ExitStack() as wires:
        for said in (b"POST /v1/requests HTTP/1.1\r\nX-Slow: ", HALF_A_CALL):
            wire = wires.enter_context(socket.create_connection(("127.0.0.1", api.port)))
            wire.sendall(said)
        assert api.get("999999")[0] == 404
        wires.close()
        wait_until(lambda: api.get("999999")[0] == 404, "the places are free again")


def test_a_slow_client_is_told_so(store: Store) -> None:
    def drip(wire: socket.socket) -> None:
        wire.sendall(b"POST /v1/requests HTTP/1.1\r\nX-Slow: ")
        answered = select.poll()  # select.select takes no number above 1,023, and each store keeps fifteen
        answered.register(wire, select.POLLIN)
        while not answered.poll(50):
            wire.sendall(b"a")

    with running(store, api_config(patience=Duration.parse("1s"))) as hasty, ThreadPoolExecutor(2) as pool:
        ways = (drip, lambda wire: wire.sendall(HALF_A_CALL))
        for each in [pool.submit(raw_call, hasty.port, way) for way in ways]:
            assert each.result(60).startswith(b"HTTP/1.1 408 ")


def test_more_connections_than_there_are_places(store: Store) -> None:
    with running(store, api_config(at_once=2)) as small:
        idle = [socket.create_connection(("127.0.0.1", small.port)) for _ in range(2)]
        status, headers, document = call(small.port, "GET", "/v1/requests/1", None, {})
        assert (status, headers["Retry-After"]) == (503, "5")
        assert "2 connections" in document["detail"]
        for each in idle:
            each.close()
        wait_until(lambda: small.get("999999")[0] == 404, "a place for the next one")


def test_ending_cuts_who_idles(store: Store) -> None:
    with running(store, api_config(patience=Duration.parse("1s"))) as ending:
        idle = socket.create_connection(("127.0.0.1", ending.port), timeout=20)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    with contextlib.suppress(ConnectionResetError):
        while idle.recv(1024):
            pass  # told that it was too slow, or cut
    idle.close()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", ending.port), timeout=1)


def test_a_store_that_is_away_is_a_503_and_what_it_missed_is_made_up_for(
    api: Api, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    body = GOOD | {"text": "while it was away", "key": "away"}

    def gone(*_: object) -> int:
        raise StoreError("the store chdb:///x does not answer: refused")

    with monkeypatch.context() as broken:
        broken.setattr(type(store), "add_evidence", gone)
        status, headers, document = call(api.port, "POST", "/v1/requests", json.dumps(body).encode(), JSON)
        assert (status, headers["Retry-After"]) == (503, "5")
        assert "chdb" not in json.dumps(document), "where the store is is nobody's business"
    assert "does not answer" in capsys.readouterr().err
    assert evidence(store, body["text"]) == []
    step = api.desk.watched(lambda: True)
    step(time.time())
    assert evidence(store, body["text"]) == ["c1"], "nobody had to send it again"
    assert api.post(body)[0] == 200
    assert len(received(store, body["text"])) == 1


def test_what_an_end_in_the_middle_left_undone_is_done_by_who_starts_next(
    api: Api, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = GOOD | {"text": "cut in the middle", "key": "cut"}

    def gone(*_: object) -> int:
        raise StoreError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(type(store), "add_evidence", gone)
        assert api.post(body)[0] == 503
    assert evidence(store, body["text"]) == []
    with running(store) as later:
        later.desk.watched(lambda: True)(time.time())
        assert later.woken == 1
    assert evidence(store, body["text"]) == ["c1"]


def test_a_store_that_is_gone_altogether_is_a_503(
    api: Api, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise StoreError("the store does not answer")

    for name in ("events", "append"):
        monkeypatch.setattr(type(store.desk), name, gone)
    assert api.post(GOOD)[0] == api.get("1")[0] == 503
    with pytest.raises(StoreError):
        api.desk.watched(lambda: True)(time.time())


def test_an_error_of_ours_is_told_to_us_and_not_to_them(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr(SupportApi, "_take", broken)
    status, document = api.post(GOOD)
    assert (status, document["type"]) == (500, "urn:prebill:problem:own-error")
    assert "secret" not in json.dumps(document)
    assert "RuntimeError: a secret of the house" in capsys.readouterr().err


def test_a_part_that_is_dead_says_so_to_the_watch(api: Api) -> None:
    with pytest.raises(RuntimeError, match="not taken any more"):
        api.desk.watched(lambda: False)(time.time())


_NOISE = st.binary(max_size=60) | st.sampled_from(
    [b"GET /\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST /v1/requests HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
     b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"\r\n\r\n", b"GET  HTTP/1.1\r\n\r\n",
     b"PRI * HTTP/2.0\r\n\r\n",
     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"]
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(noise=_NOISE)
def test_noise_is_answered_with_a_problem_or_with_nothing(api: Api, noise: bytes) -> None:
    def make_it(wire: socket.socket) -> None:
        wire.sendall(noise)
        wire.shutdown(socket.SHUT_WR)

    found = raw_call(api.port, make_it)
    if found:
        head, _, body = found.partition(b"\r\n\r\n")
        assert head.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5", b"HTTP/1.0 4"))
        assert json.loads(body)["status"] in (400, 401, 404, 405, 414, 431, 505)
