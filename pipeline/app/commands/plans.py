"""`prebill plans`: checks the plan book, and who is on which plan; lists what is sold on a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from pipeline.app.context import DEFAULT_CONFIG
from pipeline.app.failures import FOUND_SOMETHING, UsageFailure
from pipeline.app.parameters import Flag, Given
from pipeline.app.terminal import out, plural, print_json, say

if TYPE_CHECKING:
    from pipeline.app.context import Context
    from pipeline.app.settings import Config
    from pipeline.rating.book import PlanBook
    from pipeline.rating.model import Plan
    from pipeline.rating.plan_errors import PlanError


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
    file and line: exit 1. What is allowed and may still not be meant is
    told as a note.

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
    config = _config(context)
    place = _place(folder, config, shipped=shipped)
    if action == "check":
        # contracts are on plans of the configured book, whatever else is looked at
        return _check(place, context, config if folder is None and not shipped else None, json=json)
    return _list(place, _day(on, context), every=every, json=json)


def _config(context: Context) -> Config | None:
    """The configuration where there is one: a plan book alone needs none."""
    if context.config_path or Path(DEFAULT_CONFIG).exists():
        return context.config
    return None


def _place(folder: str | None, config: Config | None, *, shipped: bool) -> Path:
    from pipeline.rating.book import SHIPPED

    if folder is not None:
        return Path(folder)
    if config is not None and not shipped:
        return Path(config.plans.path)
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


def _check(place: Path, context: Context, config: Config | None, *, json: bool) -> int:
    from pipeline.rating.book import read_book
    from pipeline.rating.plan_errors import BookError
    from pipeline.rating.plan_notes import notes_on

    book: PlanBook | None = None
    errors: Sequence[PlanError] = ()
    notes: list[tuple[Plan, str]] = []
    if not place.exists():
        _read(place)
    try:
        book = read_book(place)
    except BookError as failed:
        errors = failed.errors
    if book is not None:
        zones = {edge.zone for edge in config.edge if edge.zone} if config else set()
        notes = [(plan, note) for plan in book.plans if not plan.source for note in notes_on(plan, zones)]
        if config is not None:
            from pipeline.app.contracts import contract_errors

            errors = contract_errors(config, book, Path(context.config_path or DEFAULT_CONFIG))
    found = len(book.plans) if book else 0
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
            say(f"prebill: {plural(len(errors), 'error')} in {place}. docs/plans.md explains every key.")
        else:
            say(f"{place}: {plural(found, 'plan')}, no errors")
    return FOUND_SOMETHING if errors else 0


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
