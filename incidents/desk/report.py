"""The weekly report as a document: every figure beside that of the week before, who is late now, what was promised,
and each client's tenure and value. Pure; report_words.py and report_page.py show it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from incidents.desk.clocks import late_now
from incidents.desk.metrics import Figures, Speed, figures
from incidents.words import instant_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from incidents.desk.mail.letters import Office
    from incidents.desk.model import Request
    from incidents.desk.requests import Desk


class Client(Struct, frozen=True, kw_only=True):
    """What is known of a client elsewhere. `since`: his first contract, epoch seconds. `value`: currency → what he
    was billed in all, a decimal string."""

    name: str = ""
    since: float | None = None
    value: dict[str, str] = {}


class Week(Struct, frozen=True):
    """A week by ISO 8601, from Monday's midnight in the desk's zone."""

    name: str
    since: float
    until: float


def parse_week(text: str, tz: str) -> Week:
    """`2026-W47`. Raises ValueError that says what was expected."""
    found = re.fullmatch(r"(\d{4})-W(\d{2})", text)
    try:
        monday = date.fromisocalendar(int(found[1]), int(found[2]), 1) if found else None
    except ValueError:
        monday = None
    if monday is None or not 1971 <= monday.year <= 2104:
        raise ValueError(f"expected a week like 2026-W47, found {text!r}")
    return _week(monday, tz)


def week_of(at: float, tz: str) -> Week:
    """The week in which an instant lies."""
    day = datetime.fromtimestamp(at, ZoneInfo(tz)).date()
    return _week(day - timedelta(days=day.weekday()), tz)


def _week(monday: date, tz: str) -> Week:
    def begin(day: date) -> float:
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(tz)).astimezone(UTC).timestamp()

    year, week, _ = monday.isocalendar()
    return Week(f"{year}-W{week:02}", begin(monday), begin(monday + timedelta(days=7)))


def make_report(
    desk: Desk, of: Office, week: Week, clients: Mapping[str, Client], now: float
) -> dict[str, Any]:
    """The whole report as `--json` prints it. `desk`: as it is known at `now`."""
    tz = of.settings.tz
    before = week_of(week.since - 1, tz)
    this = figures(desk, of.clocks, week.since, week.until, now)
    then = figures(desk, of.clocks, before.since, before.until, now)
    return {
        "week": week.name,
        "from": instant_text(week.since),
        "to": instant_text(week.until),
        "tz": tz,
        "at": instant_text(now),
        "complete": now >= week.until,
        "this": _figures_json(this),
        "before": {"week": before.name, **_figures_json(then)},
        "late": _late(desk, of, clients, now),
        "promised": _promised(desk, of, clients, now),
        "clients": _clients(desk, of, week, clients, now),
    }


def _speed_json(speed: Speed) -> dict[str, Any]:
    return {
        "count": speed.count,
        "done": speed.done,
        "pending": speed.pending,
        "p50_seconds": _round(speed.p50),
        "p90_seconds": _round(speed.p90),
        "p50_at_least": speed.p50_at_least,
        "p90_at_least": speed.p90_at_least,
        "target_met": speed.target_met,
        "in_time": speed.in_time,
        "share_in_time": _share(speed.share),
        "over_limit": speed.broken,
    }


def _figures_json(found: Figures) -> dict[str, Any]:
    return {
        "received": found.received,
        "received_by_kind": found.received_by_kind,
        "closed": found.closed,
        "open_at_end": found.open_at_end,
        "acknowledged": _speed_json(found.acknowledged),
        "manager_named": _speed_json(found.manager),
        "first_answer": _speed_json(found.first_answer),
        "next_answer": _speed_json(found.next_answer),
        "time_to_close": {
            "p50_seconds": _round(found.closing.p50),
            "p90_seconds": _round(found.closing.p90),
        },
        "letters": {
            "requests": found.letters.requests,
            "mean": None if found.letters.mean is None else round(found.letters.mean, 2),
            "most": found.letters.most,
            "too_many": found.letters.too_many,
        },
        "promises": {
            "kept": found.promises.kept,
            "moved": found.promises.moved,
            "broken": found.promises.broken,
            "share_kept": _share(found.promises.share),
        },
        "nps": {
            "score": _round(found.nps.score),
            "asked": found.nps.asked,
            "answered": found.nps.answered,
            "promoters": found.nps.promoters,
            "passives": found.nps.passives,
            "detractors": found.nps.detractors,
        },
        "calls": {
            "count": found.calls.count,
            "answered": found.calls.answered,
            "tests": found.calls.tests,
            "tests_failed": found.calls.tests_failed,
            "politeness": None if found.calls.mean is None else round(found.calls.mean, 1),
            "scored": found.calls.scored,
            "lowest": found.calls.lowest,
        },
        "profitability": [
            {
                "currency": each.currency,
                "revenue": str(each.revenue),
                "by_request": str(each.by_request),
                "by_hour": str(each.by_hour),
                "prepaid_used": str(each.prepaid_used),
                "prepaid_expired": str(each.prepaid_expired),
                "sold_ahead": str(each.sold),
                "hours": {
                    "worked": str(each.hours),
                    "bought": str(each.hours_bought),
                    "used": str(each.hours_used),
                    "expired": str(each.hours_expired),
                },
                "cost": str(each.cost),
                "profit": str(each.profit),
            }
            for each in found.profits
        ],
    }


def _round(value: float | None) -> int | None:
    return None if value is None else round(value)


def _share(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _late(desk: Desk, of: Office, clients: Mapping[str, Client], now: float) -> list[dict[str, Any]]:
    return [
        {
            **_request_json(late.request, of, clients, now),
            "clock": late.clock.what.value,
            "state": late.clock.state.value,
            "late_by_seconds": round(late.late_by),
            "promised": instant_text(late.request.promises[-1].due) if late.request.promises else None,
        }
        for late in late_now(list(desk.requests.values()), of.clocks, now)
    ]


def _promised(desk: Desk, of: Office, clients: Mapping[str, Client], now: float) -> list[dict[str, Any]]:
    """Open promises, by their dates; `moved`: how many dates there were before."""
    found = [
        {
            **_request_json(request, of, clients, now),
            "promised": instant_text(request.promises[-1].due),
            "due": None if clock.due_by is None else instant_text(clock.due_by),
            "moved": len(request.promises) - 1,
            "state": clock.state.value,
        }
        for request in desk.open
        if request.promises
        for clock in (of.clocks.promise(request, now, first=False),)
    ]
    return sorted(found, key=lambda each: str(each["promised"]))


def _request_json(request: Request, of: Office, clients: Mapping[str, Client], now: float) -> dict[str, Any]:
    client, manager = clients.get(request.customer, Client()), of.managers.find(request.manager)
    return {
        "request": request.id,
        "customer": request.customer or None,
        "name": client.name or request.customer or request.address,
        "subject": request.subject or request.text.split("\n")[0][:100],
        "manager": request.manager or None,
        "manager_name": (manager.name if manager else "") or request.manager or None,
        "tenure_months": tenure_months(client, now),
        "value": client.value,
    }


def _clients(
    desk: Desk, of: Office, week: Week, clients: Mapping[str, Client], now: float
) -> list[dict[str, Any]]:
    """Clients with requests that were open in the week, those with the most requests first."""
    of_client: dict[str, list[Request]] = {}
    for request in desk.requests.values():
        gone = request.closed_at is not None and request.closed_at < week.since
        if request.received_at < week.until and not gone:
            of_client.setdefault(request.customer, []).append(request)
    found = []
    for customer, requests in of_client.items():
        client = clients.get(customer, Client())
        scores = [each.nps for each in requests if each.nps is not None]
        found.append(
            {
                "customer": customer or None,
                "name": client.name or customer or None,
                "requests": len(requests),
                "open": sum(each.is_open for each in requests),
                "late": sum(of.clocks.worst(each, now) is not None for each in requests if each.is_open),
                "letters": sum(len(each.letters) for each in requests),
                "nps": round(sum(scores) / len(scores), 1) if scores else None,
                "tenure_months": tenure_months(client, now),
                "value": client.value,
            }
        )
    return sorted(found, key=lambda each: (-each["requests"], str(each["customer"])))


def tenure_months(client: Client, now: float) -> int | None:
    """Whole months since the first contract began; None where that is not known."""
    if client.since is None or client.since > now:
        return None
    begin, end = (datetime.fromtimestamp(at, UTC) for at in (client.since, now))
    months = (end.year - begin.year) * 12 + end.month - begin.month
    return months - (end.day < begin.day)
