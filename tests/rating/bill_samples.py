"""A bill, its proof and a letter with all that they can show, and every form of them as text, for golden files.

`python -m tests.rating.bill_samples` writes the golden files anew: read the difference before it is committed.
"""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from pipeline.coverage.proof import Minutes, Proof, ProvenGap
from pipeline.rating.exports.bill_csv import write_csv
from pipeline.rating.exports.bill_json import to_json
from pipeline.rating.exports.bill_text import write_text
from pipeline.rating.letter import Letter, Offer, Option, letter_subject, letter_text
from pipeline.rating.model import Bill, Line, Part, Period

GOLDEN = Path(__file__).parent / "golden"
D = Decimal
PERIOD = Period(
    datetime(2026, 9, 30, 21, tzinfo=UTC), datetime(2026, 10, 31, 21, tzinfo=UTC), "Europe/Moscow"
)
ROUNDED = "rounded half_up to 2 decimals"
LINES = (
    Line(
        "charge", "traffic", {"ru": "Трафик", "en": "Traffic"}, D("1250.5"), "GB", D("1427.39"),
        (
            Part("tier 1: units", D(1000), D("1.20"), D("1200.00")),
            Part("tier 2: flat", D(0), D(60) / D(31), D(60) / D(31)),
            Part("tier 2: units", D("250.5"), D("0.90"), D("225.450")),
        ),
        f"graduated; {ROUNDED} at line",
    ),
    Line(
        "charge", "requests", {"ru": "Запросы", "en": "Requests"}, D(123456), "requests", D("0.65"),
        (Part("packages of 10000 requests", D(13), D("0.05"), D("0.65")),),
        f"package; {ROUNDED} at line",
    ),
    Line(
        "charge", "p95", {"ru": "95-й перцентиль", "en": "95th percentile"}, D(80), "Mbps", D("120.00"),
        (Part("units", D(80), D("1.5"), D("120.0")),), f"percentile; {ROUNDED} at line",
    ),
    Line(
        "adjustment", "traffic", {"ru": "Трафик за сентябрь", "en": "Traffic of September"}, D("-3"), "GB",
        D("-3.60"), (Part("booked before", D(0), D("-3.60"), D("-3.60")),), "came late",
    ),
    Line(
        "minimum", "plan-minimum", {}, D(0), "", D("1455.56"),
        (Part("minimum", D(0), D("1455.56"), D("1455.56")),), f"minimum 3000, against 1544.44; {ROUNDED}",
    ),
    Line(
        "discount", "Скидка #1 $x$ *a* [b]", {}, D(0), "", D("-300.00"),
        (Part("traffic", D(0), D("-142.74"), D("-142.74")), Part("requests", D(0), D("-157.26"), D("-157.26"))),
        "10 % off 3000.00, once; rounded half_up, shared by amount",
    ),
    Line(
        "tax", "НДС", {}, D("2700.00"), "", D("594.00"),
        (Part("22 % on 2700.00", D("2700.00"), D("0.22"), D("594.0000")),), f"22 % on 2700.00; {ROUNDED}",
    ),
)  # fmt: skip
REASONS = (
    "the month is not closed; counted until 2026-11-02 09:30 UTC",
    "gap g-1a2b3c of e1, 2026-10-12T08:00:00Z to 2026-10-12T08:30:00Z, is open",
)
BILL = Bill(
    "ООО «Кино» #panic() $1$", "start", 3, PERIOD, "RUB", LINES, D("2700.00"), D("594.00"), D("3294.00"), REASONS,
    "=Кинотеатр [b]", {"ru": "Старт", "en": "Start"},
)  # fmt: skip
FIRST, AFTER = (int(at.timestamp()) // 60 for at in (PERIOD.begin, PERIOD.end))
GAPS = (
    ProvenGap(
        "g-1a2b3c", "missing", "e1", "access", FIRST + 16_500, FIRST + 16_530, 30, 1_000_000, 2_000_000, 4_000_000,
        None, "neighbours", 0.25, "open", "",
    ),
    ProvenGap(
        "g-4d5e6f", "counter", "e2", "*", FIRST + 20_000, FIRST + 20_002, 2, 77_000, 77_000, 77_000,
        77_000, "counter", None, "accepted", "=disk was full",
    ),
)  # fmt: skip
PROOF = Proof(
    BILL.customer, "2026-10", "Europe/Moscow", FIRST, AFTER, 12_345, "ab" * 32, 99_887, 3,
    Minutes(133_920, 133_798, 90, 32, 30, 0, 1), GAPS,
)  # fmt: skip

START, MEDIA = {"ru": "Старт", "en": "Start"}, {"ru": "Медиа", "en": "Media"}
LETTER = Letter(
    customer="ООО «Кино»",
    plan=START,
    period=PERIOD,
    currency="RUB",
    amount=D("1000000.00"),
    options=(
        Option(Offer.KEEP, START, D("1000000.00")),
        Option(Offer.MOVE, MEDIA, D("95000.50"), D(20_000)),
        Option(Offer.SWITCH, MEDIA, D("495000.00"), since=date(2026, 10, 15), decided=False),
        Option(Offer.FREE, {"ru": "ограничим скорость раздачи", "en": "we limit the rate"}),
        Option(Offer.PAID, {"ru": "защита от всплесков", "en": "protection from spikes"}, D(5000)),
    ),
    next_by=datetime(2026, 11, 24, 15, tzinfo=UTC),
    taxed=True,
    usual=D(3000),
    peak_day=date(2026, 10, 12),
    peak_share=D("0.62"),
    peak_resource="video.example.ru",
    serving=True,
    answer_by=datetime(2026, 11, 23, 15, tzinfo=UTC),
    without_answer=1,
    sender="example",
)


def as_text(bill: Bill, proof: Proof | None, lang: str, width: int = 120) -> str:
    """What a terminal shows, without the blanks at the ends of lines."""
    from pipeline.app.terminal import console

    shown = io.StringIO()
    write_text(bill, proof, lang, console(file=shown, width=width))
    return "\n".join(line.rstrip() for line in shown.getvalue().splitlines()) + "\n"


def as_csv(bill: Bill, proof: Proof | None, lang: str) -> str:
    """The CSV as text."""
    content = io.BytesIO()
    write_csv(bill, proof, lang, content)
    return content.getvalue().decode()


def golden() -> dict[str, str]:
    """Each golden file and what belongs into it."""
    files = {"bill.json": json.dumps(to_json(BILL, PROOF), ensure_ascii=False, indent=1) + "\n"}
    for lang in ("ru", "en"):
        files[f"bill.{lang}.txt"] = as_text(BILL, PROOF, lang)
        files[f"bill.{lang}.csv"] = as_csv(BILL, PROOF, lang)
        files[f"letter.{lang}.txt"] = f"{letter_subject(LETTER, lang)}\n\n{letter_text(LETTER, lang)}"
    return files


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, text in golden().items():
        (GOLDEN / name).write_bytes(text.encode())
