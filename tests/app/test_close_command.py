"""`prebill close` as a user calls it, over a real spool: refused, accepted, closed, closed already, adjusted."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from .conftest import ROOT, Prebill

CONFIG = """
[store]
dsn = "chdb://{folder}/store"
[spool]
path = "spool"
[[edge]]
id = "e1"
zone = "ru-central"
from = 2026-10-31T20:55:00Z
to = 2026-10-31T21:05:00Z
[[customer]]
id = "c1"
resources = ["a.example"]
contract = [{{ plan = "start", from = 2026-01-01, tz = "Europe/Moscow" }}]
[[customer]]
id = "c2"
resources = ["*.b.example"]
contract = [{{ plan = "start", from = 2026-01-01, tz = "America/New_York" }}]
[[customer]]
id = "guest"
resources = ["guest.example"]
"""
LINE = "{at}.000\t-\t{host}\tGET\t/\t200\t1500\t1000\tHIT\t1\t-\n"
END = 1793480400  # 2026-10-31T21:00Z, the end of October in Moscow
RIPE = "2026-11-04T12:00:00Z"


def write_segment(spool: Path, minute: int, lines: list[tuple[int, str]]) -> None:
    """A segment of END + minute, of (second after END, host)."""
    at = time.strftime("%Y%m%dT%H%MZ", time.gmtime(END + 60 * minute))
    path = spool / "e1" / f"{at}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    unfinished.write_text("".join(LINE.format(at=END + s, host=host) for s, host in lines))
    unfinished.rename(path)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Ten minutes around the month's end in Moscow: one is missing, and a line of the last lies in the next month."""
    (tmp_path / "prebill.toml").write_text(CONFIG.format(folder=tmp_path))
    for minute in (-5, -4, -2, -1, 0, 1, 2, 3, 4):
        lines = [(60 * minute + i, "a.example") for i in range(10)] + [(60 * minute + 1, "x.b.example")]
        if minute == -1:
            lines.append((2, "a.example"))
        write_segment(tmp_path / "spool", minute, lines)
    return tmp_path


def test_refused_then_accepted_then_closed_for_good(prebill: Prebill, site: Path) -> None:
    assert prebill("run", "--once").returncode == 0

    early = prebill("close", "2026-10", "--json", "--now", "2026-11-02T00:00:00Z")
    assert early.returncode == 1, early.stderr
    assert {each["kind"] for each in json.loads(early.stdout)["refused"]} >= {"early", "gap"}

    refused = prebill("close", "2026-10", "--now", RIPE)
    assert refused.returncode == 1, refused.stderr
    assert "missing e1/access 2026-10-31T20:57:00Z to 2026-10-31T20:58:00Z, 1 min" in refused.stdout
    assert "2026-10 is not closed: 1 reason against it" in refused.stderr, refused.stdout
    assert "Without a contract in 2026-10, not closed: guest" in refused.stderr
    assert json.loads(prebill("sql", "--json", "SELECT count() AS n FROM closes").stdout) == [{"n": 0}]

    closed = prebill(
        "close", "2026-10", "--now", RIPE, "--json", "--accept-gaps", "--actor", "anna", "--reason", "disk burnt"
    )  # fmt: skip
    assert closed.returncode == 0, closed.stderr
    found = {each["customer"]: each for each in json.loads(closed.stdout)["closed"]}
    assert found["c1"]["usage"]["requests"] == 40
    documented = (ROOT / "docs" / "closing.md").read_text()
    keys = {*json.loads(closed.stdout), *found["c1"], *found["c1"]["usage"], *found["c1"]["proof"]}
    assert [key for key in sorted(keys) if f"`{key}`" not in documented] == []
    assert found["c2"]["usage"]["requests"] == 9
    assert (found["c1"]["from"], found["c1"]["to"]) == ("2026-09-30T21:00:00Z", "2026-10-31T21:00:00Z")
    proof = found["c1"]["proof"]
    assert (proof["expected_minutes"], proof["received_minutes"], proof["lost_minutes"]) == (5, 4, 1)
    assert (proof["gaps"][0]["state"], proof["gaps"][0]["reason"]) == ("accepted", "anna: disk burnt")
    assert found["c2"]["proof"]["expected_minutes"] == 10

    # what was lost comes after all
    write_segment(site / "spool", -3, [(-180 + i, "a.example") for i in range(7)])
    assert prebill("run", "--once").returncode == 0
    again = prebill("close", "2026-10", "--now", "2026-11-09T12:00:00Z")
    assert again.returncode == 0, again.stderr
    assert "2026-10 is closed already; nothing was changed." in again.stdout
    assert "adjustment of c1 on 2026-10: +10,500 bytes, +7 requests" in again.stdout
    asked = prebill(
        "sql", "--json", "SELECT customer, sum(requests) AS n FROM closed GROUP BY customer ORDER BY 1"
    )
    assert json.loads(asked.stdout) == [{"customer": "c1", "n": 40}, {"customer": "c2", "n": 9}]


@pytest.mark.usefixtures("site")
def test_what_is_wrong_with_the_call_is_told_at_once(prebill: Prebill) -> None:
    wrong = prebill("close", "2026-13", "--accept-gaps", "--actor", "anna")
    assert wrong.returncode == 2
    assert "expected a month like 2026-10, found '2026-13'" in wrong.stderr
    assert "--reason: required with --accept-gaps" in wrong.stderr
    unknown = prebill("close", "2026-10", "--customer", "c1", "--customer", "c9")
    assert unknown.returncode == 2
    assert "no customer 'c9' in the configuration" in unknown.stderr
    nobody = prebill("close", "2026-10", "--customer", "guest")
    assert nobody.returncode == 2
    assert "no customer has a contract in 2026-10" in nobody.stderr
    assert prebill("close", "2026-10", "--reason", "x").returncode == 2
    missing = prebill("close", "2026-10", "--now", RIPE)
    assert missing.returncode == 3
    assert "there is no store" in missing.stderr


def test_who_was_served_without_a_contract_is_named_with_his_usage_and_nothing_is_closed(
    prebill: Prebill, tmp_path: Path
) -> None:
    """c2's contract begins at 21:02 in the last minutes of his month; guest has none; nobody has stray.example."""
    config = CONFIG.replace("America/New_York", "UTC").replace(
        '{{ plan = "start", from = 2026-01-01, tz = "UTC" }}',
        '{{ plan = "start", from = 2026-10-31T21:02:00Z, tz = "UTC" }}',
    )
    (tmp_path / "prebill.toml").write_text(config.format(folder=tmp_path))
    hosts = ("a.example", "x.b.example", "guest.example", "stray.example")
    for minute in range(-5, 5):
        write_segment(tmp_path / "spool", minute, [(60 * minute + i, host) for i, host in enumerate(hosts)])
    assert prebill("run", "--once").returncode == 0

    refused = prebill("close", "2026-10", "--json", "--now", RIPE)
    assert refused.returncode == 1, refused.stderr
    told = json.loads(refused.stdout)
    assert [(each["kind"], each["customers"]) for each in told["refused"]] == [
        ("contract", ["c2"]),
        ("contract", ["guest"]),
    ]
    left = [(each["customer"], each["requests"], each["bytes_sent"]) for each in told["unbilled"]]
    assert left == [("c2", 7, 10_500), ("guest", 10, 15_000), (None, 10, 15_000)]
    assert (told["unbilled"][0]["from"], told["unbilled"][0]["to"]) == (
        "2026-10-01T00:00:00Z",
        "2026-10-31T21:02:00Z",
    )
    assert json.loads(prebill("sql", "--json", "SELECT count() AS n FROM closes").stdout) == [{"n": 0}]

    shown = prebill("close", "2026-10", "--now", RIPE)
    assert shown.returncode == 1
    assert (
        "guest: no contract 2026-10-01T00:00:00Z to 2026-11-01T00:00:00Z, 15,000 bytes in 10 requests"
        in shown.stdout
    )
    assert "--leave-unbilled closes the others" in shown.stderr

    # who is not asked for does not stand in the way of another
    one = prebill("close", "2026-10", "--customer", "c1", "--now", RIPE)
    assert one.returncode == 0, one.stderr
    rest = prebill("close", "2026-10", "--leave-unbilled", "--now", RIPE)
    assert rest.returncode == 0, rest.stderr
    assert "Not billed: guest: no contract" in rest.stderr
    assert "Not billed: hosts of no customer" in rest.stderr
    closed = prebill("sql", "--json", "SELECT customer, sum(requests) AS n FROM closed GROUP BY 1 ORDER BY 1")
    assert json.loads(closed.stdout) == [{"customer": "c1", "n": 5}, {"customer": "c2", "n": 3}]
