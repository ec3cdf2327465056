"""The weekly report in words and numbers of a language: rows of what was this week and the week before; report_page.py
lays them out."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

WORDS: dict[str, tuple[str, str]] = {
    "title": ("Поддержка за неделю", "Support, week"),
    "partial": ("неделя ещё идёт; данные на", "the week is not over; as of"),
    "this": ("неделя", "this week"),
    "before": ("до неё", "before"),
    "flow": ("Обращения", "Requests"),
    "received": ("пришло", "received"),
    "technical": ("… технических", "… technical"),
    "billing": ("… о счетах", "… on bills"),
    "question": ("… вопросов", "… questions"),
    "closed": ("закрыто", "closed"),
    "open_at_end": ("открыто в конце", "open at its end"),
    "speed": ("Скорость", "How quickly"),
    "acknowledged": ("подтверждение", "acknowledged"),
    "manager_named": ("менеджер назван", "manager named"),
    "first_answer": ("первый ответ", "first answer"),
    "next_answer": ("следующий ответ", "next answer"),
    "time_to_close": ("до закрытия", "to closing"),
    "in_time": ("вовремя", "in time"),
    "p50": ("половина за", "half within"),
    "p90": ("90 % за", "90 % within"),
    "over_limit": ("сверх предела", "over the limit"),
    "quality": ("Качество", "How well"),
    "letters_mean": ("писем на обращение", "letters a request"),
    "letters_many": ("слишком много писем", "too many letters"),
    "promises_share": ("обещания сдержаны", "promises kept"),
    "promises_counts": ("сдержано / перенесено / нарушено", "kept / moved / broken"),
    "nps_score": ("NPS", "NPS"),
    "nps_counts": ("за / нейтрально / против (спрошено)", "for / neutral / against (asked)"),
    "politeness": ("вежливость звонков, из 10", "politeness of calls, of 10"),
    "calls": ("звонки: отвечено / всего", "calls: answered / all"),
    "tests_failed": ("проверочных звонков без ответа", "test calls unanswered"),
    "money": ("Платная работа", "Paid work"),
    "revenue": ("заработано", "earned"),
    "cost": ("себестоимость", "cost"),
    "profit": ("прибыль", "profit"),
    "hours_prepaid": ("часы: куплено / использовано / сгорело", "hours: bought / used / expired"),
    "late": ("Опаздываем сейчас", "Late now"),
    "none_late": ("никто не ждёт дольше обещанного", "nobody waits longer than promised"),
    "promised": ("Обещано", "Promised"),
    "none_promised": ("открытых обещаний нет", "no open promises"),
    "clients": ("Клиенты", "Clients"),
    "none_clients": ("обращений не было", "there were no requests"),
    "request": ("обращение", "request"),
    "client": ("клиент", "client"),
    "manager": ("менеджер", "manager"),
    "what": ("чего ждёт", "waits for"),
    "late_by": ("опоздание", "late by"),
    "due": ("обещано к", "promised by"),
    "tenure": ("с нами", "with us"),
    "value": ("выставлено всего", "billed in all"),
    "requests": ("обращений", "requests"),
    "letters": ("писем", "letters"),
    "late_count": ("опаздываем", "late"),
    "nps": ("NPS", "NPS"),
    "acknowledge": ("подтверждения", "acknowledgement"),
    "clock_manager": ("имени менеджера", "a manager's name"),
    "clock_first_answer": ("первого ответа", "the first answer"),
    "clock_next_answer": ("ответа", "an answer"),
    "closing": ("закрытия", "closing"),
}
CLOCK_WORDS = {
    "acknowledge": "acknowledge",
    "manager": "clock_manager",
    "first_answer": "clock_first_answer",
    "next_answer": "clock_next_answer",
    "closing": "closing",
}
NOTHING = "–"


class Row(Struct, frozen=True, kw_only=True):
    """A figure in both weeks as text; `shares`: both from 0 to 1 where a bar shows them."""

    label: str
    this: str
    before: str
    shares: tuple[float, float] | None = None


class Table(Struct, frozen=True, kw_only=True):
    """A list with a title; `empty`: what stands where it has no rows."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str


class Teller:
    """Numbers, spans and times of one language."""

    def __init__(self, lang: str, tz: str) -> None:
        self.lang = "ru" if lang == "ru" else "en"
        self._zone = ZoneInfo(tz)

    def word(self, key: str) -> str:
        """A word of the report."""
        return WORDS[key][0 if self.lang == "ru" else 1]

    def number(self, value: float | None, places: int = 0) -> str:
        """A number, or a dash."""
        from babel.numbers import format_decimal

        if value is None:
            return NOTHING
        return str(format_decimal(round(value, places), format="#,##0." + "#" * places, locale=self.lang))

    def share(self, value: float | None) -> str:
        """Per cent, whole; never 100 where it is not all."""
        if value is None:
            return NOTHING
        percent = int(value * 100) if value < 1 else 100
        return f"{percent} %" if self.lang == "ru" else f"{percent}%"

    def span(self, seconds: float | None) -> str:
        """`1 h 5 min`."""
        if seconds is None:
            return NOTHING
        whole = round(seconds)
        units = (("д", "d", 86_400), ("ч", "h", 3_600), ("мин", "min", 60), ("с", "s", 1))
        parts: list[str] = []
        for ru, en, size in units:
            count, whole = divmod(whole, size)
            if count and len(parts) < 2:
                parts.append(f"{count} {ru if self.lang == 'ru' else en}")
            elif parts:
                break
        return " ".join(parts) or f"0 {'с' if self.lang == 'ru' else 's'}"

    def time(self, instant: str | None) -> str:
        """A time in the desk's zone."""
        from babel.dates import format_datetime

        if instant is None:
            return NOTHING
        local = datetime.fromisoformat(instant).astimezone(self._zone)
        return str(format_datetime(local, "d MMM yyyy, HH:mm", locale=self.lang))

    def money(self, amount: str, currency: str) -> str:
        """An amount of a currency, as bills show it: `1 234,50 ₽`, `1,234.50 RUB`."""
        from decimal import Decimal

        from babel.numbers import format_currency

        sign = "¤" if self.lang == "ru" and currency == "RUB" else "¤¤"
        return str(format_currency(Decimal(amount), currency, f"#,##0.00\u00a0{sign}", locale=self.lang))

    def hours(self, count: str) -> str:
        """Hours with all their digits: `2,5`."""
        return count.replace(".", ",") if self.lang == "ru" else count

    def value(self, amounts: dict[str, str]) -> str:
        """Amounts by currency."""
        return ", ".join(self.money(amount, currency) for currency, amount in amounts.items()) or NOTHING

    def tenure(self, months: int | None) -> str:
        """`2 y 3 m`."""
        if months is None:
            return NOTHING
        years, rest = divmod(months, 12)
        y, m = ("г.", "мес.") if self.lang == "ru" else ("y", "mo")
        return " ".join([f"{years} {y}"] * bool(years) + [f"{rest} {m}"] * (bool(rest) or not years))


def sections(report: dict[str, Any], tell: Teller) -> list[tuple[str, list[Row]]]:
    """Titles, and the rows below each."""
    both = (report["this"], report["before"])
    found = [
        ("flow", _flow(both, tell)),
        ("speed", _speed(both, tell)),
        ("quality", _quality(both, tell)),
        ("money", _money(both, tell)),
    ]
    return [(tell.word(title), rows) for title, rows in found if rows]


_Both = tuple[dict[str, Any], dict[str, Any]]


def _row(tell: Teller, key: str, texts: list[str], shares: list[float | None] | None = None) -> Row:
    held = (shares[0] or 0.0, shares[1] or 0.0) if shares and shares != [None, None] else None
    return Row(label=tell.word(key), this=texts[0], before=texts[1], shares=held)


def _flow(both: _Both, tell: Teller) -> list[Row]:
    rows = [_row(tell, "received", [tell.number(each["received"]) for each in both])]
    rows += [
        _row(tell, kind, [tell.number(each["received_by_kind"][kind]) for each in both])
        for kind in ("technical", "billing", "question")
    ]
    return rows + [_row(tell, key, [tell.number(e[key]) for e in both]) for key in ("closed", "open_at_end")]


def _speed(both: _Both, tell: Teller) -> list[Row]:
    rows = []
    for key in ("acknowledged", "manager_named", "first_answer", "next_answer"):
        name = tell.word(key)
        found = [each[key] for each in both]
        shares = [each["share_in_time"] for each in found]
        rows.append(
            Row(
                label=f"{name}: {tell.word('in_time')}",
                this=tell.share(shares[0]),
                before=tell.share(shares[1]),
                shares=(shares[0] or 0.0, shares[1] or 0.0) if shares != [None, None] else None,
            )
        )
        for rank in ("p50", "p90"):
            texts = [
                ("≥ " if each[f"{rank}_at_least"] else "") + tell.span(each[f"{rank}_seconds"])
                for each in found
            ]
            rows.append(Row(label=f"{name}: {tell.word(rank)}", this=texts[0], before=texts[1]))
        if key.endswith("answer"):
            texts = [tell.number(each["over_limit"]) for each in found]
            rows.append(Row(label=f"{name}: {tell.word('over_limit')}", this=texts[0], before=texts[1]))
    for rank in ("p50", "p90"):
        texts = [tell.span(each["time_to_close"][f"{rank}_seconds"]) for each in both]
        label = f"{tell.word('time_to_close')}: {tell.word(rank)}"
        rows.append(Row(label=label, this=texts[0], before=texts[1]))
    return rows


def _quality(both: _Both, tell: Teller) -> list[Row]:
    promises, nps, calls = ([each[key] for each in both] for key in ("promises", "nps", "calls"))
    return [
        _row(tell, "promises_share", [tell.share(p["share_kept"]) for p in promises],
             [p["share_kept"] for p in promises]),
        _row(tell, "promises_counts", [f"{p['kept']} / {p['moved']} / {p['broken']}" for p in promises]),
        _row(tell, "letters_mean", [tell.number(each["letters"]["mean"], 1) for each in both]),
        _row(tell, "letters_many", [tell.number(each["letters"]["too_many"]) for each in both]),
        _row(tell, "nps_score", [tell.number(n["score"]) for n in nps]),
        _row(tell, "nps_counts",
             [f"{n['promoters']} / {n['passives']} / {n['detractors']} ({n['asked']})" for n in nps]),
        _row(tell, "politeness", [tell.number(c["politeness"], 1) for c in calls]),
        _row(tell, "calls", [f"{c['answered']} / {c['count']}" for c in calls]),
        _row(tell, "tests_failed", [tell.number(c["tests_failed"]) for c in calls]),
    ]  # fmt: skip


def _money(both: _Both, tell: Teller) -> list[Row]:
    rows = []
    by = [{each["currency"]: each for each in week["profitability"]} for week in both]
    for currency in sorted(by[0].keys() | by[1].keys()):
        for key in ("revenue", "cost", "profit"):
            texts = [
                tell.money(each[currency][key], currency) if currency in each else NOTHING for each in by
            ]
            rows.append(Row(label=tell.word(key), this=texts[0], before=texts[1]))
        hours = [
            " / ".join(tell.hours(each[currency]["hours"][key]) for key in ("bought", "used", "expired"))
            if currency in each
            else NOTHING
            for each in by
        ]
        rows.append(_row(tell, "hours_prepaid", hours))
    return rows


def tables(report: dict[str, Any], tell: Teller) -> list[Table]:
    """Who is late, what is promised, the clients."""

    def heads(*keys: str) -> tuple[str, ...]:
        return tuple(tell.word(key) for key in keys)

    def who(each: dict[str, Any]) -> tuple[str, ...]:
        return (f"#{each['request']} {each['subject']}".strip(), each["name"] or NOTHING)

    def worth(each: dict[str, Any]) -> tuple[str, ...]:
        return (tell.tenure(each["tenure_months"]), tell.value(each["value"]))

    late = tuple(
        (*who(each), each["manager_name"] or NOTHING, tell.word(CLOCK_WORDS[each["clock"]]),
         tell.span(each["late_by_seconds"]), tell.time(each["promised"]), *worth(each))
        for each in report["late"]
    )  # fmt: skip
    promised = tuple(
        (*who(each), each["manager_name"] or NOTHING, tell.time(each["promised"]), *worth(each))
        for each in report["promised"]
    )
    clients = tuple(
        (each["name"] or NOTHING, *(tell.number(each[key]) for key in ("requests", "letters", "late")),
         tell.number(each["nps"], 1), *worth(each))
        for each in report["clients"]
    )  # fmt: skip
    worths = ("tenure", "value")
    return [
        Table(title=tell.word("late"), rows=late, empty=tell.word("none_late"),
              heads=heads("request", "client", "manager", "what", "late_by", "due", *worths)),
        Table(title=tell.word("promised"), rows=promised, empty=tell.word("none_promised"),
              heads=heads("request", "client", "manager", "due", *worths)),
        Table(title=tell.word("clients"), rows=clients, empty=tell.word("none_clients"),
              heads=heads("client", "requests", "letters", "late_count", "nps", *worths)),
    ]  # fmt: skip
