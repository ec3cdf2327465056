"""Gaps as `prebill gaps --json` prints them and as a table on a terminal; from coverage to people and scripts."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pipeline.app.period import span_text
from pipeline.app.terminal import human_bytes, human_count, out, plural, printable
from pipeline.coverage.model import GapState, LossClass
from pipeline.instants import minute_text, second_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.coverage.model import Amount, Gap
    from pipeline.rating.stake import Stake

GAPS_SHOWN = 60
CUSTOMERS_SHOWN = 3
STILL_LOST = (GapState.OPEN, GapState.SHRUNK)

_STYLES = {
    GapState.OPEN: "bold red",
    GapState.SHRUNK: "yellow",
    GapState.CLOSED: "green",
    GapState.ACCEPTED: "dim",
}


def gap_document(gap: Gap, stake: Stake | None = None) -> dict[str, Any]:
    """A gap with the stable keys of the interface. Money is null where no hit customer has a contract."""
    loss, amount = gap.loss, gap.loss.lost_bytes
    return {
        "id": gap.id,
        "class": loss.kind.name.lower(),
        "edge": loss.stream.edge,
        "stream": loss.stream.stream,
        "from": minute_text(loss.first),
        "to": minute_text(loss.after),
        "minutes": gap.minutes,
        "lost_lines": loss.lost_lines,
        "lost_bytes": {
            "low": amount.low,
            "expected": amount.expected,
            "high": amount.high,
            "exact": amount.exact,
        },
        "method": amount.method,
        "customers": [{"id": share.customer, "share": round(share.share, 6)} for share in gap.customers],
        "money": stake.json if stake is not None and stake.totals else None,
        "state": gap.state.value,
        "first_seen": second_text(gap.first_seen),
        "updated": second_text(gap.updated),
        "recoverable_until": None if gap.recoverable_until is None else second_text(gap.recoverable_until),
        "task": gap.task or None,
        "evidence": list(loss.evidence),
        "reason": gap.reason or None,
    }


def show_gaps(
    gaps: Sequence[Gap],
    names: Mapping[str, str],
    now: float,
    stakes: Mapping[str, Stake] | None = None,
    unrated: str = "",
) -> None:
    """A table of gaps, then one line of sum. `names`: customers by id; `unrated`: why there are no stakes."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for head, side in (("Gap", "left"), ("Class", "left"), ("Edge", "left"), ("Minutes (UTC)", "left"), ("", "right"),
                       ("Lines", "right"), ("Bytes lost", "left"), ("Customers", "left"), ("State", "left"),
                       ("Recoverable", "left")):  # fmt: skip
        table.add_column(head, justify=side, no_wrap=head not in ("Customers", "Bytes lost", "State"))  # type: ignore[arg-type]
    for gap in sorted(gaps, key=lambda gap: (gap.loss.first, gap.loss.stream))[:GAPS_SHOWN]:
        loss = gap.loss
        table.add_row(
            gap.id, loss.kind.name.lower(), Text(printable(str(loss.stream))), span_text(loss.first, loss.after),
            f"{gap.minutes:,}", "?" if loss.lost_lines is None else human_count(loss.lost_lines),
            amount_text(loss.lost_bytes), Text(printable(_customers(gap, names))),
            Text(_state(gap), _STYLES[gap.state]), _recoverable(gap, now),
        )  # fmt: skip
    out().print(table)
    if len(gaps) > GAPS_SHOWN:
        out().print(f"{len(gaps) - GAPS_SHOWN:,} more; --json lists all", style="italic")
    out().print()
    out().print(sum_text(gaps, money_text(gaps, stakes or {}, unrated)), soft_wrap=True, markup=False)


def money_text(gaps: Sequence[Gap], stakes: Mapping[str, Stake], unrated: str = "") -> str:
    """`; 12.50 to 14.00 RUB at stake` of those still lost, gap by gap added up; or why it is not known."""
    sums: dict[str, list[Decimal]] = {}
    for gap in gaps:
        stake = stakes.get(gap.id)
        if gap.state in STILL_LOST and stake is not None:
            for currency, money in stake.totals.items():
                low, high = sums.setdefault(currency, [Decimal(0), Decimal(0)])
                sums[currency] = [low + money.low, high + money.high]
    if sums:
        told = ", ".join(
            f"{low:,} {currency}" if low == high else f"{low:,} to {high:,} {currency}"
            for currency, (low, high) in sorted(sums.items())
        )
        return f"; {told} at stake"
    return f"; not rated: {unrated}" if unrated else ""


def sum_text(gaps: Sequence[Gap], money: str = "") -> str:
    """`3 gaps still lost: 2 missing, 1 damaged; 14 minutes, 1.2 MB to 3 MB`, and the money."""
    lost = [gap for gap in gaps if gap.state in STILL_LOST]
    other = [
        f"{count:,} {state.value}"
        for state in (GapState.CLOSED, GapState.ACCEPTED)
        if (count := sum(gap.state is state for gap in gaps))
    ]
    told = f" ({', '.join(other)})" if other else ""
    if not lost:
        return f"Nothing is lost{told}."
    kinds = ", ".join(
        f"{count:,} {kind.name.lower()}"
        for kind in LossClass
        if (count := sum(g.loss.kind is kind for g in lost))
    )
    low, high = (sum(getattr(gap.loss.lost_bytes, name) for gap in lost) for name in ("low", "high"))
    return (
        f"{plural(len(lost), 'gap')} still lost: {kinds}; {plural(sum(gap.minutes for gap in lost), 'minute')}, "
        f"{_range(low, high)}{money}{told}."
    )


def amount_text(amount: Amount) -> str:
    """`1.2 MB (0.9 MB – 1.5 MB, neighbours)`; an exact amount stands alone with its method."""
    if amount.exact is not None:
        return f"{human_bytes(amount.exact)}, exact ({amount.method})"
    return f"{human_bytes(amount.expected)} ({_range(amount.low, amount.high)}, {amount.method})"


def _range(low: int, high: int) -> str:
    return human_bytes(low) if low == high else f"{human_bytes(low)} to {human_bytes(high)}"


def _customers(gap: Gap, names: Mapping[str, str]) -> str:
    largest = sorted(gap.customers, key=lambda share: -share.share)
    told = [
        f"{names.get(share.customer) or share.customer} {share.share:.0%}"
        for share in largest[:CUSTOMERS_SHOWN]
    ]
    if len(largest) > CUSTOMERS_SHOWN:
        told.append(f"{len(largest) - CUSTOMERS_SHOWN} more")
    return ", ".join(told) or "-"


def _state(gap: Gap) -> str:
    if gap.state is GapState.ACCEPTED:
        return f"accepted: {printable(gap.reason)}"
    return gap.state.value


def _recoverable(gap: Gap, now: float) -> str:
    """How long the edge still has all of it."""
    if gap.state is GapState.CLOSED:
        return "-"
    if gap.recoverable_until is None:
        return "not known"
    minutes = int(gap.recoverable_until - now) // 60
    if minutes < 120:
        return "no more" if minutes <= 0 else f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"
