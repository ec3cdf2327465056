"""What configures tasks: `[tasks]` of prebill.toml, its defaults and its rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from msgspec import Struct

from pipeline.configured import Duration
from pipeline.shape import Problem


class TaskSettings(Struct, frozen=True, kw_only=True):
    """A task is due `due_after` it was opened, by working days alone, and `margin` before its data can no longer be
    recovered, whichever comes first. `language`: of procedures, the digest and incidents on a screen, where --lang
    does not say."""

    due_after: Duration = Duration(timedelta(hours=72))
    margin: Duration = Duration(timedelta(hours=24))
    language: Literal["en", "ru"] = "en"


def problems(settings: TaskSettings) -> list[Problem]:
    """What is wrong with them, beyond the type of each."""
    if settings.due_after.span <= timedelta(0):
        return [Problem(("tasks", "due_after"), "must be more than 0: nobody can be in time otherwise")]
    return []
