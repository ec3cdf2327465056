"""A process that issues bills, proposes rebills and approves them until it is killed; run by test_bill_log_kill.py with
a DSN and a first number. It says `ready`, then the id of every rebill whose approval was acknowledged."""

from __future__ import annotations

import sys

from pipeline.rating.bill_books import RebillState
from pipeline.store import Store, open_store
from tests.rating.billing import NOW, simple_bill


def check(store: Store, acknowledged: set[str]) -> None:
    """Whatever was killed: every acknowledged approval is there, and none without its credit note and its new bill."""
    assert store.bills.faults() == []
    books = store.bills.books()
    assert {name for name, found in books.rebills.items() if found.issued} >= acknowledged
    for found in books.rebills.values():
        assert (found.state is RebillState.APPROVED) == (found.credit > 0) == (found.issued > 0)


def main() -> None:
    place = int(sys.argv[2])
    with open_store(sys.argv[1]) as store:
        print("ready", flush=True)
        while True:
            customer, place = f"c{place}", place + 1
            (old,) = store.bills.issue(
                [(simple_bill("10.00", customer=customer), None)], at=NOW, actor="robot"
            )
            new = simple_bill("5.00", customer=customer)
            made = store.bills.propose(old.number, new, at=NOW, actor="anna", reason="spike")
            store.bills.approve(made.id, at=NOW, actor="boris", reason="agreed")
            print(made.id, flush=True)


if __name__ == "__main__":
    main()
