"""`prebill watch`: the control side, one at a time: coverage, evidence, probes, the incident engine, notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.app.commands.run import past_owners, stop_on_signals
from pipeline.app.failures import Stopped
from pipeline.app.parameters import Flag, Given
from pipeline.app.stores import any_store
from pipeline.app.terminal import plural, say
from pipeline.app.whole_store import warn_broken

if TYPE_CHECKING:
    from pipeline.app.commands.run import StopEvent
    from pipeline.app.context import Context
    from pipeline.app.watch.lease import Lost
    from pipeline.app.watch.loop import Watch


def watch(*, once: Flag = False, wait: Flag = False, context: Given) -> int:
    """Watch over clients and logs: take up evidence, decide what is urgent, tell who must hear, until stopped.

    One at a time does this for a store; another one says who has it. May
    be killed at any moment and started again: what was decided stays, and
    no notice is lost, or sent under another key.

    Parameters
    ----------
    once
        Look once: probe, take up what is there, decide, tell, and end.
    wait
        While another one watches, stand by and take over when it ends, in place of exit 1.
    """
    with stop_on_signals() as stop:
        return past_owners(lambda: _with_store(context, stop, once=once, wait=wait), stop)


def _with_store(context: Context, stop: StopEvent, *, once: bool, wait: bool) -> int:
    from pipeline.app.support.api import api_of
    from pipeline.app.watch.watching import watch_of

    config = context.config
    with (
        any_store(context) as store,
        watch_of(store, config, context.clock(), stop, wait=wait) as (watching, lost),
        api_of(store, config, context.clock(), None if once else watching),
    ):
        warn_broken(store)
        told_begin(watching)
        if once:
            watching.once()
        else:
            watching.run(stop, lost)
        ended(stop, lost)
    return 0


def told_begin(watching: Watch) -> None:
    """What there is at the start, in a line."""
    incidents = [each for each in watching.log.engine.incidents if each.status.value != "resolved"]
    again = f", {plural(watching.log.replayed, 'event')} read again" if watching.log.replayed else ""
    say(f"watching: {plural(len(incidents), 'open incident')}{again}; `prebill incidents list` shows them")


def ended(stop: StopEvent, lost: Lost | None = None) -> None:
    """Raises what the end was: a signal, another watch, or a store that did not answer for too long."""
    from pipeline.app.watch.lease import HeldFailure

    if lost is not None and lost.is_set():
        raise lost.failure or HeldFailure(
            "another prebill watches this store now", mend="Nothing is lost: it goes on from the log."
        )
    if stop.number is not None:
        raise Stopped(stop.number)
