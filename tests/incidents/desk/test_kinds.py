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
        "Счёт оплачен, а сайт лежит",
        "Ошибка 502, счёт за октябрь оплачен",
        "Invoices are paid. Error on the site",
        "С уважением относимся к вам, но сайт лежит",
        "We received 502 in error pages from your edge",
        "Есть новости по ошибке?",
        "error on bill.example.com",
        "Наши клиенты получают ошибку при оплате счета",
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
        "What is new?\n\nFrom: Support <support@cdn.example>\nSent: Monday\nTo: Boss\nSubject: Re\n\nIt is down.",
        "Что нового?\n\nОт: Поддержка\nОтправлено: понедельник\nКому: Иван\nТема: авария\n\nСайт лежит.",
        "What is new?\n-- \nJohn\nDon't work too hard",
        "Что нового?\n\nС уважением, Иван Петров\nАварийная служба",
        "What is new?\n\nIf you have received this e-mail in error, please delete it.",
        "What is new?\n\nE-mail cannot be guaranteed to be error-free.",
        "Что нового?\n\nЕсли вы получили это письмо по ошибке, удалите его.",
        "Что нового?\n\nЕсли данное сообщение попало к вам по ошибке, сообщите нам.",
    ],
)
def test_a_question_wakes_nobody(text: str) -> None:
    assert kind(text) == "question"


@pytest.mark.parametrize(
    "text",
    [
        "Пришлите счет",
        "Пришлите счёт",
        "Two invoices please",
        "About billing",
        "Bills?",
        "В счёте за октябрь ошибка",
        "Ошибка в выставленном счёте",
        "Счёт пришёл, в счёте допущена ошибка",
        "There is an error in the invoice",
    ],
)
def test_what_is_about_money(text: str) -> None:
    assert kind(text) == "billing"


@pytest.mark.parametrize(
    "text",
    [
        "Счёт\nошибка на сайте",
        "Добрый день\n\nС уважением,\nИван\n\nP.S. Сайт опять лежит",
        "Отправлено с iPhone\n\nСайт лежит",
        "--\nСайт лежит",
        "Regards\n\nThe site is down",
        "Анна написала:\n> Как дела?\n\nСайт лежит",
        "From: me\nTo: you\nSubject: site\nThe site is down",
    ],
)
def test_who_writes_in_several_lines_is_heard(text: str) -> None:
    assert kind(text) == "technical"


def test_what_is_forwarded_is_said() -> None:
    text = "см. ниже\n\nFrom: a user\nSent: today\nTo: us\nSubject: help\n\nThe site is down"
    assert kind(text, subject="FW: help") == "technical"
    assert kind(text, subject="RE: help") == "question"


@pytest.mark.parametrize(
    "headers",
    [
        {"List_Unsubscribe": "<https://shop.example/u>"},
        {"Precedence": "bulk"},
        {"Auto_Submitted": "auto-generated"},
        {"List_Id": "<news.shop.example>", "List_Post": "NO"},
    ],
)
def test_what_a_machine_sends_to_many_is_never_technical(headers: dict[str, str]) -> None:
    raw = letter("How we survived the outage: the site was down, error 502", subject="News", **headers)
    assert parse_letter(raw).automatic
    assert kind_of(parse_letter(raw), SupportSettings()) == "question"


def test_who_writes_through_a_list_of_people_is_heard() -> None:
    raw = letter(
        "Сайт лежит",
        Precedence="list",
        List_Id="<it.client.example>",
        List_Post="<mailto:it@client.example>",
        List_Unsubscribe="<mailto:it-leave@client.example>",
    )
    assert not parse_letter(raw).automatic
    assert kind_of(parse_letter(raw), SupportSettings()) == "technical"


def test_words_of_ones_own_are_read_the_same_way() -> None:
    own = SupportSettings(technical_words=("картинк", "freeze", "418"))
    assert kind("Нет картинки", settings=own) == "technical"
    assert kind("It freezes", settings=own) == "technical"
    assert kind("Error 418", settings=own) == "technical"
    assert kind("418", settings=own) == "question"
    assert kind("Сайт лежит", settings=own) == "question"
