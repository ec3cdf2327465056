"""A small CDN with planted faults: a shape in, the deliveries of its edges out, in the order in which they arrive.

What a delivery looks like on disk is `loadtest.spool`'s affair; what must come out is `loadtest.truth`'s.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from loadtest.names import make_resources
from loadtest.traffic import START_S, draw_minutes
from loadtest.truth import sum_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loadtest.truth import Truth

EPOCH = "1"
"""The epoch of every edge's line numbers."""

_BROKEN = (
    b"1793491200.000\t-\tbroken.example",
    b"not-a-time\t-\tx.example\tGET\t/\t200\t1\t1\tHIT\t1\t-",
    b"1793491200.000\t-\tx.example\tGET\t/\t2000\t1\t1\tHIT\t1\t-",
    b"1793491200.000\t-\tx.example\tGET\t/\t200\t-5\t1\tHIT\t1\t-",
    b"\x00\xff\xfe binary",
)


@dataclass(frozen=True, slots=True)
class Shape:
    """How large the CDN is, and how much goes wrong; the rates are of a thousand.

    Of lines: `malformed` are put between the good ones, `repeated` come twice inside their segment, `flagged` carry a
    time of days before. Of segments: `overlapping` begin with the last lines of the one before, `short_first` come cut
    and then whole, `damaged` come cut for ever, `again` come twice alike, `late` come after all others, `missing` never
    come, `empty` hold no line. `codecs` ("", "gz", "zst", "lz4") are given to the edges in turn.
    """

    edges: int = 4
    minutes: int = 60
    lines: int = 1_000
    resources: int = 60
    customers: int = 12
    seed: int = 1
    start_s: int = START_S
    codecs: tuple[str, ...] = ("",)
    malformed: int = 0
    repeated: int = 0
    flagged: int = 0
    overlapping: int = 0
    short_first: int = 0
    damaged: int = 0
    again: int = 0
    late: int = 0
    missing: int = 0
    empty: int = 0

    def edge(self, number: int) -> str:
        """The name of an edge, from 0."""
        return f"e{number + 1}"

    def customer_of(self, resource: int) -> str:
        """The customer that a resource belongs to."""
        return f"c{resource % self.customers + 1}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One version of one segment as it arrives: whose it is, its unpacked content, its sidecar."""

    edge: str
    minute: int
    codec: str
    content: bytes
    sidecar: dict[str, Any]

    @property
    def name(self) -> str:
        """The path in the spool, with the codec's ending."""
        at = datetime.fromtimestamp(self.minute * 60, UTC)
        return f"{self.edge}/{at:%Y%m%dT%H%MZ}.log" + (f".{self.codec}" if self.codec else "")


@dataclass(frozen=True, slots=True)
class Cdn:
    """Every delivery in order of arrival, the truth once all are in, and the (edge, minute) pairs that never come."""

    shape: Shape
    deliveries: tuple[Delivery, ...]
    truth: Truth
    missing: tuple[tuple[str, int], ...]


def make_cdn(shape: Shape) -> Cdn:
    """Draws the whole CDN; it is held in memory, some 180 bytes a line."""
    on_time: list[tuple[int, int, Delivery]] = []
    late: list[Delivery] = []
    final: list[Delivery] = []
    missing: list[tuple[str, int]] = []
    rng = random.Random(f"cdn {shape.seed}")  # noqa: S311
    for edge in range(shape.edges):
        for minute, versions in _edge_deliveries(shape, edge):
            if not versions:
                missing.append((shape.edge(edge), minute))
                continue
            final.append(versions[-1])
            if _happens(rng, shape.late):
                late += versions
            else:
                # A version that follows another comes a few minutes after it, so that neighbours arrive between them.
                for delay, version in enumerate(versions):
                    on_time.append((minute + 3 * delay, rng.randrange(1 << 30), version))
    on_time.sort(key=lambda entry: entry[:2])
    deliveries = (*(delivery for _, _, delivery in on_time), *late)
    truth = sum_lines((d.edge, d.minute, d.content) for d in final)
    return Cdn(shape, deliveries, truth, tuple(missing))


def _edge_deliveries(shape: Shape, edge: int) -> Iterator[tuple[int, list[Delivery]]]:
    """Each minute of an edge with its versions, the last of which is to count; none where the minute is lost."""
    from loadtest.render import Renderer

    rng = random.Random(f"edge {shape.seed} {edge}")  # noqa: S311
    render = Renderer("edge-tsv", make_resources(shape.resources, shape.seed), shape.start_s, shape.minutes)
    codec = shape.codecs[edge % len(shape.codecs)]
    seed = shape.seed * 1_000 + edge
    parts = draw_minutes(shape.lines * shape.minutes, shape.resources, shape.minutes, seed, 1, shape.start_s)
    tail: list[bytes] = []
    next_seq = 0
    for number, part in enumerate(parts):
        minute = shape.start_s // 60 + number
        empty = _happens(rng, shape.empty)
        # An edge that counts its lines leaves no hole: what an empty minute had is never written.
        own = [] if empty else _number(bytes(render(part)).splitlines(), next_seq)
        first, next_seq = next_seq, next_seq + len(own)
        if _happens(rng, shape.missing):
            tail = []
            yield minute, []
            continue
        lines = [*tail, *own] if tail and own and _happens(rng, shape.overlapping) else own
        first -= len(lines) - len(own)
        content = b"".join(line + b"\n" for line in _spoil(lines, shape, rng, minute))
        whole = Delivery(shape.edge(edge), minute, codec, content, _sidecar(content, first, next_seq))
        versions = [whole]
        cut = _cut(whole) if len(own) > 1 else None
        if cut is not None and _happens(rng, shape.damaged):
            # No overlap after it: who may count lines that one segment claims and another has is not settled here.
            versions, own = [cut], []
        elif cut is not None and _happens(rng, shape.short_first):
            versions = [cut, whole]
        elif _happens(rng, shape.again):
            versions = [whole, whole]
        tail = own[-7:]
        yield minute, versions


def _number(lines: list[bytes], first: int) -> list[bytes]:
    """The lines with sequence numbers from `first` on, whatever they had."""
    numbered = []
    for seq, line in enumerate(lines, first):
        time, _, rest = line.split(b"\t", 2)
        numbered.append(b"%s\t%d\t%s" % (time, seq, rest))
    return numbered


def _spoil(lines: list[bytes], shape: Shape, rng: random.Random, minute: int) -> list[bytes]:
    spoiled: list[bytes] = []
    for line in lines:
        if _happens(rng, shape.flagged):
            line = b"%d.000\t" % (minute * 60 - 86_400 * 5) + line.split(b"\t", 1)[1]
        spoiled.append(line)
        if _happens(rng, shape.repeated):
            spoiled.append(line)
        if _happens(rng, shape.malformed):
            spoiled.append(rng.choice(_BROKEN))
    return spoiled


def _sidecar(content: bytes, first: int, next_seq: int) -> dict[str, Any]:
    """What the edge claims of its segment; `bytes_sent` stays unclaimed, since faults change it."""
    return {
        "lines": content.count(b"\n"),
        "sha256": hashlib.sha256(content).hexdigest(),
        "seq": {"unit": "line", "epoch": EPOCH, "first": first, "next": next_seq},
    }


def _cut(whole: Delivery) -> Delivery:
    """The first half of a segment, at a line's end, under the sidecar of the whole."""
    end = whole.content.rfind(b"\n", 0, len(whole.content) // 2) + 1
    return Delivery(whole.edge, whole.minute, whole.codec, whole.content[:end], whole.sidecar)


def _happens(rng: random.Random, rate: int) -> bool:
    return rate > 0 and rng.randrange(1000) < rate


def describe(cdn: Cdn) -> str:
    """The truth and what is missing, as JSON, for those who check from outside."""
    usage = [
        {
            "minute": minute,
            "resource": resource,
            "edge": edge,
            **dict(zip(cdn.truth.measures, sums, strict=True)),
        }
        for (minute, resource, edge), sums in sorted(cdn.truth.usage.items())
    ]
    segments = [
        {"edge": edge, "minute": minute, "lines": c.lines, "parsed": c.parsed, "malformed": c.malformed}
        for (edge, minute), c in sorted(cdn.truth.segments.items())
    ]
    return json.dumps({"usage": usage, "segments": segments, "missing": cdn.missing}, indent=1)
