"""Every sentence of a post-mortem's draft, once, in English and Russian."""

from __future__ import annotations

from typing import Any

from incidents.messages.words import KIND

SENTENCES: dict[str, tuple[str, str]] = {
    "title": ("Post-mortem: {kind}, {scope}, {day}", "Разбор: {kind}, {scope}, {day}"),
    "draft": (
        "A draft, written from the incident's log. What stands in _italics_ is for people to write. Nobody is blamed "
        "here: the question is what let it happen.",
        "Черновик по журналу инцидента. То, что _курсивом_, пишут люди. Виновных здесь не ищут: вопрос в том, что "
        "позволило этому случиться.",
    ),
    "summary": ("Summary", "Кратко"),
    "what_outage": (
        "Clients were hurt for {hurt} ({scope}).",
        "Клиенты страдали {hurt} ({scope}).",
    ),
    "what_gap": (
        "Billing data of {scope} was not collected; no client was hurt, as far as is known.",
        "Данные биллинга ({scope}) не собирались; насколько известно, никто из клиентов не пострадал.",
    ),
    "what_other": ("{kind}, {scope}: {reason}.", "{kind}, {scope}: {reason}."),
    "opened": ("Opened {at}, worst priority {priority}.", "Открыт {at}, высший приоритет {priority}."),
    "since": ("The evidence shows harm from {at} on.", "По доказательствам, вред — с {at}."),
    "resolved": ("Resolved {at} by {who}, after {time}.", "Закрыт {at} ({who}), через {time}."),
    "not_resolved": ("Not resolved yet; this is as of {at}.", "Ещё не закрыт; состояние на {at}."),
    "money": (
        "Traffic that was not logged would have cost {money}.",
        "Незаписанный трафик стоил бы {money}.",
    ),
    "what": (
        "_What happened, in two sentences that a client would understand._",
        "_Что случилось, двумя фразами, понятными клиенту._",
    ),
    "speed": ("How fast", "Как быстро"),
    "metric": ("What", "Что"),
    "value": ("Time", "Время"),
    "answer": ("To the first acknowledgement (MTTA)", "До первого подтверждения (MTTA)"),
    "wide": ("To company-wide", "До тревоги на всю компанию"),
    "mend": ("To the resolution (MTTR)", "До устранения (MTTR)"),
    "hurt": ("Clients hurt", "Клиенты страдали"),
    "flaps": ("Came back", "Повторялся"),
    "never": ("not yet", "ещё нет"),
    "times": ("{count} ×", "{count} ×"),
    "minutes": ("Lost minutes of logs", "Потерянные минуты журналов"),
    "not_served": ("not served: clients were hurt", "не обслужены: клиенты пострадали"),
    "not_logged": ("served, but not logged: only we lose", "обслужены, но не записаны: теряем только мы"),
    "not_known": ("nobody can say which", "неизвестно, какие из них"),
    "none_lost": ("No minute of logs was lost.", "Ни одна минута журналов не потеряна."),
    "customers": ("Affected customers", "Затронутые клиенты"),
    "customer": ("Customer", "Клиент"),
    "hurt_for": ("Hurt for", "Страдал"),
    "unlogged": ("Not logged", "Не записано"),
    "only_logs": (
        "Not hurt, as far as is known; only part of their traffic was not logged: {names}.",
        "Не пострадали, насколько известно; не записана лишь часть их трафика: {names}.",
    ),
    "no_customers": ("None is known by name.", "Поимённо не известны."),
    "told": ("Who was told", "Кому сообщили"),
    "notices": ("{audience}: {count}", "{audience}: {count}"),
    "drafts": (
        "drafts for clients, for the liaison to send: {count} ({at})",
        "черновики клиентам, отправляет ответственный за связь: {count} ({at})",
    ),
    "undelivered": ("reached nobody at first: {count}", "сначала никому не дошло: {count}"),
    "nobody_told": ("Nobody: it was nobody's to be woken for.", "Никому: будить было некого и незачем."),
    "queue": ("task queue", "очередь задач"),
    "on_call": ("the person on call", "дежурный"),
    "company": ("the company", "вся компания"),
    "client": ("clients", "клиенты"),
    "timeline": ("Timeline (UTC)", "Хронология (UTC)"),
    "when": ("When", "Когда"),
    "event": ("What", "Что"),
    "who": ("Who", "Кто"),
    "more": ("… and {count} more; `--json` has all", "… и ещё {count}; все — в `--json`"),
    "evidence": ("Evidence", "Доказательства"),
    "causes": ("Why it could happen", "Почему это стало возможно"),
    "causes_hint": (
        "_The trigger; what made it possible; why it was not seen earlier; what was luck._",
        "_Что послужило толчком; что сделало это возможным; почему не заметили раньше; в чём просто повезло._",
    ),
    "well": ("What went well, and what did not", "Что сработало, а что нет"),
    "well_hint": (
        "_Was a client told before he found out himself? Was anybody woken who need not have been?_",
        "_Узнал ли клиент от нас раньше, чем заметил сам? Не разбудили ли кого-то напрасно?_",
    ),
    "actions": ("What we will do", "Что мы сделаем"),
    "action": ("Action", "Действие"),
    "owner": ("Owner", "Кто"),
    "by": ("By", "К какому дню"),
    **{kind: (english, KIND["ru"][kind]) for kind, english in KIND["en"].items()},
    "normal": ("normal", "обычный"),
    "high": ("high", "высокий"),
    "company_wide": ("company-wide", "вся компания"),
    "engine": ("engine", "движок"),
    "harm_none": ("harm none", "вреда нет"),
    "harm_unknown": ("harm unknown", "вред неизвестен"),
    "harm_suspected": ("harm suspected", "вред подозревается"),
    "harm_confirmed": ("harm confirmed", "вред подтверждён"),
    "change_opened": ("opened", "открыт"),
    "change_raised": ("raised", "повышен"),
    "change_lowered": ("lowered", "понижен"),
    "change_updated": ("updated", "новости"),
    "change_merged": ("merged", "вошёл в другой"),
    "change_acknowledged": ("acknowledged", "принят"),
    "change_reopened": ("reopened", "открыт снова"),
    "change_resolved": ("resolved", "закрыт"),
    "change_notice": ("notice", "сообщение"),
    "draft_notice": ("draft for {audience}", "черновик: {audience}"),
    "notice": ("notice to {audience}", "сообщение: {audience}"),
}


def say(key: str, language: str, **values: Any) -> str:
    """A sentence in English, or in Russian where `language` is ru."""
    return SENTENCES[key][language == "ru"].format(**values)
