"""The demo's second story: a client on the minimum has one good day, and what finance does about his bill."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from pipeline.app.terminal import out, say

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.rating.simulation import Simulation
    from pipeline.rating.usage import Usage

FIRST, DAYS, SPIKE = date(2026, 10, 1), 31, date(2026, 10, 17)
SPIKE_BYTES = 1_110 * 10**12
TZ, PLAN, CUSTOMER = "Europe/Moscow", "start", "Premiere"
USUAL, DISCOUNT_PERCENT, WATCH_PRICE = Decimal(3000), Decimal(20), Decimal(5000)


def show_spike(folder: Path) -> bool:
    """His bill, the ranking, the letter; whether the bill is the sum of its lines and the best plan is less.

    Leaves the plan book and the month's usage in the folder, for `prebill price`.
    """
    import shutil

    from loadtest.spike import month_with_a_spike
    from pipeline.app.bills.simulation_screen import show_simulation
    from pipeline.coverage.periods import Month
    from pipeline.rating.book import SHIPPED, read_book
    from pipeline.rating.contracts import month_of
    from pipeline.rating.exports.bill_text import write_text
    from pipeline.rating.simulate import simulate

    out().print()
    out().print("[bold]And then one good day[/bold]")
    say(
        f"{CUSTOMER} pays 3,000 RUB in other months; on {SPIKE:%d %B} half the country came. What does finance see?"
    )
    shutil.copytree(SHIPPED, folder / "plans", dirs_exist_ok=True)
    book = read_book(SHIPPED)
    period = month_of(Month(FIRST.year, FIRST.month), TZ)
    usage = month_with_a_spike(period.begin, DAYS, (SPIKE - FIRST).days, SPIKE_BYTES)
    _write(usage, folder / "spike.csv")
    found = simulate(usage, book.offered(FIRST), period, current=book.find(PLAN, FIRST))
    if found.current_bill is None or found.current is None:
        return False
    out().print()
    write_text(found.current_bill, None, "en", out())
    say(
        "This month was made up as usage, without logs, so there is nothing to prove; "
        "the bills of the hour above come with theirs."
    )
    out().print()
    show_simulation("The same month under every plan that is sold", found, "en")
    out().print()
    out().print("[bold]The letter[/bold]")
    out().print(_letter(usage, found), markup=False, soft_wrap=True)
    lines = sum((line.amount for line in found.current_bill.lines), Decimal(0))
    return lines == found.current_bill.total and found.ranked[0].net < found.current_bill.net


def _letter(usage: Usage, found: Simulation) -> str:
    from pipeline.rating.letter import Letter, Offer, Option, letter_text
    from pipeline.rating.peak import find_peak

    assert found.current is not None  # noqa: S101 - the caller has looked
    assert found.current_bill is not None  # noqa: S101
    assert found.best_bill is not None  # noqa: S101
    best, owed = found.ranked[0].plan, found.best_bill.total
    off = (owed * DISCOUNT_PERCENT / 100).quantize(Decimal("0.01"))
    peak = find_peak(usage, found.period)
    return letter_text(
        Letter(
            customer=CUSTOMER,
            plan=found.current.plan.names,
            period=found.period,
            currency=found.currency,
            amount=found.current_bill.total,
            options=(
                Option(Offer.MOVE, best.names, owed - off, off, decided=False),
                Option(Offer.KEEP, found.current.plan.names, found.current_bill.total),
                Option(Offer.FREE, {"en": "we look with you at what can be cached for longer"}),
                Option(Offer.PAID, {"en": "a warning and a limit before the next spike"}, WATCH_PRICE),
            ),
            next_by=datetime.combine(FIRST + timedelta(days=DAYS), datetime.min.time(), UTC)
            + timedelta(hours=36),
            usual=USUAL,
            peak_day=peak.day if peak else None,
            peak_share=peak.share if peak else None,
            peak_resource=peak.resource if peak else "",
        ),
        "en",
    )


def _write(usage: Usage, path: Path) -> None:
    """As CSV, what `prebill price` takes."""
    import pyarrow as pa
    import pyarrow.csv as pc

    table = pa.table(
        {
            "minute": pa.array(usage.minute.astype("int64") * 60, pa.timestamp("s", "UTC")),
            "resource": pa.DictionaryArray.from_arrays(usage.resource.astype("int32"), usage.resources).cast(
                pa.string()
            ),
            "zone": pa.DictionaryArray.from_arrays(usage.zone.astype("int32"), usage.zones).cast(pa.string()),
            "requests": usage.requests,
            "bytes_sent": usage.bytes_sent,
            "body_bytes": usage.body_bytes,
        }
    )
    pc.write_csv(table, path)
