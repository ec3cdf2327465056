"""Fills a spool with much edge-tsv quickly, for measuring: a few templates with patched times."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from loadtest.names import make_resources
from loadtest.render import Renderer
from loadtest.spool import compress
from loadtest.traffic import START_S, Traffic, draw_minutes

if TYPE_CHECKING:
    from numpy.typing import NDArray

LINE_BYTES = 178
"""About what a line takes; sets how many lines fill the wanted bytes."""

_SEQ_FROM = 1_000_000_000
"""Sequence numbers begin here, so that all have ten digits and can be patched in place."""


@dataclass(frozen=True, slots=True)
class BulkTruth:
    """What the whole spool holds; `facts` counts (segment, minute, resource, edge) rows."""

    segments: int
    lines: int
    facts: int
    content_bytes: int
    bytes_sent: int
    body_bytes: int


@dataclass(frozen=True, slots=True)
class _Template:
    text: NDArray[np.uint8]
    starts: NDArray[np.int64]
    second_of_minute: NDArray[np.int64]
    bytes_sent: int
    body_bytes: int


def write_bulk(
    spool: Path,
    segments: int = 200,
    content_bytes: int = 4 << 30,
    resources: int = 5_000,
    edges: int = 10,
    templates: int = 5,
    codec: str = "",
    seed: int = 1,
) -> BulkTruth:
    """Writes `segments` one-minute segments of equal size, `resources` of them active in each, and their sidecars."""
    lines = content_bytes // segments // LINE_BYTES
    if lines < resources:
        raise ValueError(f"expected at least one line a resource in a segment, found {lines} for {resources}")
    made = [_make_template(lines, resources, seed * 1000 + number) for number in range(templates)]
    sent = body = size = 0
    for number in range(segments):
        template = made[number % templates]
        edge, minute = number % edges, START_S // 60 + number // edges
        first = _SEQ_FROM + number // edges * lines
        text = _patch(template, minute, first)
        at = datetime.fromtimestamp(minute * 60, UTC)
        path = spool / f"b{edge + 1}" / (f"{at:%Y%m%dT%H%MZ}.log" + (f".{codec}" if codec else ""))
        sidecar = {
            "lines": lines,
            "bytes_sent": template.bytes_sent,
            "sha256": hashlib.sha256(text.data).hexdigest(),
            "seq": {"unit": "line", "epoch": "1", "first": first, "next": first + lines},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f"{at:%Y%m%dT%H%MZ}.log.json").write_text(json.dumps(sidecar))
        unfinished = path.with_name(f".{path.name}.part")
        unfinished.write_bytes(compress(text.tobytes(), codec) if codec else text.data)
        unfinished.rename(path)
        sent += template.bytes_sent
        body += template.body_bytes
        size += len(text)
    return BulkTruth(segments, segments * lines, segments * resources, size, sent, body)


def _make_template(lines: int, resources: int, seed: int) -> _Template:
    """A minute in which every resource is asked for; times do not leave their minute."""
    drawn = next(draw_minutes(lines, resources, 1, seed, 1))
    order = np.random.default_rng(seed).permutation(lines)
    resource = drawn.resource.copy()
    resource[order[:resources]] = np.arange(resources)
    # The draw is of the first minute, where no time is earlier than the start.
    traffic: Traffic = replace(drawn, seq=drawn.seq + _SEQ_FROM, resource=resource)
    render = Renderer("edge-tsv", make_resources(resources, seed), START_S, 1)
    text = np.frombuffer(render(traffic), dtype=np.uint8)
    starts = np.concatenate([[0], np.flatnonzero(text == 10)[:-1] + 1]).astype(np.int64)
    return _Template(
        text=text,
        starts=starts,
        second_of_minute=traffic.time_ms // 1000 - START_S,
        bytes_sent=int(traffic.bytes_sent.sum()),
        body_bytes=int(traffic.body_bytes.sum()),
    )


def _patch(template: _Template, minute: int, first: int) -> NDArray[np.uint8]:
    """The template's lines in another minute, numbered from `first`: ten digits at 0, ten at 15 of each line."""
    text = template.text.copy()
    seconds = template.second_of_minute + minute * 60
    numbers = np.arange(first, first + len(seconds), dtype=np.int64)
    for digit in range(10):
        power = 10 ** (9 - digit)
        text[template.starts + digit] = seconds // power % 10 + 48
        text[template.starts + 15 + digit] = numbers // power % 10 + 48
    return text


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit 0, or 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.bulk", description=__doc__)
    parser.add_argument("spool", type=Path)
    parser.add_argument("--segments", type=int, default=200)
    parser.add_argument("--content-bytes", type=int, default=4 << 30)
    parser.add_argument("--resources", type=int, default=5_000)
    parser.add_argument("--edges", type=int, default=10)
    parser.add_argument("--codec", choices=("", "gz", "zst", "lz4"), default="")
    options = vars(parser.parse_args(arguments))
    try:
        truth = write_bulk(options.pop("spool"), **options)
    except ValueError as error:
        parser.error(str(error))
    print(json.dumps(asdict(truth)), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
