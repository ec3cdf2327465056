"""After hours without a watch: what was to be said again and again meanwhile is said once."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from incidents.words import instant_text
from pipeline.app.watch.watching import watch_of
from pipeline.coverage.evidence import parse_evidence
from pipeline.store import open_store
from tests.app.watch_cdn import FIRST, Clock, make_config, put_probes

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from pipeline.app.configuration.settings import Config

NOW = FIRST * 60.0
AWAY_S = 8 * 3600.0
PEOPLE = """
[[channel]]
id = "mail"
kind = "file"
url = "{folder}/mail.ndjson"
[[channel]]
id = "way"
kind = "file"
url = "{folder}/way.ndjson"
[[person]]
id = "vera"
channels = ["way"]
roles = ["liaison"]
[[contact]]
customer = "c1"
channels = ["mail"]
[oncall]
level = [{{ people = ["vera"] }}]
[incidents]
send_to_clients = true
"""


def away(config: Config) -> None:
    """An outage of c1, then hours without a watch, then a look."""
    with open_store(config.store.dsn) as store:
        for at in (NOW, NOW + 60, NOW + 120):
            put_probes(store, at, ok=False, customers=["c1"])
            with watch_of(store, config, Clock(at), threading.Event(), checks=False) as (watch, _):
                watch.once()
        with watch_of(store, config, Clock(NOW + AWAY_S), threading.Event(), checks=False) as (watch, _):
            watch.once()
        reasons = {row.reason for row in store.incidents.deliveries()}
        assert "superseded" in reasons
        assert {row.priority for row in store.incidents.incidents()} >= {"company_wide"}


def test_clients_and_people_get_one_message_for_all_that_was_missed(tmp_path: Path) -> None:
    away(make_config(tmp_path, PEOPLE.format(folder=tmp_path)))
    letters = [json.loads(line) for line in (tmp_path / "mail.ndjson").read_text().splitlines()]
    assert len(letters) == 2, "the first letter, and how it stands after the watch is back"
    back = [json.loads(line) for line in (tmp_path / "way.ndjson").read_text().splitlines()]
    late = [each for each in back if each["at"] == letters[-1]["at"]]
    assert len(late) <= 3, "the company's, the draft, and at most one page"


def test_without_people_the_screen_tells_each_of_them_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    away(make_config(tmp_path, ""))
    told = [line for line in capsys.readouterr().err.splitlines() if "not resolved" in line]
    assert [line.count("→ client") for line in told].count(1) == 1
    assert [line.count("→ company") for line in told].count(1) == 1


def test_the_screen_speaks_the_configured_language(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = make_config(tmp_path, '[tasks]\nlanguage = "ru"\n')
    with open_store(config.store.dsn) as store:
        put_probes(store, NOW, ok=False, customers=["c1"])
        asked = {"at": instant_text(NOW), "type": "request", "id": "7", "customer": "c2", "kind": "technical"}
        store.add_evidence(parse_evidence(json.dumps(asked), actor="desk", now=NOW))
        with watch_of(store, config, Clock(NOW), threading.Event(), checks=False) as (watch, _):
            watch.once()
    told = capsys.readouterr().err
    assert "2026-11-10T00:00:00Z срочно → дежурный: клиент c1, одна из проб клиента c1 не проходит" in told
    assert "срочно → дежурный: клиент c2 сообщает о неполадке" in told
