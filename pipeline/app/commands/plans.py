"""`prebill plans`: checks the plan book, and who is on which plan; lists what is sold on a day."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from pipeline.app.context import DEFAULT_CONFIG
from pipeline.app.failures import BAD_USAGE, FOUND_SOMETHING, UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.terminal import out, plural, print_json, say

if TYPE_CHECKING:
    from pipeline.app.configuration.config import ConfigRead
    from pipeline.app.context import Context
    from pipeline.rating.book import PlanBook
    from pipeline.rating.model import Plan


def plans(
    action: Literal["check", "list"],
    folder: str | None = None,
    /,
    *,
    on: Annotated[str | None, Parameter(negative="")] = None,
    every: Annotated[bool, Parameter(name="--all", negative="", show_default=False)] = False,
    shipped: Flag = False,
    json: Flag = False,
    context: Given,
) -> int:
    """Check the plan book, or list what is in it. docs/plans.md tells how a plan is written.

    `check` reads every plan of the folder, and the contracts of the
    configuration where there is one, and tells every error at once, with
    file and line: exit 1, or 2 where the configuration itself is wrong.
    With a folder the configuration is not looked at. What is allowed and
    may still not be meant is told as a note.

    Parameters
    ----------
    action
        `check` or `list`.
    folder
        The plan book: a folder with one TOML a plan, or one such file. Default: plans.path of the configuration;
        without a configuration, the example book that comes with prebill.
    on
        list: plans that are sold on this day, as YYYY-MM-DD. Default: today, or the day of --now.
    every
        list: every version of every plan, whenever it was or will be sold.
    shipped
        The example book that comes with prebill, whatever is configured.
    json
        One JSON document on standard output.
    """
    if action == "check" and (on is not None or every):
        raise UsageFailure("--on and --all: only with list")
    if shipped and folder is not None:
        raise UsageFailure("--shipped: not with a folder")
    # contracts are on plans of the configured book, whatever else is looked at
    config = _config(context) if folder is None and not shipped else None
    place = _place(folder, config, shipped=shipped)
    if action == "check":
        return _check(place, context, config, json=json)
    if config is not None:
        place = Path(context.config.plans.path)  # what is listed must be right
    return _list(place, _day(on, context), every=every, json=json)


def _config(context: Context) -> ConfigRead | None:
    """The configuration where there is one, with what is wrong in it: a plan book alone needs none."""
    if context.config_path or Path(DEFAULT_CONFIG).exists():
        return context.config_read
    return None


def _place(folder: str | None, config: ConfigRead | None, *, shipped: bool) -> Path:
    from pipeline.rating.book import SHIPPED

    if folder is not None:
        return Path(folder)
    if config is not None:
        return config.plans
    if not shipped:
        say(f"There is no {DEFAULT_CONFIG} here: this is the example book that comes with prebill.")
    return SHIPPED


def _day(on: str | None, context: Context) -> date:
    if on is None:
        return context.now().date()
    try:
        return date.fromisoformat(on)
    except ValueError:
        raise UsageFailure(f"--on: expected a day like 2026-11-01, found {on!r}") from None


def _check(place: Path, context: Context, config: ConfigRead | None, *, json: bool) -> int:
    from pipeline.app.configuration.contracts import contract_errors
    from pipeline.rating.book import survey_book
    from pipeline.rating.plan_notes import notes_on

    wrong_config = config is not None and bool(config.errors)
    if not place.exists() and not wrong_config:
        _read(place)
    looked = survey_book(place)
    zones = {edge.zone for edge in config.config.edge if edge.zone} if config and config.config else set()
    notes = [(plan, note) for plan in looked.book.plans if not plan.source for note in notes_on(plan, zones)]
    errors = list(looked.errors)
    if config is not None:
        file = Path(context.config_path or DEFAULT_CONFIG)
        # a book that cannot be read at all is told once, not at each contract
        unread = not looked.book.plans and bool(looked.errors)
        on_plans = [] if unread else contract_errors(config.customers, looked.book, file, looked.faulty)
        errors = sorted([*config.errors, *on_plans], key=lambda error: error.line) + errors
    found = len(looked.book.plans)
    if json:
        print_json(
            {
                "book": str(place),
                "plans": found,
                "errors": [
                    {"file": e.file, "line": e.line or None, "key": e.key, "error": e.what} for e in errors
                ],
                "notes": [{"plan": plan.id, "version": plan.version, "note": note} for plan, note in notes],
            }
        )
    else:
        for error in errors:
            print(error)
        for plan, note in notes:
            print(f"note: {plan.id} version {plan.version}: {note}")
        if errors:
            where = f"the configuration and {place}" if wrong_config else str(place)
            say(f"prebill: {plural(len(errors), 'error')} in {where}. docs/plans.md explains every key.")
        else:
            say(f"{place}: {plural(found, 'plan')}, no errors")
    return BAD_USAGE if wrong_config else FOUND_SOMETHING if errors else 0


def _read(place: Path) -> PlanBook:
    """The book, for a command that cannot do without it."""
    from pipeline.rating.book import read_book
    from pipeline.rating.plan_errors import BookError

    try:
        return read_book(place)
    except BookError as error:
        raise UsageFailure(
            [str(each) for each in error.errors],
            mend="docs/plans.md tells how a plan is written; `prebill plans list --shipped` shows examples.",
        ) from None


def _list(place: Path, day: date, *, every: bool, json: bool) -> int:
    book = _read(place)
    listed = book.plans if every else book.valid(day)
    if json:
        print_json([_document(plan) for plan in listed])
        return 0
    if not listed:
        say(f"{place}: no plan is sold on {day}; --all lists what was or will be")
        return 0
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("plan", "version", "name", "sold from", "to", "at least", "at most", "charges"):
        table.add_column(title, justify="right" if title.startswith("at ") else "left")
    for plan in listed:
        cells = (
            plan.id,
            str(plan.version),
            _name(plan),
            str(plan.valid_from),
            str(plan.valid_to or ""),
            f"{plan.minimum:,} {plan.currency}" if plan.minimum is not None else "",
            f"{plan.cap:,} {plan.currency}" if plan.cap is not None else "",
            _charges(plan),
        )
        table.add_row(*(escape(cell) for cell in cells))
    out().print(table)
    return 0


def _charges(plan: Plan) -> str:
    """Models with their units, each once: `graduated GiB ×8, per_unit 10k-requests`."""
    counts = Counter(f"{charge.model.value} {charge.unit}" for charge in plan.charges)
    return ", ".join(f"{what} ×{count}" if count > 1 else what for what, count in counts.items())


def _name(plan: Plan) -> str:
    return plan.names.get("en") or next(iter(plan.names.values()), "")


def _document(plan: Plan) -> dict[str, Any]:
    return {
        "id": plan.id,
        "version": plan.version,
        "name": dict(plan.names),
        "currency": plan.currency,
        "valid_from": str(plan.valid_from),
        "valid_to": str(plan.valid_to) if plan.valid_to else None,
        "minimum": _text(plan.minimum),
        "cap": _text(plan.cap),
        "proration": plan.proration,
        "source": plan.source or None,
        "charges": [
            {
                "id": charge.id,
                "name": dict(charge.names),
                "meter": charge.meter.value,
                "model": charge.model.value,
                "unit": charge.unit,
            }
            for charge in plan.charges
        ],
    }


def _text(amount: object) -> str | None:
    return None if amount is None else f"{amount:f}"
