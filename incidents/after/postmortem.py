"""A post-mortem's draft in Markdown (ru, en) from an incident's account: figures and timeline are there, people write
the rest."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from incidents.after.words import say
from incidents.messages.words import scope_text
from incidents.model import Change, Harm, Kind
from incidents.phrases import in_language, source_text
from incidents.screen_words import handed_text
from incidents.tasks.words import age_text, money_text, short_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from incidents.after.model import Account
    from incidents.model import Fact, Transition
    from incidents.people.roles import HandOver

LINES_SHOWN = 60
FACTS_SHOWN = 20
DRAFTS_SHOWN = 6
SERVED_SHOWN = 20
_OF_CHILDREN = (Change.OPENED, Change.REOPENED, Change.RESOLVED, Change.MERGED)
"""What is told of the incidents below: the rest follows from the one above them."""


def postmortem_text(account: Account, language: str = "en") -> str:
    """The draft, as a Markdown page."""
    parts = [
        _head(account, language),
        _speed(account, language),
        _minutes(account, language),
        _customers(account, language),
        _told(account, language),
        _timeline(account, language),
        _evidence(account, language),
        [f"## {say('causes', language)}", say("causes_hint", language)],
        [f"## {say('well', language)}", say("well_hint", language)],
        [
            f"## {say('actions', language)}",
            _table([say(key, language) for key in ("action", "owner", "by")], [["", "", ""]]),
        ],
    ]
    return "\n\n".join(block for part in parts for block in part) + "\n"


def _head(account: Account, language: str) -> list[str]:
    scope = escaped(scope_text(account.scope, language))
    kind = say(account.kind.value, language)
    day = f"{datetime.fromtimestamp(account.opened, UTC):%Y-%m-%d}"
    if account.harm is Harm.CONFIRMED:
        what = say("what_outage", language, hurt=age_text(account.hurt_s, language), scope=scope)
    elif account.kind is Kind.BILLING_GAP:
        what = say("what_gap", language, scope=scope)
    else:
        own = (each.reason for each in account.timeline if each.incident == account.incident)  # not a child's
        reason = escaped(in_language(next(own, ""), language))
        what = say("what_other", language, kind=kind, scope=scope, reason=reason)
    told = [
        what,
        say(
            "opened",
            language,
            at=short_instant(account.opened),
            priority=say(account.priority.value, language),
        ),
        *_earlier(account, language),
        say("not_resolved", language, at=short_instant(account.now))
        if account.resolved is None
        else say(
            "resolved",
            language,
            at=short_instant(account.resolved),
            who=_who(account.resolved_by, language),
            time=age_text(account.mend_s or 0, language),
        ),
    ]
    if account.money:
        told.append(say("money", language, money=money_text(account.money, language)))
    return [
        f"# {say('title', language, kind=kind, scope=scope, day=day)}",
        f"`{account.incident}`",
        say("draft", language),
        f"## {say('summary', language)}",
        " ".join(told),
        say("what", language),
    ]


def _earlier(account: Account, language: str) -> list[str]:
    """Where the evidence goes back to before anybody knew."""
    if account.since is None or account.since >= account.opened:
        return []
    return [say("since", language, at=short_instant(account.since))]


def _speed(account: Account, language: str) -> list[str]:
    def time(seconds: float | None) -> str:
        return say("never", language) if seconds is None else age_text(seconds, language)

    rows = [
        [say("answer", language), time(account.answer_s)],
        [say("wide", language), time(account.wide_s)],
        [say("mend", language), time(account.mend_s)],
        [say("hurt", language), age_text(account.hurt_s, language)],
    ]
    if account.flaps:
        rows.append([say("flaps", language), say("times", language, count=account.flaps)])
    return [
        f"## {say('speed', language)}",
        _table([say("metric", language), say("value", language)], rows),
    ]


def _minutes(account: Account, language: str) -> list[str]:
    split = account.split
    rows = [
        f"- {count:,}: {say(key, language)}"
        for key, count in (
            ("not_served", split.not_served),
            ("not_logged", split.not_logged),
            ("not_known", split.not_known),
        )
        if count
    ]
    return [f"## {say('minutes', language)}", "\n".join(rows) or say("none_lost", language)]


def _customers(account: Account, language: str) -> list[str]:
    heads = [say(key, language) for key in ("customer", "hurt_for", "unlogged")]
    own = {name for each in account.timeline if each.incident == account.incident for name in each.customers}
    served = [hit for hit in account.hit if account.hurt_s and not hit.hurt_s and hit.customer not in own]
    rows = [
        [
            escaped(hit.customer),
            age_text(hit.hurt_s, language) if hit.hurt_s else "-",
            money_text(hit.money, language) or "-",
        ]
        for hit in account.hit
        if hit not in served
    ]
    blocks = [
        f"## {say('customers', language)}",
        _table(heads, rows) if rows else say("no_customers", language),
    ]
    if served:  # a gap below it names them, and it does not itself
        names = ", ".join(escaped(hit.customer) for hit in served[:SERVED_SHOWN])
        more = f" + {len(served) - SERVED_SHOWN}" if len(served) > SERVED_SHOWN else ""
        blocks.append(say("only_logs", language, names=names + more))
    return blocks


def _told(account: Account, language: str) -> list[str]:
    lines = [
        f"- {say('notices', language, audience=say(audience, language), count=count)}"
        for audience, count in account.told
    ]
    if account.drafts:
        shown = ", ".join(
            f"{datetime.fromtimestamp(at, UTC):%m-%d %H:%M}" for _, at in account.drafts[:DRAFTS_SHOWN]
        )
        more = ", …" if len(account.drafts) > DRAFTS_SHOWN else ""
        lines.append(f"- {say('drafts', language, count=len(account.drafts), at=shown + more)}")
    if account.undelivered:
        lines.append(f"- {say('undelivered', language, count=account.undelivered)}")
    return [f"## {say('told', language)}", "\n".join(lines) or say("nobody_told", language)]


def _timeline(account: Account, language: str) -> list[str]:
    told = [
        each for each in account.timeline if each.incident == account.incident or each.change in _OF_CHILDREN
    ]
    moments = [(each.at, _moment(each, account.incident, language)) for each in told]
    moments += [(act.at, _handed(act, language)) for act in account.hand_overs]
    rows = [row for _, row in sorted(moments, key=lambda moment: moment[0])]
    heads = [say(key, language) for key in ("when", "event", "who")]
    blocks = [f"## {say('timeline', language)}", _table(heads, rows[:LINES_SHOWN])]
    if len(rows) > LINES_SHOWN:
        blocks.append(say("more", language, count=len(rows) - LINES_SHOWN))
    return blocks


def _handed(act: HandOver, language: str) -> list[str]:
    reason = f": {escaped(act.reason)}" if act.reason else ""
    return [_when(act.at), f"{escaped(handed_text(act, language))}{reason}", escaped(act.actor)]


def _when(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%m-%d %H:%M:%S}"


def _moment(each: Transition, incident: str, language: str) -> list[str]:
    if each.change is Change.NOTICE and each.audience is not None:
        key = "draft_notice" if each.draft else "notice"
        what = say(key, language, audience=say(each.audience.value, language))
    else:
        what = ", ".join(
            (
                say(f"change_{each.change.value}", language),
                say(each.priority.value, language),
                say(f"harm_{each.harm.value}", language),
            )
        )
    of = "" if each.incident == incident else f"`{each.incident}` "
    reason = f": {escaped(in_language(each.reason, language))}" if each.reason else ""
    return [_when(each.at), f"{of}{what}{reason}", _who(each.actor, language)]


def _who(actor: str, language: str) -> str:
    return say("engine", language) if actor == "engine" else escaped(actor)


def _evidence(account: Account, language: str) -> list[str]:
    first: dict[tuple[str, str], Fact] = {}
    for fact in account.evidence:
        first.setdefault((fact.source, fact.text), fact)
    facts = list(first.values())[:FACTS_SHOWN]
    lines = [
        f"- {short_instant(fact.at)} {escaped(source_text(fact.source, language))}: "
        f"{escaped(in_language(fact.text, language))}"
        for fact in facts
    ]
    if len(first) > len(facts):
        lines.append(f"- {say('more', language, count=len(first) - len(facts))}")
    return [f"## {say('evidence', language)}", "\n".join(lines)] if lines else []


def escaped(text: str) -> str:
    """Text from outside as Markdown shows it as it is: nothing in it is markup, a link or the end of a cell."""
    flat = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>()#|!&~" else letter for letter in flat)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
