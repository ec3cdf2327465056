"""What is printed reaches the reader whole: tables in narrow terminals, names from outside, plurals, who acts."""

from __future__ import annotations

import getpass
import io
import os

import pytest
from rich.table import Table
from rich.text import Text

from incidents.model import Priority
from pipeline.app.bills.simulation_words import tell
from pipeline.app.commands.status import _incidents
from pipeline.app.context import acting_user
from pipeline.app.coverage import gap_output
from pipeline.app.incidents import output as incident_output
from pipeline.app.terminal import console
from pipeline.coverage.model import Amount, Gap, GapState, Loss, LossClass, Share, Stream
from pipeline.store.incident_rows import IncidentRow


def printed(width: int, table: Table) -> list[str]:
    """The lines of it in a terminal of that width, before the terminal wraps them."""
    shown = io.StringIO()
    console(file=shown, width=width, force_terminal=True, color_system=None).print(table)
    return shown.getvalue().splitlines()


def of_words(*columns: tuple[str, bool]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for _, no_wrap in columns:
        table.add_column(no_wrap=no_wrap)
    table.add_row(*(Text(cell) for cell, _ in columns))
    return table


def test_a_table_that_can_be_read_folds_within_the_terminal() -> None:
    lines = printed(40, of_words(("1,234,567 kB", True), ("what was said of it by whoever saw it", False)))
    assert len(lines) > 1
    assert max(map(len, lines)) <= 40
    assert lines[0].startswith("1,234,567 kB  what was said")


@pytest.mark.parametrize("width", [20, 30])
def test_a_table_that_cannot_be_read_there_is_printed_unfolded(width: int) -> None:
    said = "what was said of it by whoever saw it"
    lines = printed(width, of_words(("1,234,567 kB", True), (said, False), ("open", True), (" ", False)))
    assert lines == [f"1,234,567 kB  {said}  open"], (
        "the terminal wraps it, not the table, and no blanks follow"
    )


def test_the_columns_are_the_callers_again_after_it() -> None:
    table = of_words(("1,234,567 kB", True), ("what was said of it", False))
    table.columns[1].min_width = 9
    printed(10, table)
    assert [column.min_width for column in table.columns] == [None, 9]


def test_names_from_outside_are_no_emoji() -> None:
    table = Table()
    table.add_column("host")
    table.add_row("2001:db8:a:b::1")
    assert "2001:db8:a:b::1" in "".join(printed(80, table))
    shown = io.StringIO()
    console(file=shown).print("env:V: and :a:")
    assert shown.getvalue() == "env:V: and :a:\n"


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A terminal of 80 columns where results go."""
    shown = io.StringIO()
    here = console(file=shown, width=80, force_terminal=True, color_system=None)
    for module in (gap_output, incident_output):
        monkeypatch.setattr(module, "out", lambda: here)
    return shown


def test_all_of_a_gap_is_shown_at_80_columns(narrow: io.StringIO) -> None:
    lost = Amount(1_000_000, 2_000_000, 3_000_000, None, "neighbours")
    loss = Loss(Stream("e1"), LossClass.MISSING, 29_000_000, 29_000_003, None, lost)
    gap = Gap("g4e709c144d62", loss, GapState.OPEN, 0, 0, (Share("c1", 1.0),))
    gap_output.show_gaps([gap], {"c1": "Cinema of the whole country"}, 0)
    row = next(line for line in narrow.getvalue().splitlines() if line.startswith(gap.id))
    for said in ("2 MB (1 MB to 3 MB, neighbours)", "Cinema of the whole country 100%", "open", "not known"):
        assert said in row


def test_an_incident_is_one_line_at_80_columns(narrow: io.StringIO) -> None:
    reason = "probes of c1 fail from ru-central, ru-volga and eu, and nothing says that it is his origin"
    row = IncidentRow(
        incident="11b9217e9742", kind="outage", scope_kind="customer", scope_id="c1", harm="confirmed",
        priority=Priority.COMPANY_WIDE.value, status="acknowledged", since=0, updated=0, reason=reason,
        actor="engine", parent="", flaps=0, notices=0,
    )  # fmt: skip
    incident_output.show_list([row], 3600, "Watched.", "en")
    lines = narrow.getvalue().splitlines()
    assert len(lines) == 3, "the heads, the incident, who watches"
    assert lines[1].endswith(reason)


def test_the_status_names_priorities_as_notices_do() -> None:
    told = _incidents({"company_wide": 1, "high": 0, "normal": 2})
    assert told.plain.startswith("3 incidents: 1 company-wide, 2 normal;")


@pytest.mark.parametrize(
    ("key", "lang", "count", "said"),
    [
        ("customers", "en", 1, "1 customer, m"),
        ("customers", "en", 2, "2 customers, m"),
        ("in_all", "en", 1, "1 customer: "),
        ("unpriced", "en", 1, "1 customer: "),
        ("free", "en", 1, "1 customer: "),
        ("still_open", "en", 1, "the month of 1 customer is"),
        ("still_open", "ru", 1, "у 1 клиента месяц"),
        ("still_open", "ru", 5, "у 5 клиентов месяц"),
    ],
)
def test_of_one_customer_it_is_said_in_the_singular(key: str, lang: str, count: int, said: str) -> None:
    assert said in tell(key, lang, count=count, month="m", now="n", then="t", fewer=0, who="w")


def test_who_acts_is_named_also_where_the_account_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert acting_user(" anna ") == "anna"
    assert acting_user(None) == acting_user("  ") == f"uid {os.getuid()}"
