"""The watch: evidence from the store and from its feeds to the engine, notices from the engine to people; each feed in
a thread of its own, so that a slow one delays none of the others."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from incidents.events import Maintenance, event_of
from incidents.evidence.lines import away_line, evidence_of, own_probe_line, tick_line
from incidents.model import Status
from pipeline.app.terminal import say
from pipeline.app.watch.history import HORIZON_S, LASTING
from pipeline.app.watch.inbox import Inbox
from pipeline.app.watch.log import WatchLog
from pipeline.coverage.evidence import EVENTS
from pipeline.store.errors import OwnerEndedError, StoreError
from pipeline.store.leases import LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from incidents.evidence.accepted import OpenLosses
    from incidents.model import Transition
    from incidents.policy import Policy
    from pipeline.app.watch.notices import Notices
    from pipeline.coverage.evidence import Evidence
    from pipeline.store.store import Store

LOOK_EVERY_S = 0.5
RETRY_S = 2.0
ROUNDS = 20
FIRST_LOOKS_S = 3.0
"""So long a start waits for what its feeds find in the store, before it lets the time that was missed pass."""

WATCHED_EVERY_S = 60.0

Lines = list[dict[str, Any]]


@dataclass
class Feed:
    """A part of the watch that runs beside it: `step(now)` every `every_s`, its lines to the inbox; without success for
    `late_s` it counts as dead. `alone`: one step says something by itself. `alive_at`: by the monotonic
    clock."""

    name: str
    step: Callable[[float], Lines]
    every_s: float = 1.0
    late_s: float = 300.0
    alone: bool = True
    alive_at: float = 0.0
    failure: str = ""
    thread: threading.Thread | None = field(default=None, repr=False)
    looked: threading.Event = field(default_factory=threading.Event, repr=False)


class Watch:
    """One watch of one store, for the one that holds the lease. `clock`: epoch seconds."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        clock: Callable[[], float],
        inbox: Inbox,
        notices: Notices,
    ) -> None:
        self._store, self._policy, self._clock = store, policy, clock
        self._notices = notices
        self._inbox = inbox
        self._feeds: list[Feed] = []
        self._hurry: Callable[[set[tuple[str, str]]], None] = lambda _: None
        self._ending = threading.Event()
        self._planned: list[Maintenance] = []
        self._complained: dict[str, float] = {}
        self._back: float | None = None
        self._looked = 0.0
        self._customers: frozenset[str] = frozenset()
        self._losses: OpenLosses = ()
        self.log = self._begin()
        self._note_open()
        notices.recover(self.log.at)

    def add(self, feed: Feed) -> None:
        """A feed that begins with `run`."""
        self._feeds.append(feed)

    def on_doubt(self, hurry: Callable[[set[tuple[str, str]]], None]) -> None:
        """Who looks at once whether these customers and targets, (kind, id), are served."""
        self._hurry = hurry

    def look_now(self) -> None:
        """Something came into the store: it is taken up at once."""
        self._inbox.wake.set()

    def open_customers(self) -> frozenset[str]:
        """Customers that open incidents are about; for feeds."""
        return self._customers

    def open_losses(self) -> OpenLosses:
        """Tasks of lost minutes that a person may settle now; for feeds."""
        return self._losses

    def _begin(self) -> WatchLog:
        log = WatchLog(self._store, self._policy)
        now = self._clock()
        self._back = None
        self._looked = now
        if log.at == 0:
            log.step(now, [evidence_of(tick_line(now), now)])  # the first row says since when we look
        elif now > log.at:
            self._looked, self._back = log.at, now
        began = self._store.incidents.began() or log.at
        self._news = self._store.evidence_news(tuple(EVENTS), began - HORIZON_S, LASTING)
        self._plan(self._store.evidence(("maintenance",)))
        return log

    # -- a step

    def step(self, now: float) -> list[Transition]:
        """Takes up what is new by `now`; what the engine made of it is in the log, and on its way to people."""
        lines = self._inbox.take()
        try:
            rows = [evidence_of(line, now) for line in lines] + self._news.read()
            self._plan([row for row in rows if row.type == "maintenance"])
            made = self._come_back() if rows or self._back else []
            made += self.log.take_up(rows, self._looked, now)
            if self.log.due(now):
                made += self.log.step(now, [])
            self._looked = max(self._looked, now)
        except BaseException:
            self._inbox.give_back(lines)
            raise
        self._notices.put(made)
        if made:
            self._note_open()
            doubted = [each for each in self.log.engine.incidents if each.wants_probe]
            about = {(each.scope.kind, each.scope.id) for each in doubted}
            self._hurry(about | {("customer", name) for each in doubted for name in each.customers})
        return made

    def _come_back(self) -> list[Transition]:
        """That nobody watched is said before what was true meanwhile."""
        if self._back is None:
            return []
        row = evidence_of(away_line(self._looked, self._back), self._back)
        made = self.log.take_up([row], self._looked, self._back)
        self._looked, self._back = row.at, None
        return made

    def _note_open(self) -> None:
        engine = self.log.engine
        self._customers = frozenset(
            name
            for each in engine.incidents
            if each.status is not Status.RESOLVED
            for name in (*each.customers, *([each.scope.id] if each.scope.kind == "customer" else []))
        )
        self._losses = engine.settleable

    def _plan(self, rows: Sequence[Evidence]) -> None:
        events = [event for row in rows if isinstance(event := event_of(row), Maintenance)]
        if events:
            self._planned = [each for each in (*self._planned, *events) if each.until >= self._clock() - 3600]
            self._notices.plan(self._planned)

    # -- once, and for ever

    def once(self) -> None:
        """Every feed's step, then all that is new, until nothing is left to take up or to send just now."""
        for feed in self._feeds:
            if feed.alone:
                self._inbox.put(feed.step(self._clock()))
        for _ in range(ROUNDS):
            self.step(self._clock())
            self._notices.finish(self._clock())
            if not self._inbox.wake.is_set():
                break
            self._inbox.wake.clear()
        self.log.keep()

    def run(self, stop: threading.Event, lost: threading.Event) -> None:
        """Until it is stopped, or the lease is lost. The store may go away and come back; raises OwnerEndedError where
        the process has ended that held it: who opens it anew finds the next one, or becomes it."""
        for feed in self._feeds:
            self._start(feed)
        sending = threading.Thread(target=self._send, name="notices", daemon=True)
        sending.start()
        self._wait_for_feeds(stop, lost)
        watched = time.monotonic()
        try:
            while not (stop.is_set() or lost.is_set()):
                self._inbox.wake.clear()
                self._step_or_begin_again(lost)
                if time.monotonic() - watched >= 1.0:
                    watched = time.monotonic()
                    self._look_after_feeds()
                self._inbox.wake.wait(LOOK_EVERY_S)
        finally:
            self._ending.set()
            for thread in [sending, *(feed.thread for feed in self._feeds if feed.thread)]:
                thread.join(timeout=15)
        if not lost.is_set():
            self._notices.finish(self._clock())
            self.log.keep()

    def _step_or_begin_again(self, lost: threading.Event) -> None:
        try:
            self.step(self._clock())
        except LeaseLostError as error:
            say(f"prebill watch: {error}; this one stops")
            lost.set()
        except OwnerEndedError:
            raise
        except StoreError as error:
            say(f"prebill watch: the store does not answer, it is asked again: {error}")
            self._ending.wait(RETRY_S)
            try:
                # nobody knows what of the last step was written: the log does
                self.log = self._begin()
                self._note_open()
                self._notices.put_recent(self._clock())
            except StoreError:
                return

    def _send(self) -> None:
        while not self._ending.is_set():
            try:
                self._notices.work(self._ending)
            except Exception as error:
                say(f"prebill watch: sending notices failed, and goes on: {error}")
                self._inbox.put(self._own("notices", self._clock(), ok=False, detail=str(error)))
                self._ending.wait(RETRY_S)

    def _start(self, feed: Feed) -> None:
        feed.alive_at = time.monotonic()
        feed.thread = threading.Thread(target=self._feed, args=(feed,), name=feed.name, daemon=True)
        feed.thread.start()

    def _feed(self, feed: Feed) -> None:
        while not self._ending.is_set():
            try:
                self._inbox.put(feed.step(self._clock()))
                feed.alive_at, feed.failure = time.monotonic(), ""
            except Exception as error:
                if str(error) != feed.failure and not isinstance(error, OwnerEndedError):
                    say(f"prebill watch: {feed.name} failed and is tried again: {error}")
                feed.failure = str(error) or type(error).__name__
                self._ending.wait(RETRY_S)
            feed.looked.set()
            self._ending.wait(feed.every_s)

    def _wait_for_feeds(self, stop: threading.Event, lost: threading.Event) -> None:
        until = time.monotonic() + FIRST_LOOKS_S
        for feed in self._feeds:
            while feed.alone and not feed.looked.wait(0.05):
                if time.monotonic() >= until or stop.is_set() or lost.is_set():
                    return

    def _look_after_feeds(self) -> None:
        """Tells the engine of feeds that are dead, as of anything else that does not work, and of their return."""
        now = self._clock()
        for feed in self._feeds:
            thread = feed.thread
            dead = thread is None or not thread.is_alive()
            late = time.monotonic() - feed.alive_at
            known = self._complained.get(feed.name)
            if dead or late > feed.late_s:
                if known is None or now - known >= WATCHED_EVERY_S:
                    self._complained[feed.name] = now
                    detail = feed.failure or (
                        f"the thread of {feed.name} ended" if dead else f"stuck for {late:.0f} s"
                    )
                    self._inbox.put(self._own(feed.name, now, ok=False, detail=detail))
                if dead:
                    self._start(feed)
            elif known is not None and now - known >= WATCHED_EVERY_S:
                self._inbox.put(self._own(feed.name, now, ok=True, detail="it works again"))
                if self._is_well(feed.name):
                    del self._complained[feed.name]
                else:
                    self._complained[feed.name] = now

    def _is_well(self, name: str) -> bool:
        """No incident about this part of our own is open."""
        return not any(
            each.scope.kind == "control" and each.scope.id == name and each.status is not Status.RESOLVED
            for each in self.log.engine.incidents
        )

    @staticmethod
    def _own(name: str, now: float, *, ok: bool, detail: str) -> Lines:
        return [own_probe_line(name, now, ok=ok, detail=detail, vantage="watchdog")]
