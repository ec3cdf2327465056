"""What may stand in [probing] and [[probe]], with every fault at once."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import pytest

from incidents.probes import addresses
from incidents.probes.addresses import is_inward
from incidents.probes.settings import (
    BlackboxSettings,
    ProbeSettings,
    ProbingSettings,
    address_fault,
    problems,
    split_address,
    url_fault,
)
from pipeline.shape import Problem, read_struct
from tests.incidents.probes.peers import SUPPORT_LINE, a_probe, look, seconds

ROOT = Path(__file__).parents[3]


def faults(*probes: ProbeSettings, customers: tuple[str, ...] = ("c1",), **probing: Any) -> list[str]:
    return [str(problem) for problem in problems(ProbingSettings(**probing), probes, customers)]


def test_every_kind_in_its_smallest_form_is_right() -> None:
    smallest: tuple[dict[str, Any], ...] = (
        {"name": "page", "kind": "http", "customer": "c1", "url": "https://cdn.example.ru/ping"},
        {"name": "edge", "kind": "tcp", "target": {"kind": "edge", "id": "e1"}, "address": "192.0.2.1:443"},
        {
            "name": "zone",
            "kind": "dns",
            "target": {"kind": "control"},
            "address": "192.0.2.53",
            "query": "a.ru",
        },
        {"name": "line", "kind": "sip", "target": {"kind": "support_line"}, "address": "sip.example.ru"},
    )
    found: list[Problem] = []
    probes = [read_struct(ProbeSettings, each, ("probe", n), found) for n, each in enumerate(smallest)]
    assert not found
    assert faults(*(probe for probe in probes if probe)) == []


def test_every_fault_is_told_at_once() -> None:
    told = faults(
        a_probe("http", name="call", url="ftp://x/", certificate_days=3, query="x"),
        a_probe("tcp", name="t", address="192.0.2.1"),
        a_probe("dns", name="t", customer="c2", address="192.0.2.1:99999", query="http://x"),
        a_probe("sip", name="s", target=SUPPORT_LINE, uri="support@x", timeout=seconds("2m")),
        ProbeSettings(name="n", kind="tcp", address="h:1"),
        every=seconds("2s"),
        again=seconds("0s"),
        blackbox=(BlackboxSettings(url="http://x:9115", vantage=""),),
    )
    assert told == [
        'probing.again: must be "1s" at least',
        'probing.blackbox[0].vantage: "" is already a vantage point: each has its own',
        "probe[0].name: `prebill probe call` reports a call: take another name",
        "probe[0].query: only for dns; this is http",
        'probe[0].url: expected a URL like "https://cdn.example.ru/ping", found "ftp://x/"',
        'probe[1].address: expected host and port, like "192.0.2.1:443", found "192.0.2.1"',
        'probe[2].name: "t" is already the name of probe[1]',
        'probe[2].customer: no customer has the id "c2"; did you mean c1?',
        'probe[2].address: expected "192.0.2.1:443", "[2001:db8::1]:443" or a host and a port, found '
        '"192.0.2.1:99999"',
        'probe[2].query: expected a name like "cdn.example.ru", found "http://x"',
        "probe[3].address: required for sip, and not given",
        'probe[3].timeout: must be from "1s" to "60s"',
        'probe[3].uri: expected one like "sip:support@example.ru", found "support@x"',
        "probe[4].customer: expected either customer or target, found neither",
    ]


def test_the_probes_of_one_support_line_run_together() -> None:
    often = a_probe("sip", name="a", target=SUPPORT_LINE, address="x", calls_per_day=6)
    always = a_probe("sip", name="b", target=SUPPORT_LINE, address="x")
    assert faults(often, always) == [
        "probe[1].calls_per_day: must be 6, as for probe[0]: probes of one customer or target run together"
    ]


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://кинотеатр.рф/", ""),
        ("http://[2001:db8::1]:8080/x?y", ""),
        ("https://user:word@x.example/", "a probe sends no credentials: leave user and password out"),
        ("https://x.example:0/", "expected"),
        ("https://x.example:99999/", "expected"),
        ("https:///x", "expected"),
        ("http://[::1", "expected"),
        ("http://a..b/", "expected"),
        ("http://x\r\nHost: y/", "expected"),
        ("x.example", "expected"),
    ],
)
def test_urls(url: str, fault: str) -> None:
    found = url_fault(url)
    assert found.startswith(fault)
    assert bool(found) == bool(fault)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:99", ("192.0.2.1", 99)),
        ("[2001:db8::1]:99", ("2001:db8::1", 99)),
        ("[2001:db8::1]", ("2001:db8::1", 53)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("ns.example.ru:99", ("ns.example.ru", 99)),
    ],
)
def test_addresses(text: str, found: tuple[str, int]) -> None:
    assert split_address(text, 53) == found


@pytest.mark.parametrize("text", ["", "x:0", "x:y", "http://x", "a b", "[x]:1", "1:2:3", "u@h:1"])
def test_what_is_no_address(text: str) -> None:
    assert address_fault(text, need_port=False)


@pytest.mark.parametrize(
    ("address", "inward"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("169.254.169.254", True),
        ("fe80::1%eth0", True),
        ("0.0.0.0", True),  # noqa: S104 - an address to be refused
        ("224.0.0.1", True),
        ("10.0.0.1", False),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
    ],
)
def test_where_probes_do_not_go_by_surprise(address: str, inward: bool) -> None:
    assert is_inward(address) is inward


@pytest.mark.parametrize(
    ("address", "inward"),
    [
        ("127.0.0.1", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("169.254.169.254", True),
        ("::ffff:169.254.169.254", True),
        ("fe80::1%eth0", True),
        ("0.0.0.0", True),  # noqa: S104 - an address to be refused
        ("224.0.0.1", True),
    ],
)
def test_this_machine_may_be_allowed_and_never_its_link(address: str, inward: bool) -> None:
    assert is_inward(address, loopback=True) is inward


@pytest.mark.parametrize(
    ("kind", "keys"),
    [
        ("http", {"url": "http://metadata.example.test:80/"}),
        ("tcp", {"address": "metadata.example.test:80"}),
        ("dns", {"address": "metadata.example.test", "query": "a.example.test", "record": "A"}),
        ("sip", {"address": "metadata.example.test"}),
    ],
)
def test_a_name_does_not_lead_to_the_clouds_metadata_where_this_machine_is_allowed(
    monkeypatch: pytest.MonkeyPatch, kind: str, keys: dict[str, Any]
) -> None:
    async def look_up(_host: str, _port: int) -> list[str]:
        return ["169.254.169.254"]

    monkeypatch.setattr(addresses, "_look_up", look_up)
    seen = asyncio.run(look(a_probe(kind, **keys), loopback=True))
    assert (seen.ok, seen.detail) == (False, "leads to 169.254.169.254, which probes do not touch")


def test_the_set_to_begin_with_is_right() -> None:
    document = tomllib.loads((ROOT / "infra" / "probes" / "probes.toml").read_text())
    found: list[Problem] = []
    probing = read_struct(ProbingSettings, document["probing"], ("probing",), found)
    probes = [
        read_struct(ProbeSettings, each, ("probe", n), found) for n, each in enumerate(document["probe"])
    ]
    assert probing is not None
    assert not found
    assert problems(probing, [probe for probe in probes if probe], {"c1"}) == []


def test_every_key_is_documented() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    section = page.partition("## Probes")[2].partition("\n## ")[0]
    keys = {*ProbingSettings.__struct_fields__, *ProbeSettings.__struct_fields__} - {"target", "probe"}
    assert not [key for key in keys if f"\n{key} = " not in section]


def test_a_faulty_url_is_shown_without_its_secrets() -> None:
    found = url_fault("http://user:word@ho st/?token=hidden")
    assert "http://…@ho st/?…" in found
    assert "word" not in found
    assert "hidden" not in found
