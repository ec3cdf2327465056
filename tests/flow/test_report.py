"""What a run tells of itself."""

from __future__ import annotations

import pytest

from pipeline.flow_report import FAILURES_KEPT, RunReport
from pipeline.ingest.errors import UnreadableError
from pipeline.store.errors import DiskFullError, no_room


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (no_room("facts", None), "the store could not write facts: is its server's disk full?"),
        (DiskFullError("no room"), "no room"),
        (ConnectionError("nobody answers"), "nobody answers"),
        (UnreadableError("the spool cannot be listed"), "the spool cannot be listed"),
        (KeyError("e1"), "an error of prebill's own, KeyError: 'e1'"),
        (OSError(), "an error of prebill's own, OSError: "),
    ],
)
def test_a_failed_batch_is_told_in_plain_words(error: Exception, told: str) -> None:
    report = RunReport()
    report.fail(error)
    assert report.failures == [told]


def test_the_last_failures_are_kept() -> None:
    report = RunReport()
    for number in range(FAILURES_KEPT + 2):
        report.fail(DiskFullError(f"{number}" + "x" * 600))
    assert [len(told) for told in report.failures] == [500] * FAILURES_KEPT
    assert report.failures[0].startswith("2x")
