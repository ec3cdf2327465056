"""Given an account, the draft has its figures in both languages, and nothing from outside can break its page."""

from __future__ import annotations

from collections.abc import Callable
from string import Formatter

import pytest
from msgspec.structs import replace

from incidents.after.account import account_of
from incidents.after.postmortem import escaped, postmortem_text
from incidents.after.words import SENTENCES
from incidents.model import Change, Harm, Status, Transition
from incidents.people.roles import HandOver
from incidents.tasks.model import Lost


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_draft_has_what_is_known_and_asks_for_the_rest(
    language: str,
    story: tuple[Transition, ...],
    clock: Callable[[float], float],
    make_lost: Callable[..., Lost],
) -> None:
    account = account_of("o1", story, (make_lost(20, 40),), now=clock(60))
    assert account is not None
    page = postmortem_text(account, language)
    told = {
        "en": (
            "# Post-mortem: outage, customer c1, 2026-11-01",
            "Clients were hurt for 30 min (customer c1).",
            "| To the first acknowledgement (MTTA) | 3 min |",
            "- 10: not served: clients were hurt\n- 10: served, but not logged: only we lose",
            "| c1 | 30 min | 2 RUB |",
            "- the company: 2",
            "- drafts for clients, for the liaison to send: 1 (11-01 08:01)",
            "| 11-01 08:01:00 | draft for clients",
            "| 11-01 08:30:00 | resolved, company-wide, harm none: mended | boris |",
        ),
        "ru": (
            "# Разбор: авария, клиент c1, 2026-11-01",
            "Клиенты страдали 30 мин (клиент c1).",
            "| До первого подтверждения (MTTA) | 3 мин |",
            "- 10: обслужены, но не записаны: теряем только мы",
            "- вся компания: 2",
            "- черновики клиентам, отправляет ответственный за связь: 1 (11-01 08:01)",
        ),
    }[language]
    for line in told:
        assert line in page
    heads = [line for line in page.splitlines() if line.startswith("## ")]
    assert len(heads) == 10


def test_roles_that_were_handed_over_stand_in_the_timeline(
    story: tuple[Transition, ...], clock: Callable[[float], float]
) -> None:
    acts = [
        HandOver(at=clock(minute), role="scribe", giver="anna", taker="vera", reason="a|b", actor="anna")
        for minute in (2.5, 99)
    ]
    account = account_of("o1", story, now=clock(60), hand_overs=acts)
    assert account is not None
    lines = postmortem_text(account).splitlines()
    (line,) = [line for line in lines if "handed over" in line]
    assert line == "| 11-01 08:02:30 | scribe handed over, anna → vera: a\\|b | anna |"
    stamps = [line[2:16] for line in lines if line.startswith("| 11-01")]
    assert stamps == sorted(stamps)
    assert account.json["handovers"] == [
        {
            "at": "2026-11-01T08:02:30Z",
            "role": "scribe",
            "from": "anna",
            "to": "vera",
            "actor": "anna",
            "reason": "a|b",
        }
    ]


def test_why_it_was_is_its_own_reason_and_not_that_of_a_gap_below_it(
    story: tuple[Transition, ...], clock: Callable[[float], float], make_gap_step: Callable[..., Transition]
) -> None:
    below = make_gap_step(-9, change=Change.OPENED, reason="logs are lost", parent="o1")
    suspected = [replace(each, harm=Harm.SUSPECTED) for each in (below, *story)]
    account = account_of("o1", suspected, (), now=clock(60))
    assert account is not None
    own = next(each for each in account.timeline if each.incident == "o1")
    assert account.timeline[0].incident != "o1"
    assert f"outage, customer c1: {own.reason}. Opened" in postmortem_text(account)


def test_whose_logs_alone_were_lost_is_not_in_the_table_of_those_who_were_hurt(
    story: tuple[Transition, ...], clock: Callable[[float], float], make_lost: Callable[..., Lost]
) -> None:
    account = account_of("o1", story, (make_lost(20, 40),), now=clock(60))
    assert account is not None
    assert [hit.customer for hit in account.hit] == ["c1", "c2"]
    page = postmortem_text(account)
    assert "| c2 |" not in page
    assert "Not hurt, as far as is known; only part of their traffic was not logged: c2." in page
    named = [replace(each, customers=("c1", "c2")) if each.incident == "o1" else each for each in story]
    own = account_of("o1", named, (make_lost(20, 40),), now=clock(60))
    assert own is not None
    assert "| c2 | - |" in postmortem_text(own), (
        "the outage itself names him: nobody knows that he was not hurt"
    )


def test_a_gap_that_hurt_nobody_says_so_and_that_nobody_was_woken(
    make_gap_step: Callable[..., Transition],
    clock: Callable[[float], float],
    make_lost: Callable[..., Lost],
) -> None:
    history = [
        make_gap_step(0, change=Change.OPENED),
        make_gap_step(9, change=Change.RESOLVED, status=Status.RESOLVED, reason="its data has come"),
    ]
    account = account_of("g1", history, (make_lost(-6, -1, state="closed"),), now=clock(60))
    assert account is not None
    page = postmortem_text(account)
    assert "no client was hurt" in page
    assert "Nobody: it was nobody's to be woken for." in page
    assert "- 5: served, but not logged: only we lose" in page


def test_what_comes_from_outside_stays_text(
    story: tuple[Transition, ...], clock: Callable[[float], float], make_transition: Callable[..., Transition]
) -> None:
    evil = "x | y\n# Not ours\n[click](http://evil) <script> `code`"
    account = account_of("o1", [*story, make_transition(31, reason=evil, actor=evil)], now=clock(60))
    assert account is not None
    page = postmortem_text(account)
    assert "# Not ours" not in page.splitlines()
    assert "<script>" not in page
    assert "](http" not in page
    rows = [line for line in page.splitlines() if "click" in line]
    assert len(rows) == 1
    assert rows[0].replace("\\|", "").count("|") == 4
    assert escaped("a\\|b") == "a\\\\\\|b"


def test_every_sentence_is_there_in_both_languages_with_the_same_places() -> None:
    for key, (english, russian) in SENTENCES.items():
        places = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (english, russian)]
        assert places[0] == places[1], key
