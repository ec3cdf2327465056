"""Puts a generated CDN into a spool as its edges would: sidecar first, then the segment, each renamed into place."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from loadtest.cdn import Shape, describe, make_cdn
from loadtest.names import make_resources

if TYPE_CHECKING:
    from loadtest.cdn import Delivery

_RATES = (
    *("malformed", "repeated", "flagged", "overlapping", "short_first"),
    *("damaged", "again", "late", "missing", "empty"),
)


def deliver(spool: Path, delivery: Delivery) -> Path:
    """Writes one delivery and returns the segment's path; a reader sees no half-written file."""
    path = spool / delivery.name
    path.parent.mkdir(parents=True, exist_ok=True)
    sidecar = path.with_name(path.name.split(".log")[0] + ".log.json")
    _place(sidecar, json.dumps(delivery.sidecar).encode())
    _place(path, compress(delivery.content, delivery.codec))
    return path


def compress(content: bytes, codec: str) -> bytes:
    """The content in a codec: "" for none, gz, zst or lz4."""
    if codec == "":
        return content
    if codec == "gz":
        from isal import igzip

        return igzip.compress(content, 1, mtime=0)  # type: ignore[no-any-return]
    if codec == "zst":
        import zstandard

        return zstandard.ZstdCompressor(level=1).compress(content)
    if codec == "lz4":
        import lz4.frame

        return lz4.frame.compress(content)  # type: ignore[no-any-return]
    raise ValueError(f"codec: expected one of '', 'gz', 'zst', 'lz4', found {codec!r}")


def _place(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_bytes(content)
    unfinished.rename(path)


def make_config(shape: Shape, spool: str, dsn: str) -> str:
    """A `prebill.toml` for the CDN: its edges, and its customers with the resources that each has."""
    start = datetime.fromtimestamp(shape.start_s, UTC)
    text = [f'[store]\ndsn = "{dsn}"\n\n[spool]\npath = "{spool}"\nformat = "edge-tsv"\n']
    for edge in range(shape.edges):
        zone = ("ru-central", "ru-volga", "eu")[edge % 3]
        text.append(
            f'[[edge]]\nid = "{shape.edge(edge)}"\nzone = "{zone}"\nfrom = {start:%Y-%m-%dT%H:%M:%SZ}\n'
        )
    owned: dict[str, list[str]] = {}
    for number, resource in enumerate(make_resources(shape.resources, shape.seed)):
        owned.setdefault(shape.customer_of(number), []).append(resource)
    for customer, resources in owned.items():
        listed = ", ".join(f'"{resource}"' for resource in resources)
        text.append(
            f'[[customer]]\nid = "{customer}"\nname = "Customer {customer[1:]}"\nresources = [{listed}]\n'
        )
    return "\n".join(text)


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit 0, or 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m loadtest.spool", description=__doc__)
    parser.add_argument("spool", type=Path)
    parser.add_argument("--truth", type=Path, help="also write what must come out, as JSON")
    for name in ("edges", "minutes", "lines", "resources", "customers", "seed"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Shape(), name))
    for name in _RATES:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=0, metavar="PER_MILLE")
    parser.add_argument("--codecs", default="", help="given to the edges in turn: ,gz,zst,lz4 (empty: plain)")
    options = vars(parser.parse_args(arguments))
    spool, truth = options.pop("spool"), options.pop("truth")
    codecs = tuple(options.pop("codecs").split(","))
    cdn = make_cdn(Shape(codecs=codecs, **options))
    for delivery in cdn.deliveries:
        deliver(spool, delivery)
    if truth:
        _place(truth, describe(cdn).encode())
    totals = ", ".join(f"{name} {total:,}" for name, total in cdn.truth.totals().items())
    print(
        f"{spool}: {len(cdn.deliveries):,} deliveries, {len(cdn.missing):,} minutes missing; {totals}",
        file=sys.stderr,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
