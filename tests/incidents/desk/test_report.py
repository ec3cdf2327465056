"""The weekly report: each figure against a story whose answers are known, money to the hundredth, pages that hold
what is said and nothing that runs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.desk import acts
from incidents.desk.metrics import percentile
from incidents.desk.model import Called, HoursBought, Named, NpsAsked, Replied, Worked
from incidents.desk.paid import hours_left, profits
from incidents.desk.report import Client, make_report, parse_week, tenure_months, week_of
from incidents.desk.report_page import report_html, report_text
from incidents.desk.requests import Desk, read_desk
from tests.incidents.desk.cases import WEDNESDAY, MemoryLog, at, desk_office

HOUR = 3_600.0
OFFICE = desk_office(cost_rate="1000")
WEEK = parse_week("2026-W47", "UTC")
NOW = at("2026-11-23 09:00")


def story(until: float) -> Desk:
    """Wednesday of week 47: `1` is answered in an hour and closed as promised, scored 10; `2` in five hours, closed
    after its second date, scored 3; `3` is never answered. A call; paid work."""
    log = MemoryLog()
    for number in range(3):
        log.append(
            lambda desk, n=number: acts.receive(  # type: ignore[misc]
                desk, at=WEDNESDAY + n, actor="b", key=f"k{n}", kind="question", channel="cli",
                customer="c1" if n < 2 else "c2", subject=f"<b>s{n}</b>", text="?"
            )
        )  # fmt: skip
    for name, hours, promises, closed, score in (("1", 1, (10,), 9, 10), ("2", 5, (6, 8), 9, 3)):
        when = WEDNESDAY + hours * HOUR
        log.append(
            lambda _, n=name: [Named(at=WEDNESDAY + 60, actor="desk", key=f"n{n}", request=n, manager="olga")]  # type: ignore[misc]
        )
        log.append(lambda desk, n=name, w=when: acts.answer(desk, n, text="x", at=w, actor="olga"))  # type: ignore[misc]
        for due in promises:
            by = WEDNESDAY + due * HOUR
            log.append(lambda desk, n=name, w=when, by=by: acts.promise(desk, n, due=by, at=w, actor="olga"))  # type: ignore[misc]
        end = WEDNESDAY + closed * HOUR
        log.append(lambda desk, n=name, e=end: acts.close(desk, n, text="", at=e, actor="olga"))  # type: ignore[misc]
        log.append(lambda _, n=name, e=end: [NpsAsked(at=e, actor="desk", key=f"a{n}", request=n)])  # type: ignore[misc]
        log.append(
            lambda desk, n=name, e=end, s=score: acts.give_nps(desk, n, score=s, text="", at=e, actor="b")  # type: ignore[misc]
        )
    log.append(lambda _: [
        Called(at=WEDNESDAY, actor="x", key="c", answered=True, test=True, score=8),
        Called(at=WEDNESDAY, actor="x", key="d", answered=False, test=True),
        Worked(at=WEDNESDAY, actor="x", key="w", customer="c1", mode="hour", hours="1.5", price="3000.01",
               currency="RUB"),
    ])  # fmt: skip
    return log.read(until)


def report(now: float = NOW) -> dict[str, Any]:
    clients = {"c1": Client(name="<Кино>", since=at("2025-01-15 00:00"), value={"RUB": "219600.09"})}
    return make_report(story(now), OFFICE, WEEK, clients, now)


def test_the_figures_of_a_known_week() -> None:
    found = report()
    this, before = found["this"], found["before"]
    assert (this["received"], this["closed"], this["open_at_end"]) == (3, 2, 1)
    assert this["first_answer"] == {
        "count": 3, "done": 2, "pending": 0, "p50_seconds": 17_999, "p90_seconds": 97_198, "p50_at_least": False,
        "p90_at_least": True, "target_met": 1, "in_time": 1, "share_in_time": 0.3333, "over_limit": 1,
    }  # fmt: skip
    assert this["acknowledged"]["share_in_time"] == 1
    assert (this["manager_named"]["in_time"], this["manager_named"]["share_in_time"]) == (2, 0.6667)
    assert this["letters"] == {"requests": 2, "mean": 1, "most": 1, "too_many": 0}
    assert this["promises"] == {"kept": 1, "moved": 0, "broken": 1, "share_kept": 0.5}
    assert this["nps"] == {
        "score": 0,
        "asked": 2,
        "answered": 2,
        "promoters": 1,
        "passives": 0,
        "detractors": 1,
    }
    assert (this["calls"]["tests_failed"], this["calls"]["politeness"]) == (1, 8)
    (money,) = this["profitability"]
    assert (money["revenue"], money["cost"], money["profit"]) == ("4500.02", "1500.00", "3000.02")
    assert (before["week"], before["received"], before["nps"]["score"]) == ("2026-W46", 0, None)
    assert [(late["request"], late["clock"]) for late in found["late"]] == [("3", "manager")]
    client = next(each for each in found["clients"] if each["customer"] == "c1")
    assert (client["tenure_months"], client["value"]) == (22, {"RUB": "219600.09"})


def test_who_was_never_answered_is_in_the_percentiles_with_his_waiting_so_far() -> None:
    """Three of 48 were answered within two hours; 45 wait for days: half of them is no matter of an hour."""
    log = MemoryLog()
    for number in range(1, 49):
        log.append(
            lambda desk, n=number: acts.receive(  # type: ignore[misc]
                desk,
                at=WEDNESDAY,
                actor="b",
                key=f"k{n}",
                kind="technical",
                channel="cli",
                customer="c1",
                text="?",
            )
        )
    for number in range(1, 4):
        when = WEDNESDAY + number * 1_800
        log.append(lambda desk, n=number, w=when: acts.answer(desk, str(n), text="x", at=w, actor="olga"))  # type: ignore[misc]
    found = make_report(log.read(), OFFICE, WEEK, {}, NOW)
    first = found["this"]["first_answer"]
    assert (first["done"], first["over_limit"]) == (3, 45)
    assert (first["p50_seconds"], first["p50_at_least"]) == (NOW - WEDNESDAY, True)
    text = report_text(found, "en")
    assert text.count("≥ 5 d") == 4, "first answer and manager, both ranks"
    assert "half within" in text


def test_percentiles_are_exact_where_whoever_waits_cannot_change_them() -> None:
    first = report()["this"]["first_answer"]
    assert (first["p50_seconds"], first["p50_at_least"], first["p90_at_least"]) == (17_999, False, True)


def test_the_report_calls_managers_by_their_names() -> None:
    log = MemoryLog()
    log.append(
        lambda desk: acts.receive(desk, at=WEDNESDAY, actor="b", key="k", kind="question", channel="cli")
    )
    log.append(lambda _: [Named(at=WEDNESDAY, actor="desk", key="n", request="1", manager="olga")])
    found = make_report(log.read(), OFFICE, WEEK, {}, NOW)
    assert [(each["manager"], each["manager_name"]) for each in found["late"]] == [("olga", "Olga")]
    assert " Olga " in report_text(found, "en")
    assert "olga" not in report_text(found, "en") + report_html(found, "en")


def test_a_week_that_goes_on_says_so_and_judges_nothing_that_is_not_decided() -> None:
    found = report(WEDNESDAY + 2 * HOUR)
    first = found["this"]["first_answer"]
    assert not found["complete"]
    assert (first["count"], first["in_time"], first["pending"], first["share_in_time"]) == (3, 1, 2, 1)
    (log, now) = (MemoryLog(), WEDNESDAY + 2 * HOUR)
    log.append(lambda desk: acts.receive(desk, at=now, actor="b", key="k", kind="question", channel="cli"))
    first = make_report(log.read(), OFFICE, WEEK, {}, now + 60)["this"]["first_answer"]
    assert (first["pending"], first["share_in_time"]) == (1, None)


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_pages_hold_what_is_said_and_nothing_that_runs(lang: str) -> None:
    found = report()
    text, page = report_text(found, lang), report_html(found, lang)
    for shown in (text, page):
        assert "2026-W47" in shown
        assert ("219 600,09 ₽" if lang == "ru" else "219,600.09 RUB") in shown.replace("\u00a0", " ")
    assert "<Кино>" in text
    assert "&lt;Кино&gt;" in page
    assert "<b>s2" not in page
    assert "<svg" in page
    for banned in ("<script", "http:", "https:", "url(", "src=", "@import"):
        assert banned not in page
    assert ("вовремя" in text) == (lang == "ru")


@pytest.mark.parametrize("text", ["2026-W54", "2026-W00", "W47", "2026-47", "9999-W01", "2026-W٤٧x"])
def test_a_week_that_is_none_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="expected a week like"):
        parse_week(text, "UTC")


def test_weeks_begin_on_monday_in_the_desks_zone() -> None:
    week = parse_week("2026-W44", "Europe/Berlin")  # the clock changes in the week before
    assert week.since == at("2026-10-25 23:00")
    assert (
        parse_week("2026-W43", "Europe/Berlin").until - parse_week("2026-W43", "Europe/Berlin").since
        == 169 * HOUR
    )
    assert week_of(week.since - 1, "Europe/Berlin").name == "2026-W43"
    assert parse_week("2026-W53", "UTC").until == parse_week("2027-W01", "UTC").since


def test_tenure_counts_whole_months() -> None:
    assert tenure_months(Client(since=at("2026-01-31 00:00")), at("2026-02-28 00:00")) == 0
    assert tenure_months(Client(since=at("2026-01-15 00:00")), at("2027-01-15 00:00")) == 12
    assert tenure_months(Client(), NOW) is None


def test_percentiles_are_nearest_rank() -> None:
    values = list(range(1, 11))
    assert [percentile(values, rank) for rank in (50, 90, 91, 100)] == [5, 9, 10, 10]
    assert percentile([], 50) is None
    assert percentile([7], 90) == 7


def test_the_same_work_is_not_entered_twice_without_a_word() -> None:
    log = MemoryLog()

    def work(key: str, *, again: bool = False, **more: str) -> None:
        values: dict[str, Any] = {"hours": "2", "price": "5000", "request": "4", "text": ""} | more
        event = Worked(
            at=WEDNESDAY, actor="olga", key=key, customer="c1", mode="request", currency="RUB", **values
        )
        log.append(lambda desk: acts.work(desk, event, again=again))

    def buy(key: str, *, again: bool = False) -> None:
        event = HoursBought(
            at=WEDNESDAY,
            actor="olga",
            key=key,
            customer="c1",
            hours="10",
            price="20000",
            currency="RUB",
            expires=NOW,
        )
        log.append(lambda desk: acts.buy(desk, event, again=again))

    work("w1")
    with pytest.raises(
        acts.ActError, match="the same work of c1 was entered at 2026-11-18T09:00:00Z by olga: --again"
    ):
        work("w2", hours="2.0")
    work("w4", text="a second edge")
    work("w5", request="5")
    work("w6", hours="3")
    work("w3", again=True)
    buy("b1")
    with pytest.raises(acts.ActError, match="the same purchase"):
        buy("b2")
    buy("b3", again=True)
    assert (len(log.read().worked), len(log.read().bought)) == (5, 2)


def bought(key: str, when: float, hours: str, price: str, expires: float) -> HoursBought:
    return HoursBought(
        at=when, actor="a", key=key, customer="c", hours=hours, price=price, currency="RUB", expires=expires
    )


def drawn(key: str, when: float, hours: str) -> Worked:
    return Worked(at=when, actor="a", key=key, customer="c", mode="prepaid", hours=hours)


def test_prepaid_hours_go_by_their_expiry_and_what_is_left_is_earned_then() -> None:
    events: list[Any] = [bought("b1", 0, "3", "100", 1_000), bought("b2", 10, "10", "50", 500), drawn("w1", 20, "11"),
              drawn("w2", 5, "1")]  # fmt: skip
    desk = read_desk(events)
    assert hours_left(desk, "c", 100) == 1  # 10 of the second, 1 before and 1 after of the first
    assert hours_left(desk, "c", 1_000) == 0
    (all_of_it,) = profits(desk, 0, 2_000, 2_000, cost_rate=Decimal(0), cost_currency="RUB")
    assert (all_of_it.prepaid_used, all_of_it.prepaid_expired) == (Decimal("116.67"), Decimal("33.33"))
    with pytest.raises(acts.ActError, match="has 1 prepaid hours left, and 2 are"):
        acts.work(desk, drawn("w3", 100, "2"))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 90), st.integers(1, 40), st.integers(0, 9_999), st.integers(1, 90)),
        max_size=4,
    ),
    st.lists(st.tuples(st.integers(0, 100), st.integers(1, 30)), max_size=6),
    st.integers(1, 200),
)
def test_what_is_paid_ahead_is_earned_once(
    packages: list[tuple[int, int, int, int]], draws: list[tuple[int, int]], cut: int
) -> None:
    """Over all time what is used and what expires is what was sold, and two spans add up to one."""
    events: list[Any] = [
        bought(f"b{n}", when, str(hours), f"{price / 100:.2f}", when + lasts)
        for n, (when, hours, price, lasts) in enumerate(packages)
    ]
    events += [drawn(f"w{n}", when, str(hours)) for n, (when, hours) in enumerate(draws)]
    desk = read_desk(events)

    def earned(since: float, until: float) -> Decimal:
        return sum(
            (each.revenue for each in profits(desk, since, until, 1_000, cost_rate=Decimal(0), cost_currency="RUB")),
            Decimal(0),
        )  # fmt: skip

    assert earned(0, 1_000) == sum((Decimal(each.price) for each in desk.bought), Decimal(0))
    assert earned(0, cut) + earned(cut, 1_000) == earned(0, 1_000)


def test_a_reply_before_an_answer_is_one_turn() -> None:
    log = MemoryLog()
    log.append(
        lambda desk: acts.receive(desk, at=WEDNESDAY, actor="b", key="k", kind="question", channel="cli")
    )
    for number in range(3):
        log.append(lambda _, n=number: [Replied(at=WEDNESDAY + n, actor="b", key=f"r{n}", request="1")])  # type: ignore[misc]
    assert len(log.read().requests["1"].turns) == 1
