"""What stands of a customer's month: the bill that was issued for it, or the one in its place, with its adjustments;
from the bill log and the month's usage to `prebill bill`, `letter` and `rebill`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from pipeline.app.failures import UsageFailure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.app.bills.month_bill import ContractPart
    from pipeline.rating.bill_books import Books, Rebill
    from pipeline.rating.bill_entries import Counted, Entry
    from pipeline.rating.book import PlanBook
    from pipeline.rating.exports.paper import Paper
    from pipeline.rating.model import Bill, Discount, Plan


@dataclass(frozen=True, slots=True)
class Standing:
    """The bill that stands for a contract's month and its adjustments. `discounts`: those of the rebill that brought
    it, None for a first bill; `replaced`: the bill in whose place it came, with that one's adjustments."""

    bill: Entry
    adjustments: tuple[Entry, ...] = ()
    discounts: tuple[Discount, ...] | None = None
    replaced: Bill | None = None

    @property
    def whole(self) -> Bill:
        """All of it as one bill."""
        return (self.bill, *self.adjustments)[-1].whole

    @property
    def total(self) -> Decimal:
        """What the customer was asked to pay for the month."""
        return sum((entry.bill.total for entry in (self.bill, *self.adjustments)), Decimal(0))


def standing_of(books: Books, part: ContractPart) -> Standing | None:
    """What stands for a part of a month; None where nothing was issued for just that time."""
    from pipeline.rating.rebill import difference

    for number in books.standing_of.get(part.customer.id, ()):
        entry = books.standing[number]
        period = entry.bill.period
        if entry.adjusts or (period.begin, period.end) != (part.span.period.begin, part.span.period.end):
            continue
        rebill = books.rebills.get(entry.rebill)
        return Standing(
            entry,
            tuple(books.adjustments_of(number)),
            rebill.proposal.discounts if rebill else None,
            difference(books, rebill.id).old if rebill else None,
        )
    return None


def plan_that_stands(part: ContractPart, standing: Standing | None, book: PlanBook) -> Plan:
    """The plan and version of the bill that stands; without one, the contract's. Raises UsageFailure."""
    from pipeline.app.bills.month_bill import plan_for
    from pipeline.rating.plan_errors import NoPlanError

    if standing is None:
        return plan_for(part, book)
    issued = standing.bill.bill
    try:
        return book.version(issued.plan, issued.plan_version)
    except NoPlanError as error:
        raise UsageFailure(f"bill {standing.bill.number}: {error}") from None


def as_it_stands(part: ContractPart, standing: Standing | None) -> ContractPart:
    """The part with the discounts of the rebill that stands for it, where there is one."""
    if standing is None or standing.discounts is None:
        return part
    return replace(part, span=replace(part.span, discounts=standing.discounts))


def amount_to_pay(parts: Sequence[ContractPart], books: Books, book: PlanBook) -> Decimal:
    """What a month costs as it stands: the documents that were issued, and of a part without one, its bill as it would
    be issued now. Raises UsageFailure."""
    from pipeline.app.bills.month_bill import bill_part, plan_for

    found = ((part, standing_of(books, part)) for part in parts)
    return sum(
        (there.total if there else bill_part(part, plan_for(part, book)).total for part, there in found),
        Decimal(0),
    )


def with_late(part: ContractPart, standing: Standing | None) -> ContractPart:
    """The part with what came after its close as its usage, where that is in what stands: to compare like with like."""
    from pipeline.rating.usage_join import change_usage

    in_it = standing is not None and bool(standing.adjustments or standing.bill.counted)
    if not in_it or part.late is None:
        return part
    return replace(part, usage=change_usage(part.usage, part.late.changes), late=None)


def counted_late(part: ContractPart) -> Counted | None:
    """What is known of the month beside what was closed."""
    from pipeline.rating.bill_entries import Counted

    return None if part.late is None else Counted(part.late.cut, len(part.late.changes))


def bill_of_all(part: ContractPart, plan: Plan) -> Bill:
    """The bill of all that is known now: what was closed and what came after. Raises UsageFailure."""
    from pipeline.app.bills.month_bill import bill_part
    from pipeline.rating.usage_join import change_usage

    if part.late is None:
        return bill_part(part, plan)
    return bill_part(part, plan, change_usage(part.usage, part.late.changes))


def whole_of_now(part: ContractPart, standing: Standing, book: PlanBook) -> Bill:
    """What the month comes to with what came after its close, on the terms of the bill that stands. Raises UsageFailure
    where that bill's own usage comes to something else on them today: late data is not to be mixed up with a changed
    plan or contract."""
    from pipeline.app.bills.month_bill import bill_part
    from pipeline.rating.bill_changes import less

    plan, own = plan_that_stands(part, standing, book), as_it_stands(part, standing)
    root = standing.bill
    if root.counted is None:
        again = bill_part(own, plan)
        if not same_amounts(root.bill, again):
            moved = less(again.total, root.bill.total)
            raise UsageFailure(
                f"bill {root.number} is {root.bill.total:,} {root.bill.currency}, and the same usage on its plan "
                f"{plan.id}, version {plan.version}, comes to {again.total:,} today ({moved:+,}): plan, discounts or "
                "tax were changed since, so what came late has no price of its own",
                mend="`prebill rebill propose` puts the corrected bill in its place, late data in it.",
            )
    return bill_of_all(own, plan)


def same_amounts(old: Bill, new: Bill) -> bool:
    """Whether two bills of a period ask for the same money line by line, whatever words they use."""
    from pipeline.rating.bill_changes import delta_lines, unlike

    return not unlike(old, new) and not any(line.amount for line in delta_lines(old, new))


def late_bill(part: ContractPart, standing: Standing | None, book: PlanBook, owed: Bill) -> Bill | None:
    """What came after the close and is in no document yet, on the plan that stands; None where there is nothing.
    `owed`: the bill of the month where none was issued. Raises UsageFailure."""
    from pipeline.app.bills.month_bill import adjust_bill
    from pipeline.rating.bill_changes import delta_bill
    from pipeline.rating.rebill import CAME_LATE

    if standing is None:
        return adjust_bill(part, plan_that_stands(part, None, book), owed)
    if part.late is None and not standing.adjustments and standing.bill.counted is None:
        return None
    found = delta_bill(standing.whole, whole_of_now(part, standing, book), CAME_LATE)
    return found if found.lines else None


def kind_of(entry: Entry) -> str:
    """What a document is: bill, adjustment, credit_note."""
    return "adjustment" if entry.adjusts else entry.kind.value


def credit_notes(books: Books, found: Rebill) -> list[int]:
    """The credit notes of an approved rebill: of the bill, then of its adjustments."""
    from pipeline.rating.bill_entries import Kind

    return [
        entry.number
        for entry in books.documents.values()
        if entry.kind is Kind.CREDIT_NOTE and entry.rebill == found.id
    ]


def paper_of(books: Books, entry: Entry) -> Paper:
    """The document as it is printed."""
    from pipeline.rating.bill_entries import Kind
    from pipeline.rating.exports.paper import Paper

    credit = (
        e.number for e in books.documents.values() if e.kind is Kind.CREDIT_NOTE and e.of == entry.number
    )
    there = books.documents.get(entry.of)
    return Paper(
        kind=kind_of(entry),
        number=entry.number,
        of=entry.of,
        of_total=there.bill.total if there else None,
        credited=next(credit, 0),
        rebill=entry.rebill,
        at=entry.at,
        actor=entry.actor,
        reason=entry.reason,
        counted=entry.counted,
    )
