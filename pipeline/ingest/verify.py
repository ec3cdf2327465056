"""Holds what a sidecar claims against what was read, and says how the attempt ended; pure.

The attempt (what was read) and the claims come in; the state, `verified` and the reasons go to the ledger entry.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.model import Claims, SegmentState, SequenceUnit


@dataclass(frozen=True, slots=True)
class Reading:
    """What an attempt read. `lines`: all lines; `requests`: parsed and malformed ones. `bytes_sent`: the sum over the
    counted lines, `None` where the format cannot know it. `left_out`: lines not in that sum (malformed, duplicates,
    skipped). `repeated`: lines whose own number was there before. `sha256`: empty where it was not computed. `damage`:
    why reading ended badly, if it did. `seen`: the sequence numbers [first, next) in the log itself, if it has any."""

    lines: int
    requests: int
    content_bytes: int
    bytes_sent: int | None = None
    left_out: int = 0
    repeated: int = 0
    sha256: bytes = b""
    damage: str | None = None
    seen: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an attempt ended, whether a claimed digest or line count was checked and all that was checked agreed, and
    why, in sentences for people."""

    verified: bool
    state: SegmentState
    reasons: tuple[str, ...]

    @property
    def reason(self) -> str:
        """The reasons as the ledger keeps them."""
        return "; ".join(self.reasons)


def verify_reading(claims: Claims, reading: Reading, notes: tuple[str, ...] = ()) -> Verdict:
    """Judges an attempt. `notes` is evidence from before and beside it (sidecar problems, a codec that disagrees).

    A digest or a line count that disagrees is damage, and so is a sum of bytes, where it can be compared: with lines
    left out of ours only a sum above the claimed one proves anything. A claimed SHA-256 that agrees proves the content
    whole, so that a fault of its packing (garbage after the last member) is evidence only. A sequence range that does
    not fit the lines is evidence: the numbers are settled with the segment's neighbours, not here.
    """
    damage: list[str] = []
    evidence: list[str] = list(notes)
    agreed = False
    whole = False
    if claims.sha256 is not None and reading.sha256:
        if claims.sha256 == reading.sha256:
            agreed = whole = True
        else:
            damage.append(f"sha256 is {reading.sha256.hex()}, the sidecar claims {claims.sha256.hex()}")
    if claims.lines is not None:
        if claims.lines == reading.lines:
            agreed = True
        else:
            damage.append(f"{reading.lines} lines, the sidecar claims {claims.lines}")
    if claims.bytes_sent is not None and reading.bytes_sent is not None:
        if reading.bytes_sent > claims.bytes_sent or (
            reading.bytes_sent != claims.bytes_sent and not reading.left_out
        ):
            damage.append(f"bytes_sent is {reading.bytes_sent}, the sidecar claims {claims.bytes_sent}")
        elif reading.bytes_sent != claims.bytes_sent:
            evidence.append(
                f"bytes_sent is {reading.bytes_sent} of the claimed {claims.bytes_sent}, with {reading.left_out} "
                "lines left out"
            )
    evidence.extend(_sequence_evidence(claims, reading))
    disagreed = bool(damage)
    if reading.damage is not None:
        if whole:
            evidence.append(f"{reading.damage}, but the claimed sha256 agrees")
        else:
            damage.insert(0, reading.damage)
    state = SegmentState.RECEIVED if reading.requests else SegmentState.EMPTY
    if damage:
        state = SegmentState.DAMAGED
    return Verdict(agreed and not disagreed, state, (*damage, *evidence))


def _sequence_evidence(claims: Claims, reading: Reading) -> list[str]:
    sequence = claims.sequence
    if sequence is None:
        return []
    evidence = []
    size = sequence.next - sequence.first
    unit = "lines" if sequence.unit is SequenceUnit.LINE else "bytes"
    numbered = sequence.unit is SequenceUnit.LINE and reading.seen is not None
    held = reading.lines - reading.repeated if sequence.unit is SequenceUnit.LINE else reading.content_bytes
    # where lines bear their own numbers, more of them than numbers are some without one: malformed, and counted as such
    if held < size or (held > size and not numbered):
        evidence.append(f"{held} {unit}, the sequence [{sequence.first}, {sequence.next}) has {size}")
    if sequence.unit is SequenceUnit.LINE and reading.seen is not None:
        first, after = reading.seen
        if first < sequence.first or after > sequence.next:
            evidence.append(
                f"lines are numbered [{first}, {after}), outside the sequence [{sequence.first}, {sequence.next})"
            )
    return evidence
