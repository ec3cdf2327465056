"""Every sentence of a letter to a client, once, in Russian and English; letter.py chooses what the data bears out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.rating.exports.words import place

if TYPE_CHECKING:
    from decimal import Decimal

SENTENCES: dict[str, tuple[str, str]] = {
    "subject_bill": (
        "Ваш счёт за {period}: {amount}. Ответьте одной цифрой",
        "Your bill for {period}: {amount}. Answer with one number",
    ),
    "subject_forecast": (
        "Прогноз вашего счёта за {period}: примерно {amount}. Ответьте одной цифрой",
        "A forecast of your bill for {period}: about {amount}. Answer with one number",
    ),
    "hello": ("Здравствуйте!", "Hello!"),
    "hello_name": ("Здравствуйте, {customer}!", "Hello, {customer}!"),
    # the problem
    "problem": ("Что случилось", "What happened"),
    "bill": (
        "Ваш счёт за {period} по тарифу «{plan}»: {amount}{tax}.",
        "Your bill for {period} on the plan “{plan}” is {amount}{tax}.",
    ),
    "bills": (
        "Тариф в этом периоде менялся, и по тарифам «{plan}» ваши счета за {period} составили вместе {amount}{tax}.",
        "Your plan changed within the period: your bills for {period}, on the plans “{plan}”, are {amount} together"
        "{tax}.",
    ),
    "then": ("», затем «", "”, then “"),
    "unused": (
        "Трафика и запросов за этот период не было.",
        "There was no traffic and there were no requests in this period.",
    ),
    "replaced": (
        "Этот счёт выставлен взамен прежнего на {replaced}, который мы отозвали.",
        "This bill takes the place of one of {replaced}, which we took back.",
    ),
    "forecast": (
        "Если трафик и дальше будет таким, счёт за {period} по тарифу «{plan}» составит примерно {amount}{tax}, "
        "от {low} до {high}. Это прогноз, а не счёт: период ещё идёт.",
        "If traffic stays as it is, your bill for {period} on the plan “{plan}” will be about {amount}{tax}, between "
        "{low} and {high}. This is a forecast, not a bill: the period is not over.",
    ),
    "with_tax": (" с налогом", ", tax included"),
    "without_tax": (" без налога", " before tax"),
    "provisional": (
        "Счёт предварительный: сумма ещё может измениться.",
        "The bill is provisional: it may still change.",
    ),
    "peak": (
        "{share} трафика пришлось на {day}.",
        "{share} of the traffic came on {day}.",
    ),
    "resource": ("Больше всего трафика шло на {resource}.", "Most of the traffic was for {resource}."),
    # why it matters
    "matters": ("Почему это важно для вас", "Why it matters to you"),
    "times": (
        "Обычно ваш счёт около {usual}. {This} {about}в {times} {word} больше.",
        "Your bill is usually about {usual}. {This} is {about}{times} times that.",
    ),
    "more_than_times": (
        "Обычно ваш счёт около {usual}. {This} больше чем в {times} {word}.",
        "Your bill is usually about {usual}. {This} is more than {times} times that.",
    ),
    "more": (
        "Обычно ваш счёт около {usual}. {This} {about}на {difference} больше.",
        "Your bill is usually about {usual}. {This} is {about}{difference} more.",
    ),
    "this_bill": ("Этот", "This one"),
    "this_forecast": ("Прогноз", "The forecast"),
    "about": ("примерно ", "about "),
    "owed": (
        "Если ничего не менять, к оплате будет {about}{amount}.",
        "If nothing changes, you will be asked to pay {about}{amount}.",
    ),
    "saving": (
        "Среди вариантов ниже есть такой, с которым вы заплатите {about}на {saving} меньше.",
        "With one of the options below you pay {about}{saving} less.",
    ),
    "saving_undecided": (
        "Среди вариантов ниже есть такой, с которым вы заплатили бы {about}на {saving} меньше, но мы ещё должны его "
        "согласовать.",
        "With one of the options below you would pay {about}{saving} less, but we still have to approve it.",
    ),
    "serving": (
        "Ваши сайты сейчас обслуживаются как обычно.",
        "Your sites are being served as usual.",
    ),
    # options
    "options": ("Что можно сделать", "What can be done"),
    "answer": ("Ответьте на это письмо одной цифрой:", "Answer this letter with one number:"),
    "keep_bills": ("Оставить счета за период как есть.", "Leave the bills for the period as they are."),
    "keep": ("Остаться на тарифе «{name}».", "Stay on the plan “{name}”."),
    "move": (
        "Пересчитать весь период по тарифу «{name}».",
        "Have the whole period charged on the plan “{name}” instead.",
    ),
    "switch": ("Перейти на тариф «{name}» с {since}.", "Move to the plan “{name}” on {since}."),
    "free": ("Бесплатно: {name}.", "Free of charge: {name}."),
    "paid": ("За деньги: {name}. Цена: {amount}{tax}.", "For money: {name}. Price: {amount}{tax}."),
    "to_pay": ("К оплате за период: {about}{amount}{tax}.", "To pay for the period: {about}{amount}{tax}."),
    "less": ("Это {about}на {difference} меньше.", "That is {about}{difference} less."),
    "dearer": ("Это {about}на {difference} больше.", "That is {about}{difference} more."),
    "discount": (
        "В этой сумме уже учтена разовая скидка {discount}.",
        "A one-time discount of {discount} is already taken off.",
    ),
    "undecided": (
        "Этот вариант мы ещё должны согласовать.",
        "We still have to approve this option.",
    ),
    # what comes next
    "next": ("Что будет дальше", "What comes next"),
    "answer_by": ("Пожалуйста, ответьте до {time}.", "Please answer by {time}."),
    "without_answer": (
        "Если ответа не будет, останется вариант {number}.",
        "Without an answer, option {number} stands.",
    ),
    "next_by": (
        "Мы напишем вам снова не позже {time}, какой бы вариант вы ни выбрали.",
        "We will write to you again by {time}, whichever you choose.",
    ),
}

_TIMES = {"one": "раз", "few": "раза", "many": "раз", "other": "раза"}


def tell(key: str, lang: str, **values: Any) -> str:
    """A sentence, filled in. Raises ValueError for a language that letters are not written in."""
    return SENTENCES[key][place(lang)].format(**values)


def times_word(times: Decimal | int) -> str:
    """раз or раза, as the Russian number asks."""
    from babel import Locale

    return _TIMES[Locale.parse("ru").plural_form(int(times))]
