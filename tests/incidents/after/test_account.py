"""Given an outage with a gap below it, the account says how fast, whose minutes, whose money, and who was told."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

from msgspec.structs import replace

from incidents.after.account import account_of, responses_of
from incidents.after.model import Account, Split
from incidents.events import Probe
from incidents.model import Audience, Change, Harm, Kind, Priority, Status, Transition
from incidents.tasks.model import Lost, Money

Clock = Callable[[float], float]
Make = Callable[..., Transition]


def account(
    story: tuple[Transition, ...], now: float, lost: tuple[Lost, ...] = (), **given: object
) -> Account:
    found = account_of("o1", story, lost, now=now, **given)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_how_fast_it_was_answered_and_mended(story: tuple[Transition, ...], clock: Clock) -> None:
    found = account(story, clock(60))
    assert (found.answer_s, found.answered_by) == (180, "anna")
    assert (found.mend_s, found.resolved_by) == (1800, "boris")
    assert found.wide_s == 60
    assert (found.harm, found.priority) == (Harm.CONFIRMED, Priority.COMPANY_WIDE)
    assert found.hurt_s == 1800, "a suspicion that was confirmed was harm from its beginning on"


def test_who_ended_it_is_not_who_told_of_the_end(
    story: tuple[Transition, ...], clock: Clock, make_transition: Make
) -> None:
    # given the engine's own notices of the end, and a note of the day after
    over = make_transition(
        30,
        change=Change.NOTICE,
        audience=Audience.COMPANY,
        notice="n9",
        status=Status.RESOLVED,
        harm=Harm.NONE,
    )
    note = make_transition(
        50, change=Change.UPDATED, status=Status.RESOLVED, harm=Harm.NONE, actor="vera", reason="note: done"
    )
    told = (*story, over, note)
    found = account(told, clock(60))
    assert found.json["resolved_by"] == "boris"
    assert (found.resolved, found.mend_s) == (clock(30), 1800)
    (response,) = (
        each for each in responses_of(told, since=clock(0), now=clock(60)) if each.kind is Kind.OUTAGE
    )
    assert response.mttr_s == 1800


def test_as_of_an_earlier_time_nothing_later_is_known(story: tuple[Transition, ...], clock: Clock) -> None:
    found = account(story, clock(2))
    assert (found.answer_s, found.mend_s, found.resolved) == (None, None, None)
    assert found.children == ()
    assert found.hurt_s == 120
    assert account_of("o1", story, now=clock(-1)) is None
    assert account_of("none", story, now=clock(60)) is None


def test_lost_minutes_are_split_into_not_served_and_served_but_not_logged(
    story: tuple[Transition, ...], clock: Clock, make_lost: Callable[..., Lost]
) -> None:
    # given minutes 20–40 of e1 are lost, and c1 was hurt until minute 30
    found = account(story, clock(60), (make_lost(20, 40),))
    assert found.children == ("g1",)
    assert found.split == Split(not_served=10, not_logged=10)
    assert found.money == (Money(Decimal(2), Decimal(3), Decimal(4), "RUB"),)
    c1, c2 = found.hit
    assert (c1.customer, c1.hurt_s) == ("c1", 1800)
    assert (c2.customer, c2.hurt_s) == ("c2", 0)
    assert [money.expected for money in (*c1.money, *c2.money)] == [Decimal(2), Decimal(1)]


def test_clean_minutes_before_the_end_were_no_harm_where_probes_say_so(
    story: tuple[Transition, ...],
    clock: Clock,
    make_probe: Callable[..., Probe],
    make_lost: Callable[..., Lost],
) -> None:
    looks = [make_probe(minute, ok=minute >= 20) for minute in range(30)]
    found = account(story, clock(60), (make_lost(15, 25),), probes=looks)
    assert found.hurt_s == 1200
    assert found.split == Split(not_served=5, not_logged=5)


def test_a_reminder_that_a_newer_one_took_the_place_of_was_told_to_nobody(
    story: tuple[Transition, ...], clock: Clock
) -> None:
    company = [each for each in story if each.notice == "n2"]
    passed_over = {f"{each.notice}@{each.at:.6f}" for each in company[:1]}
    assert dict(account(story, clock(60)).told)["company"] == 2
    assert dict(account(story, clock(60), passed_over=passed_over).told)["company"] == 1


def test_each_notice_counts_once_however_often_it_was_repeated(
    story: tuple[Transition, ...], clock: Clock
) -> None:
    again = [each for each in story if each.notice == "n2"]
    found = account((*story, *again), clock(60), undelivered=1)
    assert dict(found.told) == {"on_call": 1, "company": 2}, "a draft is not a told client"
    assert found.drafts == (("n3", clock(1)),)
    assert found.json["drafts"] == [{"notice": "n3", "at": "2026-11-01T08:01:00Z"}]
    sent = [replace(each, draft=False) for each in story]
    directly = account(tuple(sent), clock(60))
    assert (dict(directly.told)["client"], directly.drafts) == (1, ())
    assert found.undelivered == 1


def test_the_document_is_json(
    story: tuple[Transition, ...], clock: Clock, make_lost: Callable[..., Lost]
) -> None:
    document = json.loads(json.dumps(account(story, clock(60), (make_lost(20, 40),)).json))
    assert document["minutes"] == {"not_served": 10, "served_but_not_logged": 10, "not_known": 0}
    assert document["seconds_to_acknowledge"] == 180
    assert [line["incident"] for line in document["timeline"]].count("g1") == 2


def test_means_are_over_those_that_were_answered_and_mended(
    story: tuple[Transition, ...], clock: Clock, make_transition: Make
) -> None:
    other = [
        make_transition(40, incident="o2", change=Change.OPENED),
        make_transition(
            41, incident="o2", change=Change.ACKNOWLEDGED, status=Status.ACKNOWLEDGED, actor="anna"
        ),
    ]
    silent = [make_transition(50, incident="o3", change=Change.OPENED)]
    gap, outage = responses_of([*story, *other, *silent], since=clock(0), now=clock(60))
    assert (gap.kind, gap.count, gap.open, gap.mtta_s, gap.mttr_s) == (Kind.BILLING_GAP, 1, 1, None, None)
    assert (outage.count, outage.open, outage.mtta_s, outage.mttr_s) == (3, 2, 120, 1800)
    assert responses_of(story, since=clock(10), now=clock(60)) == []


def test_what_the_engine_ends_by_itself_was_answered_by_nobody(clock: Clock, make_gap_step: Make) -> None:
    history = [
        make_gap_step(0, change=Change.OPENED),
        make_gap_step(5, change=Change.RESOLVED, status=Status.RESOLVED),
    ]
    found = account_of("g1", history, now=clock(9))
    assert found is not None
    assert (found.answer_s, found.mend_s, found.resolved_by) == (None, 300, "engine")


def test_a_gap_below_an_outage_has_its_harm_from_above_and_hurts_nobody_else(
    story: tuple[Transition, ...], clock: Clock, make_gap_step: Make, make_lost: Callable[..., Lost]
) -> None:
    # given e1's gap hangs below the outage of c1, with c1 and c2 on the edge, and takes its harm and priority over
    below = make_gap_step(
        9, change=Change.RAISED, parent="o1", harm=Harm.CONFIRMED, priority=Priority.COMPANY_WIDE,
        customers=("c1", "c2"),
    )  # fmt: skip
    history = sorted((*story, below), key=lambda each: each.at)
    found = account_of("o1", history, (make_lost(20, 40),), now=clock(60))
    assert found is not None
    assert [(hit.customer, hit.hurt_s) for hit in found.hit] == [("c1", 1800), ("c2", 0)]
    gap = account_of("g1", history, (make_lost(20, 40),), now=clock(60))
    assert gap is not None
    assert (gap.harm, gap.hurt_s) == (Harm.NONE, 0)
    assert gap.split == Split(not_served=10, not_logged=10)
