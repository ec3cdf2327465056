"""The roster against a clock that is walked second by second, and what people rely on, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.coverage.evidence import Evidence
from pipeline.coverage.model import FOREVER, Expectation, Span, Stream
from pipeline.coverage.roster import ConfiguredEdge, build_roster

MINUTES = 12
EXPECTED, PAUSED, DECOMMISSIONED = Expectation.EXPECTED, Expectation.PAUSED, Expectation.DECOMMISSIONED
E1 = Stream("e1")


def act(at: float, action: str, edge: str = "e1", stream: str = "", added_at: float = 0.0) -> Evidence:
    return Evidence(at, "edge", edge, stream, {"action": action}, "anna", added_at)


def says(spans: Sequence[Span], minute: int) -> Expectation:
    found = [span.says for span in spans if span.first <= minute < span.after]
    assert len(found) <= 1, "spans overlap"
    return found[0] if found else Expectation.NOT


def walk(edges: Sequence[ConfiguredEdge], acts: Sequence[Evidence]) -> list[Expectation]:
    """What is said of stream `access` in each minute, by walking through all that happens in its seconds.

    A minute is alive when it is so at any moment of it, else what it was as it began; it is paused when it is so at
    every moment of it. Configured pauses count in whole minutes.
    """
    live: bool | None = None
    held = False
    moments: list[list[tuple[bool | None, bool]]] = [[] for _ in range(MINUTES)]
    pauses = {pause for edge in edges for pause in edge.pauses}
    order = {"decommission": 0, "pause": 1, "resume": 2, "add": 3}
    for second in range(MINUTES * 60):
        here = moments[second // 60]
        if any(second == edge.to_s for edge in edges):
            live = False
        if any(second == edge.from_s for edge in edges):
            live = True
            here.append((live, held))
        now = [a for a in acts if a.at == second and a.stream in ("", "access")]
        for one in sorted(now, key=lambda a: (a.added_at, order[a.body["action"]])):
            match one.body["action"]:
                case "add" | "resume":
                    live, held = True, False
                    pauses = {(a, min(b, second // 60 * 60) if a <= second < b else b) for a, b in pauses}
                case "pause":
                    held = True
                case "decommission":
                    live = False
            here.append((live, held))
        if second % 60 == 0:  # of what changes as a minute begins, only what it comes to is of that minute
            here.clear()
        here.append((live, held))
    found = []
    for m, here in enumerate(moments):
        resting = any(a <= 60 * m and 60 * m + 60 <= b for a, b in pauses)
        if not any(alive for alive, _ in here):
            found.append(Expectation.NOT if here[0][0] is None else DECOMMISSIONED)
        else:
            found.append(PAUSED if resting or all(paused for _, paused in here) else EXPECTED)
    return found


instants = st.integers(0, MINUTES * 60 - 1) | st.integers(0, MINUTES - 1).map(lambda m: m * 60)
pauses = st.tuples(instants, st.integers(1, 200)).map(lambda p: (float(p[0]), float(p[0] + p[1])))


@st.composite
def configured(draw: st.DrawFn) -> list[ConfiguredEdge]:
    cuts = sorted(draw(st.sets(instants, min_size=2, max_size=4)))
    edges = []
    for from_s, to_s in zip(cuts[::2], cuts[1::2], strict=False):
        end = None if to_s == cuts[-1] and draw(st.booleans()) else float(to_s)
        edges.append(ConfiguredEdge("e1", float(from_s), end, tuple(draw(st.lists(pauses, max_size=2)))))
    return edges


acts_of_e1 = st.lists(
    st.builds(
        act,
        instants.map(float),
        st.sampled_from(["add", "pause", "resume", "decommission"]),
        stream=st.sampled_from(["", "access", "video"]),
        added_at=st.integers(0, 2).map(float),
    ),
    max_size=6,
)


@given(configured(), acts_of_e1, st.data())
def test_agrees_with_a_clock_walked_second_by_second(
    edges: list[ConfiguredEdge], acts: list[Evidence], data: st.DataObject
) -> None:
    roster = build_roster(edges, acts, {})
    spans = roster.spans[E1]
    assert [says(spans, minute) for minute in range(MINUTES)] == walk(edges, acts)
    for one, other in pairwise(spans):
        assert one.after < other.first or (one.after == other.first and one.says != other.says)
    assert all(span.first < span.after for span in spans)
    assert build_roster(edges[::-1], data.draw(st.permutations(acts)), {}) == roster


def test_configured_edge_is_expected_from_its_minute_for_ever() -> None:
    edge = ConfiguredEdge("e1", 90.0, zone="ru", counters=True, streams=("access", "video"))
    roster = build_roster([edge, ConfiguredEdge("e2", 0.0, 150.0)], [], {})
    assert roster.spans[E1] == roster.spans[Stream("e1", "video")] == (Span(1, FOREVER, EXPECTED),)
    assert roster.spans[Stream("e2")] == (Span(0, 3, EXPECTED), Span(3, FOREVER, DECOMMISSIONED))
    assert roster.streams == (E1, Stream("e1", "video"), Stream("e2"))
    assert roster.zones == {"e1": ((1, "ru"),), "e2": ((0, ""),)}
    assert roster.counted == {"e1"}
    assert not roster.seen


def test_silence_never_retires_what_was_only_seen() -> None:
    roster = build_roster([], [], {E1: 7})
    assert roster.spans == {E1: (Span(7, FOREVER, EXPECTED),)}
    assert roster.seen == {E1}


def test_edge_added_before_its_first_log_is_expected_from_then() -> None:
    roster = build_roster([], [act(60.0, "add")], {E1: 7})
    assert roster.spans == {E1: (Span(1, FOREVER, EXPECTED),)}
    assert not roster.seen


@pytest.mark.parametrize(
    ("ledger", "named", "seen"),
    [
        ({}, {"access": 2}, {}),
        ({"video": 9}, {"video": 2}, {}),
        ({"video": 9, "access": 9}, {"access": 2}, {"video": 9}),
        ({"video": 5, "access": 9}, {"video": 2}, {"access": 9}),
    ],
)
def test_edge_added_without_a_stream_has_the_one_seen_first(
    ledger: dict[str, int], named: dict[str, int], seen: dict[str, int]
) -> None:
    roster = build_roster([], [act(120.0, "add", "e9")], {Stream("e9", s): m for s, m in ledger.items()})
    expected = {Stream("e9", s): (Span(m, FOREVER, EXPECTED),) for s, m in (named | seen).items()}
    assert roster.spans == expected
    assert roster.seen == {Stream("e9", s) for s in seen}


def test_pauses_of_an_edge_hold_for_a_stream_that_only_the_ledger_knows() -> None:
    edge = ConfiguredEdge("e1", 0.0, 1200.0, ((300.0, 600.0),))
    roster = build_roster([edge], [act(900.0, "pause"), act(960.0, "resume")], {Stream("e1", "video"): 3})
    assert roster.spans[Stream("e1", "video")] == (
        Span(3, 5, EXPECTED),
        Span(5, 10, PAUSED),
        Span(10, 15, EXPECTED),
        Span(15, 16, PAUSED),
        Span(16, 20, EXPECTED),
        Span(20, FOREVER, DECOMMISSIONED),
    )
    assert roster.seen == {Stream("e1", "video")}


def test_act_on_one_stream_leaves_the_others() -> None:
    edge = ConfiguredEdge("e1", 0.0, streams=("access", "video"))
    roster = build_roster([edge], [act(60.0, "decommission", stream="video")], {})
    assert roster.spans[E1] == (Span(0, FOREVER, EXPECTED),)
    assert roster.spans[Stream("e1", "video")] == (Span(0, 1, EXPECTED), Span(1, FOREVER, DECOMMISSIONED))


def test_pause_of_a_person_outlasts_a_configured_one() -> None:
    edge = ConfiguredEdge("e1", 0.0, pauses=((60.0, 300.0),))
    assert build_roster([edge], [act(120.0, "pause")], {}).spans[E1] == (
        Span(0, 1, EXPECTED),
        Span(1, FOREVER, PAUSED),
    )


def test_other_evidence_is_passed_over() -> None:
    probe = Evidence(0.0, "probe", "e1", "", {"action": "add"}, "", 0.0)
    strange = Evidence(0.0, "edge", "e1", "", {"action": "explode"}, "", 0.0)
    assert build_roster([], [probe, strange], {}).spans == {}


def test_maintenance_is_no_pause() -> None:
    """It says that harm is expected, not that no logs are: an edge serves and logs through most of its maintenance, and
    a pause that nobody gave would hide what is lost in it."""
    window = {"scope": {"edge": "e1"}, "from": "1970-01-01T00:02:00Z", "to": "1970-01-01T00:06:00Z"}
    maintenance = Evidence(120, "maintenance", "e1", "", window, "anna", 0.0)
    edges = [ConfiguredEdge("e1", 0)]
    alone = build_roster(edges, [maintenance], {})
    assert [says(alone.spans[E1], minute) for minute in range(8)] == [EXPECTED] * 8
    told = build_roster(edges, [maintenance, act(120, "pause"), act(360, "resume")], {})
    assert [says(told.spans[E1], minute) for minute in range(8)] == [EXPECTED] * 2 + [PAUSED] * 4 + [
        EXPECTED
    ] * 2
