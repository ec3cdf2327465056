"""Is one edge fine, and where it is not, do its neighbours carry the clients? An edge is not the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.engine.judge_customer import fine_until
from incidents.engine.judgement import Judgement, is_open, soonest
from incidents.engine.meters import counts_zero
from incidents.engine.probes import judge_probes, probe_facts
from incidents.engine.slow import slow_of_edge
from incidents.engine.subjects import CUSTOMER, EDGE, name_of
from incidents.engine.traffic import (
    burn_of_edge,
    burn_of_pair,
    burns_fast,
    fell_to_zero,
    lines_of_edge,
    serves,
)
from incidents.engine.windows import failing_since
from incidents.model import Fact, Harm

if TYPE_CHECKING:
    from incidents.engine.judgement import View
    from incidents.engine.slow import Slow
    from incidents.engine.state import Pair
    from incidents.engine.windows import Burn


def judge_edge(view: View, subject: str) -> Judgement:
    """Harm through one edge."""
    state, moment, limits = view.state, view.moment, view.limits
    name = name_of(subject)
    verdict = judge_probes(state, subject, moment, limits)
    burn = burn_of_edge(state, name, moment, limits) if name in state.traffic else None
    surge = burn is not None and burns_fast(burn, limits)
    quiet = burn is not None and burn.requests > 0 and not surge
    if surge:
        state.traffic[name].burnt = lines_of_edge(state, name, moment, limits)[0][-1].minute
    slow = slow_of_edge(state, name, moment, limits) if quiet else None
    bad = [
        source
        for source, speaks in (("probe", verdict.bad), ("errors", surge), ("slow", slow is not None))
        if speaks
    ]
    good = ["probe"] if verdict.clean else []
    if quiet:
        good += ["errors"] if slow is not None else ["errors", "slow"]
    if not bad:
        if subject not in state.incidents:
            return Judgement(good=tuple(good))
        # what was bad has grown stale: nobody knows about the edge, but its clients may still be seen to be served
        carried, carried_until = neighbours_carry(view, name, dead=True)
        return Judgement(
            good=tuple(good),
            held=bool(carried),
            fine_until=fine_until(state.incidents[subject], verdict, _burn_until(burn, limits.fresh) or 0.0),
            until=soonest(verdict.until, _burn_until(burn, limits.fresh), carried_until),
            facts=(*probe_facts(state, subject, moment, limits), *_told(burn)),
        )
    if slow is not None and not verdict.bad:
        return _smoulders(
            view, name, slow, tuple(good), soonest(verdict.until, _burn_until(burn, limits.fresh))
        )
    carried, carried_until = neighbours_carry(view, name, dead=verdict.bad and not surge)
    stopped = verdict.bad and (
        counts_zero(state, name, moment, limits) or fell_to_zero(state, name, moment, limits)
    )
    facts = list(probe_facts(state, subject, moment, limits))
    reasons = [
        f"probes of edge {name} fail" if verdict.harm is Harm.CONFIRMED else f"a probe of edge {name} fails"
    ]
    if not verdict.bad:
        reasons = []
    if stopped:
        reasons.append("its traffic has fallen to zero")
    if surge and burn is not None:
        facts.append(Fact(burn.at, "traffic", burn.text, _failing_since(view, name)))
        reasons.append(f"a surge of errors at edge {name}")
    if slow is not None:
        facts.append(Fact(slow.burn.at, "traffic", slow.burn.text, _failing_since(view, name)))
        reasons.append(f"errors at edge {name} burn {slow.pace}")
    confirmed = verdict.harm is Harm.CONFIRMED or stopped
    harm = Harm.SUSPECTED if carried or (carried is None and not confirmed) else Harm.CONFIRMED
    if carried is False and not confirmed and not surge:
        harm = Harm.SUSPECTED  # one failed look at an edge is a suspicion, whoever its neighbours are
    reasons.append(_CARRIED[carried])
    return Judgement(
        harm=harm,
        bad=tuple(bad),
        good=tuple(good),
        held=bool(carried) or (verdict.held and not surge),
        beyond=carried is False,
        reason="; ".join(reasons),
        facts=tuple(facts),
        customers=_customers_of(view, name),
        newest=max(verdict.newest, burn.at if surge and burn else 0.0),
        until=soonest(verdict.until, _burn_until(burn, limits.fresh), carried_until),
        wants_probe=carried is None,
    )


def _smoulders(view: View, name: str, slow: Slow, good: tuple[str, ...], until: float | None) -> Judgement:
    """A slow burn alone: somebody must look, and most clients are served."""
    return Judgement(
        harm=Harm.SUSPECTED,
        bad=("slow",),
        good=good,
        held=slow.mostly,
        reason=f"errors at edge {name} burn {slow.pace}",
        facts=(
            *probe_facts(view.state, EDGE + name, view.moment, view.limits),
            Fact(slow.burn.at, "traffic", slow.burn.text, _failing_since(view, name)),
        ),
        customers=_customers_of(view, name),
        newest=slow.burn.at,
        until=until,
    )


def _failing_since(view: View, name: str) -> float:
    """Since when its requests fail, as far as its minutes tell; 0 where they do not."""
    cells, past = lines_of_edge(view.state, name, view.moment, view.limits)
    known = is_open(view.state, EDGE + name)
    return failing_since(cells, None if known else past, view.limits.burn_window, view.limits.burn) or 0.0


def _customers_of(view: View, edge: str) -> tuple[str, ...]:
    traffic = view.state.traffic.get(edge)
    return tuple(sorted(c for c in traffic.pairs if c)) if traffic else ()


def neighbours_carry(view: View, edge: str, *, dead: bool) -> tuple[bool | None, float | None]:
    """Whether the clients of an edge are served all the same, by their own probes or by healthy traffic at other edges,
    and until when that holds.

    None where nothing fresh tells. `dead`: all of its clients matter, not only those who get errors from it.
    """
    state = view.state
    traffic, loss = state.traffic.get(edge), state.losses.get(edge)
    clients = {
        customer
        for customer, pair in (traffic.pairs.items() if traffic else ())
        if customer and customer not in state.burning and (dead or _burns(view, pair))
    }
    if dead and loss is not None and loss.spans:
        clients.update(loss.customers)
    if not clients:
        return _others_serve(view, edge)
    answer: bool | None = True
    # an edge that answers may be the one that a look had luck at, unless there is a neighbour
    elsewhere, until = (True, None) if dead else _others_serve(view, edge)
    if not dead and traffic:  # then age alone changes who is meant
        until = soonest(until, *(traffic.pairs[each].cells[-1].at + view.limits.fresh for each in clients))
    for customer in sorted(clients):
        one, holds = _is_carried(view, customer, edge, elsewhere=bool(elsewhere))
        if one is False:
            return False, holds if dead else soonest(until, holds)
        if one is None:
            answer = None
        until = soonest(until, holds)
    return answer, until


def _is_carried(view: View, customer: str, edge: str, *, elsewhere: bool) -> tuple[bool | None, float | None]:
    """`elsewhere`: whether his healthy probes can have been answered by another edge than this one."""
    state, moment, limits = view.state, view.moment, view.limits
    verdict = judge_probes(state, CUSTOMER + customer, moment, limits)
    if verdict.harm is Harm.CONFIRMED:
        return False, verdict.until
    if verdict.healthy and elsewhere:
        return True, verdict.until
    others = [state.traffic[home].pairs[customer] for home in state.homes.get(customer, ()) if home != edge]
    told = [pair for pair in others if moment.fresh(pair.cells[-1].at, limits.fresh)]
    until = soonest(verdict.until, *(pair.cells[-1].at + limits.fresh for pair in told))
    if any(serves(pair.cells, limits) for pair in told):
        return (None if verdict.bad else True), until
    return (False if told and not verdict.healthy else None), until


def _others_serve(view: View, edge: str) -> tuple[bool | None, float | None]:
    told: list[bool] = []
    until: float | None = None
    for name, traffic in view.state.traffic.items():
        if name == edge:
            continue
        whole = traffic.pairs.get("")
        cells = whole.cells if whole else traffic.sums
        if cells and view.moment.fresh(cells[-1].at, view.limits.fresh):
            told.append(serves(cells, view.limits))
            until = soonest(until, cells[-1].at + view.limits.fresh)
    return (any(told) if told else None), until


def _burns(view: View, pair: Pair) -> bool:
    burn = burn_of_pair(pair, pair.cells[-1].minute, view.limits)
    return view.moment.fresh(pair.cells[-1].at, view.limits.fresh) and burn.over(view.limits.burn)


def _told(burn: Burn | None) -> tuple[Fact, ...]:
    return (Fact(burn.at, "traffic", burn.text),) if burn is not None and burn.requests else ()


def _burn_until(burn: Burn | None, fresh: float) -> float | None:
    return burn.at + fresh if burn is not None and burn.at else None


_CARRIED: dict[bool | None, str] = {
    True: "its neighbours carry the clients",
    False: "its neighbours do not carry the clients",
    None: "nothing shows that its neighbours carry the clients: probe them at once",
}
