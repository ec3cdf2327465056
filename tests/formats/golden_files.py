"""The golden files: a few lines of each built-in format beside what they come to, as text that a person can check."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.formats.load import builtin_names, load_format
from tests.kernels.oracle import Oracle, read_content

GOLDEN = Path(__file__).parent / "golden"


def as_text(found: Oracle) -> dict[str, Any]:
    """An oracle's result with times written out, groups in order."""
    groups = []
    for (minute, resource, edge, status_class, cache), sums in sorted(found.groups.items()):
        at = datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%dT%H:%MZ")
        groups.append([at, resource.decode(), edge.decode(), status_class, cache.decode(), *sums])
    return {
        "lines": found.lines,
        "blank": found.blank,
        "comments": found.comments,
        "parsed": found.parsed,
        "malformed": [list(bad) for bad in found.malformed],
        "groups": groups,
    }


def write_all() -> None:
    """Writes the expectations anew; read the difference before you keep it."""
    for name in builtin_names():
        found = read_content(load_format(name), (GOLDEN / f"{name}.log").read_bytes())
        text = json.dumps(as_text(found), ensure_ascii=False, indent=1)
        text = text.replace("[\n   ", "[").replace(",\n   ", ", ").replace("\n  ]", "]")
        (GOLDEN / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    write_all()
