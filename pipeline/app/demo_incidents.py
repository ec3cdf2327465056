"""The demo's stories of priority: lost minutes become a task that wakes nobody, an outage wakes everybody. Probes as a
prober would write them, and the gaps that the check of coverage found, go through the real engine and its log."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.app.gap_tasks import name_gaps
from pipeline.app.terminal import out, plural, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from incidents.evidence.gaps import Told
    from incidents.model import Standing, Transition
    from incidents.tasks.model import Task
    from pipeline.app.settings import Config
    from pipeline.app.watch_log import WatchLog
    from pipeline.store.store import Store

VANTAGES = ("msk-1", "spb-1")
LOOK_S, MINUTE = 20, 60.0
BEFORE = 5
"""Minutes of probes before the first gap is found."""

CUSTOMER = "c3"
BEGINS, MENDED, RESOLVED = 12, 27, 38
"""Minutes after the hour: its host stops answering, answers again, and the incident is over."""

ACK_AFTER_S, ACTOR = 160.0, "anna"

PLAN = """# What the demo's customers pay: by the gigabyte, without a minimum.
id = "protected"
version = 1
name = { ru = "Защита", en = "Protected" }
currency = "RUB"
valid_from = 2026-01-01

[[charge]]
id = "traffic"
name = { ru = "Трафик", en = "Traffic" }
meter = "bytes_sent"
unit = "GB"
model = "per_unit"
unit_price = "12"
"""
CONTRACT = 'contract = [{ plan = "protected", from = 2026-01-01, tz = "Europe/Moscow" }]'


def write_plan(folder: Path) -> None:
    """The plan book of the demo's customers."""
    (folder / "plans").mkdir()
    (folder / "plans" / "protected.toml").write_text(PLAN, encoding="utf-8")


@dataclass
class Stories:
    """Both stories over one store. `end`: when the hour of logs is over. `told`: every transition so far."""

    store: Store
    config: Config
    end: datetime
    told: list[Transition] = field(default_factory=list)
    _log: WatchLog | None = None
    _gaps: Mapping[str, Told] = field(default_factory=dict)

    # -- the first story

    def lose_minutes(self) -> bool:
        """What is lost is a task for each edge; whether nobody was woken for it."""
        made = self._run(10 - BEFORE, 10)
        made += self._take_gaps(10)
        out().print()
        out().print("[bold]The first story: minutes are lost. Are the clients served?[/bold]")
        say(
            "probes of every edge and every client from two places go to the incident engine, then the gaps …"
        )
        looks = len(list(self._looks(self._at(10))))
        self._line(
            10,
            "evidence",
            f"{plural(looks, 'probe')} of edges and clients from {' and '.join(VANTAGES)}: all fine",
        )
        self._show(made)
        tasks = self._tasks(10)
        self._queue(tasks, 10)
        woken = _woken(made)
        out().print(
            f"[bold green]Nobody was woken[/bold green]: {plural(len(tasks), 'task')}, {plural(len(woken), 'page')}."
            if not woken
            else f"[bold red]{len(woken)} pages for money[/bold red]"
        )
        return not woken and len(tasks) == len({each.edges for each in tasks}) > 0

    # -- the second

    def lose_a_client(self) -> bool:
        """One client's host fails for a quarter of an hour; whether the whole company heard within a minute, the tasks
        waited, and all went on by itself."""
        self._run(11, BEGINS)
        out().print()
        out().print("[bold]The second story: a client is not served[/bold]")
        say(f"the host of {self._name()} stops answering at {self._clock(BEGINS)}, and answers again at "
            f"{self._clock(MENDED)} …")  # fmt: skip
        made = self._run(BEGINS, RESOLVED)
        looks = [fact for each in made[:1] for fact in each.evidence if fact.source == "probe"]
        for fact in looks[: len(VANTAGES)]:
            self._line((fact.at - self.end.timestamp()) / MINUTE, "evidence", fact.text)
        self._show(made)
        wide = [each for each in made if each.audience is not None and each.audience.value == "company"]
        waited = wide[0].at - self._at(BEGINS) if wide else float("inf")
        outage = self._outage()
        self._show_letter(made)
        out().print()
        out().print(
            f"[bold red]Everybody was woken[/bold red] in {waited:.0f} s, with a letter to the client at hand; the "
            f"tasks waited, and went on by themselves. {self._after(outage)}",
            soft_wrap=True,
        )
        return waited <= MINUTE and outage is not None and outage.status.value == "resolved"

    @property
    def ids(self) -> tuple[str, str]:
        """As much of the ids of the dearest task and of the outage as one types."""
        task = next(
            (
                each.incident
                for each in self.told
                if each.kind.value == "billing_gap" and each.scope.id == "e2"
            ),
            "",
        )
        outage = next((each.incident for each in self.told if each.kind.value == "outage"), "")
        return task[:6], outage[:6]

    # -- and what came of both

    def late_data_comes(self, minute: float) -> bool:
        """Late segments fill gaps: their tasks close or shrink by themselves."""
        made = self._take_gaps(minute)
        tasks = self._tasks(minute)
        closed = [task for task in tasks if task.outcome is not None]
        out().print()
        out().print("[bold]And the tasks?[/bold]")
        for task in closed:
            out().print(f"  {task.id} {', '.join(task.edges)}: closed by itself, {task.outcome.kind.value}")  # type: ignore[union-attr]
        self._queue([task for task in tasks if task.outcome is None], minute)
        return bool(closed) and not _woken(made)

    # -- the engine and its log

    def _run(self, first: float, last: float) -> list[Transition]:
        """Every look of the probers in [first, last), minutes after the hour, and what people say meanwhile."""
        made: list[Transition] = []
        step = LOOK_S if last - first > BEFORE or first >= BEGINS else MINUTE
        at, until = self._at(first), self._at(last)
        answered = False
        self._keep(at, until, step)
        while at < until:
            lines = list(self._looks(at))
            outage = self._outage()
            if outage is not None and not answered and at >= outage.opened_at + ACK_AFTER_S:
                answered = True
                lines.append(self._ack(outage, at))
            made += self._take(at, lines)
            at += step
        return made

    def _keep(self, at: float, until: float, step: float) -> None:
        """The probes into the store's evidence, where a prober puts them, and where tasks and post-mortems read."""
        from incidents.evidence.lines import evidence_of

        rows = []
        while at < until:
            rows += [evidence_of(line, at) for line in self._looks(at)]
            at += step
        self.store.add_evidence(rows)

    def _looks(self, at: float) -> Iterable[dict[str, Any]]:
        from incidents.words import instant_text

        down = self._at(BEGINS) <= at < self._at(MENDED)
        for vantage in VANTAGES:
            for edge in self.config.edge:
                target = {"kind": "edge", "id": edge.id}
                yield {
                    "at": instant_text(at),
                    "type": "probe",
                    "target": target,
                    "vantage": vantage,
                    "ok": True,
                }
            for customer in self.config.customer:
                line = {"at": instant_text(at), "type": "probe", "customer": customer.id, "vantage": vantage}
                failing = down and customer.id == CUSTOMER
                yield {**line, "ok": not failing, **({"detail": "connect timeout"} if failing else {})}

    @staticmethod
    def _ack(outage: Standing, at: float) -> dict[str, Any]:
        from incidents.words import instant_text

        return {"at": instant_text(at), "type": "ack", "incident": outage.id, "actor": ACTOR, "text": "on it"}

    def _take_gaps(self, minute: float) -> list[Transition]:
        """What the check of coverage wrote since the last time, with its money, as the watch takes it up."""
        from incidents.evidence.gaps import OPEN, gap_lines, told_of
        from incidents.model import MoneyRate
        from pipeline.app.task_view import view_of

        at = self._at(minute)
        self._keep(at, at + 1, MINUTE)
        view = view_of(self.store, self.config, self.store.gaps(OPEN), at)
        rates = {lost.gap: lost.money.per(lost.minutes) for lost in view.lost if lost.money}
        found = {
            gap.id: told_of(
                gap,
                MoneyRate(f"{rate.low:f}", f"{rate.expected:f}", f"{rate.high:f}")
                if (rate := rates.get(gap.id))
                else None,
            )
            for gap in view.gaps
        }
        lines, self._gaps = gap_lines(self._gaps, found, at), found
        made = self._take(at, [*self._looks(at), *lines])
        name_gaps(self.store)
        return made

    def _take(self, at: float, lines: Sequence[dict[str, Any]]) -> list[Transition]:
        from incidents.evidence.lines import evidence_of
        from pipeline.app.watch_log import WatchLog

        if self._log is None:
            self._log = WatchLog(self.store, self.config.incidents)
        made = self._log.step(at, [evidence_of(line, at) for line in lines])
        self.told += made
        return made

    def _outage(self) -> Standing | None:
        standing = self._log.engine.incidents if self._log else ()
        return next((each for each in standing if each.kind.value == "outage"), None)

    def _tasks(self, minute: float) -> list[Task]:
        from pipeline.app.task_view import view_of

        return view_of(self.store, self.config, self.store.gaps(), self._at(minute)).tasks

    def _at(self, minute: float) -> float:
        return self.end.timestamp() + MINUTE * minute

    # -- what is shown

    def _show(self, made: Sequence[Transition]) -> None:
        """A line for each thing that happened; what happened to several incidents alike is one line."""
        groups: dict[tuple[object, ...], list[Transition]] = {}
        waiting: set[str] = set()
        for each in made:
            groups.setdefault((each.at, each.kind, each.change, each.audience), []).append(each)
        for same in groups.values():
            first = same[0]
            if first.audience is None and any(
                each.audience and each.at == first.at and each.kind is first.kind for each in made
            ):
                continue  # the notice of the same instant says it
            if first.parent and first.parent in waiting:
                continue
            waiting.add(first.parent)
            self._line((first.at - self.end.timestamp()) / MINUTE, *_told(first, len(same)))

    def _show_letter(self, made: Sequence[Transition]) -> None:
        """The first message to the client, as it lies before the liaison."""
        from incidents.messages.letters import Story, write_letter
        from incidents.people.recipients import Customer

        first = next(
            (each for each in made if each.audience is not None and each.audience.value == "client"), None
        )
        if first is None:
            return
        letter = write_letter(
            first,
            Customer(id=CUSTOMER, name=self._name(), lang="en"),
            Story(opened=made[0].at),
            lang="en",
            tz="Europe/Moscow",
            repeat=self.config.incidents.repeat.span.total_seconds(),
        )
        out().print()
        for line in f"{letter.subject}\n\n{letter.text}".rstrip().splitlines():
            out().print(f"  │ {line}".rstrip(), markup=False, style="cyan", soft_wrap=True)

    def _after(self, outage: Standing | None) -> str:
        """The figures of the outage's post-mortem."""
        from incidents.after.account import account_of
        from incidents.tasks.words import age_text
        from pipeline.app.task_view import probes_in

        probes = probes_in(self.store, self._at(0))
        account = account_of(outage.id, self.told, (), probes, now=self._at(RESOLVED)) if outage else None
        if account is None:
            return ""
        return (
            f"Answered in {age_text(account.answer_s or 0)}; the client was hurt for {age_text(account.hurt_s)}, "
            f"and it was over in {age_text(account.mend_s or 0)}."
        )

    def _line(self, minute: float, who: str, text: str) -> None:
        from rich.text import Text

        style = {
            "company": "bold red",
            "on call": "yellow",
            "client": "bold cyan",
            "task queue": "green",
        }.get(who, "dim")
        out().print(Text.assemble(f"  {self._clock(minute)}  ", (f"{who:<11}", style), text), soft_wrap=True)

    def _clock(self, minute: float) -> str:
        from datetime import UTC, datetime

        return f"{datetime.fromtimestamp(self._at(minute), UTC):%H:%M:%S}"

    def _name(self) -> str:
        return next((each.name for each in self.config.customer if each.id == CUSTOMER), CUSTOMER)

    def _queue(self, tasks: Sequence[Task], minute: float) -> None:
        from pipeline.app.task_screen import show_queue

        out().print()
        show_queue(tasks, "en", self._at(minute))
        out().print()


_AUDIENCES = {"queue": "task queue", "on_call": "on call", "company": "company", "client": "client"}


def _told(first: Transition, count: int) -> tuple[str, str]:
    """Who hears, and what."""
    reason = first.reason.split("; the next message")[0]
    if first.kind.value == "billing_gap":
        tasks = plural(count, "task")
        if first.audience is not None:
            return _AUDIENCES[
                first.audience.value
            ], f"{tasks}, {first.priority.value}: {_common(reason, count)}"
        return (
            "",
            f"{tasks} wait{'s' if count == 1 else ''} below it: clients first" if first.parent else reason,
        )
    if first.audience is not None:
        draft = " (a draft, with the liaison)" if first.draft else ""
        return _AUDIENCES[first.audience.value], f"{first.priority.value.replace('_', '-')}: {reason}{draft}"
    actor = "" if first.actor == "engine" else f" by {first.actor}"
    return "", f"{first.kind.value} {first.change.value}{actor}: {reason}"


def _common(reason: str, count: int) -> str:
    """What several reasons say alike, without the edge that each of them names."""
    return reason if count == 1 else re.sub(r"of edge \S+ are", "of an edge are", reason)


def _woken(made: Sequence[Transition]) -> list[Transition]:
    """Notices that wake somebody."""
    return [each for each in made if each.audience is not None and each.audience.value != "queue"]
