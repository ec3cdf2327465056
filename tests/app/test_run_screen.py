"""The closing table of a run: how fast it read, where it did nothing else."""

from __future__ import annotations

import pytest

from pipeline.app.usage.run_screen import show_report
from pipeline.flow_report import RunReport


@pytest.mark.parametrize("once", [True, False])
def test_time_spent_waiting_is_not_told_as_reading(once: bool, capsys: pytest.CaptureFixture[str]) -> None:
    show_report(RunReport(segments=1, lines=10, content_bytes=50_000_000), 100.0, once=once)
    told = capsys.readouterr().err
    assert "50 MB of lines" in told
    assert ("/s" in told) is once
