"""Support requests by HTTP, while a watch runs: a call becomes events of the desk and evidence in the store, and its
answer; server.py has the sockets, incidents/desk/api the rules."""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from incidents.desk.api import answers
from incidents.desk.api.answers import Answer
from incidents.desk.api.door import Limiter, admit, may_see, no_request, parse_new
from incidents.desk.api.views import state, taken
from incidents.desk.model import Acknowledged
from incidents.desk.rounds import office
from pipeline.app.support.acts import settle, take_request
from pipeline.app.support.log import StoreLog
from pipeline.app.terminal import plural, say
from pipeline.app.watch.loop import Feed
from pipeline.coverage.evidence import EvidenceError
from pipeline.store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from incidents.desk.api.door import Call, Head, NewRequest
    from incidents.desk.api.settings import ApiSettings
    from incidents.desk.model import DeskEvent, Request
    from incidents.desk.requests import Desk
    from pipeline.app.configuration.settings import Config
    from pipeline.app.watch.loop import Watch
    from pipeline.store.store import Store

WAIT_S = 5.0
"""How long a call waits for the one before it, which the store may hold up."""
SETTLE_EVERY_S = 20.0


@contextmanager
def api_of(
    store: Store, config: Config, clock: Callable[[], datetime], watching: Watch | None
) -> Iterator[tuple[str, int] | None]:
    """Takes requests where the configuration says so, beside a watch that hears of them at once; where it listens.
    Raises Failure where it cannot."""
    from pipeline.app.support.server import ApiServer

    settings = config.support.api
    if settings is None or watching is None:
        yield None
        return
    api = SupportApi(store, config, settings, lambda: clock().timestamp(), watching.look_now)
    server = ApiServer(settings, api.answer)
    server.start()
    watching.add(Feed("support api", api.watched(lambda: server.is_alive), late_s=60.0))
    host, port = server.address
    shown = f"[{host}]" if ":" in host else host
    say(
        f"support requests are taken at http://{shown}:{port}/v1/requests, of {plural(len(settings.token), 'token')}"
    )
    try:
        yield server.address
    finally:
        server.stop()


class SupportApi:
    """Answers calls, each in a thread of its own; the log is used by one at a time. `wake`: there is evidence."""

    def __init__(
        self,
        store: Store,
        config: Config,
        settings: ApiSettings,
        clock: Callable[[], float],
        wake: Callable[[], None],
    ) -> None:
        self._store, self._settings, self._clock, self._wake = store, settings, clock, wake
        self._log, self._office = StoreLog(store, clock), office(config.support)
        self._langs = {customer.id: customer.lang for customer in config.customer}
        self._limiter = Limiter(settings.per_minute)
        self._lock, self._limiting = threading.Lock(), threading.Lock()
        self._owed = True  # whoever was here before may have been ended between a request and its evidence
        self._settled_at = time.monotonic()

    def answer(self, head: Head, read_body: Callable[[], bytes]) -> Answer:
        """The answer to a call; its body is read when it is known whose it is. What `read_body` raises is raised."""
        call = admit(head, self._settings)
        if isinstance(call, Answer):
            return call
        with self._limiting:
            wait_s = self._limiter.take(call.token.name, time.monotonic())
        if wait_s:
            return answers.too_many(wait_s, self._settings.per_minute)
        if call.number:
            return self._at_the_desk(lambda: self._look(call))
        asked = parse_new(read_body(), call.token, self._langs)
        return asked if isinstance(asked, Answer) else self._at_the_desk(lambda: self._take(call, asked))

    def watched(self, is_alive: Callable[[], bool]) -> Callable[[float], list[dict[str, Any]]]:
        """A step of the watch: whether requests can come in; and what a store that was away left undone is done."""

        def step(now: float) -> list[dict[str, Any]]:
            if not is_alive():
                raise RuntimeError("support requests are not taken any more; start prebill anew")
            if self._owed or time.monotonic() - self._settled_at >= SETTLE_EVERY_S:
                with self._lock:
                    self._settle(now)
            return []

        return step

    def _at_the_desk(self, act: Callable[[], Answer]) -> Answer:
        if not self._lock.acquire(timeout=WAIT_S):
            return answers.away("The desk is busy with the calls before this one")
        try:
            return act()
        except BaseException as error:
            self._owed = True  # nobody knows what of it was written
            if not isinstance(error, StoreError | OSError):
                raise
            say(f"support api: the store does not answer, the caller is asked to come again: {error}")
            return answers.away("The store of requests cannot be reached, and nothing was promised")
        finally:
            self._lock.release()

    def _look(self, call: Call) -> Answer:
        request = self._log.read().requests.get(call.number)
        if request is None or not may_see(call.token, request.customer):
            return no_request(call.number)
        return state(request, self._office)

    def _take(self, call: Call, asked: NewRequest) -> Answer:
        """Durable first; then its manager, and evidence of a technical one, which the watch looks at now."""
        now, who = self._clock(), call.token.name
        key = f"api:{who}:{asked.key}" if asked.key else f"api::{secrets.token_hex(16)}"
        new: list[DeskEvent] = []
        try:
            new = take_request(
                self._store, self._log, self._office, key=key, channel="api", actor=who,
                customer=asked.customer, kind=asked.kind, lang=asked.lang, text=asked.text, subject=asked.subject,
                address=asked.contact, now=now,
            )  # fmt: skip
        except EvidenceError as error:
            say(f"support api: a request is taken in, and is no evidence: {error}")
        self._wake()
        desk = self._log.read()
        request = _of_key(desk, key)
        if self._office.settings.smtp is None and request.acknowledged_at is None:
            # no letter can go to its address: this answer is the acknowledgement
            done = Acknowledged(at=now, actor=who, key=f"ack:{request.id}", request=request.id)
            self._log.append(lambda _: [done])
        return taken(request, asked, self._office, new=any(event.key == key for event in new))

    def _settle(self, now: float) -> None:
        """Managers who can be named now, evidence that is not in the store yet."""
        waits = any(not request.manager for request in self._log.read().open)
        if self._owed or waits:
            try:
                settle(self._store, self._log, self._office, now)
            except EvidenceError as error:
                say(f"support api: a request is no evidence: {error}")
            self._wake()
        self._owed, self._settled_at = False, time.monotonic()


def _of_key(desk: Desk, key: str) -> Request:
    """The request that came in under a key."""
    return next(each for each in reversed(desk.requests.values()) if each.history[0].key == key)
