"""What probes tell: results by target and vantage point, the quorum over them, and which prober is itself the
suspect."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.engine.state import Look, State, Vantage
from incidents.engine.subjects import CUSTOMER, SUPPORT_LINE, target_of
from incidents.model import Fact, Harm

if TYPE_CHECKING:
    from incidents.engine.limits import Limits
    from incidents.events import Probe

FACTS_SHOWN = 6


class Moment(Struct, frozen=True):
    """An instant of deciding. `after`: just after it, when what was exactly as old as is allowed has become too
    old."""

    at: float
    after: bool = False

    def fresh(self, seen_at: float, limit: float) -> bool:
        """Whether evidence of that time still counts."""
        age = self.at - seen_at
        return age < limit or (age == limit and not self.after)


class Verdict(Struct, frozen=True):
    """What the probes of one target say together.

    `harm`: none where they are healthy, unknown where nothing is fresh. `held`: a majority is fresh and healthy, so
    that a suspicion does not escalate. `clean`: healthy, and no vantage point's last word is a failure, however old.
    `newest`: the time of the newest failure that counts. `seen_until`: until when anybody's healthy look counts.
    `until`: when this verdict may change by age alone.
    """

    harm: Harm
    held: bool = False
    clean: bool = False
    newest: float = 0.0
    seen_until: float = 0.0
    until: float | None = None

    @property
    def healthy(self) -> bool:
        return self.harm is Harm.NONE

    @property
    def bad(self) -> bool:
        return self.harm in (Harm.SUSPECTED, Harm.CONFIRMED)


NOTHING = Verdict(Harm.UNKNOWN)


def take_probe(state: State, event: Probe, limits: Limits) -> set[str]:
    """Remember a result; the subjects that it may concern."""
    target = target_of(event.scope)
    at = min(
        event.at, state.now
    )  # a prober's clock that runs ahead does not keep its results fresh for longer
    looks = state.targets.setdefault(target, {})
    look = looks.get(event.vantage)
    if look is None:
        look = looks[event.vantage] = Look([(at, event.ok)])
    else:
        results = look.results
        place = bisect_left(results, (at, False))
        if place < len(results) and results[place][0] == at:
            results[place] = (at, results[place][1] and event.ok)  # two words at once: the worse
        else:
            results.insert(place, (at, event.ok))
            if len(results) > limits.failures:
                del results[0]
    if look.at == at and not event.ok:
        look.detail = max(look.detail, event.detail) if look.results[-1] == (at, event.ok) else event.detail
    touched = {target}
    _note_vantage(state, event.vantage, target, look, touched)
    return touched


def freshness(target: str, limits: Limits) -> float:
    """For how long a result counts: test calls to the support line are few."""
    return limits.call_fresh if target.startswith(SUPPORT_LINE) else limits.fresh


def judge_probes(state: State, target: str, moment: Moment, limits: Limits) -> Verdict:
    """The quorum: at least `quorum` vantage points, and no fewer than the healthy ones, fail their last `failures`
    probes; where one is all there is, that one. Fewer is a suspicion; of a suspect, where others are fine, nothing."""
    looks = state.targets.get(target)
    if not looks:
        return NOTHING
    fresh_for = freshness(target, limits)
    healthy = failing = shaky = doubted = 0
    stale_bad = False
    newest = seen_until = 0.0
    until: float | None = None
    alone = ""
    for vantage, look in looks.items():
        if not moment.fresh(look.at, fresh_for):
            stale_bad = stale_bad or not look.ok
            continue
        oldest = look.at
        if look.ok:
            healthy += 1
            seen_until = max(seen_until, oldest + fresh_for)
        else:
            doubted += state.vantages[vantage].suspect
            newest = max(newest, look.at)
            results = look.results
            if len(results) >= limits.failures and all(
                not ok and moment.fresh(at, fresh_for) for at, ok in results
            ):
                failing += 1
                oldest, alone = results[0][0], vantage
            else:
                shaky += 1
        until = oldest + fresh_for if until is None else min(until, oldest + fresh_for)
    if until is None:
        return NOTHING
    harm = Harm.SUSPECTED if failing + shaky else Harm.NONE
    if failing >= max(healthy, limits.quorum):
        harm = Harm.CONFIRMED
    elif failing == 1 and not healthy:
        others = _sight_of_others(state, alone, moment, limits)
        if others is None:
            harm = Harm.CONFIRMED
        else:
            until = min(until, others)
    elif harm is Harm.SUSPECTED and healthy and doubted == failing + shaky:
        harm = Harm.NONE  # the prober is the suspect, which pages; this never takes back what is confirmed
    return Verdict(
        harm,
        held=healthy > failing + shaky and harm is not Harm.CONFIRMED,
        clean=harm is Harm.NONE and not stale_bad,
        newest=newest,
        seen_until=seen_until,
        until=until,
    )


def settle_probes(state: State, target: str) -> None:
    """A person has resolved it: the failures of before say nothing any more."""
    for vantage, look in list(state.targets.get(target, {}).items()):
        if not look.ok:
            del state.targets[target][vantage]
            known = state.vantages[vantage]
            known.bads.pop(target, None)


def judge_vantage(state: State, name: str, moment: Moment, limits: Limits) -> bool:
    """Whether a prober is the suspect: it fails for all of its two or more clients, another sees one of them
    healthy."""
    vantage = state.vantages[name]
    if _sees_until(state, name, moment, limits) is not None:
        return False
    if vantage.witness and not _healthy_elsewhere(state, vantage.witness, name, moment, limits):
        # only here is every target looked at: a new witness tells itself, when its result is taken
        vantage.witness = next(
            (t for t in sorted(vantage.bads) if _healthy_elsewhere(state, t, name, moment, limits)), ""
        )
    if not vantage.witness:
        return False
    return len(_failed_clients(state, name, moment, limits)) > 1


def _failed_clients(state: State, name: str, moment: Moment, limits: Limits) -> list[float]:
    """Two clients, if there are so many, for whom a prober's fresh looks fail: the times of these looks."""
    seen: list[float] = []
    for target in state.vantages[name].bads:
        if target.startswith(CUSTOMER) and _is_fresh(state, target, name, moment, limits):
            seen.append(state.targets[target][name].at)
            if len(seen) > 1:
                break
    return seen


def doubt_until(state: State, name: str, moment: Moment, limits: Limits) -> float | None:
    """When age alone may make a suspect of a prober, or end its being one: with the last target that is fine for it, or
    with what speaks against it, its own looks among that."""
    vantage = state.vantages[name]
    if not vantage.bads:
        return None
    target = next(iter(vantage.okays), vantage.witness)
    if not target:
        return None
    fresh_for = freshness(target, limits)
    looks = state.targets.get(target, {})
    seen = [
        look.at
        for who, look in looks.items()
        if (who == name or look.ok) and moment.fresh(look.at, fresh_for)
    ]
    if not vantage.okays:
        seen += _failed_clients(state, name, moment, limits)
    return min(seen) + fresh_for if seen else None


def _note_vantage(state: State, name: str, target: str, look: Look, touched: set[str]) -> None:
    vantage = state.vantages.get(name)
    if vantage is None:
        vantage = state.vantages[name] = Vantage(look.at)
    vantage.at = max(vantage.at, look.at)
    vantage.watches = vantage.watches or not target.startswith(SUPPORT_LINE)
    if look.ok:
        vantage.bads.pop(target, None)
        vantage.okays[target] = None
        for other in state.targets[target]:  # whoever fails here while this one is fine may be the suspect
            if other != name and target in state.vantages[other].bads:
                state.vantages[other].witness = state.vantages[other].witness or target
                touched.add("1vantage:" + other)
    else:
        vantage.okays.pop(target, None)
        vantage.bads[target] = None
        if not vantage.witness and any(
            other != name and seen.ok for other, seen in state.targets[target].items()
        ):
            vantage.witness = target
        touched.add("1vantage:" + name)
    if vantage.suspect or "1vantage:" + name in state.incidents:
        touched.add("1vantage:" + name)


def _sight_of_others(state: State, name: str, moment: Moment, limits: Limits) -> float | None:
    """Until when another prober is known to work, by a target that is fine for it; None where this one is all there is.

    It counts other probers that see well, and not those that merely exist: so one more failure anywhere, or one healthy
    result less, can only bring the confirmation nearer. A test call to the support line shows no prober at work: a
    person made it, and it counts for a day.
    """
    seen = (
        _sees_until(state, other, moment, limits, calls=False) for other in state.vantages if other != name
    )
    return max((until for until in seen if until is not None), default=None)


def _sees_until(
    state: State, name: str, moment: Moment, limits: Limits, *, calls: bool = True
) -> float | None:
    """Until when a prober has a target that is fine for it, None where none; those that are too old are forgotten.
    `calls`: test calls to the support line count too."""
    okays = state.vantages[name].okays
    old = []
    until = None
    for target in okays:
        if not _is_fresh(state, target, name, moment, limits):
            old.append(target)
        elif calls or not target.startswith(SUPPORT_LINE):
            until = state.targets[target][name].at + freshness(target, limits)
            break
    for target in old:
        del okays[target]
    return until


def _is_fresh(state: State, target: str, vantage: str, moment: Moment, limits: Limits) -> bool:
    look = state.targets.get(target, {}).get(vantage)
    return look is not None and moment.fresh(look.at, freshness(target, limits))


def _healthy_elsewhere(state: State, target: str, name: str, moment: Moment, limits: Limits) -> bool:
    looks = state.targets.get(target, {})
    if not target.startswith(CUSTOMER) or name not in looks:
        return False
    return _is_fresh(state, target, name, moment, limits) and any(
        other != name and look.ok and moment.fresh(look.at, limits.fresh) for other, look in looks.items()
    )


def probe_facts(state: State, target: str, moment: Moment, limits: Limits) -> tuple[Fact, ...]:
    """What the fresh probes of a target said, the failures first."""
    fresh_for = freshness(target, limits)
    told = sorted(
        (look.ok, vantage, look.at, look.detail, _failing_since(look, moment, fresh_for))
        for vantage, look in state.targets.get(target, {}).items()
        if moment.fresh(look.at, fresh_for)
    )
    whom = target[1:].replace(":", " ", 1).strip()
    return tuple(
        Fact(
            at,
            "probe",
            f"{vantage}: {whom} is fine" if ok else f"{vantage}: {whom} fails {detail}".rstrip(),
            since,
        )
        for ok, vantage, at, detail, since in told[:FACTS_SHOWN]
    )


def _failing_since(look: Look, moment: Moment, fresh_for: float) -> float:
    """The first of the failures that a vantage point's remembered results end with, 0 where the last one is fine."""
    first = 0.0
    for at, ok in reversed(look.results):
        if ok or not moment.fresh(at, fresh_for):
            break
        first = at
    return first
