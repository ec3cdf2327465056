"""When clients were hurt, and what that makes of each lost minute: not served, served but not logged, or not known.
From transitions of the incidents that touch a scope, and the probes behind them where they are at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.after.model import Split, Stretch
from incidents.began import began
from incidents.model import Harm, Kind, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from incidents.events import Probe
    from incidents.model import Transition
    from incidents.tasks.model import Lost

MINUTE = 60.0


def harm_of(history: Sequence[Transition], now: float, probes: Iterable[Probe] = ()) -> list[Stretch]:
    """The harm of one incident over its life, as stretches that ascend and touch.

    Harm begins when the evidence of it says, which may be before anybody looked. A suspicion that was confirmed without
    a break was harm from its beginning on. Confirmed harm ends at the first fine
    look after the last failing one where probes of the scope are given, else when it was judged to have ended: an
    incident waits for clean minutes before it closes, and those are not minutes of harm. What a gap or a request only
    has from the outage that it hangs below is the outage's, and not told here.
    """
    history = [each for each in history if not inherited(each)]
    found: list[Stretch] = []
    for place, each in enumerate(history):
        until = history[place + 1].at if place + 1 < len(history) else now
        harm = Harm.NONE if each.status is Status.RESOLVED else own_harm(each)
        before = [part.harm for part in found[-2:]]
        joined = 0
        if before[-1:] == [harm]:
            joined = 1
        elif harm is Harm.CONFIRMED and before[-1:] == [Harm.SUSPECTED]:
            joined = 2 if before[0] is Harm.CONFIRMED else 1
        since = found[-joined].since if joined else each.at
        del found[len(found) - joined :]
        if harm in (Harm.SUSPECTED, Harm.CONFIRMED):
            known = found[-1:] and found[-1].harm in (Harm.SUSPECTED, Harm.CONFIRMED)
            after = 0.0 if not found else found[-1].until if known else found[-1].since
            since = min(since, began(each, after))
            if found:
                found[-1] = Stretch(found[-1].since, since, found[-1].harm)
        found.append(Stretch(since, until, harm))
    looks = [probe for probe in probes if history and probe.scope == history[0].scope]
    return [part for stretch in found for part in _until_mended(stretch, looks)]


def inherited(transition: Transition) -> bool:
    """Whether its harm is that of the outage above it."""
    below = transition.kind is Kind.BILLING_GAP and bool(transition.parent)
    return below and transition.status is not Status.RESOLVED


def own_harm(transition: Transition) -> Harm:
    """Its harm without what it has from an outage: a client's word alone is a suspicion, and confirmed harm of his has
    an outage of its own."""
    request = transition.kind is Kind.CLIENT_REQUEST and transition.harm is Harm.CONFIRMED
    return Harm.SUSPECTED if request else transition.harm


def _until_mended(stretch: Stretch, looks: Sequence[Probe]) -> list[Stretch]:
    if stretch.harm is not Harm.CONFIRMED:
        return [stretch]
    inside = [probe for probe in looks if stretch.since <= probe.at <= stretch.until]
    last_bad = max((probe.at for probe in inside if not probe.ok), default=None)
    fine = [probe.at for probe in inside if probe.ok and last_bad is not None and probe.at > last_bad]
    if not fine or min(fine) >= stretch.until:
        return [stretch]
    end = min(fine)
    return [Stretch(stretch.since, end, Harm.CONFIRMED), Stretch(end, stretch.until, Harm.NONE)]


def hurt_seconds(stretches: Iterable[Stretch]) -> float:
    """How long harm was confirmed, overlaps counted once."""
    total, reached = 0.0, float("-inf")
    for stretch in sorted(stretches):
        if stretch.harm is Harm.CONFIRMED:
            total += max(0.0, stretch.until - max(stretch.since, reached))
            reached = max(reached, stretch.until)
    return total


def split_minutes(lost: Lost, stretches: Iterable[Stretch]) -> Split:
    """The gap's minutes by what was with the clients. `stretches`: of every incident that touches its edge or clients.

    A minute within confirmed harm was not served. One without was served if the next certain word on its clients is
    that they are: logs are missed minutes after they were due, so the judgement always comes later. Otherwise, nobody
    knows.
    """
    ordered = sorted(stretches)
    served = hurt = unknown = 0
    minute = lost.since
    while minute < lost.until:
        end = minute + MINUTE
        if any(part.harm is Harm.CONFIRMED and part.since < end and minute < part.until for part in ordered):
            hurt += 1
        else:
            word = next(
                (
                    part.harm
                    for part in ordered
                    if part.harm in (Harm.NONE, Harm.CONFIRMED) and part.until > minute
                ),
                Harm.UNKNOWN,
            )
            served += word is Harm.NONE
            unknown += word is not Harm.NONE
        minute = end
    return Split(hurt, served, unknown)
