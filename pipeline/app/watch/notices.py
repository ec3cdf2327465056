"""Hands notices to people, in a thread of its own: from the engine's transitions to channels, and what came of it to
the log; what nobody could be given goes back to the engine as evidence."""

from __future__ import annotations

import contextlib
import queue
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING

from msgspec.structs import asdict as struct_dict

from incidents.channels.ends import Ends
from incidents.evidence.lines import failed_line
from incidents.phrases import in_language
from incidents.screen_words import whom, word
from incidents.words import instant_text
from pipeline.app.incidents.hand_overs import hand_overs_of
from pipeline.app.terminal import printable, say
from pipeline.app.watch.log import transition_of
from pipeline.store.incident_rows import DeliveryRow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from incidents.channels.dispatch import Dispatcher
    from incidents.channels.model import Step
    from incidents.events import Maintenance
    from incidents.model import Transition
    from incidents.people.roles import HandOver
    from pipeline.app.watch.inbox import Inbox
    from pipeline.store.store import Store

IDLE_S = 1.0
RECENT_S = 7 * 86_400.0
"""A task of a Friday evening waits for the working hours of Monday."""

HAND_OVERS_S = 10.0
SCREEN = "screen"


class Notices:
    """What is to be told, until it is. `dispatcher` None: nobody is configured, a line on standard error must do."""

    def __init__(
        self,
        store: Store,
        dispatcher: Dispatcher | None,
        inbox: Inbox,
        clock: Callable[[], float],
        language: str = "en",
    ) -> None:
        self._log = store.incidents
        self._dispatcher = dispatcher
        self._inbox = inbox
        self._clock = clock
        self._language = language
        self._new: queue.SimpleQueue[Sequence[Transition]] = queue.SimpleQueue()
        self._shown: set[tuple[str, float]] = set()
        self._ends = Ends()
        self._store = store
        self._handed_over: set[HandOver] = set()
        self._asked_at = float("-inf")

    def recover(self, now: float) -> None:
        """After a start: what was decided of late, and what was done about it."""
        changes = self._recent(now)
        deliveries = self._log.deliveries(since=now - RECENT_S)
        if self._dispatcher is not None:
            from incidents.channels.model import Delivery

            rows = [{k: v for k, v in asdict(row).items() if k != "seq"} for row in deliveries]
            self._dispatcher.recover(changes, [Delivery(**row) for row in rows])
        done = {row.key: row.ok for row in deliveries if row.channel == SCREEN}
        self._shown = {_place(each) for each in changes if each.notice and _key(each) in done}
        for each in changes:
            self._ends.learn(each)
            if done.get(_key(each)):
                self._ends.note(each, SCREEN)
        if self._dispatcher is None:
            self._new.put([each for each in changes if each.notice and _place(each) not in self._shown])

    def put_recent(self, now: float) -> None:
        """Everything of late again: what is known already is not told twice."""
        self.put(self._recent(now))

    def _recent(self, now: float) -> list[Transition]:
        return [transition_of(row) for row in self._log.changes(since=now - RECENT_S)]

    def plan(self, planned: Sequence[Maintenance]) -> None:
        """Planned work, which mutes its own effects."""
        if self._dispatcher is not None:
            self._dispatcher.planned = tuple(planned)

    def put(self, transitions: Sequence[Transition]) -> None:
        """What the engine made, which is in the log."""
        if transitions:
            self._new.put(transitions)

    def work(self, ending: threading.Event) -> None:
        """Until it ends; an exception ends it too, and the watch tells of it."""
        while not ending.is_set():
            try:
                new = self._new.get(timeout=self._wait_s())
            except queue.Empty:
                new = ()
            self.step(self._clock(), new)

    def _wait_s(self) -> float:
        due = self._dispatcher.due() if self._dispatcher is not None else None
        return IDLE_S if due is None else min(IDLE_S, max(0.02, due - self._clock()))

    def step(self, now: float, new: Sequence[Transition] = ()) -> None:
        """Sends what is due, and writes down what came of it."""
        shown = self._show_all(new, now)
        if self._dispatcher is None:
            self._log.append_deliveries(shown)
            return
        self._hand_over(self._dispatcher, now)
        step: Step = self._dispatcher.step(now, new)
        self._log.append_deliveries([DeliveryRow(**struct_dict(each)) for each in step.deliveries])
        self._inbox.put([failed_line(each.notice, now) for each in step.failed])

    def _hand_over(self, dispatcher: Dispatcher, now: float) -> None:
        """Roles that people have given on since: messages name who holds them now."""
        if now - self._asked_at < HAND_OVERS_S:
            return
        self._asked_at = now
        for incident in dispatcher.company_wide:
            for act in hand_overs_of(self._store, incident):
                if act not in self._handed_over:
                    self._handed_over.add(act)
                    dispatcher.hand_over(incident, act)

    def finish(self, now: float) -> None:
        """What is waiting in hand is sent before the end; what fails is tried after the next start."""
        new: list[Transition] = []
        with contextlib.suppress(queue.Empty):
            while True:
                new += self._new.get_nowait()
        self.step(now, new)

    def _show_all(self, new: Sequence[Transition], now: float) -> list[DeliveryRow]:
        """Of a notice that was to be said again and again meanwhile only the newest."""
        fresh = [each for each in new if each.notice and _place(each) not in self._shown]
        newest = {each.notice: each for each in fresh}
        for each in new:
            self._ends.learn(each)
        return [
            self._pass_over(each, now)
            if newest[each.notice] is not each or self._is_stale(each)
            else self._show(each, now)
            for each in fresh
        ]

    def _is_stale(self, notice: Transition) -> bool:
        return self._ends.is_over(notice) or self._ends.is_needless(notice, SCREEN)

    def _pass_over(self, notice: Transition, now: float) -> DeliveryRow:
        self._shown.add(_place(notice))
        audience = notice.audience.value if notice.audience else ""
        return DeliveryRow(
            now,
            notice.notice,
            notice.incident,
            audience,
            SCREEN,
            0,
            ok=False,
            reason="superseded",
            key=_key(notice),
        )

    def _show(self, notice: Transition, now: float) -> DeliveryRow:
        self._shown.add(_place(notice))
        self._ends.note(notice, SCREEN)
        audience = notice.audience.value if notice.audience else ""
        lang = self._language
        who, why = whom(notice.scope, lang), in_language(notice.reason, lang)
        told = why if why.startswith(f"{who} ") else f"{who}, {why}"
        say(
            f"{instant_text(notice.at)} {word('priority', notice.priority.value, lang)} →"
            f" {word('audience', audience, lang)}: {printable(told)} ({notice.incident})"
        )
        return DeliveryRow(
            now, notice.notice, notice.incident, audience, SCREEN, 1, ok=True, reason="sent", key=_key(notice)
        )


def _place(notice: Transition) -> tuple[str, float]:
    return notice.notice, notice.at


def _key(notice: Transition) -> str:
    return f"{notice.notice}@{notice.at:.6f}"
