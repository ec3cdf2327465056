"""Slow, obvious stand-ins: a reader of edge-tsv in plain Python, and a store in a list."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.attempt import Postponed, Reading, Refused
from pipeline.groups import Names
from pipeline.ingest.verify import Reading as Read
from pipeline.ingest.verify import Verdict, verify_reading
from pipeline.model import (
    Claims,
    LedgerEntry,
    Malformed,
    Origin,
    Segment,
    SegmentState,
    Sequence,
    SequenceUnit,
    Skip,
    UsageBatch,
)
from pipeline.overlap import unite
from tests.flow.winners import pick_winners

if TYPE_CHECKING:
    from collections.abc import Iterable

Key = tuple[str, int, str]


@dataclass
class SlowUsage:
    """What the aggregator gives for one segment."""

    names: Names
    edges: tuple[bytes, ...]
    resource: Any
    minute: Any
    sums: Any
    lines: int
    parsed: int
    malformed: int
    malformed_at: tuple[Malformed, ...]
    duplicates: int
    flagged: int
    bytes_sent: int
    content_bytes: int
    seen: tuple[int, int] | None
    runs: tuple[tuple[int, int], ...]
    damaged: str | None
    known: frozenset[str] = frozenset({"requests", "bytes_sent"})


def parse(content: bytes, origin: Origin, sequence: Sequence | None, skips: tuple[Skip, ...]) -> SlowUsage:
    """Lines `time seq resource bytes_sent`, tab-separated; seq `-`: by place, where the sidecar numbers lines."""
    usage: dict[tuple[bytes, int], list[int]] = {}
    bad, seen = [], set()
    lines = parsed = duplicates = 0
    offset = 0
    damaged = None
    if content.endswith(b"~"):
        content, damaged = content[:-1], "cut"
    for line in content.splitlines(keepends=True):
        place, lines = lines, lines + 1
        at, offset = offset, offset + len(line)
        try:
            time, seq, resource, sent = line.rstrip(b"\n").split(b"\t")
            minute, size = int(time) // 60, int(sent)
            number = int(seq) if seq != b"-" else None
        except ValueError:
            bad.append(Malformed(at, "columns"))
            continue
        if number is not None:
            repeated = number in seen
            seen.add(number)
        else:
            repeated = False
            if sequence is not None:
                number = sequence.first + (place if sequence.unit is SequenceUnit.LINE else at)
        if repeated or (number is not None and any(s.first <= number < s.next for s in skips)):
            duplicates += 1
            continue
        parsed += 1
        sums = usage.setdefault((resource, minute), [0, 0])
        sums[0] += 1
        sums[1] += size
    names = sorted({resource for resource, _ in usage})
    rows = list(usage)
    columns = np.zeros((6, len(rows)), np.uint64)
    for i, row in enumerate(rows):
        columns[:2, i] = usage[row]
    return SlowUsage(
        names=Names(
            np.frombuffer(b"".join(names), np.uint8), np.cumsum([0, *map(len, names)], dtype=np.int64)
        ),
        edges=(origin.edge.encode(),),
        resource=np.array([names.index(r) for r, _ in rows], np.uint32),
        minute=np.array([m for _, m in rows], np.uint32),
        sums=columns,
        lines=lines,
        parsed=parsed,
        malformed=len(bad),
        malformed_at=tuple(bad),
        duplicates=duplicates,
        flagged=0,
        bytes_sent=int(columns[1].sum()),
        content_bytes=len(content),
        seen=(min(seen), max(seen) + 1) if seen else None,
        runs=unite((n, n + 1) for n in seen),
        damaged=damaged,
    )


@dataclass
class SlowReader:
    """Reads files; a file that holds `?` is no log, one that is missing may come back."""

    reads: list[tuple[str, tuple[Skip, ...]]] = field(default_factory=list)

    def read(self, segment: Segment, skips: tuple[Skip, ...] = ()) -> Reading | Refused | Postponed:
        self.reads.append((segment.path, skips))
        try:
            content = Path(segment.path).read_bytes()
        except OSError as error:
            return Postponed(segment, str(error))
        if content == b"?":
            return Refused("is no log")
        numbered = segment.claims.sequence
        by_offset = numbered is not None and numbered.unit is SequenceUnit.BYTE
        end = content.rfind(b"\n") + 1 if by_offset else None
        usage: Any = parse(content, segment.origin, segment.claims.sequence, skips)
        return Reading(usage, hashlib.blake2b(content, digest_size=16).digest(), b"", "edge-tsv", (), end)

    def verify(self, segment: Segment, reading: Reading) -> Verdict:
        usage = reading.usage
        return verify_reading(
            segment.claims, Read(usage.lines, usage.lines, usage.content_bytes, damage=usage.damaged)
        )

    def locate(self, entry: LedgerEntry) -> Segment | None:
        if not Path(entry.path).exists():
            return None
        return Segment(entry.origin, entry.path, "plain", 0, "", Claims(sequence=entry.sequence))


@dataclass
class MemoryStore:
    """The store's promises in a few lists. `fail`: the step that dies, as a crash would."""

    facts: list[tuple[int, Key, tuple[int, ...]]] = field(default_factory=list)
    ledger: list[LedgerEntry] = field(default_factory=list)
    fail: str = ""
    inserts: int = 0
    readings: list[Any] = field(default_factory=list)
    beats: list[float] = field(default_factory=list)

    def insert_facts(self, batch: UsageBatch) -> int:
        self.inserts += 1
        place = [batch.resource, batch.minute, batch.edge, batch.segment]
        order = np.lexsort(place[::-1])
        assert (order == np.arange(len(batch))).all(), "the batch is not sorted"
        for i in range(len(batch)):
            if self.fail == "half the facts" and i == len(batch) // 2:
                raise RuntimeError("crash")
            key = (batch.resources[batch.resource[i]], int(batch.minute[i]), batch.edges[batch.edge[i]])
            write_id = batch.segments[batch.segment[i]][1]
            self.facts.append((write_id, key, tuple(int(v) for v in batch.sums[:, i])))
        return len(batch)

    def commit(self, entries: Iterable[LedgerEntry]) -> int:
        if self.fail == "the ledger":
            raise RuntimeError("crash")
        for entry in entries:
            self.ledger.append(replace(entry, seq=len(self.ledger) + 1))
        return len(self.ledger)

    def cut(self) -> int:
        return len(self.ledger)

    def ledger_tail(self, since_seq: int) -> list[LedgerEntry]:
        return self.ledger[since_seq:]

    def winners(self, segment_ids: Iterable[int]) -> dict[int, LedgerEntry]:
        wanted = set(segment_ids)
        return {i: e for i, e in pick_winners(self.ledger).items() if i in wanted}

    def add_readings(self, readings: Any) -> int:
        """As Store.add_readings."""
        new = [reading for reading in readings if reading not in self.readings]
        self.readings += new
        return len(new)

    def beat(self, at: float) -> None:
        """As Store.beat."""
        self.beats.append(at)

    def neighbours(self, edge: str, stream: str, epoch: str, first: int, next_: int) -> list[LedgerEntry]:
        return [
            e
            for e in pick_winners(self.ledger).values()
            if e.sequence is not None
            and (e.origin.edge, e.origin.stream, e.sequence.epoch) == (edge, stream, epoch)
            and e.sequence.first <= next_
            and first <= e.sequence.next
        ]

    def reaches(self, edges: Iterable[str]) -> dict[tuple[str, str, str], int]:
        reach: dict[tuple[str, str, str], int] = {}
        for e in self.ledger:
            if e.sequence is not None and e.origin.edge in set(edges):
                numbers = (e.origin.edge, e.origin.stream, e.sequence.epoch)
                reach[numbers] = max(reach.get(numbers, 0), e.sequence.next)
        return reach

    def fingerprints(self, origins: Iterable[Origin], fmt: str | None = None) -> dict[int, set[str]]:
        wanted, found = {origin.segment_id for origin in origins}, dict[int, set[str]]()
        for e in self.ledger:
            if e.segment_id in wanted:
                seen = found.setdefault(e.segment_id, set())
                if e.state is not SegmentState.QUARANTINED or fmt is None or e.format in ("", fmt):
                    seen.add(e.fingerprint)
        return found

    def usage(self) -> dict[Key, tuple[int, int]]:
        """(requests, bytes_sent) of every key, winners only."""
        winning = {e.write_id for e in pick_winners(self.ledger).values()}
        total: dict[Key, tuple[int, int]] = {}
        for write_id, key, sums in self.facts:
            if write_id in winning:
                held = total.get(key, (0, 0))
                total[key] = (held[0] + sums[0], held[1] + sums[1])
        return total


def states(store: MemoryStore) -> dict[str, SegmentState]:
    """The state of each segment's winner, by origin."""
    return {str(e.origin): e.state for e in pick_winners(store.ledger).values()}
