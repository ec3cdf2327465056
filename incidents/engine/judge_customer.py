"""Is one customer served? Probes of his host, errors and falls in his traffic, together; and is his origin fine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.engine.judgement import Judgement, is_open, same_failure, soonest
from incidents.engine.meters import counters_deny
from incidents.engine.probes import judge_probes, probe_facts
from incidents.engine.slow import slow_of_customer
from incidents.engine.subjects import CUSTOMER, EDGE, ORIGIN, name_of
from incidents.engine.traffic import (
    add_up,
    burn_of_customer,
    burn_of_pair,
    burns_fast,
    fall_of_customer,
    fresh_pairs,
    has_fallen,
    lines_of_edge,
    whole_until,
)
from incidents.engine.windows import MINUTE, failing_since, sum_window
from incidents.model import Fact, Harm
from incidents.words import counted

if TYPE_CHECKING:
    from incidents.engine.judgement import View
    from incidents.engine.limits import Limits
    from incidents.engine.probes import Verdict
    from incidents.engine.state import Incident, Pair, State
    from incidents.engine.traffic import Fall
    from incidents.engine.windows import Burn


def judge_customer(view: View, subject: str) -> Judgement:
    """Harm of a customer, and its cause as far as it shows."""
    state, moment, limits = view.state, view.moment, view.limits
    name, incident = name_of(subject), state.incidents.get(subject)
    verdict = judge_probes(state, subject, moment, limits)
    pairs = fresh_pairs(state, name, moment, limits) if name in state.homes else {}
    burn, cause = _burn(view, name, pairs, verdict)
    fall = fall_of_customer(pairs, limits)
    fell = fall is not None and has_fallen(fall, limits)
    _remember(state, name, fall if fell else None, pairs)
    _remember_burn(view, name, pairs, burns=bool(cause))
    slow = slow_of_customer(state, name, pairs, limits) if burn is not None and not cause else None
    _mark(state.smouldering, name, on=slow is not None)
    bad: list[str] = ["probe"] if verdict.bad else []
    good: list[str] = ["probe", "call"] if verdict.clean else []
    reasons: list[str] = []
    facts = list(probe_facts(state, subject, moment, limits)) if verdict.bad or incident is not None else []
    harm = verdict.harm if verdict.bad else Harm.NONE
    held, warn, newest = verdict.held, False, verdict.newest
    if verdict.harm is Harm.CONFIRMED:
        reasons.append(f"probes of {name} fail")
    elif verdict.bad:
        reasons.append(
            f"a probe of {name} fails, most are fine" if verdict.held else f"a probe of {name} fails"
        )
    if burn is not None and cause:
        bad.append("errors")
        newest = max(newest, burn.at)
        facts.append(Fact(burn.at, "traffic", burn.text, _failing_since(view, subject, pairs)))
        if cause == "origin":
            held = held or verdict.harm is not Harm.CONFIRMED
            harm, warn = _worse(harm, Harm.SUSPECTED), True
            reasons.append(f"only the origin of {name} fails, our probe is fine: the client is warned first")
            facts += [*probe_facts(state, ORIGIN + name, moment, limits)]
        elif cause == "alone":
            if harm is Harm.NONE:
                harm, held = Harm.SUSPECTED, verdict.healthy
            reasons.append(f"{name} gets errors at the one edge that serves him, others there do not")
        else:
            harm = Harm.CONFIRMED
            reasons.append(f"{name} gets errors at every edge, and the cause is not shown to be his origin")
    elif burn is not None and burn.requests and not burns_fast(burn, limits):
        good.append("errors")
        if incident is not None:
            facts.append(Fact(burn.at, "traffic", burn.text))
    if slow is not None:
        bad.append("slow")
        newest = max(newest, slow.burn.at)
        facts.append(Fact(slow.burn.at, "traffic", slow.burn.text, _failing_since(view, subject, pairs)))
        reasons.append(f"errors of {name} at every edge burn {slow.pace}")
        if harm is Harm.NONE:  # never more: who is not served at all burns fast, or his probes fail
            harm, held = Harm.SUSPECTED, slow.mostly or verdict.healthy
        if verdict.healthy and _at_origin(slow.burn, limits):
            warn = True
            reasons.append(f"only the origin of {name} fails, our probe is fine: the client is warned first")
    elif burn is not None and burn.requests and not cause:
        good.append("slow")
    until = _edge_of_freshness(pairs, limits.fresh)
    if cause == "alone":  # by what is told of the edge in whole, for as long as that is fresh
        until = soonest(until, *(whole_until(state, edge, moment, limits) for edge in pairs))
    if cause == "origin":
        until = soonest(until, judge_probes(state, ORIGIN + name, moment, limits).until)
        if verdict.harm is Harm.UNKNOWN:  # then the edges' own looks answer
            until = soonest(
                until, *(judge_probes(state, EDGE + edge, moment, limits).until for edge in pairs)
            )
    if fell and fall is not None:
        said = Fact(
            fall.at,
            "traffic",
            _against_usual(fall),
            min(state.fallen[name].values(), default=fall.minute),
        )
        denied = counters_deny(state, fall, moment, limits)
        if verdict.bad:
            bad.append("fall")
            harm, held = Harm.CONFIRMED, False
            reasons.append(f"the traffic of {name} has fallen")
            facts.append(said)
        elif denied:
            good.append("fall")  # not a fall: logs are lost, which has a task of its own
        else:
            bad.append("fall")
            newest = max(newest, fall.at)
            facts = [*facts, said] if facts else [*probe_facts(state, subject, moment, limits), said]
            if verdict.healthy:
                warn = True
                reasons.append(
                    f"the traffic of {name} has fallen, our probe is fine: the client is told, no loss"
                )
            else:
                harm, held = _worse(harm, Harm.SUSPECTED), False
                reasons.append(
                    f"the traffic of {name} has fallen and no probe tells why: probe {name} at once"
                )
    elif fall is not None:
        good.append("fall")
        if incident is not None and "fall" in incident.sources:
            facts.append(Fact(fall.at, "traffic", _against_usual(fall)))
    above = _cause_above(view, subject, shown=cause == "origin" and not verdict.bad, bad=bool(bad))
    return Judgement(
        harm=harm,
        bad=tuple(bad),
        good=tuple(good),
        held=held,
        warn=warn,
        reason="; ".join(reasons),
        facts=tuple(facts),
        customers=(name,),
        newest=newest,
        fine_until=fine_until(
            incident, verdict, max((pair.cells[-1].at for pair in pairs.values()), default=0.0) + limits.fresh
        ),
        until=soonest(verdict.until, until) if bad or incident is not None else None,
        wants_probe=bool(bad) and verdict.harm is Harm.UNKNOWN,
        followed=above.subject if above is not None else "",
    )


def _against_usual(fall: Fall) -> str:
    return f"{counted(fall.actual, 'request')} a minute, {fall.usual:,.0f} are usual"


def _cause_above(view: View, subject: str, *, shown: bool, bad: bool) -> Incident | None:
    """The outage of his origin, where that alone is what he suffers from; and on, while minutes are counted in which
    nothing is bad any more."""
    above = same_failure(view, subject, ORIGIN + name_of(subject))
    if above is None or shown:
        return above
    known = view.state.incidents.get(subject)
    return above if known is not None and known.parent == above.id and not bad else None


def judge_origin(view: View, subject: str) -> Judgement:
    """A customer's own origin: not ours to mend, and his to know first."""
    state, moment, limits = view.state, view.moment, view.limits
    name = name_of(subject)
    verdict = judge_probes(state, subject, moment, limits)
    served = judge_probes(state, CUSTOMER + name, moment, limits)
    above = same_failure(view, subject, CUSTOMER + name)
    known = state.incidents.get(subject)
    if known is not None and verdict.harm is Harm.CONFIRMED:
        known.shown = verdict.newest
    return Judgement(
        harm=Harm.SUSPECTED if verdict.bad else Harm.NONE,
        bad=("probe",) if verdict.bad else (),
        good=(*(["probe"] if verdict.clean else []), *(["served"] if served.clean else [])),
        held=verdict.held or served.healthy,
        warn=True,
        reason=f"the origin {name} fails" + (", our probe is fine" if served.healthy else ""),
        facts=(
            *probe_facts(state, subject, moment, limits),
            *probe_facts(state, CUSTOMER + name, moment, limits),
        ),
        customers=(name,),
        newest=verdict.newest,
        fine_until=verdict.seen_until,
        until=soonest(verdict.until, served.until),
        wants_probe=not served.healthy,
        followed=above.subject if above is not None else "",
    )


def fine_until(incident: Incident | None, verdict: Verdict, told_until: float) -> float:
    """Until when what spoke of harm in an incident is shown to be well, if nothing more is heard: by probes, and by
    traffic."""
    if incident is None:
        return 0.0
    by_probes = [verdict.seen_until] if _BY_PROBES.intersection(incident.sources) else []
    by_traffic = [told_until] if not _BY_PROBES.issuperset(incident.sources) else []
    return min([*by_probes, *by_traffic], default=0.0)


def counted_loss(view: View, name: str) -> tuple[str, Fall] | None:
    """The edge whose counter denies a fall in a customer's logs, and that fall: then logs are lost there."""
    pairs = fresh_pairs(view.state, name, view.moment, view.limits)
    fall = fall_of_customer(pairs, view.limits)
    if fall is None or not has_fallen(fall, view.limits):
        return None
    edge = counters_deny(view.state, fall, view.moment, view.limits)
    return (edge, fall) if edge else None


def _burn(view: View, name: str, pairs: dict[str, Pair], verdict: Verdict) -> tuple[Burn | None, str]:
    """A customer's burn, and whose it is: `origin`, `ours` (or nobody's yet), `alone` where one edge serves him and
    others well, empty where there is none of his own."""
    if not pairs:
        return None, ""
    limits = view.limits
    burn, everywhere, edges = burn_of_customer(pairs, limits)
    if not burns_fast(burn, limits):
        return burn, ""
    if _at_origin(burn, limits) and (
        verdict.healthy or (verdict.harm is Harm.UNKNOWN and _edges_fine(view, pairs))
    ):
        return burn, "origin"
    if not everywhere:
        return burn, ""
    if verdict.healthy and _origin_explains(view, name, pairs):
        return burn, "origin"  # logs need not tell whose an error is: several looks at his origin do
    return burn, "ours" if edges > 1 else "alone" if _others_served(view, pairs) else ""


def _failing_since(view: View, subject: str, pairs: dict[str, Pair]) -> float:
    """Since when his requests fail, as far as his minutes tell; 0 where they do not."""
    limits, known = view.limits, is_open(view.state, subject)
    begins = (
        failing_since(pair.cells, None if known else pair.past, limits.burn_window, limits.burn)
        for pair in pairs.values()
    )
    return soonest(*begins) or 0.0


def _others_served(view: View, pairs: dict[str, Pair]) -> bool:
    """Whether the edge that serves a customer answers the requests of others there, of which it has enough to say."""
    limits = view.limits
    edge = max(pairs, key=lambda edge: pairs[edge].cells[-1].requests)
    cells, past = lines_of_edge(view.state, edge, view.moment, limits)
    last = cells[-1].minute
    whole = sum_window(cells, past, last - limits.burn_window, last)
    rest = whole.less(burn_of_pair(pairs[edge], last, limits))
    return rest.requests >= limits.burn_requests and not rest.over(limits.burn)


def _at_origin(burn: Burn, limits: Limits) -> bool:
    """Whether his origin answers for the errors: the rest is within what is borne."""
    rest = burn.errors - min(burn.origin, burn.errors)
    part, whole = limits.burn
    return rest * whole <= part * burn.requests


def _origin_explains(view: View, name: str, pairs: dict[str, Pair]) -> bool:
    """Whether several looks confirm that his origin fails; or did, and no errors burn behind the minute after them: of
    those before, the burn window tells for a while when it has long been mended."""
    if judge_probes(view.state, ORIGIN + name, view.moment, view.limits).harm is Harm.CONFIRMED:
        return True
    known = view.state.incidents.get(ORIGIN + name)
    if known is None or not known.shown:
        return False
    last = max(pair.cells[-1].minute for pair in pairs.values())
    since = max(known.shown + MINUTE, last - view.limits.burn_window)
    later = add_up(sum_window(pair.cells, pair.past, since, last) for pair in pairs.values())
    return not burns_fast(later, view.limits)


def _edges_fine(view: View, pairs: dict[str, Pair]) -> bool:
    return all(judge_probes(view.state, EDGE + edge, view.moment, view.limits).healthy for edge in pairs)


def _remember(state: State, name: str, fall: Fall | None, pairs: dict[str, Pair]) -> None:
    """Where a fall is going on its usual is not learnt anew; without fresh traffic it is not over."""
    if fall is not None:
        state.fallen[name] = {edge: state.fallen.get(name, {}).get(edge, fall.minute) for edge in fall.edges}
    elif pairs and name in state.fallen:
        del state.fallen[name]


def _remember_burn(view: View, name: str, pairs: dict[str, Pair], *, burns: bool) -> None:
    """Slow windows begin behind what burnt fast: it was told, and its end is judged by the fast window alone."""
    state = view.state
    _mark(state.burning, name, on=burns)
    if burns:
        state.burnt[name] = max(pair.cells[-1].minute for pair in pairs.values())
    elif state.burnt.get(name, view.now) < view.now - view.limits.reach - view.limits.fresh:
        del state.burnt[name]


def _mark(marks: dict[str, None], name: str, *, on: bool) -> None:
    if on:
        marks[name] = None
    else:
        marks.pop(name, None)


def _edge_of_freshness(pairs: dict[str, Pair], fresh: float) -> float | None:
    return min(pair.cells[-1].at for pair in pairs.values()) + fresh if pairs else None


def _worse(one: Harm, other: Harm) -> Harm:
    return max(one, other, key=harm_rank)


def harm_rank(harm: Harm) -> int:
    """The greater, the worse; unknown stands between none and suspected."""
    return _RANKS[harm]


_BY_PROBES = frozenset(("probe", "call"))
_RANKS = {harm: rank for rank, harm in enumerate((Harm.NONE, Harm.UNKNOWN, Harm.SUSPECTED, Harm.CONFIRMED))}
