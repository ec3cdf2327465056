"""Coverage checks as commands ask for them: from the configuration and the clock to `pipeline.coverage.control`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.app.context import DEFAULT_CONFIG

if TYPE_CHECKING:
    from datetime import datetime

    from pipeline.app.configuration.settings import Config, EdgeSettings
    from pipeline.app.context import Context
    from pipeline.app.period import Period
    from pipeline.coverage.control import Checked, Settings
    from pipeline.coverage.model import Coverage
    from pipeline.coverage.roster import ConfiguredEdge
    from pipeline.store.store import Store


def config_or_none(context: Context) -> Config | None:
    """The configuration; with --store alone and no file here there need be none: then what the store has must do."""
    if context.store_dsn and not context.config_path and not Path(DEFAULT_CONFIG).exists():
        return None
    return context.config


def settings_of(config: Config | None) -> Settings:
    """What a check needs of a configuration."""
    from pipeline.coverage.control import Settings

    if config is None:
        return Settings()
    from pipeline.app.configuration.customers import Owners

    coverage = config.coverage
    keeps = {edge.id: edge.keeps or coverage.keeps for edge in config.edge}
    return Settings(
        edges=tuple(_configured(edge) for edge in config.edge),
        allowance_s=config.lateness.allowance.span.total_seconds(),
        tolerance_percent=float(coverage.tolerance_percent),
        tolerance_bytes=coverage.tolerance_bytes,
        tolerance_requests=coverage.tolerance_requests,
        owner=Owners(config.customer).owner,
        keeps_s={edge: keep.span.total_seconds() for edge, keep in keeps.items() if keep is not None},
    )


def _configured(edge: EdgeSettings) -> ConfiguredEdge:
    from pipeline.coverage.roster import ConfiguredEdge

    return ConfiguredEdge(
        id=edge.id,
        zone=edge.zone,
        from_s=edge.from_.at().timestamp(),
        to_s=edge.to.at().timestamp() if edge.to else None,
        pauses=tuple((pause.from_.at().timestamp(), pause.to.at().timestamp()) for pause in edge.pauses),
        streams=edge.streams,
        counters=edge.counters,
    )


def look_at(store: Store, context: Context, now: datetime, period: Period) -> Coverage:
    """The state of every minute of a period, as of now."""
    from pipeline.coverage.control import look

    settings = settings_of(config_or_none(context))
    return look(store, settings, now=now.timestamp(), first=period.first, after=period.after).coverage


def check_all(store: Store, context: Context, now: datetime, period: Period | None) -> Checked:
    """Every gap as it stands now: over all that may still change, and `period` where it reaches further."""
    from pipeline.coverage.continuous import reach
    from pipeline.coverage.control import check, first_minutes, roster_of, widen

    config = config_or_none(context)
    settings, firsts, gaps = settings_of(config), first_minutes(store), store.gaps()
    first, after = reach(roster_of(store, settings, firsts), gaps, now.timestamp(), reach_s(config))
    if period is not None:
        first, after = widen(min(first, period.first), max(after, period.after), gaps)
    return check(store, settings, now=now.timestamp(), first=first, after=after, firsts=firsts)


def check_and_record(store: Store, config: Config, now: datetime) -> Checked:
    """Look at everything within reach and write what was found; the stretch that ends now."""
    from pipeline.coverage.continuous import Continuous

    return Continuous(store, settings_of(config), reach_s(config)).step(now.timestamp())[0]


def reach_s(config: Config | None) -> float:
    """How far back minutes are looked at again."""
    from pipeline.app.configuration.settings import CoverageSettings

    return (config.coverage if config else CoverageSettings()).reach.span.total_seconds()
