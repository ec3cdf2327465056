"""Puts a watch together out of the configuration: its feeds (coverage, gaps, counters, usage, probes), its channels,
the lease; for `prebill watch` and `prebill up`."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from pipeline.app.coverage.checking import reach_s, settings_of
from pipeline.app.coverage.control_loop import EVERY_S, check_and_tell
from pipeline.app.coverage.gap_pricing import pricing
from pipeline.app.incidents.gap_tasks import name_gaps
from pipeline.app.support.log import StoreLog, tell_closings
from pipeline.app.terminal import say
from pipeline.app.watch.beside import feeds_beside
from pipeline.app.watch.inbox import Inbox
from pipeline.app.watch.lease import COVERAGE, WATCH, HeldFailure, Lost, holding
from pipeline.app.watch.live_gaps import LiveCounters, LiveGaps
from pipeline.app.watch.live_usage import LiveUsage
from pipeline.app.watch.loop import Feed, Watch
from pipeline.app.watch.notices import Notices

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from incidents.channels.dispatch import Dispatcher
    from incidents.model import Transition
    from incidents.people.recipients import Customer
    from incidents.probes.prober import Prober
    from pipeline.app.configuration.settings import Config
    from pipeline.store.store import Store

Lines = list[dict[str, Any]]


@contextmanager
def watch_of(
    store: Store,
    config: Config,
    clock: Callable[[], datetime],
    stop: threading.Event,
    *,
    wait: bool = False,
    checks: bool = True,
) -> Iterator[tuple[Watch, Lost]]:
    """A watch that holds the lease, ready to run, and the event that says when the lease is lost. `checks`: of coverage
    too, where nobody else does them. Raises HeldFailure."""
    seconds = _seconds(clock)
    with ExitStack() as stack:
        lost = stack.enter_context(holding(store, WATCH, stop, wait=wait))
        inbox = Inbox()
        notices = Notices(store, dispatcher_of(config, store), inbox, seconds, config.tasks.language)
        tell_closings(store, StoreLog(store, seconds), seconds())  # before what they close is taken up
        watch = Watch(store, config.incidents, seconds, inbox, notices)
        gaps, counters = LiveGaps(store, watch.log.at, watch.open_losses), LiveCounters(store)
        if checks:
            watch.add(stack.enter_context(_coverage(store, config, stop)))
        watch.add(Feed("gaps", gaps.step))
        # where thousands of customers are hit it takes minutes, and what it says is of money alone
        watch.add(Feed("money", pricing(store, config, lambda: gaps.unrated), late_s=3600.0))
        watch.add(Feed("counters", counters.step))
        usage = LiveUsage(store, config.incidents, settings_of(config).owner, watch.open_customers)
        watch.add(Feed("usage", usage.step))
        for feed in feeds_beside(store, config, seconds):
            watch.add(feed)
        if prober := prober_of(config, store, seconds):
            watch.add(Feed("probes", _probing(prober), late_s=30.0, alone=False))
            watch.on_doubt(prober.hurry)
            stack.callback(prober.stop)
            prober.run_all()  # before gaps are judged by it: a gap that is found first would page somebody
        yield watch, lost


def _seconds(clock: Callable[[], datetime]) -> Callable[[], float]:
    return lambda: clock().timestamp()


@contextmanager
def _coverage(store: Store, config: Config, stop: threading.Event) -> Iterator[Feed]:
    """The check of every minute, where no other process has taken it on."""
    from pipeline.coverage.continuous import Continuous

    continuous = Continuous(store, settings_of(config), reach_s(config))
    with ExitStack() as stack:
        held: list[threading.Event] = []

        def step(now: float) -> Lines:
            if held and held[0].is_set():
                held.clear()
            if not held:
                try:
                    held.append(stack.enter_context(holding(store, COVERAGE, stop)))
                except HeldFailure:
                    return []  # it is done elsewhere; this one takes it on when that ends
            check_and_tell(store, continuous, now)
            name_gaps(store)
            return []

        yield Feed("coverage", step, every_s=EVERY_S)


def _probing(prober: Prober) -> Callable[[float], Lines]:
    def step(_now: float) -> Lines:
        if not prober.alive:
            prober.start()
        if not prober.alive:
            raise RuntimeError("the prober does not start")
        return []

    return step


def prober_of(config: Config, store: Store, clock: Callable[[], float]) -> Prober | None:
    """The prober of what is configured; its results are evidence in the store, as anybody's."""
    if not config.probe:
        return None
    from pipeline.app.commands.probe import configured_checks, prober_into

    return prober_into(store, configured_checks(config), config, clock)


def dispatcher_of(config: Config, store: Store) -> Dispatcher | None:
    """What hands notices over; None where nobody is configured to have them."""
    notifying = config.notifying
    if not notifying.person and not notifying.channel:
        return None
    from incidents.channels.alertmanager import AlertMirror
    from incidents.channels.dispatch import Dispatcher
    from incidents.channels.opening import open_channels
    from incidents.channels.sender import Threads
    from incidents.people.recipients import Customer
    from pipeline.app.watch.roster import known_customers, roster_of

    known = known_customers(config)

    def customers(notice: Transition) -> Sequence[Customer]:
        names = notice.customers or ((notice.scope.id,) if notice.scope.kind == "customer" else ())
        return [known.get(name) or Customer(id=name, name=name) for name in names]

    opened = open_channels(notifying, os.environ)
    for problem in opened.problems:
        say(f"prebill watch: {problem}; its notices go further up")
    return Dispatcher(
        notifying,
        opened.channels,
        sender=Threads(),
        mirrors=[AlertMirror(name, channel, Threads()) for name, channel in opened.alerts.items()],
        customers=customers,
        roster=roster_of(store, config),
        repeat=config.incidents.repeat.span.total_seconds(),
    )
