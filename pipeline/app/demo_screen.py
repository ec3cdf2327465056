"""What the demo shows of coverage: the heat map and the gaps, then what came late and what it closed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pipeline.app.period import span_text
from pipeline.app.terminal import human_bytes, out, plural
from pipeline.coverage.model import Coverage, GapState

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.app.settings import Config
    from pipeline.coverage.control import Checked
    from pipeline.store.store import Store


def show_coverage(checked: Checked, config: Config, end: datetime, when: str) -> None:
    """The hour that ends at `end`, minute by minute, and what is lost of it."""
    from pipeline.app.coverage_screen import show_map
    from pipeline.app.gap_output import show_gaps
    from pipeline.app.heat_map import draw

    found = checked.coverage
    begin, after = (int(at.timestamp()) // 60 - found.first for at in (end - timedelta(hours=1), end))
    hour = Coverage(found.streams, found.first + max(0, begin), found.states[:, max(0, begin) : after])
    out().print()
    out().print(f"[bold]Coverage[/bold] at {when}", highlight=False)
    show_map(draw(hour, "minute"))
    out().print()
    show_gaps(checked.gaps, {customer.id: customer.name for customer in config.customer}, checked.at)


def show_what_came(store: Store, checked: Checked, config: Config) -> None:
    """The gaps that shrank or closed, with what they were when they were first seen; then those that are left."""
    from pipeline.app.gap_output import show_gaps

    out().print()
    out().print("[bold]What came back late[/bold]")
    for gap in checked.changed:
        was = store.gap_history(gap.id)[0].loss
        now = (
            "nothing is lost"
            if gap.state is GapState.CLOSED
            else f"{plural(gap.minutes, 'minute')} still lost"
        )
        out().print(
            f"  {gap.loss.stream} {span_text(was.first, was.after)}: {gap.state.value}; "
            f"{plural(was.after - was.first, 'minute')} and about {human_bytes(was.lost_bytes.expected)} were, {now}",
            markup=False, soft_wrap=True,
        )  # fmt: skip
    out().print()
    left = [gap for gap in checked.gaps if gap.state is not GapState.CLOSED]
    show_gaps(left, {customer.id: customer.name for customer in config.customer}, checked.at)
