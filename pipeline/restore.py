"""Counts segments again whose usage the store has lost: their files are read as they were, and their facts written
under the ids that the ledger names. So nothing is counted twice, and no close that names these ids changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.attempt import Reading
from pipeline.flow_merge import merge_usages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.attempt import Reader
    from pipeline.model import LedgerEntry
    from pipeline.segment_usage import SegmentUsage
    from pipeline.store.damage import LostFacts
    from pipeline.store.store import Store

SEGMENTS_AT_ONCE = 64
"""Segments whose usage is in memory at once."""

TOLD = 100
"""Segments that are named at most."""


@dataclass(slots=True)
class Restored:
    """What came of it. `left`: why segments could not be counted again, the first of them; `lost`: how many. `stopped`:
    before all was looked at."""

    segments: int = 0
    rows: int = 0
    lost: int = 0
    stopped: bool = False
    left: dict[str, str] = field(default_factory=dict)


def restore_facts(store: Store, reader: Reader, is_over: Callable[[], bool] = lambda: False) -> Restored:
    """Read again what the store lost, until `is_over`; may be killed at any moment and run again, by one process at a
    time."""
    done = Restored()
    for lost in store.lost_facts():
        for at in range(0, len(lost), SEGMENTS_AT_ONCE):
            if is_over():
                done.stopped = True
                return done
            _restore(store, reader, lost[at : at + SEGMENTS_AT_ONCE], done)
    return done


def _restore(store: Store, reader: Reader, lost: Sequence[LostFacts], done: Restored) -> None:
    by_id = {each.write_id: each for each in lost}
    entries = {
        entry.write_id: entry
        for entry in store.attempts(each.segment_id for each in lost)
        if entry.write_id in by_id and not entry.preferred
    }
    usages: list[tuple[tuple[int, int], SegmentUsage]] = []
    for entry in entries.values():
        usage = _read(reader, entry)
        if isinstance(usage, str):
            done.lost += 1
            if len(done.left) < TOLD:
                done.left[entry.path] = usage
        else:
            usages.append(((entry.segment_id, entry.write_id), usage))
    if usages:
        again = [by_id[write_id] for (_, write_id), _ in usages]
        done.rows += store.replace_facts(again, merge_usages(usages))
        done.segments += len(usages)


def _read(reader: Reader, entry: LedgerEntry) -> SegmentUsage | str:
    """The usage that the entry tells of, or why it cannot be had."""
    segment = reader.locate(entry)
    if segment is None:
        return "the file is not there any more"
    reading = reader.read(segment, entry.skips)
    if not isinstance(reading, Reading):
        return reading.reason
    if reading.digest != entry.digest:
        return "the file has another content now"
    usage = reading.usage
    if (usage.parsed, usage.bytes_sent) != (entry.parsed, entry.bytes_sent):
        return f"{usage.parsed:,} requests are counted in it now, {entry.parsed:,} were: as {entry.format}"
    return usage
