"""What the incident log holds, as plain rows: the store knows no incidents, the front door makes these out of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.coverage.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Taken:
    """An event that was taken up at `taken_at` (epoch seconds)."""

    seq: int
    taken_at: float
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A transition or a notice. `body`: the whole of it, as JSON values. `event_seq`: the last event that it knew."""

    at: float
    incident: str
    kind: str
    scope_kind: str
    scope_id: str
    harm: str
    priority: str
    status: str
    change: str
    body: dict[str, Any]
    audience: str = ""
    level: int = 0
    draft: bool = False
    flaps: int = 0
    notice: str = ""
    actor: str = ""
    parent: str = ""
    reason: str = ""
    event_seq: int = 0
    seq: int = 0

    @property
    def text(self) -> str:
        """`body`, the same for the same."""
        return json.dumps(self.body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @property
    def key(self) -> str:
        """The digest of `body`, hex."""
        return hashlib.blake2b(self.text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A try to hand a notice to somebody; `reason`: why it was not sent, where it was held back."""

    at: float
    notice: str
    incident: str
    recipient: str
    channel: str
    attempt: int
    ok: bool
    error: str = ""
    reason: str = ""
    key: str = ""
    seq: int = 0


@dataclass(frozen=True, slots=True)
class ActRow:
    """What somebody did about an incident or a task. `key`: of a repeat the same; empty: made of the rest."""

    at: float
    incident: str
    act: str
    actor: str
    reason: str
    body: dict[str, Any]
    key: str = ""
    seq: int = 0

    @property
    def own_key(self) -> str:
        """`key`, or the digest of all the rest."""
        if self.key:
            return self.key
        what = [self.at, self.incident, self.act, self.actor, self.reason, self.body]
        text = json.dumps(what, ensure_ascii=False, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident as it stands: the view `incidents`."""

    incident: str
    kind: str
    scope_kind: str
    scope_id: str
    harm: str
    priority: str
    status: str
    since: float
    updated: float
    reason: str
    actor: str
    parent: str
    flaps: int
    notices: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The engine's state after `event_seq`; `at`: how far its time had come."""

    event_seq: int
    at: float
    state: bytes
