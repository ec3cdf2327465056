"""Planned work: windows in which the effects inside a scope are recorded and wake nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.engine.state import State, Window
from incidents.engine.subjects import EDGE, GAP, name_of

if TYPE_CHECKING:
    from incidents.events import Maintenance
    from incidents.model import Scope

EVERYTHING = "all"
FOREVER = float("inf")


def take_maintenance(state: State, event: Maintenance) -> set[str]:
    """Remember a window; what it mutes is what begins in it, so nothing that stands open is touched."""
    key = EVERYTHING if event.scope.kind == EVERYTHING else f"{event.scope.kind}:{event.scope.id}"
    windows = state.windows.setdefault(key, [])
    window = Window(event.since, event.until, event.reason)
    if window not in windows:
        windows.append(window)
        windows.sort()
    windows[:] = [known for known in windows if known.until > state.now]
    if not windows:
        del state.windows[key]
    return {subject for subject, incident in state.incidents.items() if incident.muted}


def muted_until(state: State, subject: str, scope: Scope, at: float) -> float:
    """When the planned work ends that covers a subject now, 0 where none does; windows that touch are one."""
    until = at
    for windows in (state.windows.get(f"{scope.kind}:{scope.id}", ()), state.windows.get(EVERYTHING, ())):
        for window in windows:
            if window.since <= until < window.until:
                until = window.until
    if until > at:
        return until
    if subject.startswith(EDGE) and name_of(subject) in state.retired:
        return FOREVER  # an edge out of service is expected to be silent; its lost minutes are not
    return 0.0


def why_muted(state: State, subject: str, scope: Scope, at: float) -> str:
    """The reason that the plan gives."""
    for windows in (state.windows.get(f"{scope.kind}:{scope.id}", ()), state.windows.get(EVERYTHING, ())):
        for window in windows:
            if window.since <= at < window.until and window.reason:
                return f"planned work ({window.reason})"
    if not subject.startswith(GAP) and name_of(subject) in state.retired:
        return f"the edge's {state.retired[name_of(subject)].action}"
    return "planned work"
