"""The demo's stories of priority: lost minutes become a task that wakes nobody, an outage wakes everybody. Probes as a
prober would write them, and the gaps that the check of coverage found, go through the real engine and its log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.app.demo.stories_screen import clock_text, show_letter, show_line, show_made, show_tasks
from pipeline.app.incidents.gap_tasks import name_gaps
from pipeline.app.terminal import out, plural, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from incidents.evidence.gaps import Told
    from incidents.model import Standing, Transition
    from incidents.tasks.model import Task
    from pipeline.app.configuration.settings import Config
    from pipeline.app.watch.log import WatchLog
    from pipeline.store.store import Store

VANTAGES = ("msk-1", "spb-1")
LOOK_S, CLOSE_S, MINUTE = 20.0, 180.0, 60.0
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
        show_line(
            self._at(10),
            "evidence",
            f"{plural(looks, 'probe')} of edges and clients from {' and '.join(VANTAGES)}: all fine",
        )
        show_made(made)
        tasks = self._tasks(10)
        show_tasks(tasks, self._at(10))
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
        say(f"the host of {self._name()} stops answering at {clock_text(self._at(BEGINS))}, and answers again at "
            f"{clock_text(self._at(MENDED))} …")  # fmt: skip
        made = self._run(BEGINS, RESOLVED)
        looks = [fact for each in made[:1] for fact in each.evidence if fact.source == "probe"]
        for fact in looks[: len(VANTAGES)]:
            show_line(fact.at, "evidence", fact.text)
        show_made(made)
        wide = [each for each in made if each.audience is not None and each.audience.value == "company"]
        waited = wide[0].at - self._at(BEGINS) if wide else float("inf")
        outage = self._outage()
        show_letter(made, CUSTOMER, self._name(), self.config.incidents.repeat.span.total_seconds())
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
        show_tasks([task for task in tasks if task.outcome is None], self._at(minute))
        return bool(closed) and not _woken(made)

    # -- the engine and its log

    def _run(self, first: float, last: float) -> list[Transition]:
        """Every look of the probers in [first, last), minutes after the hour, and what people say meanwhile."""
        made: list[Transition] = []
        answered = False
        moments = self._moments(first, last)
        self._keep(moments)
        for at in moments:
            lines = list(self._looks(at))
            outage = self._outage()
            if outage is not None and not answered and at >= outage.opened_at + ACK_AFTER_S:
                answered = True
                lines.append(self._ack(outage, at))
            made += self._take(at, lines)
        return made

    def _moments(self, first: float, last: float) -> list[float]:
        """When probers look: every 20 seconds while it matters to the second, every minute else, to keep it short."""
        at, until, found = self._at(first), self._at(last), []
        while at < until:
            found.append(at)
            close = self._at(BEGINS) <= at < self._at(BEGINS) + CLOSE_S
            at += LOOK_S if close else MINUTE
        return found

    def _keep(self, moments: Iterable[float]) -> None:
        """The probes into the store's evidence, where a prober puts them, and where tasks and post-mortems read."""
        from incidents.evidence.lines import evidence_of

        self.store.add_evidence([evidence_of(line, at) for at in moments for line in self._looks(at)])

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
        from pipeline.app.incidents.task_view import view_of

        at = self._at(minute)
        self._keep([at])
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
        from pipeline.app.watch.log import WatchLog

        if self._log is None:
            self._log = WatchLog(self.store, self.config.incidents)
        made = self._log.step(at, [evidence_of(line, at) for line in lines])
        self.told += made
        return made

    def _outage(self) -> Standing | None:
        standing = self._log.engine.incidents if self._log else ()
        return next((each for each in standing if each.kind.value == "outage"), None)

    def _tasks(self, minute: float) -> list[Task]:
        from pipeline.app.incidents.task_view import view_of

        return view_of(self.store, self.config, self.store.gaps(), self._at(minute)).tasks

    def _at(self, minute: float) -> float:
        return self.end.timestamp() + MINUTE * minute

    def _after(self, outage: Standing | None) -> str:
        """The figures of the outage's post-mortem."""
        from incidents.after.account import account_of
        from incidents.tasks.words import age_text
        from pipeline.app.incidents.task_view import probes_in

        probes = probes_in(self.store, self._at(0))
        account = account_of(outage.id, self.told, (), probes, now=self._at(RESOLVED)) if outage else None
        if account is None:
            return ""
        return (
            f"Answered in {age_text(account.answer_s or 0)}; the client was hurt for {age_text(account.hurt_s)}, "
            f"and it was over in {age_text(account.mend_s or 0)}."
        )

    def _name(self) -> str:
        return next((each.name for each in self.config.customer if each.id == CUSTOMER), CUSTOMER)


def _woken(made: Sequence[Transition]) -> list[Transition]:
    """Notices that wake somebody."""
    return [each for each in made if each.audience is not None and each.audience.value != "queue"]
