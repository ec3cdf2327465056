"""What a letter is about: what wakes people is what clients write when they are not served, and no price list."""

from __future__ import annotations

import pytest

from incidents.desk.mail.kinds import kind_of
from incidents.desk.mail.message import parse_letter
from incidents.desk.settings import SupportSettings
from tests.incidents.desk.cases import letter


def kind(text: str, subject: str = "Hi", settings: SupportSettings | None = None) -> str:
    return kind_of(parse_letter(letter(text, subject=subject)), settings or SupportSettings())


@pytest.mark.parametrize(
    "text",
    [
        "Сайт лежит! Ничего не грузится, видео не загружается, белый экран",
        "Сайт упал",
        "Ничего не грузится",
        "видео не загружается",
        "Личный кабинет не доступен",
        "Всё тормозит с утра",
        "Плеер перестал работать",
        "Сервер отдаёт 502",
        "502 от edge-3",
        "The site is not working",
        "Our videos are not loading",
        "The player doesn’t work",
        "The stream is broken",
        "We get HTTP 503 everywhere",
        "504 Gateway Time-out",
        "Your servers return 502",
        "Timeouts since noon",
        "It went DOWN again",
    ],
)
def test_who_is_not_served_is_heard(text: str) -> None:
    assert kind(text) == "technical"
    assert kind("Срочно", subject=text) == "technical"


@pytest.mark.parametrize(
    "text",
    [
        "How much? Order number 502.",
        "Заказ 502, когда отгрузка?",
        "Стоит 504 рубля",
        "We are in room 503",
        "Order code 502 please",
        "Where do I download the app?",
        "We want to downgrade",
        "What is a CDN?",
        "> The site is down\n\nThat was last week. What is new?",
    ],
)
def test_a_question_wakes_nobody(text: str) -> None:
    assert kind(text) == "question"


@pytest.mark.parametrize(
    "text", ["Пришлите счет", "Пришлите счёт", "Two invoices please", "About billing", "Bills?"]
)
def test_what_is_about_money(text: str) -> None:
    assert kind(text) == "billing"


def test_words_of_ones_own_are_read_the_same_way() -> None:
    own = SupportSettings(technical_words=("картинк", "freeze", "418"))
    assert kind("Нет картинки", settings=own) == "technical"
    assert kind("It freezes", settings=own) == "technical"
    assert kind("Error 418", settings=own) == "technical"
    assert kind("418", settings=own) == "question"
    assert kind("Сайт лежит", settings=own) == "question"
