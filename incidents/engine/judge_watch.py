"""Do we ourselves still see, and can clients reach us? Probers, our own control plane, the support line, edges'
clocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from incidents.engine.judgement import Judgement, soonest
from incidents.engine.probes import doubt_until, judge_probes, judge_vantage, probe_facts
from incidents.engine.subjects import name_of
from incidents.model import Fact, Harm
from incidents.words import counted

if TYPE_CHECKING:
    from incidents.engine.judgement import View


def judge_prober(view: View, subject: str) -> Judgement:
    """A prober that fails alone for all its targets, or that has gone silent: what it says is unknown."""
    state, moment, limits = view.state, view.moment, view.limits
    name = name_of(subject)
    vantage = state.vantages[name]
    suspect = judge_vantage(state, name, moment, limits)
    fresh_for = limits.fresh if vantage.watches else limits.call_fresh
    silent = not moment.fresh(vantage.at, fresh_for)
    before = view.asks_first if silent else None
    asked = before is not None and before.moment.fresh(vantage.at, fresh_for)
    silent = silent and not asked  # we were, and he may not have been
    known = subject in state.incidents
    facts: tuple[Fact, ...] = ()
    reason = ""
    if suspect:
        seen = vantage.witness
        reason = (
            f"prober {name} fails for all of its targets while another sees them healthy: it is the suspect"
        )
        facts = tuple(f for f in probe_facts(state, seen, moment, limits)) if seen else ()
    elif silent:
        reason = f"prober {name} is silent: what it watched is unknown"
    if suspect or silent or known:
        facts = (*facts, Fact(vantage.at, "prober", f"{name}: last heard of"))
    return Judgement(
        harm=Harm.UNKNOWN if suspect or silent else Harm.NONE,
        bad=("suspect",) if suspect else ("silence",) if silent else (),
        good=() if suspect or silent or asked else ("suspect", "silence"),
        held=True,
        reason=reason,
        facts=facts,
        newest=vantage.at,
        until=soonest(
            state.away.until if asked else vantage.at + fresh_for if not silent else None,
            doubt_until(state, name, moment, limits),
        ),
    )


def judge_control(view: View, subject: str) -> Judgement:
    """Our own watched parts, the detector among them: failing, or silent once they were seen, they are a
    watchdog's."""
    state, moment, limits = view.state, view.moment, view.limits
    name = name_of(subject) or "control"
    verdict = judge_probes(state, subject, moment, limits)
    before = view.asks_first if verdict.harm is Harm.UNKNOWN else None
    asked = before is not None and judge_probes(state, subject, before.moment, limits).healthy
    silent = verdict.harm is Harm.UNKNOWN and not asked
    last = max((look.at for look in state.targets.get(subject, {}).values()), default=0.0)
    return Judgement(
        harm=Harm.UNKNOWN if silent or verdict.bad else Harm.NONE,
        bad=("probe",) if verdict.bad else ("silence",) if silent else (),
        good=("probe", "silence") if verdict.clean else (),
        held=True,
        reason=f"{name} is silent: states are unknown" if silent else f"{name} fails: states are unknown",
        facts=probe_facts(state, subject, moment, limits) or (Fact(last, "probe", f"{name}: last heard of"),),
        newest=max(verdict.newest, last),
        until=state.away.until if asked else verdict.until,
    )


def judge_support_line(view: View, subject: str) -> Judgement:
    """Test calls: one that fails means that clients may not reach us."""
    state, moment, limits = view.state, view.moment, view.limits
    verdict = judge_probes(state, subject, moment, limits)
    return Judgement(
        harm=Harm.SUSPECTED if verdict.bad else Harm.NONE,
        bad=("probe",) if verdict.bad else (),
        good=("probe",) if verdict.clean else (),
        held=True,
        reason="a test call to the support line fails: clients cannot reach us",
        facts=probe_facts(state, subject, moment, limits),
        newest=verdict.newest,
        until=verdict.until if subject in state.incidents else None,
    )


def judge_clock(view: View, subject: str) -> Judgement:
    """Minutes from the future: lines are counted in their segment's minute and flagged, nothing is lost."""
    skew = view.state.skews.get(name_of(subject))
    if skew is None:
        return Judgement()
    wrong = skew.wrong_at >= skew.right_at
    ahead = counted(round(skew.ahead / 60), "minute")
    right = not wrong and view.moment.fresh(skew.right_at, view.limits.fresh)
    return Judgement(
        bad=("clock",) if wrong else (),
        good=("clock",) if right else (),
        held=True,
        reason=f"the clock of edge {name_of(subject)} is wrong: lines are counted in their segment's minute",
        facts=(
            Fact(skew.wrong_at, "segment", f"a minute {ahead} ahead of its arrival"),
            *([Fact(skew.right_at, "segment", "a minute that is right")] if right else []),
        ),
        newest=skew.wrong_at,
        until=skew.right_at + view.limits.fresh if right else None,
    )
