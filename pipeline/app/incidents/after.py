"""`prebill incidents after`: an incident's account and its post-mortem's draft, or how fast all were answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.app.failures import UsageFailure
from pipeline.app.period import parse_language
from pipeline.app.terminal import out, plural, print_json, say
from pipeline.app.whole_files import write_text_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from incidents.after.account import Response
    from incidents.after.model import Account
    from pipeline.app.context import Context
    from pipeline.app.incidents.task_view import TaskView
    from pipeline.store.store import Store

BEFORE_S = 3600.0
"""How far before an incident's opening probes are read."""


def show_after(
    store: Store,
    context: Context,
    incident: str | None,
    *,
    output: Path | None = None,
    lang: str | None = None,
    json: bool = False,
) -> int:
    """One incident's draft, or its account as JSON; without one, MTTA and MTTR by kind over all."""
    from incidents.after.account import responses_of
    from pipeline.app.incidents.task_view import view_tasks

    parse_language(lang)
    view = view_tasks(store, context)
    language = parse_language(lang, view.config.tasks.language if view.config else "en")
    if incident is None:
        if output is not None:
            raise UsageFailure("--output: only with an incident")
        responses = responses_of(view.transitions, since=0.0, now=view.now)
        if json:
            print_json([response.json for response in responses])
        else:
            _show_responses(responses, language)
        return 0
    account = account_in(store, view, incident)
    if json:
        print_json(account.json)
    if json and output is None:
        return 0
    from incidents.after.postmortem import postmortem_text

    text = postmortem_text(account, language)
    if output is None:
        print(text, end="")
        return 0
    write_text_file(output, text)
    say(f"{output}: written")
    return 0


def account_in(store: Store, view: TaskView, incident: str) -> Account:
    """The account of the incident of this id, or of the only one that begins so. Raises UsageFailure."""
    from incidents.after.account import account_of
    from pipeline.app.incidents.hand_overs import hand_overs_of
    from pipeline.app.incidents.task_view import probes_in

    ids = list(dict.fromkeys(each.incident for each in view.transitions))
    found = [name for name in ids if name == incident] or [name for name in ids if name.startswith(incident)]
    if len(found) != 1:
        told = f"{plural(len(found), 'incident')} begin so; give more of it" if found else "there is none"
        raise UsageFailure(f"incident {incident!r}: {told}", mend="`prebill incidents list` shows all.")
    opened = min(each.at for each in view.transitions if each.incident == found[0])
    tries: dict[tuple[str, float], bool] = {}
    passed_over, went = set[str](), set[str]()
    for row in store.incidents.deliveries(incident=found[0]):
        (passed_over if row.reason == "superseded" else went).add(row.key)
        if row.reason == "superseded":
            continue
        sending = (row.notice, row.at)
        tries[sending] = tries.get(sending, False) or row.ok
    account = account_of(
        found[0],
        view.transitions,
        view.lost,
        probes_in(store, opened - BEFORE_S),
        now=view.now,
        undelivered=sum(not reached for reached in tries.values()),
        passed_over=passed_over - went,
        hand_overs=hand_overs_of(store, found[0]),
    )
    if account is None:
        raise UsageFailure(f"incident {incident!r}: opened after --now")
    return account


def _show_responses(responses: Sequence[Response], language: str) -> None:
    from rich.table import Table

    from incidents.after.words import say as word
    from incidents.screen_words import say as told
    from incidents.tasks.words import age_text
    from incidents.words import number_text

    def time(seconds: float | None) -> str:
        return "-" if seconds is None else age_text(seconds, language)

    if not responses:
        out().print(told("none_yet", language))
        return
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(told("kinds", language))
    for head in (told("count", language), told("open", language), "MTTA", "MTTR"):
        table.add_column(head, justify="right")
    for each in responses:
        table.add_row(
            word(each.kind.value, language),
            number_text(f"{each.count:,}", language),
            number_text(f"{each.open:,}", language),
            time(each.mtta_s),
            time(each.mttr_s),
        )
    out().print(table)
