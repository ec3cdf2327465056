"""What the demo shows of coverage: the heat map and the gaps, then what came late and what it closed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pipeline.app.period import span_text
from pipeline.app.terminal import human_bytes, out, plural
from pipeline.coverage.model import Coverage, GapState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pipeline.app.configuration.settings import Config
    from pipeline.coverage.control import Checked
    from pipeline.coverage.model import Gap
    from pipeline.store.store import Store


def show_coverage(store: Store, checked: Checked, config: Config, end: datetime, when: str) -> None:
    """The hour that ends at `end`, minute by minute, and what is lost of it."""
    from pipeline.app.coverage.heat_map import draw
    from pipeline.app.coverage.screen import show_map

    found = checked.coverage
    begin, after = (int(at.timestamp()) // 60 - found.first for at in (end - timedelta(hours=1), end))
    hour = Coverage(found.streams, found.first + max(0, begin), found.states[:, max(0, begin) : after])
    out().print()
    out().print(f"[bold]Coverage[/bold] at {when}", highlight=False)
    show_map(draw(hour, "minute"))
    out().print()
    _show_gaps(store, config, checked.gaps, checked.at)


def show_what_came(store: Store, checked: Checked, config: Config) -> None:
    """The gaps that shrank or closed, with what they were when they were first seen; then those that are left."""
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
    _show_gaps(store, config, [gap for gap in checked.gaps if gap.state is not GapState.CLOSED], checked.at)


def _show_gaps(store: Store, config: Config, gaps: Sequence[Gap], now: float) -> None:
    from pipeline.app.coverage.gap_output import show_gaps
    from pipeline.app.coverage.gap_pricing import rate_open

    stakes, unrated = rate_open(store, config, gaps, now)
    show_gaps(gaps, {customer.id: customer.name for customer in config.customer}, now, stakes, unrated)
