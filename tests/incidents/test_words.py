"""Counts with what they count, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from incidents.after.words import say as after
from incidents.messages.words import KIND, LANGUAGES
from incidents.model import Kind, Priority
from incidents.replay import replay
from incidents.screen_words import word
from incidents.story import story
from incidents.tasks.words import say as tasks
from incidents.words import counted


@pytest.mark.parametrize(
    ("count", "english", "russian", "accusative", "genitive"),
    [
        (0, "0 minutes", "0 минут", "0 минут", "0 минут"),
        (1, "1 minute", "1 минута", "1 минуту", "1 минуты"),
        (2, "2 minutes", "2 минуты", "2 минуты", "2 минут"),
        (5, "5 minutes", "5 минут", "5 минут", "5 минут"),
        (11, "11 minutes", "11 минут", "11 минут", "11 минут"),
        (12, "12 minutes", "12 минут", "12 минут", "12 минут"),
        (21, "21 minutes", "21 минута", "21 минуту", "21 минуты"),
        (22, "22 minutes", "22 минуты", "22 минуты", "22 минут"),
        (111, "111 minutes", "111 минут", "111 минут", "111 минут"),
        (1001, "1,001 minutes", "1~001 минута", "1~001 минуту", "1~001 минуты"),
        (1.0, "1 minute", "1 минута", "1 минуту", "1 минуты"),
        (2.5, "2.5 minutes", "2,5 минуты", "2,5 минуты", "2,5 минуты"),
    ],
)
def test_what_is_counted(count: float, english: str, russian: str, accusative: str, genitive: str) -> None:
    told = [counted(count, "minute", "ru", case) for case in ("nominative", "accusative", "genitive")]
    assert counted(count, "minute") == english
    assert told == [each.replace("~", "\u00a0") for each in (russian, accusative, genitive)]


def test_what_has_one_form_for_all_cases_is_not_bent() -> None:
    assert counted(1, "day", "ru", "accusative") == "1 день"
    assert [counted(n, "open incident", "ru") for n in (1, 3, 5)] == [
        "1 открытый инцидент",
        "3 открытых инцидента",
        "5 открытых инцидентов",
    ]


def test_screens_say_what_notices_say() -> None:
    """The log's own words are for machines; a person reads one name of a thing, wherever he looks."""
    for language in LANGUAGES:
        for kind in Kind:
            words = (
                word("kind", kind.value, language),
                tasks(kind.value, language),
                after(kind.value, language),
            )
            assert set(words) == {KIND[language][kind.value]}
    assert word("priority", Priority.COMPANY_WIDE.value, "en") == "company-wide"
    assert (word("audience", "on_call", "en"), word("outcome", "gave_up", "en")) == ("on call", "gave up")


def test_a_story_names_a_kind_as_the_screens_do() -> None:
    lines = (Path(__file__).parent / "scenarios" / "logs-missing-clients-served.ndjson").read_text()
    heads = [line.text for line in story(replay(lines))]
    assert any(head.startswith("lost billing data of edge e1 opened") for head in heads)
