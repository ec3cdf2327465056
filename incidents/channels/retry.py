"""When a channel that failed is tried again: ever more rarely, and not for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from incidents.channels.model import Sent
    from incidents.channels.settings import NoticeSettings

FACTOR = 3.0


def wait_after(settings: NoticeSettings, attempt: int, answer: Sent) -> float:
    """Seconds from the attempt-th failure (from 1) to the next try; the other side may ask for more, within
    the longest."""
    longest = settings.longest_wait.span.total_seconds()
    own: float = settings.first_wait.span.total_seconds() * FACTOR ** min(attempt - 1, 20)
    return min(longest, max(own, answer.after))


def next_try(
    settings: NoticeSettings, first_at: float, attempt: int, answer: Sent, now: float
) -> float | None:
    """When to try again; None when that cannot help, or it has been tried for as long as is kept."""
    if not answer.retry:
        return None
    following = now + wait_after(settings, attempt, answer)
    return following if following <= first_at + settings.keep.span.total_seconds() else None
