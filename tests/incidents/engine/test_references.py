"""The probe quorum and the error burn against slow, obvious references that keep every event and see all of them."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.engine.limits import limits_of
from incidents.engine.probes import Moment, judge_probes, take_probe
from incidents.engine.state import State
from incidents.engine.traffic import burn_of_customer, burn_of_edge, burns_fast, fresh_pairs, take_traffic
from incidents.events import Probe, Traffic
from incidents.model import Harm, Scope
from incidents.policy import Policy

LIMITS = limits_of(Policy())
START = 1_793_491_200.0

looks = st.lists(
    st.tuples(st.integers(0, 900), st.sampled_from("abcd"), st.booleans()), max_size=30,
    unique_by=lambda look: look[:2],
)  # fmt: skip


def reference_harm(seen: list[tuple[int, str, bool]], now: int) -> Harm:
    """At least two vantage points, and no fewer than the healthy ones, fail their last two; where one speaks, it."""
    healthy, failing, shaky = 0, 0, 0
    for vantage in {look[1] for look in seen}:
        mine = sorted((at, ok) for at, who, ok in seen if who == vantage)
        if now - mine[-1][0] > 300:
            continue
        if mine[-1][1]:
            healthy += 1
        elif len(mine) > 1 and not mine[-2][1] and now - mine[-2][0] <= 300:
            failing += 1
        else:
            shaky += 1
    if not healthy + failing + shaky:
        return Harm.UNKNOWN
    if failing >= healthy and (failing >= 2 or (failing == 1 and healthy == 0)):
        return Harm.CONFIRMED
    return Harm.SUSPECTED if failing + shaky else Harm.NONE


@settings(max_examples=400, deadline=None)
@given(looks, st.integers(0, 1300), st.randoms())
def test_quorum(seen: list[tuple[int, str, bool]], now: int, shuffled: object) -> None:
    known = [look for look in seen if look[0] <= now]
    shuffled.shuffle(known)  # type: ignore[attr-defined]
    state = State(now=START + now)
    for at, vantage, ok in known:
        take_probe(state, Probe(at=START + at, scope=Scope("customer", "c1"), vantage=vantage, ok=ok), LIMITS)
    verdict = judge_probes(state, "3customer:c1", Moment(START + now), LIMITS)
    assert verdict.harm is reference_harm(known, now)


rows = st.lists(
    st.tuples(
        st.integers(0, 12), st.sampled_from(["e1", "e2"]), st.sampled_from(["c1", "c2"]),
        st.sampled_from([0, 50, 1000]), st.sampled_from([0, 1, 15, 400]),
    ),
    min_size=1, max_size=40, unique_by=lambda row: row[:3],
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(rows)
def test_burn(told: list[tuple[int, str, str, int, int]]) -> None:
    state = State()
    now = START + 60 * 13
    for minute, edge, customer, requests, errors in sorted(told):
        at = START + 60 * minute
        event = Traffic(
            at=at + 60,
            edge=edge,
            minute=at,
            requests=requests,
            customer=customer,
            errors_5xx=min(errors, requests),
        )
        take_traffic(state, event, LIMITS)
    moment = Moment(now)
    for customer in ("c1", "c2"):
        last = {
            e: max((r[0] for r in told if r[1] == e and r[2] == customer), default=-99) for e in ("e1", "e2")
        }
        fresh = [e for e in last if 13 - (last[e] + 1) <= 5 and last[e] >= 0]
        pairs = fresh_pairs(state, customer, moment, LIMITS) if customer in state.homes else {}
        assert sorted(pairs) == sorted(fresh)
        if fresh:
            end = max(last[e] for e in fresh)
            window = [r for r in told if r[2] == customer and r[1] in fresh and end - 5 < r[0] <= end]
            # of an edge whose last minute is older, only what lies in the window of the newest counts
            burn, _, _ = burn_of_customer(pairs, LIMITS)
            assert burn.requests == sum(r[3] for r in window)
            assert burn.errors == sum(min(r[4], r[3]) for r in window)
            share = Fraction(burn.errors, burn.requests) if burn.requests else 0
            assert burns_fast(burn, LIMITS) == (
                burn.requests >= 100 and burn.errors >= 5 and share > Fraction(144, 10_000)
            )
    for edge in ("e1", "e2"):
        mine = [r for r in told if r[1] == edge]
        if not mine:
            continue
        end = max(r[0] for r in mine)
        burn = burn_of_edge(state, edge, moment, LIMITS)
        stale = 13 - (end + 1) > 5
        assert burn.requests == (0 if stale else sum(r[3] for r in mine if end - 5 < r[0]))


def test_borders() -> None:
    """Exactly 1.44 % is not over it; exactly five minutes old is still fresh; just after that it is not."""
    state = State(now=START)
    take_traffic(state, Traffic(at=START, edge="e", minute=START, requests=10_000, errors_5xx=144), LIMITS)
    assert not burns_fast(burn_of_edge(state, "e", Moment(START), LIMITS), LIMITS)
    take_traffic(
        state, Traffic(at=START + 1, edge="e", minute=START, requests=10_000, errors_5xx=145), LIMITS
    )
    assert burns_fast(burn_of_edge(state, "e", Moment(START), LIMITS), LIMITS)
    take_probe(state, Probe(at=START, scope=Scope("customer", "c1"), vantage="a", ok=True), LIMITS)
    assert judge_probes(state, "3customer:c1", Moment(START + 300), LIMITS).healthy
    assert judge_probes(state, "3customer:c1", Moment(START + 300, after=True), LIMITS).harm is Harm.UNKNOWN
