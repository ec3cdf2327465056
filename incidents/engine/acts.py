"""What people say about incidents, and notices that reached nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.engine.lifecycle import resolve
from incidents.engine.losses import settle_loss
from incidents.engine.notices import go_further, tell
from incidents.engine.probes import settle_probes
from incidents.engine.subjects import CLOCK, CONTROL, CUSTOMER, GAP, VANTAGE, name_of
from incidents.events import DeliveryFailed, Said
from incidents.model import Change, Status

if TYPE_CHECKING:
    from incidents.engine.judgement import View
    from incidents.engine.state import Incident
    from incidents.model import Transition


def act(view: View, incident: Incident, event: Said | DeliveryFailed) -> list[Transition]:
    """The lines that an act leads to; on a resolved incident only a note does."""
    if isinstance(event, DeliveryFailed):
        return go_further(view, incident, event.notice)
    actor = event.actor or "somebody"
    if event.act == "note":
        return [tell(view, incident, Change.UPDATED, f"note: {event.text}", actor=actor)]
    if incident.status is Status.RESOLVED:
        return []
    if event.act == "ack":
        if actor in incident.acks:
            return []
        incident.acks = sorted({*incident.acks, actor})
        incident.status = Status.ACKNOWLEDGED
        incident.next_level = None
        reason = event.text or f"{actor} has it; reminders to {actor} stop, nothing else does"
        return [tell(view, incident, Change.ACKNOWLEDGED, reason, actor=actor)]
    _settle(view, incident)
    return resolve(view, incident, event.text or f"resolved by {actor}", actor)


def _settle(view: View, incident: Incident) -> None:
    """A person's word closes what was known until then; only newer evidence opens it again."""
    state, name = view.state, name_of(incident.subject)
    if incident.subject.startswith(GAP):
        loss = state.losses.get(name)
        if loss is not None:
            settle_loss(loss)
    elif incident.subject.startswith(VANTAGE):
        vantage = state.vantages.pop(name)
        for target in (*vantage.okays, *vantage.bads):
            state.targets.get(target, {}).pop(name, None)
    elif incident.subject.startswith(CONTROL):
        for seen_from in state.targets.pop(incident.subject, {}):
            vantage = state.vantages[seen_from]
            vantage.okays.pop(incident.subject, None)
            vantage.bads.pop(incident.subject, None)
    elif incident.subject.startswith(CLOCK):
        del state.skews[name]
    else:
        settle_probes(state, incident.subject)
    if incident.subject.startswith(CUSTOMER) and name in state.fallen:
        for edge in state.fallen.pop(name):  # what is usual is learnt anew
            pair = state.traffic[edge].pairs[name]
            pair.usual, pair.known = 0.0, 0
