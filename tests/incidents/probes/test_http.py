"""HTTP probes against a real nginx, with TLS by an authority of our own, and against servers that misbehave."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.probes.blackbox import exporter_url
from incidents.probes.http import _address
from tests.incidents.probes.peers import REFUSING, Nginx, a_probe, look, seconds

if TYPE_CHECKING:
    from incidents.probes.result import Result

HOST = "c1.example.test"


def get(nginx: Nginx, path: str = "/", now: float | None = None, **keys: Any) -> Result:
    return asyncio.run(look(a_probe("http", url=f"http://127.0.0.1:{nginx.http_port}{path}", **keys), now))


def get_tls(nginx: Nginx, path: str = "/", now: float | None = None, host: str = HOST, **keys: Any) -> Result:
    """The customer's host, asked of one edge by its address."""
    asked = {"address": f"127.0.0.1:{nginx.tls_port}", "ca": nginx.authority, **keys}
    return asyncio.run(look(a_probe("http", url=f"https://{host}{path}", **asked), now))


def test_served_and_not_served(nginx: Nginx) -> None:
    assert get(nginx).ok is True
    nginx.stop()
    refused = get(nginx)
    assert (refused.ok, refused.detail) == (False, "connection refused")
    nginx.start()
    assert get(nginx).ok is True


@pytest.mark.parametrize(
    ("path", "keys", "detail"),
    [
        ("/broken", {}, "status 503, expected 2xx"),
        ("/broken", {"status": (200, 204)}, "status 503, expected 200 or 204"),
        ("/broken", {"status": (503,)}, ""),
        ("/", {"contains": "served to"}, ""),
        ("/", {"contains": "welcome"}, "body without 'welcome'"),
        ("/moved", {}, ""),
        ("/moved", {"redirects": 0}, "status 302, expected 2xx"),
        ("/moved", {"redirects": 0, "status": (302,)}, ""),
        ("/round", {}, "more than 5 redirects"),
        ("/secret", {}, "redirect with credentials"),
        ("/elsewhere", {}, "redirect to no web address"),
        ("/inward", {"redirects": 1}, "leads to 127.0.0.1, which probes do not touch"),
    ],
)
def test_what_was_seen_in_plain_words(nginx: Nginx, path: str, keys: dict[str, Any], detail: str) -> None:
    seen = get(nginx, path, **keys)
    if detail.startswith("leads to"):  # localhost may be ::1 first
        assert seen.detail.endswith("which probes do not touch")
    else:
        assert seen.detail == detail
    assert seen.ok is (not detail)


def test_a_redirect_to_this_machine_is_followed_where_that_is_configured(nginx: Nginx) -> None:
    url = f"http://127.0.0.1:{nginx.http_port}/inward"
    assert asyncio.run(look(a_probe("http", url=url), loopback=True)).ok is True


def test_nothing_secret_is_sent(nginx: Nginx) -> None:
    assert get(nginx, "/agent", contains="prebill-probe||\n").ok is True


def test_an_edge_is_asked_for_a_customers_host_by_name_and_certificate(nginx: Nginx) -> None:
    assert get_tls(nginx, contains=f"served to {HOST} by {HOST}").ok is True


def test_a_path_in_russian_and_a_query_arrive(nginx: Nginx) -> None:
    assert get(nginx, "/path?x=a%20b&y=я", contains="/path?x=a%20b&y=%D1%8F").ok is True


@pytest.mark.parametrize(
    ("host", "keys", "detail"),
    [
        ("other.example.test", {}, "certificate is for another host"),
        (HOST, {"ca": ""}, "certificate is signed by an unknown authority"),
        (HOST, {"certificate_days": 30}, "certificate expires in 9 days"),
    ],
)
def test_tls_that_a_visitor_would_not_accept(
    nginx: Nginx, host: str, keys: dict[str, Any], detail: str
) -> None:
    seen = get_tls(nginx, host=host, **keys)
    assert (seen.ok, seen.detail) == (False, detail)


def test_an_expired_certificate(nginx: Nginx) -> None:
    seen = get_tls(nginx, address=f"127.0.0.1:{nginx.old_port}")
    assert (seen.ok, seen.detail) == (False, "certificate expired")


def test_a_certificate_that_soon_ends_is_a_remark_and_no_failure(nginx: Nginx) -> None:
    seen = get_tls(nginx)
    assert (seen.ok, seen.detail) == (True, "certificate expires in 9 days")
    assert get_tls(nginx, now=time.time() + 9 * 86_400).detail == "certificate expires in less than a day"


def test_from_https_to_http_is_no_redirect_to_follow(nginx: Nginx) -> None:
    assert get_tls(nginx, "/plain").detail == "redirect from https to http"


def test_no_tls_where_tls_is_expected(nginx: Nginx) -> None:
    assert get_tls(nginx, address=f"127.0.0.1:{nginx.http_port}").detail == "no TLS is spoken there"


def test_authorities_that_cannot_be_read_accuse_nobody(nginx: Nginx) -> None:
    seen = get_tls(nginx, ca="/nowhere/ca.pem")
    assert seen.ok is None
    assert "/nowhere/ca.pem cannot be read" in seen.detail


def test_a_name_that_is_not_there() -> None:
    seen = asyncio.run(look(a_probe("http", url="http://nowhere.invalid/")))
    assert seen.ok is False
    assert seen.detail in ("name not found", "name servers do not answer")


def served_by(answer: list[bytes], pause_s: float = 0.0, **keys: Any) -> Result:
    """A probe of a server that sends these pieces, a pause between them, and then says nothing more."""

    async def run() -> Result:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            for piece in answer:
                writer.write(piece)
                await asyncio.sleep(pause_s)
            if not keys.get("hangs"):
                writer.close()
            else:
                await asyncio.sleep(30)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        given = {key: value for key, value in keys.items() if key != "hangs"}
        probe = a_probe("http", url=f"http://127.0.0.1:{port}/", **{"timeout": seconds("1s"), **given})
        try:
            return await look(probe)
        finally:
            server.close()

    return asyncio.run(asyncio.wait_for(run(), 10))


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("answer", "keys", "detail"),
    [
        ([], {"hangs": True}, "no answer in 1 s"),
        ([], {}, "connection closed before the answer's end"),
        ([b"220 mail ready\r\n\r\n"], {}, "what was answered is not HTTP"),
        ([OK + b"Content-Length: 9\r\n\r\nhalf"], {"hangs": True}, "body timeout"),
        ([OK + b"Content-Length: 9\r\n\r\nhalf"], {}, "connection closed before the answer's end"),
        ([b"HTTP/1.1 302 F\r\nLocation: http://[::1\r\n\r\n"], {}, "redirect to no web address"),
        ([b"\x00\xff" * 70_000], {}, "what was answered is not HTTP"),
    ],
)
def test_servers_that_misbehave(answer: list[bytes], keys: dict[str, Any], detail: str) -> None:
    seen = served_by(answer, **keys)
    assert (seen.ok, seen.detail) == (False, detail)
    assert seen.took_s < 3


def test_one_byte_now_and_then_does_not_outlast_the_timeout() -> None:
    seen = served_by([b"%c" % byte for byte in OK * 50], pause_s=0.1)
    assert (seen.ok, seen.detail) == (False, "no answer in 1 s")
    assert seen.took_s < 2


def test_an_endless_body_is_read_no_further_than_needed() -> None:
    piece = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    seen = served_by([OK + b"Transfer-Encoding: chunked\r\n\r\n", *[piece] * 64], hangs=True)
    assert (seen.ok, seen.detail) == (True, "")


def test_an_answer_that_comes_late() -> None:
    late = served_by([b"", OK + b"Content-Length: 0\r\n\r\n"], pause_s=0.2, latency_ms=100)
    assert late.ok is False
    assert late.detail.startswith("took ")
    assert late.detail.endswith(" ms, at most 100 expected")


def test_a_tcp_probe() -> None:
    async def run(sent: bytes, **keys: Any) -> Result:
        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(sent)
            await writer.drain()
            if b"quiet" not in sent:
                writer.close()
            await asyncio.sleep(0)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            return await look(a_probe("tcp", address=address, timeout=seconds("1s"), **keys))
        finally:
            server.close()

    assert asyncio.run(run(b"")).ok is True
    assert asyncio.run(run(b"SSH-2.0-x\r\n", contains="SSH-2.0")).ok is True
    assert asyncio.run(run(b"bye", contains="SSH")).detail == "connection closed without 'SSH'"
    assert asyncio.run(run(b"quiet", contains="SSH")).detail == "waiting for 'SSH' timeout"
    refused = asyncio.run(look(a_probe("tcp", address=REFUSING)))
    assert (refused.ok, refused.detail) == (False, "connection refused")


def test_an_address_holds_for_the_probes_own_host_and_port_only() -> None:
    ours = a_probe("http", url="http://c1.example.test/", address="192.0.2.1:8080")
    assert _address(ours, "http://c1.example.test/next") == "192.0.2.1:8080"
    assert _address(ours, "https://c1.example.test/next") == "192.0.2.1"
    six = a_probe("http", url="http://c1.example.test/", address="[2001:db8::1]:8080")
    assert _address(six, "https://c1.example.test/") == "[2001:db8::1]"
    assert _address(a_probe("http", url="http://c1.example.test/"), "http://c1.example.test/") == ""


def test_what_an_exporter_is_asked() -> None:
    edge = a_probe("http", url="https://пример.рф:444/a?b", address="192.0.2.1", module="m")
    asked = parse_qs(urlsplit(exporter_url("http://x:9115/", edge)).query)
    assert asked == {
        "module": ["m"],
        "target": ["https://192.0.2.1:444/a?b"],
        "hostname": ["xn--e1afmkfd.xn--p1ai"],
    }
    plain = a_probe("tcp", address="192.0.2.1:22", module="tcp_connect")
    assert exporter_url("http://x:9115/bb/probe", plain) == (
        "http://x:9115/bb/probe?module=tcp_connect&target=192.0.2.1%3A22"
    )


STARTS = st.sampled_from(
    (OK, b"HTTP/1.1 302 Found\r\n", b"HTTP/1.0 200\r\n", b"HTTP/1.1 103 Hints\r\n\r\n", b"")
)
HEADERS = st.sampled_from(
    (
        b"Location: /\r\n",
        b"Location: \xff\xfe\r\n",
        b"Location: //[::\r\n",
        b"Location: http://a..b/\r\n",
        b"Location: http://x:99999/\r\n",
        b"Location: http://169.254.169.254/\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 5, 6\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Encoding: br\r\n",
        b"\r\nzzz\r\n",
    )
)


@settings(max_examples=60, deadline=None)
@given(STARTS, st.lists(st.one_of(HEADERS, st.binary(max_size=20)), max_size=4))
def test_whatever_is_answered_is_judged(start: bytes, pieces: list[bytes]) -> None:
    seen = served_by([b"".join((start, *pieces, b"\r\n"))])
    assert seen.ok is not None, "only the prober's own faults leave it open"
    assert seen.ok or seen.detail
    assert seen.detail.isprintable()
