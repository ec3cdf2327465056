"""The account of one incident, and how fast many were answered: pure functions of transitions, lost minutes, probes."""

from __future__ import annotations

from collections import Counter
from statistics import fmean
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from incidents.after.minutes import harm_of, hurt_seconds, inherited, own_harm, split_minutes
from incidents.after.model import Account, Hit, Split, Stretch
from incidents.model import Audience, Change, Harm, Kind, Priority, Scope, Status
from incidents.tasks.build import add_up, shared_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from incidents.events import Probe
    from incidents.model import Transition
    from incidents.people.roles import HandOver
    from incidents.tasks.model import Lost

ENGINE = "engine"
_HARMS = (Harm.NONE, Harm.UNKNOWN, Harm.SUSPECTED, Harm.CONFIRMED)


def histories_of(transitions: Iterable[Transition], now: float) -> dict[str, list[Transition]]:
    """What happened to each incident up to `now`, in the order in which it was made."""
    found: dict[str, list[Transition]] = {}
    for transition in transitions:
        if transition.at <= now:
            found.setdefault(transition.incident, []).append(transition)
    return found


def account_of(
    incident: str,
    transitions: Iterable[Transition],
    lost: Sequence[Lost] = (),
    probes: Sequence[Probe] = (),
    *,
    now: float,
    undelivered: int = 0,
    passed_over: AbstractSet[str] = frozenset(),
    hand_overs: Iterable[HandOver] = (),
) -> Account | None:
    """The account as of `now`, None where there is no such incident. Lost minutes are those of its own task and of the
    tasks below it. `passed_over`: the keys of sendings that nobody got, since a newer one went in their place.
    `hand_overs`: of its roles."""
    histories = histories_of(transitions, now)
    history = histories.get(incident)
    if not history:
        return None
    first, last = history[0], history[-1]
    children = tuple(
        sorted(name for name, each in histories.items() if any(one.parent == incident for one in each))
    )
    family = {incident, *children, *(each.parent for each in history if each.parent)} & histories.keys()
    harms = {name: harm_of(histories[name], now, probes) for name in sorted(family)}
    parted = shared_out(histories, lost)
    mine = [each for name in (incident, *children) for each in parted.get(name, [])]
    every = [part for parts in harms.values() for part in parts]
    ended = _ended(history)
    resolved = ended.at if ended else None
    changes = [each for each in history if each.change is not Change.NOTICE]
    answer = next((each for each in changes if _answered(each)), None)
    wide = next((each for each in history if each.priority is Priority.COMPANY_WIDE), None)
    sendings = {
        (each.notice, each.at): each
        for each in history
        if each.audience and each.notice and f"{each.notice}@{each.at:.6f}" not in passed_over
    }
    told = Counter(each.audience for each in sendings.values() if not each.draft)
    return Account(
        incident=incident,
        kind=last.kind,
        scope=last.scope,
        opened=first.at,
        since=_since(harms[incident]),
        now=now,
        status=last.status,
        harm=max(
            (own_harm(each) for each in history if not inherited(each)),
            key=_HARMS.index,
            default=Harm.UNKNOWN,
        ),
        priority=max((each.priority for each in history), key=lambda priority: priority.rank),
        resolved=resolved,
        hurt_s=hurt_seconds(harms[incident]),
        answer_s=None if answer is None else answer.at - first.at,
        mend_s=None if resolved is None else resolved - first.at,
        wide_s=None if wide is None else wide.at - first.at,
        answered_by=answer.actor if answer else "",
        resolved_by=ended.actor if ended else "",
        parent=last.parent,
        children=children,
        flaps=last.flaps,
        split=sum((split_minutes(each, every) for each in mine), Split()),
        hit=_hit(histories, harms, mine),
        money=add_up(mine),
        told=tuple((audience.value, told[audience]) for audience in Audience if told[audience]),
        drafts=tuple((each.notice, each.at) for each in sendings.values() if each.draft),
        undelivered=undelivered,
        timeline=tuple(
            sorted(
                (each for name in sorted({incident, *children}) for each in histories[name]),
                key=lambda each: each.at,
            )
        ),
        hand_overs=tuple(sorted((act for act in hand_overs if act.at <= now), key=lambda act: act.at)),
        evidence=tuple(sorted({fact for each in history for fact in each.evidence})),
    )


def _since(stretches: Iterable[Stretch]) -> float | None:
    """When clients were hurt first, for sure or as was feared."""
    return next((each.since for each in stretches if each.harm in (Harm.SUSPECTED, Harm.CONFIRMED)), None)


def _ended(history: Sequence[Transition]) -> Transition | None:
    """The step that ended it, None where it is not over: what follows it are the engine's notices of that."""
    if history[-1].status is not Status.RESOLVED:
        return None
    return next((each for each in reversed(history) if each.change is Change.RESOLVED), history[-1])


def _answered(transition: Transition) -> bool:
    """Whether a person took it up: by an acknowledgement, or by ending it at once."""
    return transition.actor != ENGINE and (
        transition.change in (Change.ACKNOWLEDGED, Change.RESOLVED)
        or transition.status is Status.ACKNOWLEDGED
    )


def _hit(
    histories: Mapping[str, Sequence[Transition]],
    harms: Mapping[str, Sequence[Stretch]],
    lost: Sequence[Lost],
) -> tuple[Hit, ...]:
    """Customers that the incidents are about and those of the lost minutes, each with the harm that touched him."""
    edges: dict[str, set[str]] = {}
    for each in lost:
        for customer in each.customers:
            edges.setdefault(customer, set()).add(each.edge)
    named: dict[str, set[str]] = {}
    for name in harms:
        scope = histories[name][-1].scope
        named[name] = {customer for each in histories[name] for customer in each.customers}
        if scope.kind == "customer":
            named[name].add(scope.id)
        for customer in named[name]:
            edges.setdefault(customer, set())
    found = []
    for customer in sorted(edges):
        touched = {
            Scope("customer", customer),
            Scope("all"),
            *(Scope("edge", edge) for edge in edges[customer]),
        }
        stretches = [
            part for name, parts in harms.items() if histories[name][-1].scope in touched for part in parts
        ]
        parts = [_only(each, money) for each in lost for name, money in each.by_customer if name == customer]
        found.append(Hit(customer, hurt_seconds(stretches), add_up(parts)))
    return tuple(sorted(found, key=lambda hit: (-hit.hurt_s, hit.customer)))


def _only(lost: Lost, money: Any) -> Lost:
    from msgspec.structs import replace

    return replace(lost, money=money)


class Response(Struct, frozen=True, kw_only=True):
    """How fast incidents of one kind were answered and mended: means over those that were, in seconds."""

    kind: Kind
    count: int
    open: int
    mtta_s: float | None
    mttr_s: float | None

    @property
    def json(self) -> dict[str, Any]:
        """Whole seconds."""
        return {
            "kind": self.kind.value,
            "incidents": self.count,
            "open": self.open,
            "mtta_seconds": None if self.mtta_s is None else round(self.mtta_s),
            "mttr_seconds": None if self.mttr_s is None else round(self.mttr_s),
        }


def responses_of(transitions: Iterable[Transition], *, since: float, now: float) -> list[Response]:
    """MTTA and MTTR of the incidents that were opened in [since, now], by kind."""
    by_kind: dict[Kind, list[Sequence[Transition]]] = {}
    for history in histories_of(transitions, now).values():
        if history[0].at >= since:
            by_kind.setdefault(history[-1].kind, []).append(history)
    found = []
    for kind in Kind:
        some = by_kind.get(kind, [])
        answers = [
            next((each.at - history[0].at for each in history if _answered(each)), None) for history in some
        ]
        ended = [end.at - history[0].at for history in some if (end := _ended(history)) is not None]
        known = [answer for answer in answers if answer is not None]
        if some:
            found.append(
                Response(
                    kind=kind,
                    count=len(some),
                    open=len(some) - len(ended),
                    mtta_s=fmean(known) if known else None,
                    mttr_s=fmean(ended) if ended else None,
                )
            )
    return found
