"""Given a day, the head reads first of clients and then of money, in his language, as text, page or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from incidents.events import Probe
from incidents.model import Change, Harm, Kind, Priority, Scope, Status, Transition
from incidents.procedure import procedure_for
from incidents.tasks.build import tasks_of
from incidents.tasks.digest import digest_html, digest_of, digest_text
from incidents.tasks.model import Lost, Money
from incidents.tasks.sheet import sheet_text
from incidents.tasks.words import SENTENCES, age_text, money_text

Make = Callable[..., Transition]
DAY = 86_400.0


@pytest.fixture
def outage(make_transition: Make) -> Callable[..., Transition]:
    def make(**given: object) -> Transition:
        keys = {"incident": "o1", "kind": Kind.OUTAGE, "scope": Scope("customer", "c9"),
                "harm": Harm.CONFIRMED, "priority": Priority.COMPANY_WIDE}  # fmt: skip
        return make_transition(**(keys | given))

    return make


def test_clients_come_first_then_the_money(
    make_transition: Make,
    make_lost: Callable[..., Lost],
    make_probe: Callable[..., Probe],
    outage: Make,
    now: float,
) -> None:
    transitions = [make_transition(), outage()]
    tasks = tasks_of(transitions, [make_lost()], [], [make_probe()], now=now)
    digest = digest_of(transitions, tasks, since=now - DAY, now=now)
    lines = digest_text(digest, "en").splitlines()

    assert lines[2] == "Since 2026-10-31 08:00 UTC incidents in which clients were hurt: 1; open now: o1."
    assert lines[3] == (
        "Open tasks: 1; at stake 10 RUB (9 to 12); 5 min lost; clients served: yes 1, no 0, unknown 0."
    )
    assert "First to be beyond recovery: i1" in lines[4]
    assert digest.json["hurt"] == {"incidents": ["o1"], "open": ["o1"]}
    assert json.loads(json.dumps(digest.json))["open"][0]["served"]["answer"] == "yes"


def test_a_gap_below_an_outage_is_not_counted_as_another(
    make_transition: Make, outage: Make, now: float
) -> None:
    below = {"harm": Harm.CONFIRMED, "parent": "o1"}
    yesterday = make_transition(at=now - 2 * DAY, **below)
    closed = make_transition(status=Status.RESOLVED, change=Change.RESOLVED, **below)
    cases = ([make_transition(**below)], [yesterday], [yesterday, closed], [make_transition(**below), closed])
    for gap in cases:
        digest = digest_of([outage(), *gap], [], since=now - DAY, now=now)
        assert (digest.hurt, digest.hurt_now) == (("o1",), ("o1",)), gap
    alone = digest_of([make_transition(harm=Harm.CONFIRMED)], [], since=now - DAY, now=now)
    assert alone.hurt == ("i1",), "a gap whose own clients are hurt is counted"


def test_money_is_told_in_russian_as_bills_tell_it() -> None:
    def told(*parts: str, currency: str = "RUB", language: str = "ru") -> str:
        low, expected, high = map(Decimal, parts)
        return money_text([Money(low, expected, high, currency)], language).replace("\u00a0", "~")

    assert told("29500", "29500", "29500") == "29~500,00~₽"
    assert told("1.6", "1.6145", "1234567.5") == "1,6145~₽ (от 1,60 до 1~234~567,50)"
    assert told("2", "2", "2", currency="USD") == "2,00~USD"
    assert told("29500.5", "29500.5", "29500.5", language="en") == "29,500.50 RUB"


def test_a_day_without_anything_says_so(now: float) -> None:
    told = digest_text(digest_of([], [], since=now - DAY, now=now), "ru")
    assert "подтверждённого вреда клиентам не было" in told
    assert "ничего не потеряно" in told


def test_harm_that_ended_before_is_no_news_and_harm_that_lasts_is(outage: Make, now: float) -> None:
    def hurt(*history: Transition) -> tuple[tuple[str, ...], tuple[str, ...]]:
        digest = digest_of(history, [], since=now - DAY, now=now)
        return digest.hurt, digest.hurt_now

    begun = outage(at=now - 3 * DAY)
    over = {"harm": Harm.NONE, "status": Status.RESOLVED, "change": Change.RESOLVED}
    assert hurt(begun, outage(at=now - 2 * DAY, **over)) == ((), ())
    assert hurt(begun, outage(at=now - 60, **over)) == (("o1",), ())
    assert hurt(begun) == (("o1",), ("o1",))


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not any(name in ("src", "href", "onload") for name, _ in attrs)
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_stands_alone_and_shows_names_as_text(
    make_transition: Make, make_lost: Callable[..., Lost], now: float
) -> None:
    name = "<script>alert(1)</script>"
    tasks = tasks_of([make_transition()], [make_lost(edge=name)], [], [], now=now)
    page = _Text()
    page.feed(digest_html(digest_of([make_transition()], tasks, since=now - DAY, now=now), "ru"))
    assert "script" not in page.tags
    assert name in page.text
    assert "table" in page.tags


def test_every_sentence_is_there_in_both_languages_with_the_same_places() -> None:
    from string import Formatter

    for key, (english, russian) in SENTENCES.items():
        places = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (english, russian)]
        assert places[0] == places[1], key
        assert any("а" <= letter <= "я" for letter in russian.lower()), key


def test_a_sheet_begins_with_the_question_and_ends_with_the_procedure(
    make_transition: Make, make_lost: Callable[..., Lost], make_probe: Callable[..., Probe], now: float
) -> None:
    (task,) = tasks_of([make_transition()], [make_lost()], [], [make_probe()], now=now)
    lines = sheet_text(task, procedure_for(task), "en", now).splitlines()
    assert lines[0] == "i1: lost billing data, e1, 5 min; due 2026-11-04 07:50 UTC"
    assert lines[2] == "Are the clients served? YES (probes are answered, 1 min ago)"
    assert "  g1 missing e1/access 2026-11-01 07:45–07:50, 5 min, 10 RUB (9 to 12)" in lines
    assert "What it costs so far: 10 RUB (9 to 12); 2.00 RUB (1.80 to 2.40) a minute" in lines
    assert "can be recovered until 2026-11-08 08:00 UTC" in lines
    assert "        prebill gaps --check --from 2026-11-01T07:45:00Z --to 2026-11-01T07:50:00Z" in lines
    russian = sheet_text(task, procedure_for(task, "ru"), "ru", now)
    assert "Обслуживаются ли клиенты? ДА (пробы проходят, 1 мин назад)" in russian


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 s"), (59, "59 s"), (61, "1 min"), (7199, "119 min"), (7200, "2 h"), (2e5, "2 d")],
)
def test_an_age_is_told_in_whole_units(seconds: float, told: str) -> None:
    assert age_text(seconds) == told
