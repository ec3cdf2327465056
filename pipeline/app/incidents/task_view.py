"""Tasks out of the store: gaps as they stand now, with their money, the incident log's transitions and acts, and the
newest probes, put together by `incidents.tasks`; for the commands, the digest and the watch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.app.watch.log import transition_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from incidents.events import Probe
    from incidents.model import Transition
    from incidents.tasks.acts import Act
    from incidents.tasks.model import Lost, Money, Task
    from pipeline.app.configuration.settings import Config
    from pipeline.app.context import Context
    from pipeline.coverage.model import Gap
    from pipeline.rating.stake import Stake
    from pipeline.store.store import Store

PROBES_S = 3600.0
"""How far back probes are read: what is older cannot say that clients are served."""


@dataclass(frozen=True)
class TaskView:
    """Everything that tasks are made from, as of `now` (epoch seconds)."""

    now: float
    transitions: Sequence[Transition]
    gaps: Sequence[Gap]
    lost: Sequence[Lost]
    acts: Sequence[Act]
    probes: Sequence[Probe]
    config: Config | None

    @cached_property
    def tasks(self) -> list[Task]:
        """All of them, the dearest open one first."""
        from incidents.people.settings import OncallSettings
        from incidents.tasks.build import tasks_of
        from incidents.tasks.days import working_days
        from incidents.tasks.settings import TaskSettings

        rota = self.config.notifying.people.oncall if self.config else OncallSettings()
        return tasks_of(
            self.transitions,
            self.lost,
            self.acts,
            self.probes,
            now=self.now,
            settings=self.config.tasks if self.config else TaskSettings(),
            calendar=working_days(rota),
        )

    @cached_property
    def loose(self) -> list[Lost]:
        """What is lost and in no task."""
        from incidents.tasks.build import loose_gaps

        return loose_gaps(self.transitions, self.lost)

    def find(self, task: str) -> Task | None:
        """The task of this id."""
        return next((each for each in self.tasks if each.id == task), None)


def view_tasks(store: Store, context: Context) -> TaskView:
    """Tasks as they stand now, or at --now: coverage is looked up anew, as `prebill gaps` does it."""
    from pipeline.app.coverage.checking import check_all, config_or_none

    now, config = context.now(), config_or_none(context)
    gaps = check_all(store, context, now, None).gaps
    return view_of(store, config, gaps, now.timestamp())


def view_of(store: Store, config: Config | None, gaps: Sequence[Gap], now: float) -> TaskView:
    """The same from gaps that are at hand."""
    from incidents.tasks.build import lost_of
    from pipeline.app.coverage.gap_money import money_of
    from pipeline.coverage.model import GapState

    # what came has cost nothing, and there may be very many such gaps
    left = [gap for gap in gaps if gap.state is not GapState.CLOSED]
    stakes = money_of(store, config, left, now=now)[0] if config and left else {}
    return TaskView(
        now=now,
        transitions=transitions_in(store),
        gaps=gaps,
        lost=[lost_of(gap, *_money(stakes.get(gap.id))) for gap in gaps],
        acts=_acts(store),
        probes=probes_in(store, now - PROBES_S),
        config=config,
    )


def transitions_in(store: Store) -> list[Transition]:
    """All that the engine decided, in order."""
    return [transition_of(row) for row in store.incidents.changes()]


def probes_in(store: Store, since: float) -> list[Probe]:
    """What probers saw since."""
    from incidents.events import Probe, event_of

    events = map(event_of, store.evidence(["probe"], since))
    return [event for event in events if isinstance(event, Probe)]


def _acts(store: Store) -> list[Act]:
    from incidents.tasks.acts import act_of

    found = (
        act_of(row.act, at=row.at, task=row.incident, actor=row.actor, reason=row.reason, body=row.body)
        for row in store.incidents.acts()
    )
    return [act for act in found if act is not None]


def _money(stake: Stake | None) -> tuple[Mapping[str, str | None] | None, Mapping[str, Money]]:
    """A gap's money, and each customer's part of it."""
    from incidents.tasks.model import Money

    if stake is None or len(stake.totals) != 1:
        return None, {}
    (currency,) = stake.totals
    parts: dict[str, Money] = {}
    for (customer, _month), part in stake.customers.items():
        money = Money(part.low, part.expected, part.high, currency)
        parts[customer] = parts[customer] + money if customer in parts else money
    return stake.json, parts
