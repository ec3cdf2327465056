"""Probes against what others run: dnsmasq, Debian's blackbox exporter before a real nginx, and sipp on the phone."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

from incidents.probes.checks import Check, checks_of, evidence_of
from incidents.probes.prober import Prober
from incidents.probes.settings import BlackboxSettings, ProbingSettings
from pipeline.coverage.evidence import check_event
from tests.incidents.probes.peers import (
    SUPPORT_LINE,
    Nginx,
    Process,
    a_probe,
    free_port,
    look,
    needed,
    seconds,
    takes_connections,
)
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from incidents.probes.result import Result
    from incidents.probes.settings import ProbeSettings

BLACKBOX = Path(__file__).parents[3] / "infra" / "blackbox" / "blackbox.yml"


@pytest.fixture
def name_server() -> Iterator[tuple[Process, str]]:
    """dnsmasq with a zone of its own, and its address."""
    port = free_port()
    zone = ("--local=/example.test/", "--host-record=cdn.example.test,192.0.2.10,2001:db8::10")
    more = ("--txt-record=cdn.example.test,served", "--cname=www.example.test,cdn.example.test")
    process = Process(
        [
            needed("dnsmasq", "dnsmasq-base"), "--keep-in-foreground", "--no-resolv", "--no-hosts",
            "--conf-file=/dev/null", "--pid-file=", "--bind-interfaces", "--listen-address=127.0.0.1",
            f"--port={port}", *(("--user=root",) if os.getuid() == 0 else ()), *zone, *more,
        ],
        lambda: takes_connections(port),
    )  # fmt: skip
    process.start()
    try:
        yield process, f"127.0.0.1:{port}"
    finally:
        process.stop()


@pytest.mark.parametrize(
    ("keys", "detail"),
    [
        ({}, ""),
        ({"answer": ("192.0.2.10",)}, ""),
        ({"answer": ("192.0.2.99",)}, "answered 192.0.2.10, expected 192.0.2.99"),
        ({"record": "AAAA", "answer": ("2001:db8::10",)}, ""),
        ({"record": "TXT", "answer": ("served",)}, ""),
        ({"record": "MX"}, "no MX record for cdn.example.test"),
        ({"query": "www.example.test", "record": "CNAME", "answer": ("CDN.example.test.",)}, ""),
        ({"query": "nobody.example.test"}, "answered NXDOMAIN for nobody.example.test"),
        ({"query": "elsewhere.example"}, "answered REFUSED for elsewhere.example"),
    ],
)
def test_a_real_name_server(name_server: tuple[Process, str], keys: dict[str, Any], detail: str) -> None:
    asked = {"query": "cdn.example.test", "address": name_server[1], **keys}
    seen = asyncio.run(look(a_probe("dns", **asked)))
    assert (seen.ok, seen.detail) == (not detail, detail)


def test_a_name_server_that_ends_and_comes_back(name_server: tuple[Process, str]) -> None:
    process, address = name_server
    probe = a_probe("dns", query="cdn.example.test", address=address, timeout=seconds("2s"))
    process.stop()
    silent = asyncio.run(look(probe))
    assert (silent.ok, silent.took_s < 3) == (False, True)
    process.start()
    assert asyncio.run(look(probe)).ok is True


# -- the support line

SCENARIO = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="answers OPTIONS">
  <recv request="OPTIONS"></recv>
  <send><![CDATA[
SIP/2.0 {answer}
[last_Via:]
[last_From:]
[last_To:];tag=[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
"""


def phone(folder: Path, port: int, transport: str, answer: str) -> Process:
    """sipp, answering every OPTIONS the same way."""
    scenario = folder / "uas.xml"
    scenario.write_text(SCENARIO.format(answer=answer))
    command = [
        needed("sipp", "sip-tester"), "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(port),
        "-t", "u1" if transport == "udp" else "t1", "-nostdin", "-trace_err", "-error_file", str(folder / "err"),
    ]  # fmt: skip
    return Process(command, lambda: takes_connections(port) if transport == "tcp" else _is_bound(port))


def _is_bound(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def ring(port: int, transport: str, **keys: Any) -> Result:
    line = {"target": SUPPORT_LINE, "address": f"127.0.0.1:{port}", "transport": transport}
    return asyncio.run(look(a_probe("sip", **{**line, "timeout": seconds("2s"), **keys})))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_support_line_that_answers_then_does_not(tmp_path: Path, transport: str) -> None:
    port = free_port(socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)
    line = phone(tmp_path, port, transport, "200 OK")
    line.start()
    try:
        assert ring(port, transport).ok is True
        assert ring(port, transport, uri="sip:support@example.test").ok is True
        assert ring(port, transport, status=(486,)).detail == "status 200, expected 486 (OK)"
    finally:
        line.stop()
    gone = ring(port, transport)
    assert (gone.ok, gone.detail) == (False, "connection refused")


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_support_line_that_is_busy(tmp_path: Path, transport: str) -> None:
    port = free_port(socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)
    line = phone(tmp_path, port, transport, "503 Service Unavailable")
    line.start()
    try:
        seen = ring(port, transport)
    finally:
        line.stop()
    assert (seen.ok, seen.detail) == (False, "status 503, expected 2xx (Service Unavailable)")


def test_a_support_line_that_takes_the_call_and_says_nothing() -> None:
    """It hears what RFC 3261 wants: the same request again after 0.5 s, 1.5 s."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        seen = ring(deaf.getsockname()[1], "udp")
        assert (seen.ok, seen.detail) == (False, "no answer in 2 s")
        deaf.setblocking(False)
        heard = [deaf.recv(4096) for _ in range(3)]
        assert len(set(heard)) == 1
        with pytest.raises(BlockingIOError):
            deaf.recv(4096)


def test_an_answer_to_a_repeated_request_counts() -> None:
    """The first request is lost, and a stranger's answer comes before the one to the second. (sipp itself takes a
    repeated request for one that it has answered.)"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind(("127.0.0.1", 0))
        line.settimeout(5)

        def answer() -> None:
            line.recv(4096)
            request, caller = line.recvfrom(4096)
            asked = request.decode().split("\r\n")
            kept = [each for each in asked if each.startswith(("Via:", "From:", "To:", "Call-ID:", "CSeq:"))]
            good = "\r\n".join(("SIP/2.0 200 OK", *kept, "", ""))
            line.sendto(
                good.replace("branch=z9hG4bK", "branch=z9hG4bKx").replace("200", "603").encode(), caller
            )
            line.sendto(good.replace("200 OK", "180 Ringing").encode(), caller)
            line.sendto(good.encode(), caller)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        seen = ring(line.getsockname()[1], "udp", timeout=seconds("4s"))
        thread.join(5)
    assert (seen.ok, seen.detail) == (True, "")
    assert seen.took_s > 0.4


# -- the blackbox exporter


@pytest.fixture
def exporter() -> Iterator[str]:
    """Debian's exporter with our own modules; its URL."""
    port = free_port()
    process = Process(
        [
            needed("prometheus-blackbox-exporter", "prometheus-blackbox-exporter"),
            f"--config.file={BLACKBOX}", f"--web.listen-address=127.0.0.1:{port}",
        ],
        lambda: takes_connections(port),
    )  # fmt: skip
    process.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop()


def seen_by(exporter: str, probe: ProbeSettings, now: float | None = None) -> tuple[bool | None, str]:
    """What our prober makes of the exporter's look; its evidence is sound."""
    probing = ProbingSettings(blackbox=(BlackboxSettings(url=exporter, vantage="spb-1"),))
    given: list[dict[str, Any]] = []
    prober = Prober(
        [Check("spb-1", probe.about, (probe,), exporter)], probing, given.extend, lambda: now or time.time()
    )
    (verdict,) = prober.run_all()
    assert given == ([evidence_of(verdict)] if verdict.ok is not None else [])
    assert not any(check_event(body) for body in given)
    assert all(body["vantage"] == "spb-1" for body in given)
    return verdict.ok, verdict.detail


def test_the_exporter_sees_nginx_stop_and_start(exporter: str, nginx: Nginx) -> None:
    probe = a_probe("http", url=f"http://127.0.0.1:{nginx.http_port}/", module="http_2xx")
    assert seen_by(exporter, probe) == (True, "")
    nginx.stop()
    assert seen_by(exporter, probe) == (False, "failed by module http_2xx")
    nginx.start()
    assert seen_by(exporter, probe) == (True, "")


def test_the_exporters_metrics_meet_our_expectations(exporter: str, nginx: Nginx) -> None:
    broken = a_probe("http", url=f"http://127.0.0.1:{nginx.http_port}/broken", module="http_2xx")
    assert seen_by(exporter, broken) == (False, "failed by module http_2xx, status 503")
    plain = a_probe("http", url=f"http://127.0.0.1:{nginx.http_port}/", module="http_2xx", status=(204,))
    assert seen_by(exporter, plain) == (False, "status 200, expected 204")
    edge = {
        "address": f"127.0.0.1:{nginx.tls_port}",
        "url": "https://c1.example.test/",
        "module": "edge_untrusted",
    }
    assert seen_by(exporter, a_probe("http", **edge)) == (True, "certificate expires in 9 days")
    due = a_probe("http", **edge, certificate_days=30)
    assert seen_by(exporter, due) == (False, "certificate expires in 9 days")
    other = a_probe("http", **{**edge, "module": "http_2xx"})
    assert seen_by(exporter, other) == (False, "failed by module http_2xx")  # an unknown authority
    tcp = a_probe("tcp", address=f"127.0.0.1:{nginx.http_port}", module="tcp_connect")
    assert seen_by(exporter, tcp) == (True, "")


def test_an_exporter_that_cannot_look_accuses_nobody(exporter: str, nginx: Nginx) -> None:
    url = f"http://127.0.0.1:{nginx.http_port}/"
    ok, detail = seen_by(exporter, a_probe("http", url=url, module="nothing"))
    assert ok is None
    assert "answered 400" in detail
    ok, detail = seen_by(f"http://127.0.0.1:{free_port()}", a_probe("http", url=url, module="http_2xx"))
    assert ok is None
    assert detail.endswith("connection refused")
    ok, detail = seen_by(url, a_probe("http", url=url, module="http_2xx"))  # nginx is no exporter
    assert ok is None


def test_what_the_exporter_says_can_be_read_by_people_too(exporter: str) -> None:
    with urlopen(f"{exporter}/config", timeout=5) as page:  # noqa: S310 - our own exporter
        assert b"http_2xx" in page.read()


# -- all of it together


def test_an_edge_that_stops_fails_twice_within_its_bound(nginx: Nginx) -> None:
    """With the defaults' proportions at a fifth of their times: every, again and timeout."""
    probing = ProbingSettings(every=seconds("4s"), again=seconds("1s"), timeout=seconds("1s"))
    probe = a_probe("http", url=f"http://127.0.0.1:{nginx.http_port}/")
    given: list[dict[str, Any]] = []
    prober = Prober(checks_of(probing, (probe,), "v"), probing, given.extend)
    prober.start()
    try:
        wait_until(lambda: any(body["ok"] for body in given), "a first look that is well")
        nginx.stop()
        stopped = time.time()
        wait_until(lambda: [body["ok"] for body in given[-2:]] == [False, False], "two failures")
        assert time.time() - stopped < 1.1 * 4 + 1 + 1 + 1.5
        nginx.start()
        wait_until(lambda: bool(given[-1]["ok"]), "a look that is well again")
    finally:
        prober.stop()
    assert {body["detail"] for body in given if not body["ok"]} == {"connection refused"}
