"""The plan book: every plan that is or was sold, by id, version and day; from a folder with one TOML a plan, to bills,
simulations and contracts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from pipeline.rating.model import Plan
from pipeline.rating.plan_errors import BookError, NoPlanError, PlanError
from pipeline.rating.plan_toml import read_plan
from pipeline.shape import nearest

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


def read_book(place: Path) -> PlanBook:
    """The book of a folder, in which each `*.toml` is a plan, or of one file. Raises BookError with every fault."""
    if place.is_file():
        paths = [place]
    elif place.is_dir():
        paths = sorted(path for path in place.glob("*.toml") if not path.name.startswith("."))
    else:
        raise BookError(
            [PlanError(str(place), 0, "", "expected a folder with a TOML a plan, or one plan, found nothing")]
        )
    if not paths or len(paths) > MAX_PLANS:
        raise BookError(
            [PlanError(str(place), 0, "", f"expected 1 to {MAX_PLANS:,} files *.toml, found {len(paths):,}")]
        )
    plans: list[Plan] = []
    files: dict[tuple[str, int], str] = {}
    errors: list[PlanError] = []
    for path in paths:
        read = read_plan(path)
        if isinstance(read, list):
            errors += read
            continue
        same = files.setdefault((read.id, read.version), str(path))
        if same != str(path):
            what = f'version {read.version} of plan "{read.id}" is already in {same}'
            errors.append(PlanError(str(path), 0, "version", what))
        else:
            plans.append(read)
    try:
        book = PlanBook(plans, files)
    except BookError as error:
        errors += error.errors
    if errors:
        raise BookError(errors)
    return book


def shipped_book() -> PlanBook:
    """The example book that comes with prebill: a Russian network's plans, and public prices of others."""
    return read_book(SHIPPED)


def _version_errors(
    versions: dict[str, list[Plan]], files: dict[tuple[str, int], str]
) -> Iterable[PlanError]:
    for plan_id, plans in versions.items():
        for earlier, later in itertools.pairwise(plans):
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


def _span(plan: Plan) -> str:
    return f"from {plan.valid_from}" + (f" to {plan.valid_to} (exclusive)" if plan.valid_to else "")
