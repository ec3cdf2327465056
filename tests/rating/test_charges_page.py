"""docs/charges.md says what the code does: every row of its tables is rated, every Python example is run."""

from __future__ import annotations

import doctest
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from pipeline.rating.charge import rate_charge
from pipeline.rating.model import Charge, Model, Plan, Quantity
from pipeline.rating.plan_toml import parse_plan
from pipeline.rating.rounding import add_up

PAGE = Path(__file__).parents[2] / "docs/charges.md"
BLOCK = re.compile(r"```toml\n(.*?)```", re.DOTALL)
TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
DEFAULTS = {"meter": '"bytes_sent"', "unit": '"GB"'}


def charge_of(keys: str) -> Charge:
    """The charge of an example, in a plan around it."""
    given = {line.split(" = ")[0] for line in keys.splitlines()}
    flat = 'meter = "flat"' in keys
    rest = "".join(
        f"{k} = {v}\n" for k, v in DEFAULTS.items() if k not in given and not (flat and k == "unit")
    )
    head = 'id = "p"\ncurrency = "RUB"\nvalid_from = 2026-01-01\n'
    other = '[[charge]]\nid = "other"\nmeter = "flat"\nmodel = "flat"\nflat = "1475"\n'
    plan = parse_plan(f'{head}[[charge]]\nid = "c"\n{rest}{keys}{other}')
    assert isinstance(plan, Plan), plan
    return plan.charges[0]


def rows() -> list[Any]:
    """Every row of every table, with the example above it."""
    text = PAGE.read_text(encoding="utf-8")
    pieces = sorted([*BLOCK.finditer(text), *TABLE.finditer(text)], key=lambda found: found.start())
    found, keys = [], ""
    for piece in pieces:
        if piece.re is BLOCK:
            keys = piece[1]
            continue
        names, _, *lines = (
            [cell.strip() for cell in line.strip("|").split("|")] for line in piece[0].splitlines()
        )
        for cells in lines:
            row = dict(zip(["quantity", *names[1:]], cells, strict=True))
            name = re.search(r'model = "(.*)"', keys)
            label = f"{name[1] if name else ''} {row['quantity']} {row.get('part', '')}".strip()
            found.append(pytest.param(keys, row, id=label))
    return found


@pytest.mark.parametrize(("keys", "row"), rows())
def test_every_row_of_the_page_is_what_the_code_says(keys: str, row: dict[str, str]) -> None:
    of = charge_of(keys)
    windows = tuple(Decimal(each) for each in row["quantity"].split(", "))
    counted = Quantity("c", add_up(windows), 0, windows=windows if of.window_s else ())
    line = rate_charge(of, counted, Fraction(row.get("part", "1")))
    assert str(line.amount) == row["amount"]
    steps = [
        "-" * (part.amount < 0) + f"{part.amount.copy_abs():f}"
        if not part.units
        else f"{part.units:f} × {part.price:f}"
        for part in line.parts
        if part.amount
    ]
    told = [each for each in re.split(r" \+ | (?=- )", row["steps"]) if each != "0"]
    assert len(steps) == len(told)
    for ours, theirs in zip(steps, told, strict=True):
        # Where the page leaves digits out, it says so.
        cut = len(theirs) - 1 if theirs.endswith("…") else None
        assert numbers(ours[:cut]) == numbers(theirs[:cut])


def numbers(step: str) -> list[Decimal]:
    """A step's factors, however they are written."""
    return [Decimal(each) for each in step.replace("- ", "-").split(" × ")]


def test_every_model_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert set(re.findall(r'^model = "(.*)"', text, re.MULTILINE)) == {model.value for model in Model}
    assert len(rows()) >= 2 * len(Model)


def test_the_examples_run() -> None:
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert (failed, tried > 15) == (0, True)
