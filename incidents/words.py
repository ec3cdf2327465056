"""Times as people and machines read them in the incident room."""

from __future__ import annotations

from datetime import UTC, datetime


def instant_text(at: float) -> str:
    """RFC 3339 in UTC; to the millisecond where it is not a whole second."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace(
        "+00:00", "Z"
    )
