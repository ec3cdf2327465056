"""Rating cases collected from other systems and public price pages, answered by the product's own functions.

`PREBILL_RATING_CASES` names the file (default `../shared/data/rating_cases.json` beside the repository); its `schema`
explains the models. A case is translated by its model, never by its id; without the file the suite skips.
"""

from __future__ import annotations

import json
import os
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from pipeline.rating.rounding import shown
from tests.judges.rating_nouns import UnsupportedError
from tests.judges.rating_rest import ANSWERS

ROOT = Path(__file__).parents[2]
CASES = Path(os.environ.get("PREBILL_RATING_CASES", ROOT.parent / "shared" / "data" / "rating_cases.json"))
MOST_SKIPPED = Fraction(8, 100)


def read() -> list[dict[str, Any]]:
    return list(json.loads(CASES.read_text(encoding="utf-8"))["cases"]) if CASES.is_file() else []


def cases() -> list[Any]:
    """Every case as a test with its own id."""
    reason = f"no {CASES} (PREBILL_RATING_CASES)"
    return [pytest.param(case, id=case["id"]) for case in read()] or [
        pytest.param({}, id="none", marks=pytest.mark.skip(reason=reason))
    ]


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """What the product says."""
    if case["model"] not in ANSWERS:
        raise UnsupportedError(f"no translation of model {case['model']}")
    return ANSWERS[case["model"]](case["params"], case["usage"])


def agrees(ours: Any, theirs: Any) -> bool:
    """Equal numbers. What was not rounded by a rule is taken to as many decimals as the source prints."""
    if isinstance(theirs, list):
        same_length = isinstance(ours, list) and len(ours) == len(theirs)
        return same_length and all(agrees(a, b) for a, b in zip(ours, theirs, strict=True))
    if isinstance(ours, str):
        return ours == str(theirs)
    printed = Decimal(theirs)
    if isinstance(ours, Fraction):
        return shown(ours).quantize(printed, ROUND_HALF_UP) == printed
    return Decimal(ours) == printed


@pytest.mark.parametrize("case", cases())
def test_the_product_agrees_with_the_source(case: dict[str, Any]) -> None:
    try:
        found = answer(case)
    except UnsupportedError as reason:
        pytest.skip(f"unsupported: {case['model']}: {reason}")
    wrong = {
        key: (found.get(key, "no answer"), theirs)
        for key, theirs in case["expected"].items()
        if key not in found or not agrees(found[key], theirs)
    }
    assert not wrong, f"{case['model']}: ours, theirs"


def test_few_cases_are_of_what_no_cdn_sells() -> None:
    known = read()
    if not known:
        pytest.skip(f"no {CASES} (PREBILL_RATING_CASES)")
    skipped = []
    for case in known:
        try:
            answer(case)
        except UnsupportedError:
            skipped.append(case["id"])
    assert Fraction(len(skipped), len(known)) <= MOST_SKIPPED, skipped


def test_a_wrong_figure_is_seen() -> None:
    assert agrees(Decimal("1.50"), "1.5")
    assert not agrees(Decimal("1.5"), "1.49")
    assert not agrees(Decimal("1.501"), "1.50")
    assert agrees(Fraction(1, 3), "0.333")
    assert not agrees([Decimal(1)], ["1", "2"])
    assert agrees("bandwidth", "bandwidth")
