"""What a close would leave out: traffic of customers in minutes that no contract of theirs covers, and of hosts that
are nobody's; out of the store, for closing.py, which refuses or says so. Nothing stays unbilled without a word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.instants import minute_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pipeline.coverage.periods import ContractMonth, Month, Term
    from pipeline.store.store import Store

DEFAULT_TZ = "UTC"
"""In whose days the month of a customer lies who has no contract."""


@dataclass(frozen=True, slots=True)
class Unbilled:
    """Traffic in minutes [first, after) that no bill will have. `customer`: None for hosts that nobody claims."""

    customer: str | None
    first: int
    after: int
    requests: int
    bytes_sent: int

    def __str__(self) -> str:
        who = "hosts of no customer" if self.customer is None else f"{self.customer}: no contract"
        span = f"{minute_text(self.first)} to {minute_text(self.after)}"
        return f"{who} {span}, {self.bytes_sent:,} bytes in {self.requests:,} requests that no bill has"

    def to_json(self) -> dict[str, Any]:
        """As `close --json` shows it."""
        return {
            "customer": self.customer,
            "from": minute_text(self.first),
            "to": minute_text(self.after),
            "requests": self.requests,
            "bytes_sent": self.bytes_sent,
        }


def uncovered(
    customers: Iterable[str], terms: Sequence[Term], months: Sequence[ContractMonth], month: Month
) -> dict[tuple[int, int], list[str]]:
    """Minutes of a month, and the customers without a contract in them: in the zone of a contract that they have, at
    another time perhaps, else in UTC."""
    found: dict[tuple[int, int], list[str]] = {}
    for customer in customers:
        zones = [each.tz for each in months if each.customer == customer]
        zones += [term.tz for term in terms if term.customer == customer]
        at, after = month.minutes((zones or [DEFAULT_TZ])[0])
        own = sorted((each.first, each.after) for each in months if each.customer == customer)
        for begin, end in [*own, (after, after)]:
            if at < min(begin, after):
                found.setdefault((at, min(begin, after)), []).append(customer)
            at = max(at, end)
    return found


def find_unbilled(
    store: Store,
    cut: int,
    spans: dict[tuple[int, int], list[str]],
    owner: Callable[[str], str | None],
    whole: tuple[int, int] | None,
) -> list[Unbilled]:
    """What was served in these minutes to these customers at a cut, and in minutes `whole` of hosts that are nobody's;
    those who were served nothing are left out."""
    found = []
    asked: dict[tuple[int, int], set[str | None]] = {span: set(names) for span, names in spans.items()}
    if whole is not None:
        asked.setdefault(whole, set()).add(None)
    for (first, after), names in sorted(asked.items()):
        owned = {name: who for name in store.closing.resources(first, after) if (who := owner(name)) in names}
        if not owned:
            continue
        sums: dict[str | None, list[int]] = {}
        rows = store.usage(cut, resources=sorted(owned), minutes=(first, after), by=("resource",)).to_pylist()
        for row in rows:
            of = sums.setdefault(owned[row["resource"]], [0, 0])
            of[0] += row["requests"]
            of[1] += row["bytes_sent"]
        found += [Unbilled(who, first, after, asked_for, sent) for who, (asked_for, sent) in sums.items()]
    return sorted(found, key=lambda each: (each.customer is None, each.customer or "", each.first))
