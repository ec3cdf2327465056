"""The prober itself, a thin shell: runs checks when they are due, some at once and each within its time, and hands the
evidence on; used by `prebill probe` and `prebill watch`."""

from __future__ import annotations

import asyncio
import heapq
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from incidents.probes.checks import Verdict, evidence_of
from incidents.probes.outbox import Outbox
from incidents.probes.run import load, run_check
from incidents.probes.schedule import Last, after_run, next_due

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from incidents.probes.checks import Check
    from incidents.probes.settings import ProbingSettings

    Emit = Callable[[list[dict[str, Any]]], None]

TICK_S = 0.25
STALL_S = 1.0
"""The loop stood still for so long while a probe ran: its failure says nothing about the target."""


class Prober:
    """Inert until `start`, or `step`.

    `emit` takes lines of evidence, after `start` in a thread of its own; what it raises is told to `told`, and the
    lines are kept and given again. `clock`: epoch seconds. `seen`: every verdict, for a screen.
    """

    def __init__(
        self,
        checks: Sequence[Check],
        probing: ProbingSettings,
        emit: Emit,
        clock: Callable[[], float] = time.time,
        *,
        told: Callable[[str], None] = lambda _: None,
        seen: Callable[[Verdict], None] = lambda _: None,
    ) -> None:
        self.checks = tuple(checks)
        self._probing, self._clock, self._seen = probing, clock, seen
        self._outbox = Outbox(emit, told)
        self._emit = emit
        self._told = told
        self._last: dict[int, Last] = {}
        self._started: float | None = None
        self._zero: float | None = None
        self._wanted: SimpleQueue[tuple[str, str]] = SimpleQueue()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def step(self, now: float) -> list[Verdict]:
        """Run what is due at `now`, to its end, and hand on what was seen; the first step begins the schedule."""
        self._started = now if self._started is None else self._started
        due = sorted(
            (at, number)
            for number, check in enumerate(self.checks)
            if (at := next_due(check, self._last.get(number), self._started, self._probing)) <= now
        )
        began = time.monotonic()

        def clock() -> float:
            return now + time.monotonic() - began

        return self._run_now([number for _, number in due], clock)

    def run_all(self) -> list[Verdict]:
        """Run every check once, due or not, and hand on what was seen."""
        self._started = self._clock() if self._started is None else self._started
        return self._run_now(list(range(len(self.checks))), self._clock)

    def _run_now(self, numbers: list[int], clock: Callable[[], float]) -> list[Verdict]:
        async def all_of_them() -> list[Verdict]:
            slots = asyncio.Semaphore(self._probing.at_once)
            async with _Pulse() as pulse:
                return await asyncio.gather(*(self._run(n, clock, clock, slots, pulse) for n in numbers))

        load([self.checks[number] for number in numbers])
        verdicts = asyncio.run(all_of_them()) if numbers else []
        if bodies := [body for verdict in verdicts if (body := evidence_of(verdict)) is not None]:
            self._emit(bodies)
        return verdicts

    async def _run(
        self,
        number: int,
        clock: Callable[[], float],
        beat: Callable[[], float],
        slots: asyncio.Semaphore,
        pulse: _Pulse,
    ) -> Verdict:
        """`clock` says when it was seen, `beat` when it ran, for the schedule."""
        began = time.monotonic()
        verdict = await run_check(self.checks[number], self._probing, clock, slots)
        if verdict.ok is False and (stood := pulse.stalled_since(began)) >= STALL_S:
            verdict = _doubted(verdict, stood)
        self._last[number] = after_run(self._last.get(number), beat(), verdict.ok)
        self._seen(verdict)
        return verdict

    def start(self) -> None:
        """Probe in a thread until `stop`."""
        if self._thread is not None or not self.checks:
            return
        self._outbox.start()
        self._thread = threading.Thread(target=self._work, name="probes", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """End it: probes that run are given up, evidence that waits is handed on once more."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        self._outbox.stop(timeout_s)

    def hurry(self, about: Iterable[tuple[str, str]]) -> None:
        """Look at these customers and targets at once: somebody asks whether they are served. From any thread."""
        for one in about:
            self._wanted.put(one)

    @property
    def alive(self) -> bool:
        """Whether the thread runs, for a watchdog."""
        return self._thread is not None and self._thread.is_alive()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                load(self.checks)
                asyncio.run(self._go_on())
            except Exception as error:  # whatever it is, probing goes on
                self._told(f"the prober failed and begins anew: {error}")
                self._stop.wait(1.0)

    def _bring_forward(self, waiting: list[tuple[float, int]], now: float) -> None:
        """What is wanted becomes due, but for what was looked at just now, and for test calls, which nobody expects."""
        wanted = set()
        while not self._wanted.empty():
            wanted.add(self._wanted.get())
        if not wanted:
            return
        again = self._probing.again.span.total_seconds()
        for place, (due, number) in enumerate(waiting):
            check, last = self.checks[number], self._last.get(number)
            if check.calls_per_day or check.about not in wanted:
                continue
            if last is None or now - last.at >= again:
                waiting[place] = (min(due, now), number)
        heapq.heapify(waiting)

    def _beat(self) -> Callable[[], float]:
        if self._zero is None:
            self._zero = self._clock() - time.monotonic()
        zero = self._zero
        return lambda: zero + time.monotonic()

    async def _go_on(self) -> None:
        """Start what is due as slots become free, soonest first: a target that hangs holds its own slot only.

        The schedule's beat is the clock as it was at the first start, and monotonic from then on: a clock that is set
        back must not silence the prober, nor one set forward make it run everything at once.
        """
        beat = self._beat()
        started = self._started if self._started is not None else beat()
        self._started = started
        waiting = [
            (next_due(check, self._last.get(number), started, self._probing), number)
            for number, check in enumerate(self.checks)
        ]
        heapq.heapify(waiting)
        running: dict[asyncio.Task[Verdict], int] = {}
        slots = asyncio.Semaphore(self._probing.at_once)
        async with _Pulse() as pulse:
            try:
                while not self._stop.is_set():
                    now = beat()
                    self._bring_forward(waiting, now)
                    while waiting and waiting[0][0] <= now and len(running) < self._probing.at_once:
                        _, number = heapq.heappop(waiting)
                        running[asyncio.create_task(self._run(number, self._clock, beat, slots, pulse))] = (
                            number
                        )
                    if not running:
                        await asyncio.sleep(TICK_S)
                        continue
                    done, _ = await asyncio.wait(running, timeout=TICK_S, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        number = running.pop(task)
                        self._outbox.put(evidence_of(task.result()))
                        again = next_due(self.checks[number], self._last[number], started, self._probing)
                        heapq.heappush(waiting, (again, number))
            finally:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)


def _doubted(verdict: Verdict, stood_s: float) -> Verdict:
    """A failure that may be our own slowness: nothing is known."""
    words = f"this prober stood still for {stood_s:.1f} s"
    results = tuple(
        replace(result, ok=None, detail=f"{words}; {result.detail}") if result.ok is False else result
        for result in verdict.results
    )
    return replace(verdict, results=results)


class _Pulse:
    """Notices when the event loop stands still: a busy machine must not accuse its targets."""

    def __init__(self) -> None:
        self._stalls: list[tuple[float, float]] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> _Pulse:
        self._task = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def stalled_since(self, began: float) -> float:
        """The longest standstill, in seconds, that ended after `began` (monotonic)."""
        return max((length for end, length in self._stalls if end >= began), default=0.0)

    async def _beat(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK_S)
            end = time.monotonic()
            if (late := end - before - TICK_S) >= STALL_S:
                self._stalls = [*self._stalls[-20:], (end, late)]
