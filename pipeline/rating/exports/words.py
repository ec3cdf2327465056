"""Every word that a bill shows, once, in Russian and English; `say` finds it. The letter's are in letter_words.py."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGS = ("ru", "en")

WORDS: dict[str, tuple[str, str]] = {
    # headings
    "bill": ("Счёт", "Bill"),
    "adjustment": ("Корректировка", "Adjustment"),
    "credit_note": ("Кредит-нота", "Credit note"),
    "number": (" № {number}", " {number}"),
    "adjustment_of": ("к счёту № {number}", "to bill {number}"),
    "credit_note_of": ("к документу № {number}", "for document {number}"),
    "issued": ("Выставлено", "Issued"),
    "not_issued": ("ещё нет", "not yet"),
    "in_place_of": ("Взамен", "In place of"),
    "replaces": ("счёта № {number}, перерасчёт {rebill}", "bill {number}, rebill {rebill}"),
    "replaces_sum": (
        "счёта № {number} на {sum}, перерасчёт {rebill}",
        "bill {number} of {sum}, rebill {rebill}",
    ),
    "taken_back": ("Отозвано", "Taken back"),
    "by_credit_note": ("кредит-нотой № {number}", "by credit note {number}"),
    "counted": ("Учтено", "Counted"),
    "counted_only_late": (
        "то, что поступило после закрытия месяца: записей {rows}, срез {cut}",
        "what came after the month was closed: {rows} rows, cut {cut}",
    ),
    "counted_late": (
        "и то, что поступило после закрытия месяца: записей {rows}, срез {cut}",
        "what came after the month was closed, too: {rows} rows, cut {cut}",
    ),
    "provisional": (
        "Предварительный счёт: сумма ещё может измениться",
        "Provisional bill: it may still change",
    ),
    "provisional_short": ("ПРЕДВАРИТЕЛЬНЫЙ", "PROVISIONAL"),
    "proof": ("Подтверждение полноты", "Proof of completeness"),
    "came_late": ("Поступило после закрытия месяца", "Came after the month was closed"),
    "no_proof": (
        "Подтверждения полноты к этому счёту нет.",
        "No proof of completeness comes with this bill.",
    ),
    "proof_of_adjustment": (
        "Подтверждение полноты — при счёте № {number}.",
        "The proof of completeness is with bill {number}.",
    ),
    "proof_of_credit_note": (
        "Отзывает документ № {number} целиком; подтверждение полноты — при счёте.",
        "It takes document {number} back whole; the proof of completeness is with the bill.",
    ),
    "gaps": ("Пропуски в учёте", "Gaps"),
    "no_gaps": ("Пропусков нет.", "No gaps."),
    "more_gaps": (
        "… и ещё {count}: все они есть в JSON, CSV и XLSX.",
        "… and {count} more: JSON, CSV and XLSX hold them all.",
    ),
    "uncounted": ("Не учтено ни одной услугой тарифа", "Counted by no charge of the plan"),
    "in_zone": ("в зоне {zone}", "in zone {zone}"),
    "in_no_zone": ("вне зон", "in no zone"),
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
    "edges": ("Узлов", "Edges"),
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
    "gap": ("Пропуск", "Gap"),
    "class": ("Класс", "Class"),
    "where": ("Узел / поток", "Edge / stream"),
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
    "month": ("мес.", "month"),
    "requests": ("запросов", "requests"),
}

_PREFIXES = {"": "", "k": "к", "M": "М", "G": "Г", "T": "Т", "P": "П"}
_PREFIXES |= {f"{prefix.upper()}i": f"{russian.upper()}и" for prefix, russian in _PREFIXES.items() if prefix}
_SIZED = re.compile(r"(|[kMGTP]|[KMGTP]i)(B|bps)")
_REQUESTS = re.compile(r"(10*)?([kM])?-requests")


def unit_words(unit: str, lang: str) -> str:
    """A unit of pipeline.rating.units in words; one that is none of them as the plan spells it."""
    if lang == "ru" and (sized := _SIZED.fullmatch(unit)):
        return _PREFIXES[sized[1]] + ("Б" if sized[2] == "B" else "бит/с")
    if sized := re.fullmatch(r"(\w?)bps", unit):
        return f"{sized[1]}bit/s"
    if many := _REQUESTS.fullmatch(unit):
        count = int(many[1] or 1) * {"k": 1000, "M": 1_000_000, None: 1}[many[2]]
        return f"×\u00a0{count:,} {say('requests', lang)}".replace(",", "\u00a0" if lang == "ru" else ",")
    return say(unit, lang) if unit in ("month", "requests") else unit


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


def line_name(kind: str, line_id: str, names: Mapping[str, str], lang: str) -> str:
    """What a line of a bill is called; minimums and caps have no name of their own, discounts and taxes only an id."""
    if kind == "adjustment" and not names and line_id in ("plan-minimum", "plan-cap"):
        kind = line_id.removeprefix("plan-")  # the difference of two of them
    own = "" if kind in ("minimum", "cap") else line_id
    return name_in(names, lang, own or say_or_keep("kind", kind, lang))


def place(lang: str) -> int:
    """Where a pair of words holds the language."""
    if lang not in LANGS:
        raise ValueError(f"a language of bills is one of {', '.join(LANGS)}, not {lang!r}")
    return LANGS.index(lang)
