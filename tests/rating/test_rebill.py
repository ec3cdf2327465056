"""Rebills as functions of a log: who may do what when, each once; and whatever people try, the books balance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.rating import rebill
from pipeline.rating.bill_books import Books, RebillError, RebillState, read_books
from pipeline.rating.bill_entries import Counted, Entry, Kind, chain_of, faults_of
from pipeline.rating.model import Bill, Discount, Period
from pipeline.rating.rounding import add_up
from tests.rating.billing import NOW, PERIOD, make_bill, make_line, simple_bill

MILLION, BEST = simple_bill("1000000.00"), simple_bill("180000.07", plan="volume")
ONCE = Discount("first spike", percent=Decimal(50), once=True)


class Desk:
    """A log in memory, which appends as the store does."""

    def __init__(self) -> None:
        self.log: list[Entry] = []

    @property
    def books(self) -> Books:
        return read_books(self.log)

    @property
    def next_number(self) -> int:
        return max((entry.number for entry in self.log), default=0) + 1

    def append(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            numbered = replace(entry, seq=len(self.log) + 1)
            chain = chain_of(self.log[-1].chain if self.log else "", numbered)
            self.log.append(replace(numbered, chain=chain))

    def issue(self, *bills: Bill) -> None:
        self.append(
            rebill.issue(
                self.books, [(bill, None) for bill in bills], self.next_number, at=NOW, actor="robot"
            )
        )

    def propose(
        self, of: int, bill: Bill, actor: str = "anna", reason: str = "viral day", *discounts: Discount
    ) -> str:
        name, new = rebill.propose(
            self.books, of, bill, discounts=discounts, at=NOW, actor=actor, reason=reason
        )
        self.append(new)
        return name

    def approve(self, name: str, actor: str = "boris", reason: str = "agreed") -> None:
        self.append(rebill.approve(self.books, name, self.next_number, at=NOW, actor=actor, reason=reason))

    def turn_down(self, name: str, actor: str, reason: str = "no") -> None:
        self.append(rebill.turn_down(self.books, name, at=NOW, actor=actor, reason=reason))


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.issue(MILLION)
    return made


def test_a_spike_is_rebilled(desk: Desk) -> None:
    name = desk.propose(1, BEST)
    assert desk.books.rebills[name].open
    desk.approve(name)
    books = desk.books
    done = books.rebills[name]
    assert (done.state, done.credit, done.issued) == (RebillState.APPROVED, 2, 3)
    assert [(e.kind, e.number, e.of, e.bill.total) for e in books.documents.values()] == [
        (Kind.BILL, 1, 0, Decimal("1220000.00")),
        (Kind.CREDIT_NOTE, 2, 1, Decimal("-1220000.00")),
        (Kind.BILL, 3, 1, Decimal("219600.09")),
    ]
    assert list(books.standing) == [3]
    moved = rebill.difference(books, name)
    assert (moved.delta.net, moved.delta.tax, moved.delta.total) == (
        Decimal("-819999.93"), Decimal("-180399.98"), Decimal("-1000399.91")
    )  # fmt: skip
    assert moved.credit.total + moved.new.total == moved.delta.total
    assert moved.credit.tax + moved.new.tax == moved.delta.tax
    assert faults_of(desk.log) == []


@pytest.mark.parametrize("same", ["anna", "Anna", " ANNA ", "a\uff4ena", "an\u200bna"])
def test_nobody_approves_what_he_proposed(desk: Desk, same: str) -> None:
    name = desk.propose(1, BEST)
    with pytest.raises(RebillError, match=r"anna proposed .* another person has to approve it"):
        desk.approve(name, same)
    assert list(desk.books.standing) == [1]


def test_everything_asked_for_twice_is_done_once(desk: Desk) -> None:
    desk.issue(MILLION)
    name = desk.propose(1, BEST)
    assert desk.propose(1, BEST) == name
    desk.approve(name)
    before = list(desk.log)
    desk.approve(name)
    desk.approve(name, "vera", "me too")
    assert desk.log == before
    assert len(before) == 5


def test_a_proposal_that_ended_can_be_made_again_under_another_name(desk: Desk) -> None:
    name = desk.propose(1, BEST)
    desk.turn_down(name, "boris")
    desk.turn_down(name, "boris")
    assert desk.books.rebills[name].state is RebillState.REJECTED
    with pytest.raises(RebillError, match="is rejected by boris already: propose it anew"):
        desk.approve(name)
    again = desk.propose(1, BEST)
    assert again != name
    desk.turn_down(again, "Anna")
    assert desk.books.rebills[again].state is RebillState.WITHDRAWN
    desk.approve(desk.propose(1, BEST))
    assert list(desk.books.standing) == [3]


def test_of_two_proposals_for_one_bill_one_is_approved_and_the_other_is_superseded(desk: Desk) -> None:
    one, other = desk.propose(1, BEST), desk.propose(1, simple_bill("1.00"))
    desk.approve(one)
    assert desk.books.rebills[other].state is RebillState.SUPERSEDED
    with pytest.raises(RebillError, match="superseded: bill 1 was replaced or adjusted since"):
        desk.approve(other)
    with pytest.raises(
        RebillError, match="bill 1 was taken back by credit note 2: propose a rebill of bill 3"
    ):
        desk.propose(1, simple_bill("2.00"))
    desk.approve(desk.propose(3, simple_bill("2.00")))
    assert list(desk.books.standing) == [5]


def test_what_cannot_be_proposed(desk: Desk) -> None:
    shorter = replace(PERIOD, begin=PERIOD.begin + timedelta(days=1))
    for of, bill, says in (
        (9, BEST, "there is no bill 9"),
        (1, MILLION, "there is nothing to rebill"),
        (1, replace(BEST, currency="EUR"), "it cannot replace bill 1: its currency is EUR, and not RUB"),
        (1, replace(BEST, period=shorter), "its period is .*, and not "),
        (1, replace(BEST, customer="c2"), "its customer is c2, and not c1"),
        (1, replace(BEST, provisional=("gap g1 is open",)), "is provisional: gap g1 is open"),
        (1, replace(BEST, tax=Decimal(0)), "tax is 0, its lines make 39600.02"),
        (1, make_bill([make_line("0.0000000001")]), "at most 9 decimals"),
    ):
        with pytest.raises(RebillError, match=says):
            desk.propose(of, bill)
    for actor, reason, says in (
        ("", "why", "name the actor"),
        (" ", "why", "actor"),
        ("anna", " ", "a reason is"),
    ):
        with pytest.raises(RebillError, match=says):
            desk.propose(1, BEST, actor, reason)
    name = desk.propose(1, BEST)
    with pytest.raises(RebillError, match=f"there is no rebill r0; open ones: {name}"):
        desk.approve("r0")
    desk.approve(name)
    with pytest.raises(RebillError, match="2 is a credit note"):
        desk.propose(2, BEST)


def test_a_first_bill_is_issued_for_a_time_once(desk: Desk) -> None:
    november = Period(PERIOD.end, PERIOD.end + timedelta(days=30), PERIOD.tz)
    desk.issue(MILLION, simple_bill("1.00", period=november), simple_bill("1.00", customer="c2"))
    assert list(desk.books.standing) == [1, 2, 3]
    with pytest.raises(RebillError, match="bill 1 is issued for that time; propose a rebill"):
        desk.issue(simple_bill("5.00", customer="c3"), BEST)
    crossing = Period(PERIOD.end - timedelta(days=1), PERIOD.end + timedelta(days=1), PERIOD.tz)
    with pytest.raises(RebillError, match="is issued for that time"):
        desk.issue(simple_bill("1.00", period=crossing))
    with pytest.raises(RebillError, match=r"c4 2026-10: total is 1, .*; c5 .*provisional"):
        desk.issue(
            replace(simple_bill("1.00", customer="c4"), total=Decimal(1)),
            replace(simple_bill("1.00", customer="c5"), provisional=("late",)),
        )
    assert list(desk.books.standing) == [1, 2, 3], "all faults at once, and none issued"


def test_a_discount_for_one_bill_is_in_one_standing_bill_only(desk: Desk) -> None:
    november = Period(PERIOD.end, PERIOD.end + timedelta(days=30), PERIOD.tz)

    def half(amount: str, period: Period = PERIOD) -> Bill:
        off = make_line(f"-{amount}", ONCE.name, "discount")
        return make_bill([make_line(amount), make_line(amount, "other"), off], period=period)

    desk.issue(simple_bill("7.00", period=november))
    desk.approve(desk.propose(1, half("5.00"), "anna", "spike", ONCE))
    with pytest.raises(RebillError, match="first spike is for one bill only, and bill 4 has it"):
        desk.propose(2, half("3.50", november), "anna", "again", ONCE)
    desk.propose(4, half("1.00"), "anna", "the same bill, better", ONCE)
    desk.propose(2, simple_bill("1.00", period=november), "anna", "nothing is taken off", ONCE)


def adjust(desk: Desk, of: int, whole: Bill) -> list[Entry]:
    new = rebill.adjust(desk.books, of, whole, Counted(7, 1), desk.next_number, at=NOW, actor="anna")
    desk.append(new)
    return new


def test_an_adjustment_leads_to_the_price_of_all_that_is_known_and_is_issued_once(desk: Desk) -> None:
    for net in ("1000540.00", "999000.00", "1000000.00"):
        whole = simple_bill(net)
        (issued,) = adjust(desk, 1, whole)
        assert (issued.adjusts, issued.of, issued.whole, issued.counted) == (True, 1, whole, Counted(7, 1))
        assert adjust(desk, 1, whole) == []
        assert add_up(each.bill.total for each in desk.books.documents.values()) == whole.total
        assert all(line.kind in ("adjustment", "tax") for line in issued.bill.lines)
    assert len(desk.books.standing) == 4
    assert [entry.number for entry in desk.books.standing_in(MILLION)] == [1], "the bill, not its adjustments"
    moved = make_bill(
        [make_line("999999.00"), make_line("1.00", "fee"), make_line("220000.00", "НДС", "tax")]
    )
    assert adjust(desk, 1, moved) == [], "no money moves"
    assert faults_of(desk.log) == []


def test_a_rebill_takes_back_a_bill_with_its_adjustments(desk: Desk) -> None:
    before = desk.propose(1, BEST)
    adjust(desk, 1, simple_bill("1000540.00"))
    assert desk.books.rebills[before].state is RebillState.SUPERSEDED
    with pytest.raises(RebillError, match="2 is an adjustment of bill 1"):
        desk.propose(2, BEST)
    for rule in ("per_unit", "worded anew"):
        whole = simple_bill("1000540.00")
        whole = replace(whole, lines=tuple(replace(line, rule=rule) for line in whole.lines))
        with pytest.raises(RebillError, match="nothing to rebill"):
            desk.propose(1, whole)
    name = desk.propose(1, BEST)
    assert rebill.difference(desk.books, name).old == simple_bill("1000540.00")
    desk.approve(name)
    assert [entry.of for entry in desk.log[-3:]] == [1, 2, 1]
    assert list(desk.books.standing) == [5]
    assert add_up(each.bill.total for each in desk.books.documents.values()) == BEST.total
    assert rebill.difference(desk.books, name).old == simple_bill("1000540.00"), "the same when it is done"
    with pytest.raises(
        RebillError, match="bill 1 was taken back by credit note 3: propose a rebill of bill 5"
    ):
        adjust(desk, 1, MILLION)
    assert faults_of(desk.log) == []


def test_a_log_that_was_touched_is_found(desk: Desk) -> None:
    desk.approve(desk.propose(1, BEST))
    log = desk.log
    assert faults_of(log) == []
    for at in range(len(log)):
        assert faults_of(log[:at] + log[at + 1 :]) or at == len(log) - 1
        for change in ({"body": "{}"}, {"actor": "eve"}, {"of": 7}, {"reason": "x"}, {"digest": "0"}):
            touched = [*log[:at], replace(log[at], **change), *log[at + 1 :]]
            assert faults_of(touched), change
    assert faults_of([log[1], log[0], *log[2:]])


TRIES = st.lists(
    st.one_of(
        st.tuples(st.just("issue"), st.sampled_from(["c1", "c2"]), st.integers(1, 4)),
        st.tuples(st.just("propose"), st.integers(1, 8), st.integers(1, 4)),
        st.tuples(st.just("approve"), st.integers(0, 3), st.sampled_from(["anna", "boris"])),
        st.tuples(st.just("down"), st.integers(0, 3), st.sampled_from(["anna", "boris"])),
    ),
    max_size=25,
)


@given(TRIES)
@settings(max_examples=150, deadline=None)
def test_whatever_people_try_the_books_balance(tries: list[tuple[str, int | str, int | str]]) -> None:
    """Against the slow truth: what a customer owes is all his documents, and that is his standing bill."""
    desk = Desk()
    for what, first, second in tries:
        names = list(desk.books.rebills)
        try:
            if what == "issue":
                desk.issue(simple_bill(f"{second}.37", customer=str(first)))
            elif what == "propose":
                owner = (
                    desk.books.documents[int(first)].customer if int(first) in desk.books.documents else ""
                )
                desk.propose(int(first), simple_bill(f"{second}.41", customer=owner))
            elif int(first) < len(names):
                act = desk.approve if what == "approve" else desk.turn_down
                act(names[int(first)], str(second))
        except RebillError:
            continue
    books = desk.books
    assert faults_of(desk.log) == []
    for customer in ("c1", "c2"):
        mine = [entry for entry in books.documents.values() if entry.customer == customer]
        standing = [entry for entry in books.standing.values() if entry.customer == customer]
        assert len(standing) == min(1, len(mine))
        for sums in ("net", "tax", "total"):
            owed = sum((getattr(entry.bill, sums) for entry in mine), Decimal(0))
            assert owed == sum(getattr(entry.bill, sums) for entry in standing)
    for each in books.rebills.values():
        assert (each.state is RebillState.APPROVED) == (each.issued > 0) == (each.credit > 0)
        if each.decision and each.state is RebillState.APPROVED:
            assert each.decision.actor != each.proposal.actor
    for length in range(len(desk.log)):
        assert faults_of(desk.log[:length]) == [], "every state on the way is one too"
