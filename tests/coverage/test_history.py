"""Gaps keep their names: cases as people meet them, and random lives of losses against what must hold of every one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.coverage.history import follow
from pipeline.coverage.model import Amount, Gap, GapState, Loss, LossClass, Share, Stream, gap_id

E1 = Stream("e1")
ALL = Stream("e1", "*")
MISSING, DAMAGED, SEQUENCE, COUNTER = LossClass
SPAN = (0, 10_000)
OPEN, SHRUNK, CLOSED, ACCEPTED = GapState


def loss(
    first: int, after: int, kind: LossClass = MISSING, lines: int | None = None, stream: Stream = E1
) -> Loss:
    expected = 100 * (after - first) if lines is None else lines
    return Loss(
        stream, kind, first, after, lines, Amount(expected // 2, expected, 2 * expected, None, "test")
    )


class Book:
    """The store's part: what was written of each gap, oldest first."""

    def __init__(self) -> None:
        self.history: dict[str, list[Gap]] = {}
        self.now = 1000.0

    def check(self, *losses: Loss, span: tuple[int, int] = SPAN) -> list[Gap]:
        self.now += 60
        changed = follow(
            self.latest(),
            losses,
            now=self.now,
            shares=lambda of: (Share("c1", of.first / 1000),),
            recoverable=lambda of: of.first * 60.0 + 86_400,
            span=span,
        )
        assert len({gap.id for gap in changed}) == len(changed)
        for gap in changed:
            assert gap.updated == self.now
            self.history.setdefault(gap.id, []).append(gap)
        return changed

    def latest(self) -> list[Gap]:
        return [versions[-1] for versions in self.history.values()]

    def live(self) -> list[Gap]:
        return sorted(
            (g for g in self.latest() if g.state is not CLOSED), key=lambda g: (g.loss.stream, g.loss.first)
        )

    def accept(self, gap: Gap, reason: str = "anna: disk burnt") -> None:
        self.history[gap.id].append(replace(gap, state=ACCEPTED, reason=reason))


def spans(gaps: Sequence[Gap]) -> list[tuple[int, int]]:
    return [(gap.loss.first, gap.loss.after) for gap in gaps]


def test_gap_keeps_its_name_from_first_seen_to_closed_with_all_figures() -> None:
    book = Book()
    (new,) = book.check(loss(10, 12))
    assert new.id == gap_id(loss(10, 12))
    assert (new.state, new.first_seen, new.customers) == (OPEN, book.now, (Share("c1", 0.01),))
    assert new.recoverable_until == 600 + 86_400
    assert book.check(loss(10, 12)) == []
    (grown,) = book.check(loss(10, 20))
    (shrunk,) = book.check(loss(15, 20))
    (closed,) = book.check()
    assert {gap.id for gap in (new, grown, shrunk, closed)} == {new.id}
    assert {gap.first_seen for gap in (grown, shrunk, closed)} == {new.first_seen}
    assert [gap.state for gap in book.history[new.id]] == [OPEN, OPEN, SHRUNK, CLOSED]
    assert [gap.loss.lost_bytes.expected for gap in book.history[new.id]] == [200, 1000, 500, 0]
    assert (closed.loss.first, closed.loss.after, closed.loss.lost_lines) == (15, 20, 0)
    assert closed.loss.lost_bytes.exact == 0
    assert book.check() == []


def test_split_keeps_the_name_on_the_earlier_part() -> None:
    book = Book()
    (whole,) = book.check(loss(10, 20))
    earlier, later = book.check(loss(10, 12), loss(15, 20))
    assert (earlier.id, earlier.state) == (whole.id, SHRUNK)
    assert later.id not in (whole.id, "")
    assert later.first_seen == whole.first_seen
    assert f"split from {whole.id}" in later.loss.evidence
    (on,) = book.check(loss(10, 12), loss(15, 19))
    assert on.id == later.id
    assert f"split from {whole.id}" in on.loss.evidence


def test_gaps_that_grow_together_are_one_by_the_elder() -> None:
    book = Book()
    (young_later,) = book.check(loss(15, 20))
    book.check(loss(10, 12), loss(15, 20))
    one, other = book.check(loss(10, 20))
    assert {one.id, other.id} == set(book.history)
    (live,) = book.live()
    assert (live.id, live.first_seen) == (young_later.id, young_later.first_seen)
    (joined,) = (gap for gap in (one, other) if gap.state is CLOSED)
    assert joined.loss.evidence == (f"joined to {live.id}",)


@pytest.mark.parametrize(
    ("was", "now", "state"),
    [
        (loss(10, 12, COUNTER, stream=ALL), loss(10, 12, SEQUENCE, 50), OPEN),
        (loss(10, 12, COUNTER, stream=ALL), loss(11, 12, MISSING), SHRUNK),
        (loss(10, 12, SEQUENCE, 50), loss(10, 12, MISSING), OPEN),
        (loss(10, 12, SEQUENCE, 50), loss(10, 12, SEQUENCE, 20), SHRUNK),
        (loss(10, 12, SEQUENCE, 50), loss(10, 12, SEQUENCE, 80), OPEN),
        (loss(10, 12, MISSING), loss(10, 12, MISSING, 80), OPEN),
        (loss(10, 12, MISSING), loss(10, 12, DAMAGED), SHRUNK),
        (loss(10, 12, MISSING), loss(10, 12, COUNTER, stream=ALL), SHRUNK),
    ],
)
def test_class_sharpens_under_the_same_name(was: Loss, now: Loss, state: GapState) -> None:
    book = Book()
    (before,) = book.check(was)
    (after,) = book.check(now)
    assert (after.id, after.first_seen, after.state) == (before.id, before.first_seen, state)
    assert replace(after.loss, evidence=()) == now


def test_two_streams_and_two_edges_are_apart() -> None:
    book = Book()
    losses = [loss(10, 12, stream=Stream(e, s)) for e in ("e1", "e2") for s in ("access", "video")]
    assert len(book.check(*losses)) == 4
    assert [gap.loss.stream for gap in book.check(*losses[1:])] == [losses[0].stream]


def test_what_was_accepted_stays_so_until_more_is_lost() -> None:
    book = Book()
    (new,) = book.check(loss(10, 20))
    book.accept(new)
    assert book.check(loss(10, 20)) == []
    earlier, later = book.check(loss(10, 12), loss(15, 20))
    assert (earlier.state, later.state) == (ACCEPTED, ACCEPTED)
    assert earlier.reason == later.reason == "anna: disk burnt"
    (grown,) = book.check(loss(10, 13), loss(15, 20))
    assert (grown.state, grown.reason) == (OPEN, "")
    assert "accepted before it grew: anna: disk burnt" in grown.loss.evidence
    (closed,) = book.check(loss(10, 13))
    assert (closed.id, closed.state, closed.reason) == (later.id, CLOSED, "anna: disk burnt")


def test_accepted_lines_are_not_an_acceptance_of_whole_minutes() -> None:
    book = Book()
    (new,) = book.check(loss(10, 11, SEQUENCE, 3))
    book.accept(new)
    (worse,) = book.check(loss(10, 11, MISSING))
    assert (worse.id, worse.state) == (new.id, OPEN)


def test_the_same_loss_again_opens_its_gap_again() -> None:
    book = Book()
    (new,) = book.check(loss(10, 12))
    book.check()
    (again,) = book.check(loss(10, 12))
    assert (again.id, again.first_seen, again.state) == (new.id, new.first_seen, OPEN)


def test_name_is_not_given_twice_while_it_is_used() -> None:
    book = Book()
    (first,) = book.check(loss(10, 20))
    book.check(loss(15, 20))
    (second,) = book.check(loss(10, 12), loss(15, 20))
    assert second.id != first.id
    assert spans(book.live()) == [(10, 12), (15, 20)]
    assert book.check(loss(10, 12), loss(15, 20)) == []


def test_gaps_outside_of_what_was_checked_are_left() -> None:
    book = Book()
    book.check(loss(10, 20), loss(500, 510))
    assert book.check(span=(100, 200)) == []
    assert book.check(loss(100, 110), span=(100, 200))[0].state is OPEN


def test_gap_over_the_end_of_what_was_checked_keeps_its_outside() -> None:
    book = Book()
    (new,) = book.check(loss(10, 30, lines=500))
    assert book.check(loss(20, 30, lines=500), span=(20, 60)) == []
    (grown,) = book.check(loss(20, 40), span=(20, 60))
    assert (grown.id, spans([grown]), grown.loss.lost_lines) == (new.id, [(10, 40)], None)
    assert grown.loss.lost_bytes.expected == 500 // 2 + 2000
    (shrunk,) = book.check(span=(20, 60))
    assert (shrunk.id, shrunk.state, spans([shrunk])) == (new.id, SHRUNK, [(10, 20)])
    assert book.check(span=(20, 60)) == []
    (on,) = book.check(loss(20, 22), span=(20, 60))
    assert (on.id, spans([on])) == (new.id, [(10, 22)])


def test_what_became_of_a_closed_gap_is_its_evidence() -> None:
    (new,) = follow([], [loss(1, 3)], now=1.0, shares=lambda _: (), recoverable=lambda _: None, span=SPAN)
    (closed,) = follow(
        [new],
        [],
        now=2.0,
        shares=lambda _: (),
        recoverable=lambda _: None,
        span=SPAN,
        standing=lambda _: "paused 2",
    )
    assert closed.loss.evidence == ("paused 2",)


# -- random lives

WIDTH = 14
kinds = st.sampled_from([None, MISSING, DAMAGED, SEQUENCE])
moments = st.lists(kinds, min_size=WIDTH, max_size=WIDTH)


def runs(moment: Sequence[LossClass | None], stream: Stream = E1, at: int = 0) -> list[Loss]:
    found: list[Loss] = []
    for minute, kind in enumerate(moment, at):
        if kind is None:
            continue
        first = (
            found.pop().first if found and found[-1].after == minute and found[-1].kind is kind else minute
        )
        found.append(loss(first, minute + 1, kind, stream=stream))
    return found


def most_kept(before: Sequence[Gap], pieces: Sequence[Loss]) -> int:
    """How many gaps can at most go on in a piece of their own: a greatest matching, by augmenting paths."""
    on: dict[int, int] = {}

    def find(number: int, tried: set[int]) -> bool:
        was = before[number].loss
        for place, piece in enumerate(pieces):
            if place not in tried and piece.first < was.after and was.first < piece.after:
                tried.add(place)
                if place not in on or find(on[place], tried):
                    on[place] = number
                    return True
        return False

    return sum(find(number, set()) for number in range(len(before)))


@given(st.lists(moments, min_size=1, max_size=6))
def test_whatever_happens_every_lost_minute_is_in_one_live_gap(life: list[list[LossClass | None]]) -> None:
    book = Book()
    seen: dict[str, float] = {}
    for moment in life:
        before, pieces = book.live(), runs(moment)
        book.check(*pieces)
        live = book.live()
        assert [replace(gap.loss, evidence=()) for gap in live] == pieces
        for gap in book.latest():
            assert seen.setdefault(gap.id, gap.first_seen) == gap.first_seen
            assert gap.first_seen <= gap.updated
        kept = {gap.id for gap in before} & {gap.id for gap in live}
        assert len(kept) == most_kept(before, pieces)
        for gap in live:
            was = next((old for old in before if old.id == gap.id), None)
            if was is not None:
                assert was.loss.first < gap.loss.after
                assert gap.loss.first < was.loss.after
        for gap in before:
            overlaps = any(p.first < gap.loss.after and gap.loss.first < p.after for p in pieces)
            now = book.history[gap.id][-1]
            if now.state is CLOSED:
                assert any(e.startswith("joined to ") for e in now.loss.evidence) == overlaps
        assert book.check(*pieces) == []
    book.check()
    assert book.live() == []
    assert all(versions[-1].loss.lost_bytes.exact == 0 for versions in book.history.values())


@given(moments, st.permutations(range(WIDTH)), st.permutations(range(WIDTH)), st.integers(0, WIDTH))
def test_order_in_which_late_data_comes_does_not_matter(
    lost: list[LossClass | None], one: list[int], other: list[int], stays: int
) -> None:
    ends = []
    for order in (one, other):
        book, moment = Book(), list(lost)
        book.check(*runs(moment))
        for minute in (m for m in order if m >= stays):
            moment[minute] = None
            book.check(*runs(moment))
        ends.append(
            [(gap.loss.first, gap.loss.after, gap.loss.kind, gap.loss.lost_bytes) for gap in book.live()]
        )
        first = [versions[0].loss for versions in book.history.values() if not versions[0].loss.evidence]
        assert first == runs(lost), "the figures of when they were first seen stay in the history"
    assert ends[0] == ends[1]


@given(moments, moments, st.sampled_from([29_904_473, 29_891_513, 29_979_353, 29_579_093, 29_881_493]))
def test_no_minute_of_the_calendar_cuts_a_gap(
    one: list[LossClass | None], other: list[LossClass | None], at: int
) -> None:
    """In the middle lie midnight, the turns of a month and of a year, and both changes to and from summer time."""
    books = Book(), Book()
    for moment in (one, other):
        books[0].check(*runs(moment))
        books[1].check(*runs(moment, at=at), span=(at, at + WIDTH))
        shifted = [(first + at, after + at) for first, after in spans(books[0].live())]
        assert spans(books[1].live()) == shifted
    assert len(books[0].history) == len(books[1].history)
