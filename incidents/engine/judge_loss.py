"""Are the clients served whose logs are lost? The first question of the standard procedure; and a client's own
word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.engine.judge_customer import harm_rank
from incidents.engine.judgement import Judgement, open_outage, soonest
from incidents.engine.losses import loss_facts
from incidents.engine.meters import counts_zero
from incidents.engine.plans import lost_as_planned
from incidents.engine.probes import judge_probes, probe_facts
from incidents.engine.subjects import CUSTOMER, EDGE, name_of
from incidents.model import Fact, Harm, Scope
from incidents.words import instant_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from incidents.engine.judgement import View
    from incidents.engine.state import Incident, Loss


def judge_loss(view: View, subject: str) -> Judgement:
    """Harm behind the lost minutes of an edge: none only where something fresh, apart from the logs, shows it."""
    state, moment, limits = view.state, view.moment, view.limits
    edge = name_of(subject)
    loss = state.losses.get(edge)
    if loss is None or not loss.spans:
        return Judgement(good=("gap",), newest=loss.told_at if loss else 0.0)
    customers = customers_of(view, edge, loss)
    served, most, until, facts, unseen = _served(view, edge, customers)
    parent = worst_outage(view, edge, customers)
    still = counts_zero(state, edge, moment, limits)
    harm, held, reason = Harm.NONE, True, f"logs of edge {edge} are lost; the clients are served"
    if not served:
        harm, held = Harm.SUSPECTED, most
        reason = f"logs of edge {edge} are lost, nothing fresh shows that the clients are served: probe them at once"
    elif still:
        harm = Harm.SUSPECTED
        reason = f"logs of edge {edge} are lost and its counter stands still, though probes are fine"
        facts = (*facts, Fact(state.meters[edge].at, "counter", "no requests since the reading before"))
    asked = not served and parent is None and _was_served(view, edge, customers)
    if asked:
        away = state.away
        harm, held, until = Harm.UNKNOWN, True, away.until
        reason = f"logs of edge {edge} are lost; the watch was away from {instant_text(away.since)}"
        if view.now < away.back:  # when it came back was not known yet
            reason += ": probe the clients at once"
        else:
            reason += (
                f" to {instant_text(away.back)}: probe the clients at once, silence is raised at"
                f" {instant_text(away.until)}"
            )
    own, alone = harm, reason
    if parent is not None:
        if harm_rank(parent.harm) > harm_rank(harm):
            harm = parent.harm
        reason = f"logs of edge {edge} are lost; it hangs below {parent.id}, clients first"
    return Judgement(
        harm=harm,
        bad=("gap",),
        good=("served",) if served and not still else (),
        held=held,
        asked=asked,
        own=own,
        alone=alone,
        # no plan for an edge covers that its clients are hurt, nor other minutes
        beyond=parent is not None or not lost_as_planned(state, subject, Scope("edge", edge)),
        reason=reason,
        facts=(*facts, *loss_facts(loss, customers, view.now)),
        customers=tuple(customers),
        newest=loss.told_at,
        until=until,
        wants_probe=not served,
        unseen=unseen,
        followed=parent.subject if parent else "",
    )


def judge_request(view: View, subject: str) -> Judgement:
    """A client's word: of a technical problem it is evidence, against which healthy probes of later count."""
    state, moment, limits = view.state, view.moment, view.limits
    asked = state.requests[name_of(subject)]
    said = Fact(asked.word_at, "request", f"{asked.customer} ({asked.kind}): {asked.text}".rstrip(": "))
    if asked.kind != "technical":
        return Judgement(
            bad=("request",),
            held=True,
            reason=f"a {asked.kind} request of {asked.customer}",
            facts=(said,),
            customers=(asked.customer,),
            newest=asked.word_at,
        )
    target = CUSTOMER + asked.customer
    verdict = judge_probes(state, target, moment, limits)
    parent = open_outage(view, target)
    later = any(look.ok and look.at >= asked.word_at for look in state.targets.get(target, {}).values())
    answered = verdict.clean and later
    alone = reason = f"{asked.customer} reports a technical problem"
    if parent is not None:
        reason += f"; it hangs below {parent.id}"
    elif not verdict.healthy:
        reason += f": probe {asked.customer} at once"
    return Judgement(
        harm=parent.harm if parent and parent.harm is Harm.CONFIRMED else Harm.SUSPECTED,
        bad=("request",),
        good=("served",) if answered else (),
        held=verdict.healthy or verdict.held,
        reason=reason,
        alone=alone,
        facts=(said, *probe_facts(state, target, moment, limits)),
        customers=(asked.customer,),
        newest=asked.word_at,
        until=verdict.until,
        wants_probe=not answered,
        followed=parent.subject if parent else "",
    )


def customers_of(view: View, edge: str, loss: Loss) -> list[str]:
    """Whom the lost minutes hit: as the gaps say; of those that name nobody, whoever is known to be served there."""
    if loss.customers and not loss.unnamed:
        return loss.customers
    return sorted({*loss.customers, *_served_at(view, edge)})


def _served_at(view: View, edge: str) -> list[str]:
    traffic = view.state.traffic.get(edge)
    return [customer for customer in traffic.pairs if customer] if traffic else []


def worst_outage(view: View, edge: str, customers: Iterable[str]) -> Incident | None:
    """The open outage in the scope of a gap that matters most: its edge's, or one of its customers'."""
    found: Incident | None = None
    for target in (EDGE + edge, *(CUSTOMER + customer for customer in customers)):
        incident = open_outage(view, target)
        if incident is not None and (found is None or incident.priority.rank > found.priority.rank):
            found = incident
    return found


def _was_served(view: View, edge: str, customers: list[str]) -> bool:
    """After a restart: whether the clients were served when the watch before it ended, and nothing has failed since."""
    before = view.asks_first
    if before is None or not _served(before, edge, customers)[0]:
        return False
    targets = (EDGE + edge, *(CUSTOMER + customer for customer in customers))
    return not any(judge_probes(view.state, each, view.moment, view.limits).bad for each in targets)


def _served(
    view: View, edge: str, customers: list[str]
) -> tuple[bool, bool, float | None, tuple[Fact, ...], tuple[str, ...]]:
    """Whether a fresh probe of the edge, or of every customer of it, is fine; whether at least most of each one's
    probes are; until when that holds; what they said; of which customers nothing says that they are served."""
    state, moment, limits = view.state, view.moment, view.limits
    at_edge = judge_probes(state, EDGE + edge, moment, limits)
    facts = probe_facts(state, EDGE + edge, moment, limits)
    if at_edge.healthy:
        return True, True, at_edge.until, facts, ()
    until = at_edge.until
    loss = state.losses[edge]
    # minutes of which nobody said, nor knows, whom they hit, are answered by the edge's own probe alone
    known = most = bool(customers) and (not loss.unnamed or bool(_served_at(view, edge)))
    unseen: list[str] = []
    for customer in customers:
        verdict = judge_probes(state, CUSTOMER + customer, moment, limits)
        until = soonest(until, verdict.until)
        if not verdict.healthy:
            unseen.append(customer)
        most = most and (verdict.healthy or verdict.held)
        if len(facts) < 2 * limits.quorum:
            facts = (*facts, *probe_facts(state, CUSTOMER + customer, moment, limits))
    fine = known and not unseen and not at_edge.bad
    return fine, most or at_edge.held, until, facts, tuple(unseen)
