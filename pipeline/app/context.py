"""The global options, handed to every command: which configuration, which store, what time it is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.app.failures import UsageFailure

if TYPE_CHECKING:
    from pipeline.app.configuration.config import ConfigRead
    from pipeline.app.configuration.settings import Config

DEFAULT_CONFIG = "prebill.toml"


@dataclass(frozen=True)
class Context:
    """The global options as they were typed; `None` where they were not."""

    config_path: str | None = None
    store_dsn: str | None = None
    now_text: str | None = None
    verbose: bool = False

    @cached_property
    def config(self) -> Config:
        """The configuration, from file and environment, with `--store` over both; raises UsageFailure."""
        from pipeline.app.configuration.config import usable

        return usable(self.config_read)

    @cached_property
    def config_read(self) -> ConfigRead:
        """The same with whatever is wrong in it; raises UsageFailure where it is no TOML."""
        from pipeline.app.configuration.config import read_config

        named = Path(self.config_path) if self.config_path else None
        return read_config(named, Path(DEFAULT_CONFIG), os.environ, store_dsn=self.store_dsn)

    @cached_property
    def dsn(self) -> str:
        """The store's name; with `--store` given no configuration is needed."""
        return self.store_dsn or self.config.store.dsn

    def now(self) -> datetime:
        """`--now`, else the clock."""
        return self.fixed_now or datetime.fromtimestamp(time.time(), UTC)

    def clock(self) -> Callable[[], datetime]:
        """What tells the time while a command runs: from `--now` on it moves like the clock."""
        fixed, started = self.fixed_now, time.monotonic()
        if fixed is None:
            return self.now
        return lambda: fixed + timedelta(seconds=time.monotonic() - started)

    @cached_property
    def fixed_now(self) -> datetime | None:
        """`--now` as a time in UTC; raises UsageFailure when it is none."""
        return parse_time(self.now_text) if self.now_text else None


def parse_time(text: str, option: str = "--now") -> datetime:
    """RFC 3339 with an offset, as a time in UTC; raises UsageFailure that names the option."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise UsageFailure(
            f"{option}: expected a time with an offset, like 2026-11-01T00:00:00Z; found {text!r}"
        )
    return found.astimezone(UTC)


def acting_user(named: str | None) -> str:
    """Who does it: the one named with `--actor`, else the account; its number where that has no name, as in many
    containers."""
    import getpass

    if named and named.strip():
        return named.strip()
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
