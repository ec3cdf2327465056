"""What is wrong with damaged and quarantined segments stands in the evidence of their loss, and of no other."""

from __future__ import annotations

from typing import Any

from pipeline.coverage.amounts import MOST, total
from pipeline.coverage.claims import MOST_REASONS, claims_of, with_reasons
from pipeline.coverage.model import Amount, Loss, LossClass, Stream

E1, NOTHING = Stream("e1"), Amount(0, 0, 0, 0, "claim")


def loss(kind: LossClass = LossClass.DAMAGED, stream: Stream = E1) -> Loss:
    return Loss(stream, kind, 100, 110, None, NOTHING, ("first",))


def row(minute: int, reason: str, state: str = "damaged", stream: Stream = E1) -> dict[str, Any]:
    return {
        "edge": stream.edge,
        "stream": stream.stream,
        "at_s": minute * 60,
        "state": state,
        "reason": reason,
    }


def test_reasons_stand_by_minute_and_alike_ones_together() -> None:
    rows = [row(105, "cut"), row(103, "noise", "quarantined"), row(104, "cut"), row(106, "")]
    (told,) = with_reasons([loss()], rows)
    assert told.evidence == ("first", "quarantined: noise", "damaged: cut (2 segments)")


def test_only_of_their_own_minutes_stream_and_class() -> None:
    rows = [row(99, "before"), row(110, "after"), row(105, "other", stream=Stream("e2"))]
    losses = [loss(), loss(LossClass.SEQUENCE)]
    assert with_reasons(losses, rows) == losses
    assert with_reasons(losses[1:], [row(105, "cut")]) == losses[1:]


def test_many_are_counted() -> None:
    rows = [row(100 + minute, f"cut at {minute}") for minute in range(MOST_REASONS + 3)]
    (told,) = with_reasons([loss()], rows)
    assert len(told.evidence) == MOST_REASONS + 2
    assert "and 3 more damaged or quarantined segments" in told.evidence[-1]


def test_claims_beyond_all_measure_stay_within_what_the_store_holds() -> None:
    """Three segments' sidecars that claim all that an integer holds would stop every check of coverage."""
    words = "10 lines, the sidecar claims 1000000000000; bytes_sent is 15000, the sidecar claims 1000000000000000000"
    claims = claims_of([row(minute, words) for minute in range(30)])
    assert {(claim.lost_lines, claim.lost_bytes) for claim in claims} == {(10**12 - 10, 10**18 - 15_000)}
    lost = total([Amount(n, n, n, n, "claim") for n in (claim.lost_bytes or 0 for claim in claims)])
    assert lost == Amount(MOST, MOST, MOST, MOST, "claim")
    assert claims_of([row(1, words.replace("claims 1", "claims 100000000000"))]) == []
