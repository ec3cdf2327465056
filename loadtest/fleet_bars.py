"""The bars that coverage is held to, by scenario: a score in, the bars that it misses out; for
`loadtest.naive` and the nightly tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadtest.fleet_judge import Score

SILENT = ("silence", "stream-silence", "borders")
NUMBERED = (
    "lines-50",
    "lines-20",
    "lines-5",
    "lines-1",
    "bytes-5",
    "no-counters",
    "damaged",
    "nothing-known",
)
COUNTED = ("counters-50", "counters-20", "counters-5")
CLEAN = ("clean", "disturbed", "roster", "late")

RECALL_BY_COUNTERS, BYTES_BY_COUNTERS, COVERED, HIS = 0.99, 0.02, 0.9, 0.95


def missed_bars(name: str, score: Score) -> list[str]:
    """The bars of a scenario that a score does not reach, in words; none is as it should be."""
    found: list[str] = []

    def bar(*, held: bool, words: str) -> None:
        if not held:
            found.append(f"{name}: {words}")

    bar(held=not score.false, words=f"expected no false gap, found {len(score.false)}")
    if name in CLEAN:
        bar(held=score.gaps == 0, words=f"expected no gap, found {score.gaps}")
        return found
    bar(held=score.planted > 0, words="expected planted losses, found none")
    bar(held=score.covered >= COVERED, words=f"the interval holds the truth in {score.covered:.1%}")
    bar(held=score.doubled == 0, words=f"{score.doubled} lost minutes are in two gaps")
    if name in (*SILENT, *NUMBERED, "downtime"):
        missed = len(score.missed)
        whole = score.recall == 1.0 and score.cells_found == score.cells
        bar(held=whole, words=f"{missed} losses, {score.cells - score.cells_found} minutes not found")
    if name in COUNTED:
        bar(held=score.recall >= RECALL_BY_COUNTERS, words=f"found {score.recall:.2%} of the losses")
        bar(held=score.bytes_off <= BYTES_BY_COUNTERS, words=f"bytes off by {score.bytes_off:.2%}")
    if name.startswith("lines-"):
        bar(held=score.lines_off == 0, words=f"lines off by {score.lines_off}")
        bar(held=score.unnamed_lines == 0, words=f"{score.unnamed_lines} gaps do not name their lines")
    if name == "customer":
        bar(held=score.attributed >= HIS, words=f"{score.attributed:.1%} of the bytes at the right customer")
    return found
