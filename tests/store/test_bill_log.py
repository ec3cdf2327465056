"""The bill log in the store: what comes back is what was issued, repeated acts act once, also from two processes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from pipeline.rating.bill_books import RebillError, RebillState
from pipeline.rating.bill_entries import digest_of
from pipeline.rating.model import Discount
from tests.rating.billing import NOW, simple_bill

if TYPE_CHECKING:
    from pipeline.coverage.proof import Proof
    from pipeline.rating.model import Bill
    from pipeline.store import Store


def with_proofs(*bills: Bill) -> list[tuple[Bill, Proof | None]]:
    return [(bill, None) for bill in bills]


OLD, NEW = simple_bill("1000000.00"), simple_bill("180000.07", plan="volume")


def test_a_rebill_through_the_store(store: Store) -> None:
    (first,) = store.bills.issue(with_proofs(OLD), at=NOW, actor="robot")
    assert (first.number, first.bill, first.digest) == (1, OLD, digest_of(first.body))
    once = Discount("скидка", percent=Decimal("50.0"), once=True)
    made = store.bills.propose(1, NEW, discounts=[once], at=NOW, actor="anna", reason="viral day")
    assert made.open
    assert made.proposal.discounts == (once,)
    done = store.bills.approve(made.id, at=NOW + timedelta(hours=1), actor="boris", reason="agreed")
    assert (done.state, done.credit, done.issued) == (RebillState.APPROVED, 2, 3)
    assert store.bills.document(3).bill == NEW
    assert store.bills.document(1) == first, "what was issued is as it was"
    assert store.bills.faults() == []
    assert [entry.at for entry in store.bills.entries()][:2] == [NOW, NOW]
    shown = "SELECT number, kind, of, credited, total, plan FROM bills"
    assert [tuple(row.values()) for row in store.query(shown).to_pylist()] == [
        (1, "bill", 0, 2, Decimal(1220000), "start"),
        (2, "credit_note", 1, 0, Decimal(-1220000), "start"),
        (3, "bill", 1, 0, Decimal("219600.09"), "volume"),
    ]
    steps = store.query("SELECT step, actor FROM rebills WHERE step IN ('proposed', 'approved')").to_pylist()
    assert steps == [{"step": "proposed", "actor": "anna"}, {"step": "approved", "actor": "boris"}]


def test_what_is_done_already_is_not_done_again(store: Store) -> None:
    for _ in range(2):
        store.bills.issue(with_proofs(OLD, simple_bill("1.00", customer="c2")), at=NOW, actor="robot")
        made = store.bills.propose(1, NEW, at=NOW, actor="anna", reason="viral day")
    for actor in ("boris", "boris", "vera"):
        done = store.bills.approve(made.id, at=NOW, actor=actor, reason="agreed")
        assert (done.credit, done.issued) == (3, 4)
        assert done.decision is not None
        assert done.decision.actor == "boris"
    assert len(store.bills.entries()) == 6
    assert [entry.number for entry in store.bills.entries(["c2"])] == [2]


def test_refusals_write_nothing(store: Store) -> None:
    store.bills.issue(with_proofs(OLD), at=NOW, actor="robot")
    made = store.bills.propose(1, NEW, at=NOW, actor="anna", reason="viral day")
    with pytest.raises(RebillError, match="another person"):
        store.bills.approve(made.id, at=NOW, actor="Anna", reason="agreed")
    with pytest.raises(RebillError, match="is issued for that time"):
        store.bills.issue(with_proofs(simple_bill("3.00", customer="c3"), NEW), at=NOW, actor="robot")
    with pytest.raises(RebillError, match=f"no rebill r1; open ones: {made.id}"):
        store.bills.approve("r1", at=NOW, actor="boris", reason="agreed")
    with pytest.raises(RebillError, match="there is no bill 7"):
        store.bills.propose(7, NEW, at=NOW, actor="anna", reason="x")
    assert len(store.bills.entries()) == 2
    assert store.bills.turn_down(made.id, at=NOW, actor="boris", reason="no").state is RebillState.REJECTED


def test_threads_that_approve_at_once_issue_once(store: Store) -> None:
    """Half approve one rebill, half another one of the same bill; and all issue bills meanwhile."""
    store.bills.issue(with_proofs(OLD), at=NOW, actor="robot")
    proposed = [
        store.bills.propose(1, bill, at=NOW, actor="anna", reason="viral day").id
        for bill in (NEW, simple_bill("5.00"))
    ]
    start, failures, refused = threading.Barrier(6), list[BaseException](), list[str]()

    def approve(place: int) -> None:
        try:
            start.wait()
            store.bills.issue(
                with_proofs(simple_bill("9.00", customer=f"d{place % 3}")), at=NOW, actor="robot"
            )
            store.bills.approve(proposed[place % 2], at=NOW, actor=f"boss {place}", reason="agreed")
        except RebillError as error:
            refused.append(str(error))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=approve, args=(place,)) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [("superseded" in words) for words in refused] == [True] * 3
    books = store.bills.books()
    assert sorted(books.documents) == [1, 2, 3, 4, 5, 6], "a bill, three others, a credit note, the new bill"
    assert sorted(entry.customer for entry in books.standing.values()) == ["c1", "d0", "d1", "d2"]
    assert store.bills.faults() == []


def test_two_processes_that_approve_issue_once(store: Store, dsn: str) -> None:
    """The other process has decided, and has its documents ready to write, when this one approves."""
    store.bills.issue(with_proofs(OLD), at=NOW, actor="robot")
    made = store.bills.propose(1, NEW, at=NOW, actor="anna", reason="viral day")
    script = f"""
        import sys
        from pipeline.store import bill_log, open_store
        from tests.rating.billing import NOW

        decided, table = [], bill_log._table

        def wait_once(*args):
            if not decided:
                decided.append(True)
                print("decided", flush=True)
                sys.stdin.readline()
            return table(*args)

        bill_log._table = wait_once
        with open_store({dsn!r}) as store:
            done = store.bills.approve({made.id!r}, at=NOW, actor="other", reason="agreed")
            print(done.credit, done.issued, done.decision.actor)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "decided\n"
        here = store.bills.approve(made.id, at=NOW, actor="boris", reason="agreed")
        there, _ = other.communicate("go\n", timeout=60)
    finally:
        other.kill()
        other.wait()
    assert (here.credit, here.issued) == (2, 3)
    assert there.split() == ["2", "3", "boris"]
    assert len(store.bills.entries()) == 5
    assert store.bills.faults() == []
