"""The coverage checks beside a running pipeline: every minute, and once after `run --once`; what they find is written
to the store, and told when it changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from pipeline.app.coverage.checking import check_and_record, reach_s, settings_of
from pipeline.app.coverage.gap_output import STILL_LOST, money_text, sum_text
from pipeline.app.coverage.gap_pricing import GapPricer, rate_open
from pipeline.app.period import span_text
from pipeline.app.stores import say_tried_again
from pipeline.app.terminal import printable, say
from pipeline.coverage.looks import LOOK

if TYPE_CHECKING:
    from pipeline.app.configuration.settings import Config
    from pipeline.coverage.continuous import Continuous
    from pipeline.coverage.model import Gap
    from pipeline.store.store import Store

EVERY_S = 60.0
TOLD_AT_ONCE = 5


def check_once(store: Store, config: Config, now: datetime) -> str:
    """Look at everything within reach, write what was found and what it costs, and say it in a sentence."""
    gaps = check_and_record(store, config, now).gaps
    stakes, unrated = rate_open(store, config, gaps, now.timestamp())
    told = sum_text(gaps, money_text(gaps, stakes, unrated))
    return f"coverage: {told}" + (" `prebill gaps` lists it." if "still lost" in told else "")


@contextmanager
def checks(
    store: Store, config: Config, clock: Callable[[], datetime], stop: threading.Event
) -> Iterator[None]:
    """A check now and every minute, beside the work, and what gaps cost beside that; a failure is told and tried
    again."""
    from pipeline.coverage.continuous import Continuous

    continuous, done = Continuous(store, settings_of(config), reach_s(config)), threading.Event()
    pricer = GapPricer(store, config, clock)

    def work() -> None:
        while not (stop.is_set() or done.is_set()):
            try:
                check_and_tell(store, continuous, clock().timestamp())
                pricer.wake()
            except Exception as error:
                say_tried_again("the check of coverage failed", error)
            done.wait(EVERY_S)

    thread = threading.Thread(target=work, name="coverage", daemon=True)
    thread.start()
    try:
        with pricer:
            yield
    finally:
        done.set()
        thread.join(timeout=30)


def check_and_tell(store: Store, continuous: Continuous, now: float) -> None:
    """One check; gaps that are new, shrunk or closed are told, a line each. Until a pipeline has once had in all that
    lay in its spool, nothing is lost: it is not read yet."""
    if not store.marks().beats and not store.evidence((LOOK,)):
        return
    changed = [gap for checked in continuous.step(now) for gap in checked.changed]
    for gap in changed[:TOLD_AT_ONCE]:
        say(gap_line(gap))
    if len(changed) > TOLD_AT_ONCE:
        say(f"… {len(changed) - TOLD_AT_ONCE:,} more gaps changed; `prebill gaps` lists them")


def gap_line(gap: Gap) -> str:
    """A gap in a line of a log."""
    loss = gap.loss
    what = "lost" if gap.state in STILL_LOST else "was lost"
    return (
        f"gap {gap.id} {gap.state.value}: {printable(str(loss.stream))} {what} "
        f"{span_text(loss.first, loss.after)}, {loss.kind.name.lower()}"
    )
