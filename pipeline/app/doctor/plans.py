"""What `prebill doctor` says of the plan book and of the contracts that name its plans; from the configuration."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.app.doctor.checks import FAIL, NAMES_SHOWN, NOTE, OK, Check
from pipeline.app.terminal import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.app.configuration.settings import Config
    from pipeline.rating.plan_errors import PlanError

MEND = "`prebill plans check` tells every error with its line; docs/plans.md explains every key."


def check_plans(config: Config, file: Path, now: datetime) -> Check:
    """Whether every plan can be read, and every contract's plan is there; and who has no contract now."""
    from pipeline.app.configuration.contracts import contract_errors, contracts_of
    from pipeline.rating.book import survey_book

    place = Path(config.plans.path)
    contracts = sum(len(customer.contract) for customer in config.customer)
    if not place.exists():
        found = f"{place} is not there"
        if contracts:
            return Check("plans", FAIL, f"{found}, and {plural(contracts, 'contract')} name plans", MEND)
        return Check("plans", NOTE, f"{found}: usage is counted, not rated", "docs/plans.md: how to begin.")
    looked = survey_book(place)
    if errors := [*looked.errors, *contract_errors(config.customer, looked.book, file, looked.faulty)]:
        return Check("plans", FAIL, _told(errors), MEND)
    found = f"{plural(len(looked.book.plans), 'plan')}, {plural(contracts, 'contract')}"
    without = [
        customer.id
        for customer in config.customer
        if not any(c.begin <= now and (c.end is None or now < c.end) for c in contracts_of(customer))
    ]
    if without and contracts:
        names = ", ".join(without[:NAMES_SHOWN]) + ", …" * (len(without) > NAMES_SHOWN)
        found += f"; {plural(len(without), 'customer')} without a contract now: {names}"
        return Check("plans", NOTE, found, "Their usage is counted, not rated.")
    return Check("plans", OK, found)


def _told(errors: Sequence[PlanError]) -> str:
    shown = "\n".join(str(error) for error in errors[:NAMES_SHOWN])
    more = len(errors) - NAMES_SHOWN
    return shown + (f"\nand {more} more" if more > 0 else "")
