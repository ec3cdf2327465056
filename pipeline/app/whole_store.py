"""Whether the store still has all that it counted: told by commands that look, refused by those about money, mended by
`prebill run` out of the spool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.app.failures import ReachFailure
from pipeline.app.terminal import plural, printable, say

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Sequence

    from pipeline.formats.model import LogFormat
    from pipeline.store.damage import Aside, LostFacts
    from pipeline.store.store import Store

NAMED = 5
"""Parts and segments that are told by name."""

FACTS = "facts"

FROM_BACKUP = (
    "Restore its folder from a backup, or move the folder away and start `prebill run`: it makes a new store of all "
    "that is still in the spool."
)

COUNT_AGAIN = (
    "`prebill run --once --restore` counts again what is in the spool: put files that are no longer there back under "
    "their names. Or restore the store from a backup."
)


def aside_text(aside: Sequence[Aside]) -> str:
    """That these parts of tables are broken, in one sentence."""
    tables = ", ".join(sorted({part.table for part in aside}))
    return (
        f"the store is damaged: {plural(len(aside), 'part')} of its {tables} cannot be read, and what is in there is "
        f"not counted ({_some(part.path for part in aside)})"
    )


def aside_mend(aside: Sequence[Aside]) -> str:
    """What can be done about them."""
    return COUNT_AGAIN if all(part.table == FACTS for part in aside) else FROM_BACKUP


def warn_broken(store: Store) -> None:
    """Say it where parts of tables are broken."""
    if aside := store.parts_aside():
        say(f"prebill: {aside_text(aside)}")
        say(f"  {aside_mend(aside)}")


def refuse_broken(store: Store) -> None:
    """Raises ReachFailure where parts of tables are broken: no sum of money out of such a store is right."""
    if aside := store.parts_aside():
        raise ReachFailure(aside_text(aside), mend=aside_mend(aside))


def refuse_lost(store: Store, first: int, after: int) -> None:
    """Raises ReachFailure where usage of minutes [first, after) that was counted is not there any more: then nothing is
    proven to be whole, whatever the ledger says."""
    from pipeline.store.reader import EDGE_LATE_MINUTES, EDGE_SOON_MINUTES

    minutes = (max(0, first - EDGE_SOON_MINUTES), after + EDGE_LATE_MINUTES)
    if found := lost_text(store, minutes):
        raise ReachFailure(f"{found}; nothing can be proven of them", mend=COUNT_AGAIN)


def lost_text(store: Store, minutes: tuple[int, int] | None = None) -> str:
    """Of how many segments usage is lost, and the first of them by name; empty where all is there."""
    count, named = 0, list[str]()
    for lost in store.lost_facts(minutes):
        count += len(lost)
        if len(named) < NAMED:
            named += _names(store, lost[: NAMED - len(named)])
    if not count:
        return ""
    return (
        f"usage of {plural(count, 'segment')} that was counted is not in the store: {_and_more(named, count)}"
    )


def restore(store: Store, fmt: LogFormat, stop: threading.Event) -> bool:
    """Count again what the store lost of usage; whether anything stays lost. Raises ReachFailure where it is not usage
    alone that cannot be read.

    One process at a time: two that wrote the same facts again would count them twice. Who comes second waits, and finds
    what is still lost then.
    """
    from pipeline.app.watch.lease import RESTORE, HeldFailure, holding
    from pipeline.flow_read import SegmentReader
    from pipeline.restore import restore_facts

    aside = store.parts_aside()
    if any(part.table != FACTS for part in aside):
        refuse_broken(store)
    if aside:
        say(f"prebill: {aside_text(aside)}")
    with holding(store, RESTORE, stop, wait=True) as taken:
        done = restore_facts(store, SegmentReader(fmt), lambda: stop.is_set() or taken.is_set())
    if done.segments:
        say(
            f"{plural(done.segments, 'segment')} whose usage the store had lost counted again: {done.rows:,} rows"
        )
    if done.stopped and taken.is_set():
        raise taken.failure or HeldFailure(
            "another process has taken over counting again what the store lost"
        )
    if done.stopped:
        say("stopped before all that the store lost was counted again")
        return True
    if done.lost:
        say(
            f"prebill: usage of {plural(done.lost, 'segment')} stays lost; no month that it is of can be billed"
        )
        for path, why in list(done.left.items())[:NAMED]:
            say(f"  {printable(path)}: {why}")
        say(f"  {COUNT_AGAIN}")
        return True
    store.forget_aside(aside)
    return False


def _names(store: Store, lost: Sequence[LostFacts]) -> list[str]:
    ids = {each.write_id for each in lost}
    entries = store.attempts(each.segment_id for each in lost)
    return [str(entry.origin) for entry in entries if entry.write_id in ids and not entry.preferred]


def _some(names: Iterable[str]) -> str:
    every = list(names)
    return _and_more(every[:NAMED], len(every))


def _and_more(named: Sequence[str], count: int) -> str:
    more = count - len(named)
    return printable(", ".join(named)) + (f" and {more:,} more" if more > 0 else "")
