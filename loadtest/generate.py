"""Writes a log of realistic content, one for one set of options: `python -m loadtest.generate FORMAT -o FILE`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from loadtest import names, traffic
from loadtest.render import FORMATS, Renderer

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK_LINES = 50_000


def generate(
    fmt: str,
    lines: int = 3_000_000,
    resources: int = 30_000,
    minutes: int = 60,
    seed: int = 1,
    edges: int = 8,
    *,
    shuffled: bool = False,
    start_s: int = traffic.START_S,
) -> Iterator[memoryview]:
    """Chunks of whole lines. `shuffled` gives the same lines in an order that the seed fixes; it holds all of the drawn
    columns, some 120 bytes a line, where the ordered form holds one minute."""
    if not 1 <= edges <= len(names.COLOS):
        raise ValueError(f"edges: expected 1 to {len(names.COLOS)}, found {edges}")
    render = Renderer(fmt, names.make_resources(resources), start_s, minutes)
    parts = traffic.draw_minutes(lines, resources, minutes, seed, edges, start_s)
    if shuffled:
        whole = traffic.concatenate(list(parts))
        order = np.random.default_rng([seed, minutes, lines]).permutation(len(whole))
        pieces = (order[i : i + CHUNK_LINES] for i in range(0, len(order), CHUNK_LINES))
        parts = (whole.take(piece) for piece in pieces)
    for part in parts:
        for i in range(0, len(part), CHUNK_LINES):
            yield render(part.take(np.arange(i, min(i + CHUNK_LINES, len(part)))))


def write_log(path: Path, chunks: Iterator[memoryview]) -> int:
    """Writes the chunks beside `path`, renames the file into place when it is whole, and returns its size."""
    unfinished = path.with_name(f".{path.name}.part")
    size = 0
    with unfinished.open("wb") as file:
        for chunk in chunks:
            size += file.write(chunk)
    unfinished.rename(path)
    return size


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit 0, or 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.generate", description=__doc__)
    parser.add_argument("format", choices=FORMATS)
    parser.add_argument("-o", "--output", type=Path, required=True)
    for name, default, what in (
        ("lines", 3_000_000, "how many lines"),
        ("resources", 30_000, "how many hosts, asked for by Zipf's law"),
        ("minutes", 60, "over how many minutes they are spread"),
        ("seed", 1, "what fixes the content"),
        ("edges", 8, "how many edges serve (seen in cloudflare-logpush only)"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{what}; default {default:,}")
    parser.add_argument("--shuffled", action="store_true", help="the same lines in random order")
    options = vars(parser.parse_args(arguments))
    for name in ("lines", "resources", "minutes"):
        if options[name] < 1:
            parser.error(f"--{name}: expected 1 or more, found {options[name]}")
    output: Path = options.pop("output")
    try:
        size = write_log(output, generate(options.pop("format"), **options))
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(f"{output}: {options['lines']:,} lines, {size:,} bytes", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
