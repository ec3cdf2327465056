"""Which lost minutes have been accepted, by whom."""

from __future__ import annotations

from incidents.engine.state import Span
from incidents.evidence.accepted import Accepted
from pipeline.coverage.model import Amount, Gap, GapState, Loss, LossClass, Stream


def gap(name: str, first: int, after: int, state: GapState, reason: str = "", edge: str = "e1") -> Gap:
    loss = Loss(Stream(edge), LossClass.MISSING, first, after, None, Amount(1, 2, 3, None, "weeks"))
    return Gap(id=name, loss=loss, state=state, first_seen=0.0, updated=0.0, reason=reason)


def span(first: int, after: int, stream: str = "access") -> Span:
    return Span(60.0 * first, 60.0 * after, stream)


def test_all_minutes_of_a_task_must_have_been_accepted() -> None:
    known = Accepted()
    known.note([gap("g1", 10, 20, GapState.OPEN), gap("g2", 20, 25, GapState.OPEN)])
    assert known.words("e1", [span(10, 25)]) is None
    known.note([gap("g1", 10, 20, GapState.ACCEPTED, "anna: disk: dead")])
    assert known.words("e1", [span(10, 25)]) is None
    assert known.words("e1", [span(10, 20)]) == (["anna"], ["disk: dead"])
    known.note([gap("g2", 20, 25, GapState.ACCEPTED, "boris: gone")])
    assert known.words("e1", [span(10, 25)]) == (["anna", "boris"], ["disk: dead", "gone"])
    assert known.words("e1", [span(10, 25), span(10, 11, "video")]) is None
    assert known.words("e2", [span(10, 25)]) is None
    assert known.words("e1", []) is None


def test_minutes_that_came_before_the_rest_was_accepted_are_not_lost() -> None:
    known = Accepted()
    known.note(
        [gap("g1", 10, 20, GapState.OPEN), gap("g1", 14, 20, GapState.ACCEPTED, "anna: enough of it came")]
    )
    assert known.words("e1", [span(10, 20)]) == (["anna"], ["enough of it came"])


def test_what_is_no_longer_accepted_does_not_count() -> None:
    known = Accepted()
    known.note(
        [gap("g1", 10, 20, GapState.ACCEPTED, "anna: gone"), gap("g1", 10, 30, GapState.OPEN, "anna: gone")]
    )
    assert known.words("e1", [span(10, 20)]) is None
