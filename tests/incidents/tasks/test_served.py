"""Given harm and probes, the answer is yes only on positive, fresh evidence, and never otherwise."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.events import Probe
from incidents.model import Change, Harm, Kind, Priority, Scope, Status, Transition
from incidents.tasks.model import Answer
from incidents.tasks.served import are_served

FRESH = 300.0

Make = Callable[..., Transition]


def test_a_fresh_probe_of_the_edge_is_a_yes(
    make_transition: Make, make_probe: Callable[..., Probe], now: float
) -> None:
    found = are_served(make_transition(), [make_probe()], ["c1"], ["e1"], now=now, freshness_s=FRESH)
    assert found.answer is Answer.YES
    assert found.age_s == 60
    assert [fact.text for fact in found.facts] == ["edge e1 fine from msk-1"]


@pytest.mark.parametrize(
    ("harm", "answer"),
    [
        (Harm.CONFIRMED, Answer.NO),
        (Harm.SUSPECTED, Answer.UNKNOWN),
        (Harm.UNKNOWN, Answer.UNKNOWN),
        (Harm.NONE, Answer.YES),
    ],
)
def test_the_engine_judges_and_a_fine_probe_cannot_overrule_it(
    harm: Harm, answer: Answer, make_transition: Make, make_probe: Callable[..., Probe], now: float
) -> None:
    last = make_transition(harm=harm)
    assert are_served(last, [make_probe()], [], ["e1"], now=now, freshness_s=FRESH).answer is answer


def test_what_is_too_old_is_not_known(
    make_transition: Make, make_probe: Callable[..., Probe], now: float
) -> None:
    old = make_probe(at=now - 301)
    found = are_served(make_transition(evidence=()), [old], [], ["e1"], now=now, freshness_s=FRESH)
    assert (found.answer, found.reason, found.age_s) == (Answer.UNKNOWN, "why_stale", 301)
    none = are_served(make_transition(evidence=()), [], [], ["e1"], now=now, freshness_s=FRESH)
    assert (none.answer, none.reason, none.age_s) == (Answer.UNKNOWN, "why_none", None)


def test_a_probe_of_somebody_else_says_nothing(
    make_transition: Make, make_probe: Callable[..., Probe], now: float
) -> None:
    other = make_probe(scope=Scope("edge", "e2"))
    found = are_served(make_transition(evidence=()), [other], ["c1"], ["e1"], now=now, freshness_s=FRESH)
    assert found.answer is Answer.UNKNOWN


def test_the_worse_of_one_vantage_points_looks_at_one_instant_counts(
    make_transition: Make, make_probe: Callable[..., Probe], now: float
) -> None:
    looks = [make_probe(ok=False), make_probe(ok=True)]
    for some in (looks, looks[::-1]):
        found = are_served(make_transition(), some, [], ["e1"], now=now, freshness_s=FRESH)
        assert (found.answer, found.reason) == (Answer.UNKNOWN, "why_failing")


@given(
    st.lists(st.tuples(st.integers(0, 900), st.sampled_from(["e1", "e2"]), st.booleans()), max_size=8),
    st.sampled_from(list(Harm)),
)
def test_yes_has_a_fine_look_within_freshness_and_no_failing_one(
    looks: list[tuple[int, str, bool]], harm: Harm
) -> None:
    now = 10_000.0
    last = Transition(
        at=now - 900, incident="i", kind=Kind.BILLING_GAP, scope=Scope("edge", "e1"), harm=harm,
        priority=Priority.NORMAL, status=Status.OPEN, change=Change.OPENED,
    )  # fmt: skip
    probes = [
        Probe(at=now - age, scope=Scope("edge", edge), vantage=f"v{number}", ok=ok)
        for number, (age, edge, ok) in enumerate(looks)
    ]
    found = are_served(last, probes, [], ["e1"], now=now, freshness_s=FRESH)
    fresh = [ok for age, edge, ok in looks if edge == "e1" and age <= FRESH]
    assert (found.answer is Answer.YES) == (harm is Harm.NONE and bool(fresh) and all(fresh))
    assert (found.answer is Answer.NO) == (harm is Harm.CONFIRMED)
