"""The configuration: what a person writes, with all that can be wrong about it, and the environment over it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipeline.app.configuration.config import read_config, usable
from pipeline.app.configuration.settings import Config
from pipeline.app.failures import Failure

MINIMAL = '[store]\ndsn = "chdb:///var/lib/prebill"\n[spool]\npath = "/var/spool/prebill"\n'
WHOLE = (
    MINIMAL
    + """
[lateness]
allowance = "90s"
close_after = "7d"
[plans]
path = "book/"

[[edge]]
id = "e1"
zone = "ru-central"
from = 2026-11-01T03:00:00+03:00
counters = true
pauses = [{ from = 2026-11-05, to = 2026-11-06T00:00:00Z }]

[[edge]]
id = "e2"
from = 2026-11-01
streams = ["access", "video"]

[[customer]]
id = "c1"
name = "Кинотеатр"
lang = "ru"
resources = ["video.example.ru", "*.c1.example.ru"]
contract = [
  { plan = "start", from = 2026-01-01, tz = "Europe/Moscow", tax = { name = "НДС", rate = "22", included = false } },
]
"""
)


def load(tmp_path: Path, text: str | None, **environment: str) -> Config:
    path = tmp_path / "prebill.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    return usable(read_config(path if text is not None else None, path, environment))


def problems_of(tmp_path: Path, text: str | None, **environment: str) -> list[str]:
    with pytest.raises(Failure) as caught:
        load(tmp_path, text, **environment)
    assert caught.value.code == 2
    return [problem.replace(str(tmp_path) + "/", "") for problem in caught.value.problems]


def test_a_minimal_file_gets_the_defaults(tmp_path: Path) -> None:
    config = load(tmp_path, MINIMAL)
    assert config.store.dsn == "chdb:///var/lib/prebill"
    assert config.spool.format == "edge-tsv"
    assert config.lateness.allowance.span == timedelta(minutes=5)
    assert config.lateness.close_after.span == timedelta(hours=72)
    assert (config.edge, config.customer) == ((), ())


def test_every_key_is_read_with_its_type(tmp_path: Path) -> None:
    config = load(tmp_path, WHOLE)
    assert config.lateness.close_after.span == timedelta(days=7)
    first, second = config.edge
    assert first.from_.at() == datetime(2026, 11, 1, tzinfo=UTC)
    assert first.pauses[0].to.at() == datetime(2026, 11, 6, tzinfo=UTC)
    assert (first.counters, second.counters) == (True, False)
    assert (first.streams, second.streams) == (("access",), ("access", "video"))
    contract = config.customer[0].contract[0]
    # A contract's day begins in its own time zone.
    assert contract.from_.at(ZoneInfo(contract.tz)) == datetime(2025, 12, 31, 21, tzinfo=UTC)
    assert contract.tax is not None
    assert contract.tax.rate == "22"


def test_every_error_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    text = """[store]
dns = "chdb:///x"
[spool]
path = 5
fromat = "edge-tsv"
[lateness]
allowance = "5 minutes"
[[edge]]
id = "e1"
from = 2026-11-01T00:00:00
[[edge]]
id = "e2"
counters = "yes"
[[customer]]
id = "c1"
resources = []
contract = [{ plan = "start", from = 2026-01-01, tax = { name = "VAT", rate = 22 } }]
"""
    assert problems_of(tmp_path, text) == [
        "prebill.toml:2: store.dns: unknown key; did you mean dsn?",
        "prebill.toml:4: spool.path: expected a text in quotes that is not empty, found 5",
        "prebill.toml:5: spool.fromat: unknown key; did you mean format?",
        'prebill.toml:7: lateness.allowance: expected a duration in quotes, like "90s", "5m", "72h" or "7d", '
        'found "5 minutes"',
        "prebill.toml:10: edge[0].from: expected a date, or a time with its offset, like 2026-11-01T00:00:00Z, "
        "found 2026-11-01T00:00:00, which has no offset",
        "prebill.toml:11: edge[1].from: required, and not given",
        'prebill.toml:13: edge[1].counters: expected true or false, found "yes"',
        "prebill.toml:16: customer[0].resources: expected at least one, found an empty list",
        "prebill.toml:17: customer[0].contract[0].tax.rate: expected a decimal in quotes, "
        'like "22" or "0.5", found 22',
    ]


@pytest.mark.parametrize(
    ("addition", "expected"),
    [
        ("version = 2\n", "version: this prebill reads version 1, found 2"),
        (
            '[[edge]]\nid="e"\nfrom=2026-01-02\nto=2026-01-01\n',
            "edge[0].to: must be after from (2026-01-02T00:00:00Z); it is exclusive",
        ),
        (
            '[[edge]]\nid="e"\nfrom=2026-01-02\n[[edge]]\nid="e"\nfrom=2026-01-02\n',
            'edge[1].id: "e" is already the id of edge[0]',
        ),
        (
            '[[customer]]\nid="c"\nresources=["*"]\n',
            'customer[0].resources[0]: expected a host, or "*." and a domain for all below it, found "*"',
        ),
        (
            '[[customer]]\nid="c"\nresources=["a.example"]\n[[customer]]\nid="d"\nresources=["A.example"]\n',
            'customer[1].resources[0]: "A.example" is already given at customer[0].resources[0]: who pays must be one',
        ),
        (
            '[[customer]]\nid="c"\nresources=["a"]\ncontract=[{plan="p",from=2026-01-01,tz="Mars/Base"}]\n',
            'customer[0].contract[0].tz: expected a time zone like "Europe/Moscow", found "Mars/Base"',
        ),
        (
            '[[customer]]\nid="c"\nresources=["a"]\n'
            'contract=[{plan="p",from=2026-01-01,to=2026-03-01},{plan="q",from=2026-02-01}]\n',
            "customer[0].contract[1]: overlaps customer[0].contract[0]: at any time one contract holds",
        ),
    ],
)
def test_what_must_hold_between_settings(tmp_path: Path, addition: str, expected: str) -> None:
    text = addition + MINIMAL if addition.startswith("version") else MINIMAL + addition
    (problem,) = problems_of(tmp_path, text)
    assert problem.endswith(expected)


def test_the_environment_wins_over_the_file_and_reaches_every_key(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        WHOLE,
        PREBILL_STORE__DSN="clickhouse://u:p@127.0.0.1:8123/db",
        PREBILL_LATENESS__ALLOWANCE="10m",
        PREBILL_EDGE__1__COUNTERS="true",
        PREBILL_EDGE__2__ID="e3",
        PREBILL_EDGE__2__FROM="2026-11-02T00:00:00Z",
        PREBILL_CUSTOMER='[{id = "c9", resources = ["x.example"]}]',
        PREBILL_SAMPLES="not ours to judge",
        HOME="neither",
    )
    assert config.store.dsn == "clickhouse://u:p@127.0.0.1:8123/db"
    assert config.lateness.allowance.span == timedelta(minutes=10)
    assert [(edge.id, edge.counters) for edge in config.edge] == [("e1", True), ("e2", True), ("e3", False)]
    assert [customer.id for customer in config.customer] == ["c9"]


def test_the_environment_alone_is_enough(tmp_path: Path) -> None:
    config = load(tmp_path, None, PREBILL_STORE__DSN="chdb:///x", PREBILL_SPOOL__PATH="/spool")
    assert (config.store.dsn, config.spool.path) == ("chdb:///x", "/spool")


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, MINIMAL, PREBILL_SPOOL__PAHT="/x", PREBILL_EDGE__3__ID="e9")
    assert "environment variable PREBILL_SPOOL__PAHT: spool.paht: unknown key; did you mean path?" in problems
    assert any("PREBILL_EDGE__3__ID" in each and "number 3 cannot be set" in each for each in problems)


def test_nothing_at_all_says_where_to_begin(tmp_path: Path) -> None:
    with pytest.raises(Failure) as caught:
        load(tmp_path, None)
    assert [problem.split(": ", 1)[1] for problem in caught.value.problems] == [
        "store.dsn: required, and not given",
        "spool.path: required, and not given",
    ]
    assert "--config" in caught.value.mend


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, MINIMAL, PREBILL_STORE__DSN="postgres://user:geheim@host/db")
    assert not any("geheim" in problem for problem in problems)


@pytest.mark.parametrize("text", ["[store", "\x00", "a = 1\na = 2", "store = 5\nspool = []"])
def test_what_is_no_configuration_is_an_error_not_a_traceback(tmp_path: Path, text: str) -> None:
    assert problems_of(tmp_path, text)


def test_rules_between_keys_are_told_together_with_wrong_types(tmp_path: Path) -> None:
    text = """
[store]
dsn = 7
[lateness]
allowance = "soon"
[spikes]
factor = "1.1"
[incidents]
quorum = 2
failures = 21
[[edge]]
id = "e1"
from = 2026-11-01
[[edge]]
id = "e1"
from = 2026-11-01
[[customer]]
id = "c1"
resources = []
[[contact]]
customer = "c1"
channels = ["env:C1"]
[[contact]]
customer = "c2"
channels = ["env:C2"]
"""
    assert problems_of(tmp_path, text) == [
        "prebill.toml: spool.path: required, and not given",
        "prebill.toml:3: store.dsn: expected a text in quotes that is not empty, found 7",
        'prebill.toml:5: lateness.allowance: expected a duration in quotes, like "90s", "5m", "72h" or "7d", '
        'found "soon"',
        "prebill.toml:7: spikes.factor: must be 1.3 at least, for a usual month is not a spike; found 1.1",
        "prebill.toml:10: incidents.failures: must be 20 at most",
        'prebill.toml:15: edge[1].id: "e1" is already the id of edge[0]',
        "prebill.toml:19: customer[0].resources: expected at least one, found an empty list",
        'prebill.toml:24: contact[1].customer: no [[customer]] has the id "c2"; did you mean c1?',
    ]


def test_a_section_that_cannot_be_read_makes_no_other_one_wrong(tmp_path: Path) -> None:
    text = (
        MINIMAL
        + """
unknown = 1
[[person]]
id = "anna"
channels = 7
[oncall]
queue = ["anna"]
[[customer]]
name = "no id"
resources = ["x.example"]
[[probe]]
name = "p"
kind = "http"
url = "https://x.example/"
customer = "c1"
"""
    )
    told = problems_of(tmp_path, text)
    assert [line for line in told if "oncall" in line] == []
    assert sum("channels" in line for line in told) == 1


def test_a_service_that_apprise_does_not_know_is_told_with_its_place_and_without_its_secret(
    tmp_path: Path,
) -> None:
    text = (
        MINIMAL
        + """
[[channel]]
id = "room"
kind = "apprise"
url = "slak://T0/secret/B1"
[[channel]]
id = "rare"
kind = "apprise"
url = "zulip://bot@org/token"
[[channel]]
id = "later"
kind = "apprise"
url = "env:ROOM"
[[person]]
id = "anna"
channels = ["mailto://u:p@example.ru", "tgramm://secret/1", "room", "TGRAM://123456789:abc/1"]
[[customer]]
id = "c1"
resources = ["x.example"]
[[contact]]
customer = "c1"
channels = ["se cret://x"]
"""
    )
    told = problems_of(tmp_path, text)
    assert told == [
        'prebill.toml:9: channel[0].url: expected a service that apprise knows, like mailto:// or tgram://, found "slak://"',
        "prebill.toml:20: person[0].channels[1]: expected a service that apprise knows, like mailto:// or tgram://, "
        'found "tgramm://"',
        "prebill.toml:26: contact[0].channels[0]: expected a service that apprise knows, like mailto:// or tgram://, "
        "found a text that is none, and not shown",
    ]
    assert "secret" not in "".join(told)


def test_common_services_are_known_without_apprise() -> None:
    from apprise import NotificationManager

    from incidents.channels.schemes import COMMON

    assert set(NotificationManager().schemas()) >= COMMON


def test_a_wrong_type_hides_no_rule_of_the_policy_and_makes_none_up(tmp_path: Path) -> None:
    text = """[incidents]
quorum = "two"
failures = 21
fall_percent = "101"
levels = true
acknowledge = ["1m", "2m", "3m", "4m", "5m"]
objective_percent = 7
burn_rate = "1200"
restart_grace = "1h"
"""
    told = problems_of(tmp_path, MINIMAL + text)
    keys = ["quorum", "failures", "fall_percent", "levels", "objective_percent", "restart_grace"]
    assert [each.split(": ")[1] for each in told] == [f"incidents.{key}" for key in keys]


def test_one_time_for_all_levels_or_one_for_each(tmp_path: Path) -> None:
    one = load(tmp_path, MINIMAL + '[incidents]\nacknowledge = "7m"\n')
    assert [each.span for each in one.incidents.acknowledge] == [timedelta(minutes=7)]
    each = load(tmp_path, MINIMAL + '[incidents]\nacknowledge = ["5m", "10m", "15m"]\n')
    assert [deadline.span for deadline in each.incidents.acknowledge] == [
        timedelta(minutes=minutes) for minutes in (5, 10, 15)
    ]
    told = problems_of(tmp_path, MINIMAL + '[incidents]\nacknowledge = ["5m", 10]\nlevels = 1\n')
    assert told == [
        'prebill.toml:6: incidents.acknowledge[1]: expected a duration in quotes, like "90s", "5m", "72h" or "7d", '
        "found 10"
    ]
    told = problems_of(tmp_path, MINIMAL + '[incidents]\nacknowledge = ["5m", "10m"]\nlevels = 1\n')
    assert told == ["prebill.toml:6: incidents.acknowledge: there are 1 levels, and 2 times for them"]
    assert "found an empty list" in problems_of(tmp_path, MINIMAL + "[incidents]\nacknowledge = []\n")[0]


def test_what_discounts_and_letters_are_made_of_is_checked(tmp_path: Path) -> None:
    offer = '{ ru = "а", en = "a" }'
    text = f"""
[store]
dsn = "chdb:///s"
[spool]
path = "spool"
[payback]
margin = "1.5"
left = 4
months = 3
[letters]
free = [{", ".join([offer] * 7)}]
"""
    assert problems_of(tmp_path, text) == [
        "prebill.toml:7: payback.margin: must be above 0 and at most 1: a part of a bill; found 1.5",
        "prebill.toml:8: payback.left: must be at most payback.months (3): customers left in that many "
        "customer-months; found 4",
        "prebill.toml:10: letters: free and paid must be 6 offers at most, for one digit answers a letter; found 7",
    ]
