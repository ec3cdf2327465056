"""Values of bills as text for people: money, quantities, times, and strings from outside made safe to show. Babel knows
the languages; nothing here rounds an amount."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.rating.exports.words import place

if TYPE_CHECKING:
    from pipeline.rating.model import Period

MOST_DECIMALS = 6
"""A part's amount before rounding may never end (12/31 of a month); more decimals than these are cut, and it says ≈."""

_LOCALES = ("ru", "en_GB")
_EXCEL_DIGITS = 15
_JOINERS = frozenset("\u200c\u200d")
"""Signs of format without which some scripts are spelled wrong."""


def clean(text: str) -> str:
    """Text that every format can hold and that moves nothing around it: control signs, halves of surrogates and signs
    of format (some turn the text after them, and an amount would read backwards) become U+FFFD, odd blanks a blank."""
    if text.isprintable():
        return text
    return "".join(map(_clean_sign, text))


def _clean_sign(sign: str) -> str:
    kind = unicodedata.category(sign)
    if kind == "Zs":
        return sign if sign == "\u00a0" else " "
    if sign == "\u00ad":
        return (
            ""  # a hyphen that does not show; fonts draw it as a minus, and PDF then takes each minus for it
        )
    bad = kind in ("Cc", "Cs", "Zl", "Zp") or (kind == "Cf" and sign not in _JOINERS)
    return "\ufffd" if bad or (ord(sign) & 0xFFFE) == 0xFFFE else sign


def plain(value: Decimal) -> str:
    """The exact decimal, without an exponent, as JSON and CSV hold it; there is no negative zero."""
    return f"{abs(value) if value.is_zero() else value:f}"


def shorter(value: Decimal) -> str:
    """The same without zeros behind its second decimal, which products have: 3660.00 × 1.5 is 5490.00, not 5490.000."""
    whole, dot, fraction = plain(value).partition(".")
    return f"{whole}{dot}{fraction[:2]}{fraction[2:].rstrip('0')}"


def money(amount: Decimal, currency: str, lang: str, *, short: bool = False) -> str:
    """An amount with all its digits, at least as many decimals as the currency has: 1 234,50 ₽; 1,234.50 RUB. `short`:
    whole amounts without decimals."""
    from babel.numbers import format_currency

    whole = short and amount == amount.to_integral_value()
    sign = "¤" if lang == "ru" and currency == "RUB" else "¤¤"
    with localcontext(prec=_digits(amount)):
        return format_currency(
            abs(amount) if amount.is_zero() else amount,
            clean(currency),
            f"{'#,##0' if whole else '#,##0.00'}\u00a0{sign}",
            locale=_locale(lang),
            currency_digits=not whole,
            decimal_quantization=False,
        )


def price(amount: Decimal, currency: str, lang: str) -> str:
    """A price or a part's amount: as money, but ≈ and cut where it has more than MOST_DECIMALS decimals."""
    with localcontext(prec=_digits(amount)) as context:
        context.rounding = ROUND_HALF_EVEN
        short = round(amount, MOST_DECIMALS)
        if short == amount:
            return money(amount.normalize(), currency, lang)
        return (
            f"≈\u00a0{money(short.normalize(), currency, lang)}" if short else money(amount, currency, lang)
        )


def number(value: Decimal | int, lang: str) -> str:
    """A quantity or a count with all its digits."""
    from babel.numbers import format_decimal

    exact = Decimal(value)
    with localcontext(prec=_digits(exact)):
        return format_decimal(
            abs(exact) if exact.is_zero() else exact, locale=_locale(lang), decimal_quantization=False
        )


def plain_amount(amount: Decimal, lang: str) -> str:
    """An amount with all its digits and two decimals at least, without its currency."""
    from babel.numbers import format_decimal

    with localcontext(prec=_digits(amount)):
        return format_decimal(
            abs(amount) if amount.is_zero() else amount, "#,##0.00", _locale(lang), decimal_quantization=False
        )


def percent(share: Decimal, lang: str) -> str:
    """A share as percent with all its digits: 0.22 is 22 %."""
    with localcontext(prec=_digits(share) + 2):
        return f"{number(share * 100, lang)}\u00a0%"


def float_holds(amount: Decimal) -> bool:
    """Whether a spreadsheet's number shows this amount to the last digit: it keeps 15 of them."""
    with localcontext(prec=_digits(amount)):
        _, digits, exponent = amount.normalize().as_tuple()
    return isinstance(exponent, int) and len(digits) <= _EXCEL_DIGITS and abs(exponent) < 290


def period_text(period: Period, lang: str, *, with_zone: bool = True) -> str:
    """First and last day in the bill's own zone, where it begins and ends at midnight there; else both times."""
    zone = zone_of(period.tz)
    begin, end = period.begin.astimezone(zone), period.end.astimezone(zone)
    whole_days = all(at.hour == at.minute == at.second == at.microsecond == 0 for at in (begin, end))
    if whole_days and end > begin:
        texts = [day_text(begin.date(), lang), day_text(end.date() - timedelta(days=1), lang)]
    else:
        texts = [time_in(at, period.tz, lang) for at in (begin, end)]
    return " – ".join(dict.fromkeys(texts)) + (f" ({zone})" if with_zone else "")


def month_text(period: Period, lang: str) -> str:
    """A whole month by its name, any other period as `period_text` without the zone."""
    from babel.dates import format_date

    zone = zone_of(period.tz)
    begin, end = period.begin.astimezone(zone), period.end.astimezone(zone)
    after = (begin + timedelta(days=31)).replace(day=1)
    if begin.day == 1 and begin.time() == time.min and end.replace(tzinfo=None) == after.replace(tzinfo=None):
        return format_date(begin.date(), "LLLL y", locale=_locale(lang))
    return period_text(period, lang, with_zone=False)


def short_period(period: Period) -> str:
    """`2026-10` for a whole month of the period's own zone, else its first and last day there."""
    zone = zone_of(period.tz)
    begin, last = period.begin.astimezone(zone), (period.end - timedelta(microseconds=1)).astimezone(zone)
    after = (begin.replace(tzinfo=None) + timedelta(days=31)).replace(day=1)
    end = period.end.astimezone(zone).replace(tzinfo=None)
    if begin.day == 1 and begin.time() == time.min and end == after:
        return f"{begin:%Y-%m}"
    return f"{begin:%Y-%m-%d}" if begin.date() == last.date() else f"{begin:%Y-%m-%d} to {last:%Y-%m-%d}"


def day_text(day: date, lang: str) -> str:
    """A day in words."""
    from babel.dates import format_date

    return format_date(day, "d MMMM y", locale=_locale(lang))


def minute_in(minute: int, tz: str, lang: str) -> str:
    """A minute since the epoch, in a zone."""
    pattern = "dd.MM.y HH:mm" if lang == "ru" else "y-MM-dd HH:mm"
    return time_in(datetime.fromtimestamp(minute * 60, UTC), tz, lang, pattern)


def time_in(at: datetime, tz: str, lang: str, pattern: str = "d MMMM y, HH:mm") -> str:
    """A time in a zone."""
    from babel.dates import format_datetime

    return format_datetime(at, pattern, tzinfo=zone_of(tz), locale=_locale(lang))


def zone_of(tz: str) -> tzinfo:
    """A zone of time by its name; UTC where this machine has none of that name."""
    try:
        return ZoneInfo(tz)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _locale(lang: str) -> str:
    return _LOCALES[place(lang)]


def _digits(value: Decimal) -> int:
    """Digits enough to hold the value as written out, and its decimals: babel quantizes in the current context."""
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"a bill holds finite decimals, not {value}")
    return len(digits) + abs(exponent) + 20
