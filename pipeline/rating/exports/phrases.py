"""What rating says about steps and rules, in Russian: rating speaks one language, English, and this table turns its
phrases; one that nobody has put here yet is shown as it is. The words of bills themselves are in words.py."""

from __future__ import annotations

import re
from decimal import Decimal

from pipeline.rating.exports import show
from pipeline.rating.exports.words import unit_words

_PHRASES: tuple[tuple[str, str], ...] = (
    # steps
    (r"units", "единицы"),
    (r"free units", "бесплатные единицы"),
    (r"flat", "фиксированная сумма"),
    (r"tier (\d+): units", r"ступень \1"),
    (r"tier (\d+): flat", r"ступень \1: фиксированная сумма"),
    (r"tier (\d+): no bound", r"ступень \1: без верхней границы"),
    (r"tier (\d+): up to (\S+) (?P<unit>.+)", r"ступень \1: до \2 {unit}"),
    (r"tier (\d+): blocks of (\S+) (?P<unit>.+)", r"ступень \1: блоки по \2 {unit}"),
    (r"packages of (\S+) (?P<unit>.+)", r"пакеты по \1 {unit}"),
    (r"share of the amount", "доля суммы"),
    (r"committed, used", "обязательство: использовано"),
    (r"committed, not used", "обязательство: не использовано"),
    (r"overage", "сверх обязательства"),
    (r"minimum", "доплата до минимума"),
    (r"cap", "ограничение сверху"),
    (r"booked before", "учтено ранее"),
    (r"came after the month was closed", "поступило после закрытия месяца"),
    (r"takes back bill (\d+): (.+)", r"отзывает счёт № {1}: {2}"),
    (r"takes back adjustment (\d+): (.+)", r"отзывает корректировку № {1}: {2}"),
    # documents of before
    (r"was: (.+)", r"было: {1}"),
    (r"is: (.+)", r"стало: {1}"),
    (r"paid by (.+) in group (.+)", r"оплачено услугой \1 в группе \2"),
    (r"(.+)-included", r"\1 в составе цен"),
    (r"(\d+) of (\d+) days", r"дней с трафиком: \1 из \2"),
    # rules, piece by piece
    (r"p([\d.]+) by (\w+) of (\d+) samples of (\d+) s", r"\1-й перцентиль ({method}) из \3 отсчётов по \4 с"),
    (r"p([\d.]+) by (\w+) of samples of (\d+) s", r"\1-й перцентиль ({method}) из отсчётов по \3 с"),
    (r"peak of (\d+) samples of (\d+) s", r"наибольший из \1 отсчётов по \2 с"),
    (r"peak of samples of (\d+) s", r"наибольший из отсчётов по \1 с"),
    (r"all zones together", "все зоны вместе"),
    (r"the greatest of the zones", "наибольшая из зон"),
    (r"each zone alone and added up", "каждая зона отдельно, в сумме"),
    (r"missing samples count as zero", "недостающие отсчёты считаются нулём"),
    (r"missing samples do not count", "недостающие отсчёты не учитываются"),
    (r"days without traffic do not count", "дни без трафика не учитываются"),
    (r"all days count", "учитываются все дни"),
    (r"paid for the days with traffic", "оплачиваются дни с трафиком"),
    (r"(flat|per_unit|graduated|volume|package|blocks|capacity|percentage|commitment|percentile)", "{model}"),
    (r"each (\d+) s alone", r"каждые \1 с отдельно"),
    (r"whole units", "целые единицы"),
    (r"the tier reached prices all", "вся величина по цене достигнутой ступени"),
    (r"free units ([\d.]+)", r"бесплатно единиц: \1"),
    (r"percent off ([\d.]+)", r"скидка \1 %"),
    (r"([\d.]+) % off", r"скидка \1 %"),
    (r"([\d.]+) % on (.+)", r"\1 % от \2"),
    (r"([\d.]+) % included in (.+)", r"\1 % в составе \2"),
    (r"([\d.]+) % in (.+)", r"\1 % в составе \2"),
    (r"tax in the prices: ([\d.]+) % included in (.+)", r"налог внутри цен: \1 % в составе \2"),
    (r"([\d.]+ %|[\d.]+) off ([\d.-]+)", r"\1 от \2"),
    (r"once", "один раз"),
    (r"shared by amount", "разделена по строкам пропорционально суммам"),
    (r"minimum ([\d.]+)", r"минимум \1"),
    (r"cap ([\d.]+)", r"не более \1"),
    (r"minimum ([\d.]+) for (.+) of the month", r"минимум \1 за \2 месяца"),
    (r"cap ([\d.]+) for (.+) of the month", r"не более \1 за \2 месяца"),
    (r"against (.+)", r"при сумме \1"),
    (r"for (.+) of the month", r"за \1 месяца"),
    (r"rounded (half_up|half_even|up|down)", "округление {mode}"),
    (
        r"rounded (half_up|half_even|up|down) to (\d+) decimals(?: at (line|total|tier))?",
        r"округление {mode} до \2 знаков{at}",
    ),
)
_REASONS: tuple[tuple[str, str], ...] = (
    (r"the month is not closed; counted until (.+)", r"месяц ещё не закрыт; учтено до \1"),
    (r"gap (.+) of (.+), (.+) to (.+), is open", r"пропуск \1 узла \2, с \3 по \4, не закрыт"),
    (r"(\d+) more gaps are open", r"не закрыто ещё пропусков: \1"),
    # of plans that are left out of a comparison
    (r"its currency is (\S+), not (\S+)", r"его валюта \1, а не \2"),
    (r"nothing in it prices traffic in zone (.+)", r"в нём нет цены трафика в зоне \1"),
    (r"nothing in it prices requests in zone (.+)", r"в нём нет цены запросов в зоне \1"),
    (r"nothing in it prices traffic in no zone", "в нём нет цены трафика вне зон"),
    (r"nothing in it prices requests in no zone", "в нём нет цены запросов вне зон"),
    (r"nothing in it prices traffic of (\S+) in (?:zone )?(.+)", r"в нём нет цены трафика \1 (зона: \2)"),
    (r"nothing in it prices requests of (\S+) in (?:zone )?(.+)", r"в нём нет цены запросов \1 (зона: \2)"),
    (r"nothing in it prices traffic from (.+) to (.+) \((.+)\)", r"в нём нет цены трафика с \1 до \2 (\3)"),
    (r"nothing in it prices requests from (.+) to (.+) \((.+)\)", r"в нём нет цены запросов с \1 до \2 (\3)"),
    (r"charge (.+): expected usage with (.+), found (.+)", r"услуга \1: нужно \2, известно только \3"),
    (r"charge (.+): expected at most (.+), found (.+)", r"услуга \1: не более \2, а было \3"),
)
_MODELS = {
    "flat": "фиксированная сумма",
    "per_unit": "за единицу",
    "graduated": "по ступеням",
    "volume": "по объёму",
    "package": "пакетами",
    "blocks": "блоками",
    "capacity": "по ёмкости",
    "percentage": "процент от суммы",
    "commitment": "с обязательством",
    "percentile": "по перцентилю",
}
_METHODS = {
    "nearest_rank": "ближайший ранг",
    "discard_floor": "лишние отброшены, их число округлено вниз",
    "librenms": "как в LibreNMS",
    "cacti": "как в Cacti",
}
_MODES = {
    "half_up": "к ближайшему (половина вверх)",
    "half_even": "к ближайшему (половина к чётному)",
    "up": "вверх",
    "down": "вниз",
}
_AT = {"line": " в строке", "total": " в итоге", "tier": " в ступени"}
_BLOCKS = re.compile(r"(?:tier \d+: )?(?:packages|blocks) of .+")
_MOVED = re.compile(r"(-?[\d.]+) → (-?[\d.]+)(?=;|$)")
_CODES = re.compile(r"\b(?:per_unit|half_up|half_even|nearest_rank|discard_floor)\b")
_NUMBER = re.compile(r"(?<![\w.,/-])\d+(?:\.\d+)?(?![\w.,/-])")
_SHARES = re.compile(r"share of the amount|[\d.]+ % (?:on|included in) .+")


def step_words(what: str, lang: str) -> str:
    """What a step of a line is."""
    if lang != "ru":
        return what
    found = _translate(_PHRASES, what)
    return what if found is None else found


def rule_words(rule: str, lang: str) -> str:
    """The rule of a line, piece by piece."""
    rule = _MOVED.sub(
        lambda moved: (
            f"{show.plain_amount(Decimal(moved[1]), lang)} → {show.plain_amount(Decimal(moved[2]), lang)}"
        ),
        rule,
    )
    if lang != "ru":
        return _CODES.sub(lambda code: code[0].replace("_", " "), rule)
    return "; ".join(_pieces(part) for part in rule.split("; "))


def reason_words(reason: str, lang: str) -> str:
    """Why a bill is provisional, or a plan is not compared; what is not in the table is shown as it is."""
    found = _translate(_REASONS, reason) if lang == "ru" else None
    return reason if found is None else found


def in_blocks(what: str) -> bool:
    """Whether a step counts packages or blocks, not the unit of its line."""
    return _BLOCKS.fullmatch(what) is not None


def says_more(what: str) -> bool:
    """Whether the only step of a line tells what its rule does not: which tier, which packages."""
    return what.startswith("tier ") or in_blocks(what)


def is_share(what: str) -> bool:
    """Whether a step's price is a share of money, 0.22 for 22 %."""
    return _SHARES.fullmatch(what) is not None


def _pieces(part: str) -> str:
    whole = _translate(_PHRASES, part)
    if whole is not None:
        return whole
    return ", ".join(
        each if (found := _translate(_PHRASES, each)) is None else found for each in part.split(", ")
    )


def _translate(phrases: tuple[tuple[str, str], ...], text: str) -> str | None:
    for english, russian in phrases:
        found = re.fullmatch(english, text)
        if found is None:
            continue
        if "{2}" in russian:
            return russian.format("", found[1], found[2])
        if "{1}" in russian:
            return russian.replace("{1}", step_words(found[1], "ru"))
        if "{model}" in russian:
            return _MODELS[found[1]]
        if phrases is _REASONS:
            return found.expand(russian)
        words = _NUMBER.sub(lambda digits: show.number(Decimal(digits[0]), "ru"), found.expand(russian))
        if "{method}" in words:
            words = words.replace("{method}", _METHODS.get(found[2], found[2]))
        if "{unit}" in words:
            words = words.replace("{unit}", unit_words(found["unit"], "ru"))
        if "{mode}" in words:
            at = _AT.get(found[3] or "", "") if "{at}" in words else ""
            words = words.replace("{mode}", _MODES[found[1]]).replace("{at}", at)
        return words
    return None
