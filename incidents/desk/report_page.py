"""The weekly report as text for a terminal or a letter, and as one HTML page that needs nothing beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from incidents.desk.report_words import Row, Table, Teller, sections, tables

TEMPLATES = Path(__file__).parent / "templates"


def report_text(report: dict[str, Any], lang: str) -> str:
    """Plain text."""
    tell = Teller(lang, report["tz"])
    parts = [_heading(report, tell), ""]
    found = sections(report, tell)
    width = max(len(row.label) for _, rows in found for row in rows) + 2
    left = max(len(row.this) for _, rows in found for row in rows) + 2
    left = max(left, len(tell.word("this")) + 2)
    parts.append(f"{'':{width}}{tell.word('this'):>{left}}  {tell.word('before')}")
    for title, rows in found:
        parts += ["", title, *(f"  {row.label:{width - 2}}{row.this:>{left}}  {row.before}" for row in rows)]
    for table in tables(report, tell):
        parts += ["", *_table_text(table)]
    return "\n".join(line.rstrip() for line in parts) + "\n"


def _table_text(table: Table) -> list[str]:
    if not table.rows:
        return [f"{table.title}: {table.empty}"]
    rows = [table.heads, *(tuple(_short(cell) for cell in row) for row in table.rows)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(table.heads))]
    lines = ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    return [table.title, *(f"  {line}" for line in lines)]


def _short(cell: str) -> str:
    return cell if len(cell) <= 48 else cell[:47] + "…"


def _heading(report: dict[str, Any], tell: Teller) -> str:
    text = f"{tell.word('title')} {report['week']}"
    return text if report["complete"] else f"{text} ({tell.word('partial')} {tell.time(report['at'])})"


def report_html(report: dict[str, Any], lang: str) -> str:
    """One page: its style inside, its bars small SVGs, no script, nothing loaded from anywhere."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    tell = Teller(lang, report["tz"])
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    page = environment.get_template("report.html")
    return page.render(
        lang=tell.lang,
        heading=_heading(report, tell),
        sections=[(title, [(row, bars(row)) for row in rows]) for title, rows in sections(report, tell)],
        tables=tables(report, tell),
        this=tell.word("this"),
        before=tell.word("before"),
    )


BAR = 120


def bars(row: Row) -> tuple[float, float] | None:
    """Widths of the two bars, None where there are none."""
    if row.shares is None:
        return None
    return (round(BAR * row.shares[0], 1), round(BAR * row.shares[1], 1))
