"""The plan book: every plan that is or was sold, by id, version and day; from a folder with one TOML a plan, to bills,
simulations and contracts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from pipeline.rating.model import Plan
from pipeline.rating.plan_errors import BookError, NoPlanError, PlanError
from pipeline.rating.plan_toml import read_plan, told_id
from pipeline.shape import nearest
from pipeline.toml_lines import find_lines

SHIPPED = Path(__file__).parent / "plans"
"""The example book that comes with prebill."""

MAX_PLANS = 10_000


class PlanBook:
    """Plans by id and version. Raises BookError where two of them are the same, or a later version begins earlier.

    A version is valid from its `valid_from` until its `valid_to`, or until a later version begins.
    """

    def __init__(self, plans: Iterable[Plan], files: dict[tuple[str, int], str] | None = None) -> None:
        self.plans = tuple(sorted(plans, key=lambda plan: (plan.id, plan.version)))
        self._versions: dict[str, list[Plan]] = {}
        for plan in self.plans:
            self._versions.setdefault(plan.id, []).append(plan)
        if errors := list(_version_errors(self._versions, files or {})):
            raise BookError(errors)

    def find(self, plan_id: str, on: date) -> Plan:
        """The version of a plan that is valid on a day, as for a contract that begins then. Raises NoPlanError."""
        versions = self._versions.get(plan_id, [])
        begun = [plan for plan in versions if plan.valid_from <= on]
        if begun and (begun[-1].valid_to is None or on < begun[-1].valid_to):
            return begun[-1]
        if not versions:
            raise NoPlanError(f'no plan "{plan_id}" in the book; {nearest(plan_id, sorted(self._versions))}')
        held = ", ".join(f"version {plan.version}: {_span(plan)}" for plan in versions)
        raise NoPlanError(f'plan "{plan_id}" is not sold on {on}; {held}')

    def version(self, plan_id: str, version: int) -> Plan:
        """That version of a plan, sold or not: as a bill that was issued names it. Raises NoPlanError."""
        versions = self._versions.get(plan_id, [])
        for plan in versions:
            if plan.version == version:
                return plan
        if not versions:
            raise NoPlanError(f'no plan "{plan_id}" in the book; {nearest(plan_id, sorted(self._versions))}')
        held = ", ".join(str(plan.version) for plan in versions)
        raise NoPlanError(f'no version {version} of plan "{plan_id}"; the book has {held}')

    def has(self, plan_id: str) -> bool:
        """Whether the book has any version of a plan."""
        return plan_id in self._versions

    def valid(self, on: date) -> tuple[Plan, ...]:
        """Every plan that is valid on a day, one version each, by id; public prices of others among them."""
        found = []
        for plan_id in self._versions:
            try:
                found.append(self.find(plan_id, on))
            except NoPlanError:
                continue
        return tuple(found)

    def offered(self, on: date) -> tuple[Plan, ...]:
        """What may be offered to a customer on a day: plans of one's own. One with `source` is someone else's price."""
        return tuple(plan for plan in self.valid(on) if not plan.source)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a book's files hold: `book` of plans that nothing is wrong with, and every fault of the others. `faulty`:
    their ids, as far as they can be told: what the book has of those nobody can say."""

    book: PlanBook
    errors: tuple[PlanError, ...]
    faulty: frozenset[str]


def read_book(place: Path) -> PlanBook:
    """The book of a folder, in which each `*.toml` is a plan, or of one file. Raises BookError with every fault."""
    found = survey_book(place)
    if found.errors:
        raise BookError(found.errors)
    return found.book


def survey_book(place: Path) -> Survey:
    """The same for who looks at what is there, whatever is wrong with some of it."""
    try:
        paths = _files(place)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return _nothing(PlanError(str(place), 0, "", f"cannot be read: {reason}"))
    if paths is None:
        what = "expected a folder with a TOML a plan, or one plan, found nothing"
        return _nothing(PlanError(str(place), 0, "", what))
    if not paths or len(paths) > MAX_PLANS:
        what = f"expected 1 to {MAX_PLANS:,} files *.toml, found {len(paths):,}"
        return _nothing(PlanError(str(place), 0, "", what))
    plans: list[Plan] = []
    files: dict[tuple[str, int], str] = {}
    errors: list[PlanError] = []
    faulty: set[str] = set()
    for path in paths:
        if path.exists() and not path.is_file():  # a pipe would be waited for without end
            errors.append(PlanError(str(path), 0, "", "expected a file, found a folder or a pipe"))
            faulty.add(path.stem)
            continue
        read = read_plan(path)
        if isinstance(read, list):
            errors += read
            faulty |= {path.stem, told_id(path)}
            continue
        same = files.setdefault((read.id, read.version), str(path))
        if same != str(path):
            what = f'version {read.version} of plan "{read.id}" is already in {same}'
            errors.append(_at_its_line(PlanError(str(path), 0, "version", what)))
            faulty.add(read.id)
        else:
            plans.append(read)
    try:
        book = PlanBook(plans, files)
    except BookError as failed:
        errors += map(_at_its_line, failed.errors)
        wrong = {error.file for error in failed.errors}
        faulty |= {plan_id for (plan_id, _), file in files.items() if file in wrong}
        book = PlanBook(plan for plan in plans if plan.id not in faulty)
    return Survey(book, tuple(errors), frozenset(faulty))


def _files(place: Path) -> list[Path] | None:
    if place.is_file():
        return [place]
    if not place.is_dir():
        return None
    return sorted(path for path in place.iterdir() if path.name.endswith(".toml") and path.name[0] != ".")


def _nothing(error: PlanError) -> Survey:
    return Survey(PlanBook(()), (error,), frozenset())


def _at_its_line(error: PlanError) -> PlanError:
    """A fault between files, at the line of its key."""
    lines = find_lines(Path(error.file).read_text("utf-8-sig")) if Path(error.file).is_file() else {}
    return replace(error, line=lines.get((error.key,), 0))


def _version_errors(
    versions: dict[str, list[Plan]], files: dict[tuple[str, int], str]
) -> Iterable[PlanError]:
    for plan_id, plans in versions.items():
        # against the latest of all before, not the last alone: that may be the one that begins too early
        latest = itertools.accumulate(plans, _later)
        for earlier, later in zip(latest, plans[1:], strict=False):
            file = files.get((plan_id, later.version), "plan book")
            if later.version == earlier.version:
                yield PlanError(
                    file, 0, "version", f'version {later.version} of plan "{plan_id}" is there twice'
                )
            elif later.valid_from <= earlier.valid_from:
                where = files.get((plan_id, earlier.version), "")
                yield PlanError(
                    file,
                    0,
                    "valid_from",
                    f'version {later.version} of plan "{plan_id}" must begin after version {earlier.version} does '
                    f"({earlier.valid_from}{', ' + where if where else ''}), found {later.valid_from}",
                )


def _later(one: Plan, other: Plan) -> Plan:
    return other if other.valid_from > one.valid_from else one


def _span(plan: Plan) -> str:
    return f"from {plan.valid_from}" + (f" to {plan.valid_to} (exclusive)" if plan.valid_to else "")
