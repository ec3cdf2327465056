"""The head's daily digest: clients first, then money; never a page. From tasks and incidents to text, HTML and JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from incidents.after.minutes import inherited
from incidents.model import Harm, Kind, Status
from incidents.tasks.build import add_up
from incidents.tasks.model import Answer, Money, Task, TaskState
from incidents.tasks.sheet import about_text, state_text
from incidents.tasks.words import money_text, say, short_instant
from incidents.words import instant_text, number_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from incidents.model import Transition

SHOWN = 15


class Digest(Struct, frozen=True, kw_only=True):
    """A day on one page. `hurt`: incidents in which harm was confirmed since `since`; `hurt_now`: those still open."""

    since: float
    now: float
    hurt: tuple[str, ...]
    hurt_now: tuple[str, ...]
    open: tuple[Task, ...]
    closed: tuple[Task, ...]

    @property
    def money(self) -> tuple[Money, ...]:
        """At stake in all open tasks."""
        return add_up(lost for task in self.open for lost in task.missing if lost.still)

    @property
    def late(self) -> tuple[Task, ...]:
        """Tasks that should be closed by now."""
        return tuple(task for task in self.open if task.late(self.now))

    @property
    def soonest(self) -> Task | None:
        """The task whose data is the first to be beyond recovery."""
        dated = [task for task in self.open if (task.recoverable_until or 0) > self.now]
        return min(dated, key=lambda task: task.recoverable_until or 0, default=None)

    @property
    def served(self) -> dict[str, int]:
        """How many open tasks answer yes, no and unknown."""
        return {answer.value: sum(task.served.answer is answer for task in self.open) for answer in Answer}

    @property
    def json(self) -> dict[str, Any]:
        """One document."""
        return {
            "since": instant_text(self.since),
            "at": instant_text(self.now),
            "hurt": {"incidents": list(self.hurt), "open": list(self.hurt_now)},
            "served": self.served,
            "money": [money.json for money in self.money],
            "minutes": sum(task.minutes for task in self.open),
            "late": [task.id for task in self.late],
            "first_beyond_recovery": self.soonest.id if self.soonest else None,
            "open": [task.document() for task in self.open],
            "closed": [task.document() for task in self.closed],
        }


def digest_of(
    transitions: Iterable[Transition], tasks: Sequence[Task], *, since: float, now: float
) -> Digest:
    """What the head should know of [since, now]."""
    hurt: dict[str, bool] = {}
    latest: dict[str, Transition] = {}
    for transition in transitions:
        if transition.at > now:
            continue
        before = latest.get(transition.incident)
        # harm that lasts into the day counts, though nothing changed in it
        harmed = _hurts(transition) and transition.at >= since
        lasting = before is not None and before.at < since <= transition.at and _hurts(before)
        hurt[transition.incident] = hurt.get(transition.incident, False) or harmed or lasting
        latest[transition.incident] = transition
    for name, last in latest.items():
        if _hurts(last):
            hurt[name] = True
    return Digest(
        since=since,
        now=now,
        hurt=tuple(sorted(name for name, harmed in hurt.items() if harmed)),
        hurt_now=tuple(
            sorted(
                name
                for name, harmed in hurt.items()
                if harmed
                and latest[name].status is not Status.RESOLVED
                and (latest[name].kind is Kind.OUTAGE or _hurts(latest[name]))
            )
        ),
        open=tuple(task for task in tasks if task.state is not TaskState.CLOSED),
        closed=tuple(task for task in tasks if task.closed is not None and task.closed >= since),
    )


def _hurts(transition: Transition) -> bool:
    """Whether clients are hurt by it; a gap below an outage only shows the outage's harm, which is counted there."""
    confirmed = transition.harm is Harm.CONFIRMED and transition.status is not Status.RESOLVED
    return confirmed and not inherited(transition)


def digest_lines(digest: Digest, language: str) -> list[str]:
    """The sentences before the tables."""
    since = short_instant(digest.since)
    lines = [
        say(
            "digest_outages",
            language,
            since=since,
            count=len(digest.hurt),
            open=", ".join(digest.hurt_now) or "-",
        )
        if digest.hurt
        else say("digest_outages_none", language, since=since)
    ]
    if not digest.open:
        return [*lines, say("digest_tasks_none", language)]
    lost = f"{sum(task.minutes for task in digest.open):,}"
    minutes = say("minutes", language, count=number_text(lost, language))
    money = money_text(digest.money, language) or say("nothing_rated", language)
    lines.append(
        say("digest_tasks", language, count=len(digest.open), money=money, minutes=minutes, **digest.served)
    )
    if digest.soonest is not None:
        at = short_instant(digest.soonest.recoverable_until or 0)
        lines.append(say("digest_soonest", language, task=digest.soonest.id, at=at))
    if digest.late:
        lines.append(say("digest_late", language, tasks=", ".join(task.id for task in digest.late)))
    return lines


def digest_text(digest: Digest, language: str) -> str:
    """Plain text, for a letter or a terminal."""
    lines = [_title(digest, language), "", *digest_lines(digest, language)]
    for title, tasks in _tables(digest, language):
        lines += ["", title]
        lines += [
            "  " + " | ".join(cell for cell in _row(task, language, digest.now) if cell)
            for task in tasks[:SHOWN]
        ]
        if len(tasks) > SHOWN:
            lines.append("  " + say("digest_more", language, count=len(tasks) - SHOWN))
    return "\n".join(lines) + "\n"


def digest_html(digest: Digest, language: str) -> str:
    """A page of its own: inline style, no script, nothing fetched."""
    title = escape(_title(digest, language))
    parts = [f"<p>{escape(line)}</p>" for line in digest_lines(digest, language)]
    heads = "".join(
        f"<th>{escape(say(key, language))}</th>" for key in ("task", "served", "what", "stake", "who", "when")
    )
    for head, tasks in _tables(digest, language):
        rows = [
            "<tr>"
            + "".join(f"<td>{escape(cell)}</td>" for cell in _row(task, language, digest.now))
            + "</tr>"
            for task in tasks[:SHOWN]
        ]
        more = say("digest_more", language, count=len(tasks) - SHOWN) if len(tasks) > SHOWN else ""
        parts.append(
            f"<h2>{escape(head)}</h2><table><tr>{heads}</tr>{''.join(rows)}</table><p>{escape(more)}</p>"
        )
    return (
        f'<!doctype html><html lang="{"ru" if language == "ru" else "en"}"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>{''.join(parts)}</body></html>\n"
    )


_STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3em .6em;border-bottom:1px solid #ddd}"
)


def _title(digest: Digest, language: str) -> str:
    return say("digest_title", language, day=f"{datetime.fromtimestamp(digest.now, UTC):%Y-%m-%d}")


def _tables(digest: Digest, language: str) -> list[tuple[str, tuple[Task, ...]]]:
    named = (
        (say("digest_open", language), digest.open),
        (say("digest_closed", language, since=short_instant(digest.since)), digest.closed),
    )
    return [(title, tasks) for title, tasks in named if tasks]


def _row(task: Task, language: str, now: float) -> tuple[str, ...]:
    about = about_text(task, language)
    minutes = f", {say('minutes', language, count=task.minutes)}" if task.minutes else ""
    stake = money_text(task.money, language)
    return (
        task.id,
        say(task.served.answer.value, language),
        f"{say(task.kind.value, language)}: {about}{minutes}",
        stake,
        task.assignee,
        state_text(task, language, now),
    )
