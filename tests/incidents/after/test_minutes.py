"""Given any history of harm, stretches cover the incident's life, and minutes are split as a slow look at each does."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from incidents.after.minutes import harm_of, hurt_seconds, split_minutes
from incidents.after.model import Split, Stretch
from incidents.events import Probe
from incidents.model import Change, Harm, Kind, Priority, Scope, Status, Transition
from incidents.tasks.model import Lost


def step(minute: float, harm: Harm, *, resolved: bool = False) -> Transition:
    return Transition(
        at=60.0 * minute, incident="i", kind=Kind.OUTAGE, scope=Scope("edge", "e1"), harm=harm,
        priority=Priority.HIGH, status=Status.RESOLVED if resolved else Status.OPEN, change=Change.UPDATED,
    )  # fmt: skip


def gap(first: int, after: int) -> Lost:
    return Lost(
        gap="g", edge="e1", stream="access", loss_class="missing", since=60.0 * first, until=60.0 * after,
        minutes=after - first, bytes=(0, 0, 0), state="open", first_seen=0.0,
    )  # fmt: skip


HISTORIES = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(list(Harm)), st.booleans()), min_size=1, max_size=8
).map(
    lambda steps: [step(at, harm, resolved=end) for at, harm, end in sorted(steps, key=lambda each: each[0])]
)


@given(HISTORIES)
def test_stretches_touch_and_cover_the_whole_life(history: list[Transition]) -> None:
    found = harm_of(history, 60.0 * 40)
    assert found[0].since == history[0].at
    assert found[-1].until == 60.0 * 40
    assert all(before.until == after.since for before, after in pairwise(found))
    assert all(before.harm is not after.harm for before, after in pairwise(found))


@given(HISTORIES, st.integers(0, 39), st.integers(1, 20))
def test_confirmed_is_every_instant_that_was_confirmed_or_suspected_until_it_was(
    history: list[Transition], first: int, length: int
) -> None:
    # the slow way: the harm at each half minute, and a suspicion without a break until a confirmation
    now = 60.0 * 40
    ends = [after.at for after in history[1:]] + [now]
    harms = [Harm.NONE if each.status is Status.RESOLVED else each.harm for each in history]

    def confirmed(instant: float) -> bool:
        place = max((n for n, each in enumerate(history) if each.at <= instant), default=None)
        while place is not None and place < len(history) and harms[place] is Harm.SUSPECTED:
            place += 1
        return place is not None and place < len(history) and harms[place] is Harm.CONFIRMED

    # steps of one instant have no length: only the last of them can be seen at half minutes
    stretches = harm_of(history, now)
    slow = sum(confirmed(60.0 * minute + 30) for minute in range(40))
    assert hurt_seconds(stretches) == 60.0 * slow
    assert ends[-1] == now

    split = split_minutes(gap(first, first + length), stretches)
    assert split.not_served + split.not_logged + split.not_known == length
    for minute in range(first, min(40, first + length)):
        one = split_minutes(gap(minute, minute + 1), stretches)
        if confirmed(60.0 * minute + 30):
            assert one == Split(not_served=1)


@pytest.mark.parametrize(
    ("stretches", "split"),
    [
        ([], Split(not_known=10)),
        ([Stretch(1200, 2400, Harm.NONE)], Split(not_logged=10)),
        ([Stretch(1200, 1500, Harm.SUSPECTED), Stretch(1500, 2400, Harm.NONE)], Split(not_logged=10)),
        ([Stretch(1200, 2400, Harm.SUSPECTED)], Split(not_known=10)),
        ([Stretch(1200, 2400, Harm.CONFIRMED)], Split(not_known=10)),
        ([Stretch(300, 2400, Harm.CONFIRMED)], Split(not_served=5, not_known=5)),
        ([Stretch(0, 300, Harm.CONFIRMED), Stretch(300, 2400, Harm.NONE)], Split(not_served=5, not_logged=5)),
    ],
    ids=[
        "nobody judged",
        "judged later, served",
        "suspected, then served",
        "never cleared",
        "hurt after the gap, nobody knows of before",
        "hurt from its middle on",
        "hurt until its middle",
    ],
)
def test_minutes_0_to_10_of_an_edge(stretches: list[Stretch], split: Split) -> None:
    assert split_minutes(gap(0, 10), stretches) == split


def test_overlapping_harm_counts_once() -> None:
    both = [Stretch(0, 100, Harm.CONFIRMED), Stretch(50, 150, Harm.CONFIRMED), Stretch(150, 200, Harm.NONE)]
    assert hurt_seconds(both) == 150


def test_a_look_elsewhere_ends_nothing(make_probe: Callable[..., Probe]) -> None:
    history = [step(0, Harm.CONFIRMED), step(10, Harm.NONE, resolved=True)]

    def looks(scope: Scope) -> list[Probe]:
        return [replace(make_probe(0, ok=minute > 3, scope=scope), at=60.0 * minute) for minute in range(9)]

    assert hurt_seconds(harm_of(history, 1200.0, looks(Scope("edge", "e2")))) == 600
    assert hurt_seconds(harm_of(history, 1200.0, looks(Scope("edge", "e1")))) == 240
