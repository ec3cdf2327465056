"""Every word that a bill shows, once, in Russian and English; `say` finds it. The letter's are in letter_words.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGS = ("ru", "en")

WORDS: dict[str, tuple[str, str]] = {
    # headings
    "bill": ("Счёт", "Bill"),
    "provisional": (
        "Предварительный счёт: сумма ещё может измениться",
        "Provisional bill: it may still change",
    ),
    "provisional_short": ("ПРЕДВАРИТЕЛЬНЫЙ", "PROVISIONAL"),
    "proof": ("Подтверждение полноты", "Proof of completeness"),
    "no_proof": (
        "Подтверждения полноты к этому счёту нет.",
        "No proof of completeness comes with this bill.",
    ),
    "gaps": ("Пробелы в учёте", "Gaps"),
    "no_gaps": ("Пробелов нет.", "No gaps."),
    "more_gaps": (
        "… и ещё {count}: все они есть в JSON, CSV и XLSX.",
        "… and {count} more: JSON, CSV and XLSX hold them all.",
    ),
    "page": ("стр. {page} из {pages}", "page {page} of {pages}"),
    # what the bill is of
    "customer": ("Клиент", "Customer"),
    "plan": ("Тариф", "Plan"),
    "plan_version": ("{plan}, версия {version}", "{plan}, version {version}"),
    "period": ("Период", "Period"),
    "currency": ("Валюта", "Currency"),
    # columns
    "name": ("Наименование", "Item"),
    "quantity": ("Количество", "Quantity"),
    "unit": ("Ед.", "Unit"),
    "price": ("Цена", "Price"),
    "amount": ("Сумма", "Amount"),
    "rule": ("Правило", "Rule"),
    "exact": ("Точная сумма", "Exact amount"),
    "kind": ("Вид", "Kind"),
    "reasons": ("Почему", "Why"),
    # totals
    "net": ("Итого без налога", "Total before tax"),
    "tax_total": ("Налог", "Tax"),
    "total": ("Всего к оплате", "Total to pay"),
    "total_credit": ("Всего, в пользу клиента", "Total, in the customer's favour"),
    # kinds of lines
    "kind_charge": ("Услуга", "Charge"),
    "kind_minimum": ("Доплата до минимума", "Minimum"),
    "kind_cap": ("Ограничение сверху", "Cap"),
    "kind_discount": ("Скидка", "Discount"),
    "kind_tax": ("Налог", "Tax"),
    "kind_adjustment": ("Корректировка прошлого периода", "Adjustment of an earlier period"),
    # the proof
    "verdict": ("Заключение", "Verdict"),
    "complete": ("Учёт полон: пришла каждая ожидаемая минута", "Complete: every expected minute came"),
    "unsettled_only": (
        "Не завершён: {unsettled} мин ещё могут прийти",
        "Not settled: {unsettled} min may still come",
    ),
    "lost_some": (
        "Потеряно {lost} мин, из них по оценке {estimated}",
        "{lost} min lost, {estimated} of them estimated",
    ),
    "lost_and_unsettled": (
        "Потеряно {lost} мин, из них по оценке {estimated}; ещё могут прийти {unsettled} мин",
        "{lost} min lost, {estimated} of them estimated; {unsettled} min may still come",
    ),
    "edges": ("Серверов", "Edges"),
    "all_edges": (
        "все: неизвестно, какие обслуживали клиента",
        "all: none is known to have served the customer",
    ),
    "expected": ("Минут ожидалось", "Minutes expected"),
    "received": ("получено с данными", "received"),
    "empty": ("получено пустых", "received empty"),
    "lost": ("потеряно", "lost"),
    "estimated": ("из потерянных: по оценке", "of the lost: estimated"),
    "unsettled": ("ещё не завершено", "not settled yet"),
    "unexpected": ("сверх ожидаемых", "beyond what was expected"),
    "rows": ("Учтено записей", "Rows counted"),
    "cut": ("Срез данных", "Cut"),
    "digest": ("Контрольная сумма", "Digest"),
    "no_digest": ("нет: период ещё открыт", "none: the period is open"),
    # columns of gaps
    "gap": ("Пробел", "Gap"),
    "class": ("Класс", "Class"),
    "where": ("Сервер / поток", "Edge / stream"),
    "from": ("С", "From"),
    "to": ("По", "To"),
    "minutes": ("Минут", "Minutes"),
    "lost_bytes": ("Потеряно байт", "Bytes lost"),
    "low": ("не менее", "low"),
    "high": ("не более", "high"),
    "exactly": ("точно", "exact"),
    "method": ("Метод", "Method"),
    "share": ("Доля клиента", "Customer's share"),
    "state": ("Состояние", "State"),
    "reason": ("Причина", "Reason"),
    "range": ("от {low} до {high}", "{low} to {high}"),
    "class_missing": ("не пришли", "missing"),
    "class_damaged": ("повреждены", "damaged"),
    "class_sequence": ("разрыв нумерации", "sequence"),
    "class_counter": ("расхождение со счётчиком", "counter"),
    "state_open": ("открыт", "open"),
    "state_shrunk": ("сократился", "shrunk"),
    "state_closed": ("закрыт", "closed"),
    "state_accepted": ("принят", "accepted"),
    # units: one that is not here is shown as the plan spells it
    "unit_B": ("Б", "B"),
    "unit_KB": ("КБ", "KB"),
    "unit_MB": ("МБ", "MB"),
    "unit_GB": ("ГБ", "GB"),
    "unit_TB": ("ТБ", "TB"),
    "unit_PB": ("ПБ", "PB"),
    "unit_KiB": ("КиБ", "KiB"),
    "unit_MiB": ("МиБ", "MiB"),
    "unit_GiB": ("ГиБ", "GiB"),
    "unit_TiB": ("ТиБ", "TiB"),
    "unit_PiB": ("ПиБ", "PiB"),
    "unit_bps": ("бит/с", "bit/s"),
    "unit_Kbps": ("Кбит/с", "Kbit/s"),
    "unit_Mbps": ("Мбит/с", "Mbit/s"),
    "unit_Gbps": ("Гбит/с", "Gbit/s"),
    "unit_Tbps": ("Тбит/с", "Tbit/s"),
    "unit_bytes": ("байт", "bytes"),
    "unit_requests": ("запросов", "requests"),
    "unit_request": ("запросов", "requests"),
    "unit_1k-requests": ("тыс. запросов", "thousand requests"),
    "unit_10k-requests": ("10 тыс. запросов", "10 thousand requests"),
    "unit_100k-requests": ("100 тыс. запросов", "100 thousand requests"),
    "unit_1M-requests": ("млн запросов", "million requests"),
    "unit_month": ("мес.", "month"),
    "unit_percent": ("%", "%"),
}


def say(key: str, lang: str, **values: Any) -> str:
    """The words of `key`, filled in. Raises ValueError for a language that bills do not speak."""
    return WORDS[key][place(lang)].format(**values) if values else WORDS[key][place(lang)]


def say_or_keep(prefix: str, word: str, lang: str) -> str:
    """The words of `prefix_word`, or `word` itself where nobody has named it yet."""
    key = f"{prefix}_{word}"
    return WORDS[key][place(lang)] if key in WORDS else word


def name_in(names: Mapping[str, str], lang: str, otherwise: str) -> str:
    """A name in `lang`, else in English, else in any language, else `otherwise`."""
    found = names.get(lang) or names.get("en") or next((names[each] for each in sorted(names)), "")
    return found or otherwise


def place(lang: str) -> int:
    """Where a pair of words holds the language."""
    if lang not in LANGS:
        raise ValueError(f"a language of bills is one of {', '.join(LANGS)}, not {lang!r}")
    return LANGS.index(lang)
