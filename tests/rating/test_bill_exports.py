"""What is read back out of PDF, XLSX, CSV, JSON and the terminal equals the bill to the last digit."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import openpyxl
import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.coverage.proof import Minutes, Proof
from pipeline.rating.exports.bill_csv import write_csv
from pipeline.rating.exports.bill_json import from_json, to_json
from pipeline.rating.exports.bill_pdf import write_pdf
from pipeline.rating.exports.bill_xlsx import LINE_COLUMNS, MOST_TEXT, write_xlsx
from pipeline.rating.exports.show import float_holds, money, period_text
from pipeline.rating.model import Bill, Line, Part, Period
from tests.rating.bill_samples import BILL, GAPS, PERIOD, PROOF, as_csv, as_text

Writer = Callable[[Bill, Proof | None, str, Path | IO[bytes]], None]
FILES: list[Writer] = [write_csv, write_xlsx, write_pdf]
D = Decimal

anything = st.text(st.characters(), max_size=40)
odd = st.one_of(
    anything,
    st.sampled_from(
        [
            "=1+1",
            "@SUM(A1)",
            "-2+3",
            "+cmd",
            "#panic()",
            "$x$",
            "[red]x[/red]",
            "*a*",
            "\u202e1",
            "a\nb",
            "\x1b[31mred",
            "",
            "l" * 300,
        ]
    ),
)
exact = st.decimals(min_value=-(10**14), max_value=10**14, places=2)
any_number = st.one_of(exact, st.decimals(min_value=0, max_value=10**30, places=9), st.just(D("1E+3")))
parts = st.builds(Part, odd, any_number, any_number, any_number)
lines = st.builds(
    Line, st.sampled_from(["charge", "minimum", "cap", "discount", "tax", "adjustment", "new"]), odd,
    st.dictionaries(st.sampled_from(["ru", "en", "de"]), odd, max_size=3), any_number, odd, exact,
    st.lists(parts, max_size=3).map(tuple), odd,
)  # fmt: skip


@st.composite
def bills(draw: st.DrawFn) -> Bill:
    """Bills that add up, with any strings in them."""
    own = draw(st.lists(lines, max_size=5))
    tax = sum((line.amount for line in own if line.kind == "tax"), D(0))
    net = sum((line.amount for line in own if line.kind != "tax"), D(0))
    begin = draw(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1))).replace(tzinfo=UTC)
    tz = draw(st.sampled_from(["UTC", "Europe/Moscow", "Asia/Kathmandu", "Mars/Olympus", "../etc", ""]))
    period = Period(begin, begin + timedelta(days=draw(st.integers(1, 31))), tz)
    currency = draw(st.sampled_from(["RUB", "USD", "JPY", "KWD", "XTS"]))
    why = tuple(draw(st.lists(odd, max_size=2)))
    return Bill(draw(odd), draw(odd), 1, period, currency, tuple(own), net, tax, net + tax, why)


def written(write: Writer, bill: Bill, proof: Proof | None, lang: str) -> bytes:
    content = io.BytesIO()
    write(bill, proof, lang, content)
    return content.getvalue()


def pdf_text(content: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(content)).pages
    return "\n".join(page.extract_text() for page in pages).replace("\u200b", "").replace("\u00a0", " ")


def sheet(content: bytes, place: int = 0) -> list[list[Any]]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    return [[cell.value for cell in row] for row in book.worksheets[place].iter_rows()]


def rows_of_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_pdf_says_every_amount_the_proof_and_that_it_is_provisional(lang: str) -> None:
    text = pdf_text(written(write_pdf, BILL, PROOF, lang))
    flat = " ".join(text.split())
    for line in BILL.lines:
        assert money(line.amount, "RUB", lang).replace("\u00a0", " ") in flat
    total = {"ru": "Всего к оплате 3 294,00 ₽", "en": "Total to pay 3,294.00 RUB"}
    assert total[lang] in flat
    assert {"ru": "ПРЕДВАРИТЕЛЬНЫЙ", "en": "PROVISIONAL"}[lang] in flat
    assert {"ru": "не закрыт", "en": "is open"}[lang] in flat
    assert "sha256:" + "ab" * 32 in text.replace("\n", "")
    for gap in GAPS:
        assert gap.id in flat
    assert BILL.customer in flat
    assert "Скидка #1 $x$ *a* [b]" in flat


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_xlsx_holds_the_bill_s_numbers_as_numbers(lang: str) -> None:
    rows = sheet(written(write_xlsx, BILL, PROOF, lang))
    amount = LINE_COLUMNS.index("amount")
    numbers = [D(str(row[amount])) for row in rows if isinstance(row[amount], int | float)]
    assert numbers[-3:] == [D("2700"), D("594"), D("3294")]
    for line in BILL.lines:
        assert line.amount in numbers
    assert any("не закрыт" in str(row[1]) or "is open" in str(row[1]) for row in rows)
    proof = sheet(written(write_xlsx, BILL, PROOF, lang), 1)
    counts = [row[1] for row in proof if isinstance(row[1], int)]
    assert counts == [3, 133_920, 133_798, 90, 32, 30, 0, 1, 99_887]
    assert any("sha256:" + "ab" * 32 in row for row in proof)
    assert {gap.id for gap in GAPS} <= {row[0] for row in proof}


def test_xlsx_says_exactly_what_a_float_cannot_hold() -> None:
    large = D("12345678901234567.89")
    assert not float_holds(large)
    bill = replace(
        BILL, lines=(replace(BILL.lines[0], amount=large, parts=()),), net=large, tax=D(0), total=large
    )
    rows = sheet(written(write_xlsx, bill, None, "en"))
    exactly = [row[LINE_COLUMNS.index("exact")] for row in rows]
    assert exactly.count("12,345,678,901,234,567.89\u00a0RUB") == 3  # the line, net and total
    # and nothing beside what a number holds
    assert not any(
        row[LINE_COLUMNS.index("exact")]
        for row in sheet(written(write_xlsx, BILL, None, "en"))[9:]
        if row[5] == 3294
    )


def test_xlsx_has_no_formula_and_no_link() -> None:
    evil = '=HYPERLINK("http://example.com","x")'
    line = replace(BILL.lines[0], names={"en": evil}, rule=evil, unit=evil, id=evil)
    bill = replace(BILL, customer=evil, plan=evil, lines=(line,), provisional=(evil, "http://example.com"))
    content = written(write_xlsx, bill, None, "en")
    for page in openpyxl.load_workbook(io.BytesIO(content)).worksheets:
        for row in page.iter_rows():
            for cell in row:
                assert cell.data_type != "f"
                assert cell.hyperlink is None
    assert evil in [cell for row in sheet(content) for cell in row]


def test_xlsx_cuts_text_that_no_cell_holds_and_keeps_the_bill() -> None:
    rows = sheet(written(write_xlsx, replace(BILL, customer="ж" * 40_000, customer_name=""), None, "ru"))
    cut = next(cell for row in rows for cell in row if isinstance(cell, str) and cell.startswith("жж"))
    assert len(cut) == MOST_TEXT
    assert cut.endswith("…")


@pytest.mark.parametrize(
    "evil",
    [
        "=1+1",
        "+1",
        "-1+1",
        "@SUM(A1)",
        " =1+1",
        "\t=1",
        "\r=1",
        "＝1+1",
        "'=1",
        '"=1',
        "|calc",
        "\x00=1",
        "\n=1",
        "\u200d=1",
        "\u00ad=1",
    ],
)
def test_csv_text_never_begins_a_formula_and_numbers_stay_numbers(evil: str) -> None:
    line = replace(BILL.lines[3], names={"en": evil}, rule=evil, unit=evil, id=evil)
    text = as_csv(
        replace(BILL, customer=evil, plan=evil, lines=(line,), provisional=(evil,)), PROOF_OF(evil), "en"
    )
    for row in rows_of_csv(text):
        for column, cell in row.items():
            if column in ("quantity", "price", "amount", "plan_version"):
                assert re.fullmatch(r"-?\d+(\.\d+)?|", cell)
            else:
                assert not cell.lstrip(" \ufffd\u200d").startswith(tuple("=+-@|\t\r\n＝＋－＠")), (
                    column,
                    cell,
                )
    assert [row["amount"] for row in rows_of_csv(text) if row["row"] == "adjustment"] == ["-3.60"]


@pytest.mark.parametrize("evil", ["x;=1+1", "x; =1", "x;'=1", "x;-1", "x;＝1", ";;+1"])
def test_csv_text_begins_no_formula_behind_a_semicolon_either(evil: str) -> None:
    """An Excel whose list separator is ; splits there, whatever is quoted."""
    text = as_csv(replace(BILL, customer=evil, lines=(), provisional=(evil,)), None, "ru")
    for cell in re.split(r"[;\r\n]", text):
        assert not cell.lstrip(" '\"").startswith(tuple("=+-@|＝＋－＠")) or cell.lstrip(' "').startswith(
            "'"
        ), cell


def PROOF_OF(customer: str) -> Proof:  # noqa: N802 as the constant it stands beside
    return replace(PROOF, customer=customer)


def test_nothing_of_a_bill_is_read_as_markup() -> None:
    evil = '#panic("x") #import "@preview/a:1.0.0" $ \\ ` <a> ] [/] [bold]b[/bold] */ // {x}'
    line = replace(
        BILL.lines[0], names={"ru": evil}, rule=evil, parts=(replace(BILL.lines[0].parts[0], what=evil),)
    )
    bill = replace(BILL, customer=evil, plan=evil, lines=(line,), provisional=(evil,))
    flat = "".join(pdf_text(written(write_pdf, bill, PROOF_OF(evil), "ru")).split())
    assert flat.count("".join(evil.split())) >= 5
    assert as_text(bill, PROOF_OF(evil), "ru", width=400).count(evil) >= 5


def test_signs_that_do_not_show_change_no_amount() -> None:
    line = replace(BILL.lines[0], amount=D("-0.01"), parts=(), names={"ru": "со\u00adюз \u205f\u2066x\u202e"})
    flat = pdf_text(written(write_pdf, replace(BILL, lines=(line,)), None, "ru"))
    assert "союз" in flat
    assert "-0,01 ₽" in flat
    assert "союз  \ufffdx\ufffd" in as_text(replace(BILL, lines=(line,)), None, "ru")


def test_a_terminal_gets_no_control_signs() -> None:
    text = as_text(replace(BILL, customer="\x1b[2J\u202egnp\x07"), None, "en")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\x07" not in text


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_a_narrow_terminal_cuts_no_figure(width: int) -> None:
    text = as_text(BILL, PROOF, "ru", width)
    for line in BILL.lines:
        assert money(line.amount, "RUB", "ru") in text
    assert "≈\u00a01,935484\u00a0₽" in text
    assert "от 1\u00a0000\u00a0000 до 4\u00a0000\u00a0000" in text


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_every_format_says_that_there_is_no_proof(lang: str) -> None:
    words = {
        "ru": "Подтверждения полноты к этому счёту нет",
        "en": "No proof of completeness comes with this bill",
    }[lang]
    assert words in as_text(BILL, None, lang)
    assert words in as_csv(BILL, None, lang)
    assert words in pdf_text(written(write_pdf, BILL, None, lang)).replace("\n", " ")
    assert any(str(row[0]).startswith(words) for row in sheet(written(write_xlsx, BILL, None, lang), 1))


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_a_final_bill_is_nowhere_called_provisional(lang: str) -> None:
    final = replace(BILL, provisional=())
    texts = [as_text(final, None, lang), pdf_text(written(write_pdf, final, None, lang))]
    texts.append(str(sheet(written(write_xlsx, final, None, lang))))
    assert not any("редварительный" in text.lower() or "provisional" in text.lower() for text in texts)
    assert {row["state"] for row in rows_of_csv(as_csv(final, None, lang))} == {"final"}
    assert to_json(final, None)["state"] == "final"


def test_a_bill_of_nobody_has_no_customer_and_one_below_zero_is_in_his_favour() -> None:
    line = replace(BILL.lines[0], kind="adjustment", amount=D("-5.10"), parts=())
    bill = replace(BILL, customer="", lines=(line,), net=D("-5.10"), tax=D(0), total=D("-5.10"))
    for text in (as_text(bill, None, "en"), pdf_text(written(write_pdf, bill, None, "en"))):
        assert "Customer" not in text
        assert "in the customer's favour" in text.replace("’", "'")
        assert "-5.10" in text
        assert "Total to pay" not in text


@pytest.mark.parametrize("write", [write_pdf, write_xlsx, write_csv])
def test_the_same_bill_gives_the_same_bytes(write: Writer) -> None:
    assert written(write, BILL, PROOF, "ru") == written(write, BILL, PROOF, "ru")


def test_more_gaps_than_a_page_holds_are_counted() -> None:
    many = replace(PROOF, gaps=tuple(replace(GAPS[0], id=f"g{place}") for place in range(510)))
    text = pdf_text(written(write_pdf, BILL, many, "en"))
    assert "g499" in text
    assert "g500" not in text
    assert "and 10 more" in text
    assert sum(row["row"] == "gap" for row in rows_of_csv(as_csv(BILL, many, "en"))) == 510


@pytest.mark.parametrize("write", [*FILES, lambda bill, proof, _lang, _to: to_json(bill, proof)])
def test_the_proof_of_another_customer_or_time_is_refused(write: Writer) -> None:
    for wrong in (replace(PROOF, customer="c2"), replace(PROOF, first=PROOF.after, after=PROOF.after + 9)):
        with pytest.raises(ValueError, match="the proof is of"):
            write(BILL, wrong, "ru", io.BytesIO())


@pytest.mark.parametrize("write", FILES)
def test_another_language_is_refused_and_a_file_is_whole_or_as_it_was(write: Writer, tmp_path: Path) -> None:
    target = tmp_path / "bill"
    target.write_text("before")
    with pytest.raises(ValueError, match="one of ru, en"):
        write(BILL, PROOF, "de", target)
    assert target.read_text() == "before"
    write(BILL, PROOF, "ru", target)
    assert target.read_bytes() == written(write, BILL, PROOF, "ru")
    assert list(tmp_path.iterdir()) == [target]


def test_money_loses_no_digit_whatever_the_decimal_context() -> None:
    import decimal

    with decimal.localcontext(prec=5):
        assert money(D("123456789012345678901234567890.12"), "RUB", "en") == (
            "123,456,789,012,345,678,901,234,567,890.12\u00a0RUB"
        )
    assert money(D("-0.00"), "RUB", "ru") == "0,00\u00a0₽"
    assert money(D("1.2345"), "RUB", "ru") == "1,2345\u00a0₽"
    assert money(D("100"), "JPY", "ru") == "100\u00a0JPY"


def test_a_part_of_a_month_shows_its_days_and_a_part_of_a_day_its_times() -> None:
    assert period_text(PERIOD, "ru") == "1 октября 2026 – 31 октября 2026 (Europe/Moscow)"
    part = replace(PERIOD, begin=PERIOD.begin + timedelta(hours=9))
    assert period_text(part, "en") == "1 October 2026, 09:00 – 1 November 2026, 00:00 (Europe/Moscow)"
    assert "(UTC)" in period_text(replace(PERIOD, tz="Mars/Olympus"), "en")


@settings(max_examples=60, deadline=None)
@given(bills(), st.sampled_from(["ru", "en"]))
def test_any_bill_comes_back_from_csv_json_xlsx_and_the_terminal(bill: Bill, lang: str) -> None:
    assert from_json(to_json(bill, None)) == (bill, None)
    found = rows_of_csv(as_csv(bill, None, lang))
    assert [D(row["amount"]) for row in found if row["row"] in ("net", "tax_total", "total")] == [
        bill.net, bill.tax, bill.total,
    ]  # fmt: skip
    assert sum(row["row"] == "part" for row in found) == sum(len(line.parts) for line in bill.lines)
    text = as_text(bill, None, lang)
    rows = sheet(written(write_xlsx, bill, None, lang))
    amount, exactly = LINE_COLUMNS.index("amount"), LINE_COLUMNS.index("exact")
    for place, value in zip((-3, -2, -1), (bill.net, bill.tax, bill.total), strict=True):
        assert money(value, bill.currency, lang) in text
        if float_holds(value):
            assert D(str(rows[place][amount])) == value
        else:
            assert rows[place][exactly] == money(value, bill.currency, lang)
    for line in bill.lines:
        assert money(line.amount, bill.currency, lang) in text


@settings(max_examples=25, deadline=None)
@given(bills(), st.sampled_from(["ru", "en"]))
def test_any_bill_comes_back_from_pdf(bill: Bill, lang: str) -> None:
    proof = Proof(bill.customer, "2026-10", bill.period.tz, int(bill.period.begin.timestamp()) // 60,
                  int(bill.period.end.timestamp()) // 60 + 1, 1, "", 0, 0, Minutes())  # fmt: skip
    flat = "".join(pdf_text(written(write_pdf, bill, proof, lang)).split())
    for value in (*(line.amount for line in bill.lines), bill.net, bill.tax, bill.total):
        assert "".join(money(value, bill.currency, lang).split()) in flat
