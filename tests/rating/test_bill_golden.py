"""Bills and letters look as the golden files show them, which a person has read."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipeline.rating.bill_entries import bill_digest
from pipeline.rating.exports.bill_json import from_json, to_json
from pipeline.rating.exports.words import WORDS, unit_words
from pipeline.rating.letter_words import SENTENCES
from tests.rating.bill_samples import BILL, GOLDEN, PROOF, golden

NAMES = sorted(golden())


@pytest.mark.parametrize("name", NAMES)
def test_as_the_golden_file(name: str) -> None:
    assert golden()[name] == (GOLDEN / name).read_bytes().decode()


def test_every_golden_file_is_compared() -> None:
    assert sorted(path.name for path in GOLDEN.iterdir()) == NAMES


def test_json_comes_back_as_the_same_bill() -> None:
    document = json.loads(json.dumps(to_json(BILL, PROOF)))
    assert from_json(document) == (BILL, PROOF)
    assert from_json(to_json(BILL, None)) == (BILL, None)


def test_names_are_no_part_of_what_is_owed() -> None:
    renamed = replace(BILL, customer_name="Кино", plan_names={"en": "First"})
    assert bill_digest(renamed) == bill_digest(BILL), "a new name is no other bill"
    document = to_json(BILL, None)
    before_names = {key: document[key] for key in document if key not in ("customer_name", "plan_name")}
    assert from_json(before_names)[0] == replace(BILL, customer_name="", plan_names={})


@pytest.mark.parametrize("table", [WORDS, SENTENCES], ids=["words", "sentences"])
def test_no_words_stand_twice_and_both_languages_take_the_same_values(
    table: dict[str, tuple[str, str]],
) -> None:
    assert len(set(table.values())) == len(table)
    for key, (ru, en) in table.items():
        assert ru, key
        assert en, key
        # Russian counts with another word for `times`, and English does without one
        assert _fields(ru) - {"word"} == _fields(en), key


def _fields(text: str) -> set[str]:
    from string import Formatter

    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize(
    ("unit", "ru", "en"),
    [
        ("B", "Б", "B"),
        ("kB", "кБ", "kB"),
        ("GiB", "ГиБ", "GiB"),
        ("KiB", "КиБ", "KiB"),
        ("Mbps", "Мбит/с", "Mbit/s"),
        ("bps", "бит/с", "bit/s"),
        ("10k-requests", "×\u00a010\u00a0000 запросов", "×\u00a010,000 requests"),
        ("1M-requests", "×\u00a01\u00a0000\u00a0000 запросов", "×\u00a01,000,000 requests"),
        ("month", "мес.", "month"),
        ("EUR", "EUR", "EUR"),
    ],
)
def test_units_in_words(unit: str, ru: str, en: str) -> None:
    assert (unit_words(unit, "ru"), unit_words(unit, "en")) == (ru, en)
