"""The letter: one number answers it, its amounts are the data's, and it promises nothing that the data does not say."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rating.letter import Letter, Offer, Option, letter_subject, letter_text
from pipeline.rating.letter_words import SENTENCES, times_word
from tests.rating.bill_samples import LETTER, MEDIA, START

D = Decimal
LANGS = ("ru", "en")
KEEP = Option(Offer.KEEP, START, D("1000000.00"))
BARE = Letter("", START, LETTER.period, "RUB", D("1000000.00"), (KEEP,), LETTER.next_by)


@pytest.mark.parametrize("lang", LANGS)
def test_options_are_numbered_from_one_without_a_hole(lang: str) -> None:
    numbers = re.findall(r"^(\d+)\. ", letter_text(LETTER, lang), re.MULTILINE)
    assert numbers == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("lang", LANGS)
def test_a_bare_letter_says_nothing_that_it_was_not_told(lang: str) -> None:
    text = letter_text(BARE, lang)
    for key in ("serving", "provisional", "undecided", "with_tax", "without_tax"):
        assert SENTENCES[key][LANGS.index(lang)].strip(" ,") not in text
    for key in (
        "peak",
        "resource",
        "times",
        "more_than_times",
        "more",
        "saving",
        "discount",
        "answer_by",
        "without_answer",
    ):
        assert _first_words(key, lang) not in text
    assert _first_words("next_by", lang) in text


def _first_words(key: str, lang: str) -> str:
    longest = max(re.split(r"\{\w+\}", SENTENCES[key][LANGS.index(lang)]), key=len)
    assert len(longest) > 5
    return longest


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"serving": True}, "serving"),
        ({"provisional": True}, "provisional"),
        ({"taxed": True}, "with_tax"),
        ({"taxed": False}, "without_tax"),
        ({"peak_resource": "a.example"}, "resource"),
        ({"peak_day": date(2026, 10, 12), "peak_share": D("0.5")}, "peak"),
        ({"usual": D(3000)}, "more_than_times"),
        ({"usual": D(500_000)}, "times"),
        ({"usual": D(900_000)}, "more"),
        ({"answer_by": datetime(2026, 11, 1, tzinfo=UTC)}, "answer_by"),
        ({"without_answer": 1}, "without_answer"),
        ({"options": (replace(KEEP, decided=False),)}, "undecided"),
        ({"options": (KEEP, Option(Offer.MOVE, MEDIA, D(5)))}, "saving"),
        ({"options": (KEEP, Option(Offer.MOVE, MEDIA, D(5), decided=False))}, "saving_undecided"),
        ({"options": (KEEP, Option(Offer.MOVE, MEDIA, D(5), discount=D(7)))}, "discount"),
        ({"options": (KEEP, Option(Offer.MOVE, MEDIA, D(2_000_000)))}, "dearer"),
        ({"low": D(1), "high": D(2_000_000)}, "forecast"),
    ],
)
def test_each_fact_brings_its_sentence(change: dict[str, Any], key: str) -> None:
    for lang in LANGS:
        words = _first_words(key, lang)
        assert words not in letter_text(BARE, lang)
        assert words in letter_text(replace(BARE, **change), lang)


@pytest.mark.parametrize("lang", LANGS)
def test_what_may_change_is_told_as_about(lang: str) -> None:
    about = {"ru": "примерно", "en": "about"}[lang]
    assert about not in letter_text(BARE, lang)
    for change in ({"provisional": True}, {"low": D(1), "high": D(2_000_000)}):
        text = letter_text(replace(BARE, **change), lang)
        assert text.count(about) >= 2
    forecast = replace(BARE, low=D(1), high=D(2_000_000))
    assert about in letter_subject(forecast, lang)
    assert about not in letter_subject(BARE, lang)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"options": ()}, "1 to 9 options are expected, 0 found"),
        ({"options": (KEEP,) * 10}, "10 found"),
        ({"low": D(1)}, "both low and high"),
        ({"low": D(1), "high": D(2)}, "is not within"),
        ({"next_by": datetime(2026, 11, 1)}, "next_by needs a zone"),
        ({"without_answer": 2}, "which is none of them"),
        ({"without_answer": 1, "options": (replace(KEEP, decided=False),)}, "nobody has approved"),
        ({"plan": {}}, "the plan has no name"),
        ({"peak_share": D(62)}, "peak_share"),
        ({"amount": D(-1)}, "0 or more"),
        ({"options": (replace(KEEP, amount=D(1)),)}, "keeping the plan costs 1000000.00, not 1"),
        ({"options": (Option(Offer.MOVE, MEDIA),)}, "every other has one"),
        ({"options": (Option(Offer.FREE, MEDIA, D(1)),)}, "free has no amount"),
        ({"options": (Option(Offer.SWITCH, MEDIA, D(1)),)}, "needs the day"),
        ({"options": (Option(Offer.PAID, MEDIA, D(1), discount=D(1)),)}, "a discount is"),
        ({"options": (Option(Offer.MOVE, {}, D(1)),)}, "it has no name"),
    ],
)
def test_a_letter_that_cannot_be_meant_is_refused(fault: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(BARE, **fault)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"no name; .*needs a zone"):
        replace(BARE, plan={}, next_by=datetime(2026, 11, 1))


def test_another_language_is_refused() -> None:
    with pytest.raises(ValueError, match="one of ru, en"):
        letter_text(LETTER, "de")


@pytest.mark.parametrize(
    ("times", "word"), [(2, "раза"), (5, "раз"), (11, "раз"), (21, "раз"), (22, "раза"), (333, "раза")]
)
def test_times_in_russian(times: int, word: str) -> None:
    assert times_word(times) == word


@given(st.text(st.characters(), max_size=60), st.sampled_from(LANGS))
def test_no_name_adds_a_line_or_a_header(name: str, lang: str) -> None:
    plan = {"ru": name or "x", "en": name or "x"}
    letter = replace(LETTER, customer=name, plan=plan, peak_resource=name, sender=name)
    plain = replace(LETTER, customer="x", plan={"ru": "x", "en": "x"}, sender="x" if name else "")
    assert len(letter_subject(letter, lang).splitlines()) == 1
    assert len(letter_text(letter, lang).split("\n")) == len(letter_text(plain, lang).split("\n"))


@given(
    st.decimals(min_value=0, max_value=10**9, places=2),
    st.decimals(min_value=0, max_value=10**9, places=2),
    st.decimals(min_value=0, max_value=10**9, places=2),
)
def test_sums_of_the_letter_are_right(amount: Decimal, other: Decimal, usual: Decimal) -> None:
    letter = replace(
        BARE,
        amount=amount,
        usual=usual,
        options=(replace(KEEP, amount=amount), Option(Offer.MOVE, MEDIA, other)),
    )
    text = letter_text(letter, "en")
    change = re.search(r"That is ([\d,.]+)\s+RUB (less|more)\.", text)
    if other == amount:
        assert change is None
    else:
        assert change is not None
        assert D(change[1].replace(",", "")) == abs(amount - other)
        assert (change[2] == "less") == (other < amount)
    times = re.search(r"This one is (more than )?([\d,]+) times that", text)
    if times:
        claimed = int(times[2].replace(",", "")) * usual
        assert claimed < amount if times[1] else claimed == amount
