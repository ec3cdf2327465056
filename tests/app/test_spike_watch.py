"""A spike is found in the real store within hours of its begin, with no warning on anybody else; cheaply."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from loadtest.spike import RESOURCES, ZONES, month_with_a_spike
from pipeline.app.bills.spike_suspects import DAYS, far_off, find_suspects
from pipeline.app.bills.spike_watch import SpikeWatch
from pipeline.app.configuration.config import read_config, usable
from pipeline.app.configuration.settings import Config
from pipeline.app.watch.beside import spike_looks
from pipeline.coverage.evidence import parse_evidence
from pipeline.coverage.periods import Month
from pipeline.rating.book import SHIPPED
from pipeline.rating.contracts import month_of
from pipeline.rating.letter import letter_text
from pipeline.rating.spike import Raised
from pipeline.rating.usage import Usage, usage_of
from pipeline.store import Store, open_store

from .conftest import Prebill
from .stored_usage import put_usage

OCTOBER = month_of(Month(2026, 10), "Europe/Moscow")
BEGIN = datetime(2026, 8, 31, 21, tzinfo=UTC)
SPIKE = datetime(2026, 10, 16, 21, tzinfo=UTC)  # midnight in Moscow: it is small until noon
EDGES = {zone: f"edge-{zone}" for zone in ZONES}
OTHERS = ("steady.example", "weekend.example", "growing.example", "noisy.example")

CONFIG = """
[store]
dsn = "chdb://{folder}/store"
[spool]
path = "spool"
[plans]
path = "{plans}"
[[customer]]
id = "premiere"
name = "Премьера"
lang = "ru"
resources = ["premiere.example.ru", "*.premiere.example.ru"]
contract = [{{ plan = "start", from = 2026-01-01, tz = "Europe/Moscow" }}]
"""
OTHER = """
[[customer]]
id = "{name}"
resources = ["{name}"]
contract = [{{ plan = "start", from = 2026-01-01, tz = "Europe/Moscow", tax = {{ name = "VAT", rate = "20" }} }}]
"""
EDGE = """
[[edge]]
id = "{edge}"
zone = "{zone}"
from = 2026-01-01T00:00:00Z
"""


def usual_months(days: int) -> Usage:
    """Customers whose ordinary months cost more than the minimum, so that a warning could be raised: a rhythm of days,
    of weeks, 2 % of growth a week, and strong noise."""
    dice = np.random.default_rng(7)
    start = int(BEGIN.timestamp()) // 60
    minutes = np.arange(0, days * 1440, 20)
    rhythm = 1 + 0.6 * np.sin(2 * math.pi * (minutes % 1440) / 1440)
    week = np.where(minutes // 1440 % 7 >= 5, 2.5, 1.0)
    shapes = (
        rhythm,
        rhythm * week,
        rhythm * 1.02 ** (minutes / 10_080),
        rhythm * dice.lognormal(0, 0.35, len(minutes)),
    )
    sent = np.concatenate([200e9 / 72 * shape for shape in shapes]).astype(np.uint64)
    return usage_of(
        np.tile(minutes + start, len(shapes)).astype(np.uint32),
        resource=(OTHERS, np.repeat(np.arange(len(shapes)), len(minutes))),
        zone=(ZONES, np.tile(np.arange(len(minutes)) % 3, len(shapes))),
        requests=sent // 1_000_000 + 1,
        bytes_sent=sent,
        body_bytes=sent,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two months of five customers, one of whom has the demo's good day."""
    folder = tmp_path_factory.mktemp("site")
    text = CONFIG.format(folder=folder, plans=SHIPPED)
    text += "".join(OTHER.format(name=name) for name in OTHERS)
    text += "".join(EDGE.format(edge=edge, zone=zone) for zone, edge in EDGES.items())
    (folder / "prebill.toml").write_text(text)
    with open_store(f"chdb://{folder}/store") as store:
        spike_day = (SPIKE - BEGIN).days
        following = put_usage(store, month_with_a_spike(BEGIN, 61, spike_day, 1_110 * 10**12), EDGES)
        put_usage(store, usual_months(61), EDGES, following)
    return folder


@pytest.fixture(scope="module")
def config(site: Path) -> Config:
    return usable(read_config(site / "prebill.toml", Path(), {}))


@pytest.fixture
def store(site: Path) -> Iterator[Store]:
    with open_store(f"chdb://{site}/store") as opened:
        yield opened


def test_nobody_is_warned_before_the_spike_and_he_is_soon_after(store: Store, config: Config) -> None:
    watch = SpikeWatch(store, config)
    at = OCTOBER.begin + timedelta(hours=5)
    while at <= SPIKE:
        assert watch.look(at).raised == (), at
        at += timedelta(hours=13)  # every hour of a day has its turn
    found = []
    for hours in range(1, 5):
        look = watch.look(SPIKE + timedelta(hours=hours, minutes=6))  # the allowance is five minutes
        found.append([case.customer.id for case in look.raised])
        assert len(look.cases) < 5, "who is as usual is not read"
        assert look.left == look.faults == ()
    assert ["premiere"] in found[:2], "within two hours of its begin"
    assert found[-1] == ["premiere"]


def test_what_a_warning_says(store: Store, config: Config) -> None:
    now = SPIKE + timedelta(hours=4, minutes=10)
    (case,) = SpikeWatch(store, config).look(now).raised
    warning = case.warning
    assert (warning.customer, warning.currency) == ("premiere", "RUB")
    assert warning.raised is Raised.PASSED
    assert warning.usual == 3000
    assert warning.limit == 4500
    assert warning.current.plan == "start"
    assert warning.current.low <= warning.current.expected <= warning.current.high
    assert warning.best.expected < warning.current.expected
    assert warning.saving == warning.current.expected - warning.best.expected
    assert warning.spike is not None
    assert abs(warning.spike.since * 3600 - SPIKE.timestamp()) <= 3600
    assert case.letter is not None
    assert case.letter.amount == warning.current.expected
    assert case.letter.options[0].amount == warning.best.expected
    for lang in ("ru", "en"):
        text = letter_text(case.letter, lang)
        assert "\n\n1. " in text
        assert "\n\n2. " in text
        assert RESOURCES[0] in text


def test_a_spike_that_is_over_is_still_told(store: Store, config: Config) -> None:
    look = SpikeWatch(store, config).look(SPIKE + timedelta(days=11))
    (case,) = look.raised
    assert (case.customer.id, case.warning.spike) == ("premiere", None)
    exact = store.usage(
        store.cut(),
        resources=RESOURCES,
        minutes=(int(OCTOBER.begin.timestamp()) // 60, look.hour * 60),
        by=(),
    )
    sent = exact["bytes_sent"][0].as_py()
    assert case.warning.current.so_far > Decimal(sent) / 10**9 * Decimal("0.5")


def test_between_hours_the_last_look_is_given(store: Store, config: Config) -> None:
    watch = SpikeWatch(store, config)
    first = watch.look(SPIKE + timedelta(minutes=6))
    assert watch.look(SPIKE + timedelta(minutes=64)) is first
    assert watch.look(SPIKE + timedelta(minutes=65)) is not first


def test_no_room_is_told(store: Store, config: Config) -> None:
    from msgspec.structs import replace

    narrow = replace(config, spikes=replace(config.spikes, at_most=1))
    look = SpikeWatch(store, narrow).look(SPIKE + timedelta(hours=3))
    suspects = find_suspects(store, config, look.hour)
    assert suspects[0].customer == "premiere", "the one with most above usual comes first"
    assert look.left == tuple(suspect.customer for suspect in suspects[1:])


def test_the_command(prebill: Prebill, site: Path) -> None:
    before = prebill("spikes", "--check", "--now", "2026-10-16T20:50:00Z", cwd=site)
    assert (before.returncode, "nobody is to be warned" in before.stderr) == (0, True), before.stderr
    now = ("--now", "2026-10-17T01:06:00Z")
    told = prebill("spikes", "--check", "--json", *now, cwd=site)
    assert told.returncode == 1, told.stderr
    document = json.loads(told.stdout)
    assert (document["as_of"], document["customers"]) == ("2026-10-17T01:00:00Z", 5)
    (warning,) = document["warnings"]
    assert warning["customer"] == "premiere"
    assert Decimal(warning["current"]["expected"]) > Decimal(warning["limit"])
    assert warning["letter"]["lang"] == "ru"
    assert "Ответьте на это письмо одной цифрой" in warning["letter"]["text"]
    shown = prebill("spikes", "--letters", "--lang", "en", *now, cwd=site)
    assert shown.returncode == 0, shown.stderr
    assert "Премьера" in shown.stdout
    assert "Answer this letter with one number" in shown.stdout
    refused = prebill("spikes", "--month", "2026-09", *now, cwd=site)
    assert (refused.returncode, "--now TIME" in refused.stderr) == (2, True)


def test_far_off_by_any_of_three() -> None:
    usual = np.full((1, DAYS, 2), 100.0)
    month = np.array([20])
    assert not far_off(usual, usual, month).any()
    hot = usual.copy()
    hot[:, 0, 1] = 140  # requests alone
    assert far_off(usual, hot, month).all()
    one_day = usual.copy()
    one_day[:, 15, 0] = 210
    assert far_off(one_day, usual, month).all()
    assert not far_off(one_day, usual, np.array([15])).any(), "that was the month before"
    higher = usual.copy()
    higher[:, :15, 0] = 140
    assert far_off(higher, usual, np.array([15])).all()
    weekend = usual.copy()
    weekend[:, ::7] = 300
    assert not far_off(usual, weekend, month).any(), "as on that day of other weeks"


def test_a_watch_puts_each_warning_into_the_queue_once(store: Store, config: Config) -> None:
    step = spike_looks(store, config)
    now = (SPIKE + timedelta(hours=4, minutes=10)).timestamp()
    (line,) = step(now)
    assert (line["type"], line["customer"], line["kind"]) == ("request", "premiere", "billing")
    assert "usually 3,000.00" in line["text"]
    assert step(now + 3600) == []
    (evidence,) = parse_evidence(json.dumps(line), actor="watch", now=now)
    assert evidence.body == line
