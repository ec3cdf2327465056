"""`prebill incidents replay`, as a user types it: a story, NDJSON, and every bad line at once."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import ROOT, Prebill

SCENARIO = str(ROOT / "tests/incidents/scenarios/outage-while-a-gap-is-open.ndjson")


def test_ndjson_without_any_configuration(prebill: Prebill) -> None:
    done = prebill("incidents", "replay", SCENARIO, "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    gap = [line for line in lines if line["kind"] == "billing_gap"]
    outage = next(line for line in lines if line["kind"] == "outage")
    assert (gap[0]["priority"], gap[0]["scope"], gap[0]["audience"]) == ("normal", {"edge": "e1"}, None)
    assert gap[1]["change"] == "notice"
    assert (gap[1]["audience"], bool(gap[1]["notice"])) == ("queue", True)
    assert any(line["parent"] == outage["incident"] for line in gap)
    assert gap[-1]["parent"] is None
    assert {line["audience"] for line in lines if line["change"] == "notice"} == {
        "queue", "on_call", "company", "client",
    }  # fmt: skip
    assert all(line["draft"] for line in lines if line["audience"] == "client")


def test_a_story(prebill: Prebill) -> None:
    done = prebill("incidents", "replay", SCENARIO)
    assert done.returncode == 0, done.stderr
    assert "everyone" in done.stdout
    assert "client (draft)" in done.stdout
    assert "outage of customer c1 opened: high, harm suspected" in done.stdout


def test_ones_own_policy(prebill: Prebill, tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text(
        '[store]\ndsn = "chdb:///nowhere"\n[spool]\npath = "."\n[incidents]\nsend_to_clients = true\nfailures = 1\n'
    )
    done = prebill("--config", str(config), "incidents", "replay", SCENARIO, "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert not any(line["draft"] for line in lines if line["audience"] == "client")
    opened = next(line for line in lines if line["kind"] == "outage")
    assert (opened["change"], opened["priority"]) == ("opened", "company_wide")


def test_every_bad_line_at_once(prebill: Prebill) -> None:
    bad = '{"at": "x", "type": "probe"}\nnothing\n{"at": "2026-11-01T00:00:00Z", "type": "tick"}\n'
    done = prebill("incidents", "replay", "-", stdin=bad)
    assert done.returncode == 2
    assert "line 1" in done.stderr
    assert "line 2" in done.stderr
    assert "Traceback" not in done.stderr
    assert not done.stdout


def test_no_such_file(prebill: Prebill) -> None:
    done = prebill("incidents", "replay", "nothing.ndjson")
    assert done.returncode == 2
    assert "nothing.ndjson" in done.stderr


def _fails(day: str) -> list[str]:
    """Two vantage points see one customer fail, for three minutes."""
    return [
        json.dumps(
            {"at": f"{day}T00:0{at}:00Z", "type": "probe", "customer": "c1", "vantage": of, "ok": False}
        )
        for at in range(3)
        for of in ("m1", "m2")
    ]


def test_a_mistyped_year_is_told_and_not_waited_for(prebill: Prebill) -> None:
    text = "\n".join([*_fails("1970-01-01"), '{"at": "2026-11-01T00:00:00Z", "type": "tick"}'])
    done = prebill("incidents", "replay", "-", stdin=text)
    assert (done.returncode, done.stdout) == (2, "")
    assert "from 1970-01-01T00:02:00Z to 2026-11-01T00:00:00Z" in done.stderr
    assert "at most 366 days" in done.stderr


def test_silence_of_days_is_told_as_if_somebody_had_ticked(prebill: Prebill) -> None:
    fails, end = _fails("2026-11-01"), '{"at": "2026-11-04T12:00:00Z", "type": "tick"}'
    ticks = [f'{{"at": "2026-11-0{day}T07:00:00Z", "type": "tick"}}' for day in (1, 2, 3, 4)]
    silent = prebill("incidents", "replay", "-", "--json", stdin="\n".join([*fails, end]))
    ticked = prebill("incidents", "replay", "-", "--json", stdin="\n".join([*fails, *ticks, end]))
    assert silent.returncode == 0
    assert silent.stdout == ticked.stdout
    assert '"at": "2026-11-04T' in silent.stdout


def test_a_story_in_russian(prebill: Prebill, tmp_path: Path) -> None:
    done = prebill("incidents", "replay", SCENARIO, "--lang", "ru")
    assert done.returncode == 0, done.stderr
    assert "авария, клиент c1: открыто; срочно, вред подозревается. Одна из проб клиента c1" in done.stdout
    assert "клиент (черновик): пробы клиента c1 не проходят" in done.stdout
    assert "2 инцидента" in done.stdout
    config = tmp_path / "own.toml"
    config.write_text('[store]\ndsn = "chdb:///nowhere"\n[spool]\npath = "."\n[tasks]\nlanguage = "ru"\n')
    assert prebill("--config", str(config), "incidents", "replay", SCENARIO).stdout == done.stdout
    refused = prebill("incidents", "replay", SCENARIO, "--lang", "fr")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--lang: expected en or ru" in refused.stderr
