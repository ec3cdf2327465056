"""Real logs written by others, each with a `truth.json` of an independent parser, against `prebill aggregate`.

`PREBILL_SAMPLES` names the folder (default `../shared/data/samples` beside the repository); its folders hold log files
and a `truth.json`. A folder's name is only a hint: the format is detected. Without the files the suite skips.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.formats.load import builtin_names

ROOT = Path(__file__).parents[2]
SAMPLES = Path(os.environ.get("PREBILL_SAMPLES", ROOT.parent / "shared" / "data" / "samples"))
NO_TRAFFIC = {"nginx_plus_counters": "cumulative counters of a status page, no log of requests"}


def cases() -> list[Any]:
    """Every (folder, file) as a test with its own id."""
    found = [
        pytest.param(truth.parent, name, id=f"{truth.parent.name}/{name}")
        for truth in sorted(SAMPLES.glob("*/truth.json"))
        for name in json.loads(truth.read_text()).get("files", {})
    ]
    reason = f"no samples in {SAMPLES} (PREBILL_SAMPLES)"
    return found or [pytest.param(SAMPLES, "", id="none", marks=pytest.mark.skip(reason=reason))]


@dataclass
class Usage:
    """What a log came to: the summary's counts, and sums by what truth counts by."""

    lines: int = 0
    parsed: int = 0
    malformed: int = 0
    comments: int = 0
    blank: int = 0
    malformed_at: list[int] = field(default_factory=list)
    measures: set[str] = field(default_factory=set)
    minute: Counter[tuple[str, str]] = field(default_factory=Counter)
    status: Counter[tuple[str, str]] = field(default_factory=Counter)
    minute_status: Counter[tuple[str, str]] = field(default_factory=Counter)
    host: Counter[tuple[str, str]] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)

    def add(self, minute: str, host: str, status: str, sums: dict[str, int]) -> None:
        """One group; minutes as truth writes them."""
        for measure, number in sums.items():
            self.minute[minute, measure] += number
            self.status[status, measure] += number
            self.minute_status[f"{minute}|{status}", measure] += number
            self.host[host, measure] += number
            self.total[measure] += number


def by_product(path: Path, folder: Path) -> Usage:
    """The file through `prebill aggregate`, as a user runs it; fails with its words when it refuses."""
    summary, output = folder / "summary.json", folder / "usage.csv"
    command = [
        sys.executable,
        "-m",
        "pipeline.app.main",
        "aggregate",
        str(path),
        "--by",
        "minute,resource,status_class",
    ]
    command += ["--summary", str(summary), "-o", str(output)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    if done.returncode == 2:  # bad usage: here, a format that it does not know
        raise RefusedError(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    counts = json.loads(summary.read_text())
    usage = Usage(**{name: counts[name] for name in ("lines", "parsed", "malformed", "comments", "blank")})
    usage.malformed_at = [bad["offset"] for bad in counts["malformed_at"]]
    with output.open(newline="") as file:
        for row in csv.DictReader(file):
            minute = datetime.fromisoformat(row.pop("minute")).astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
            host, status = row.pop("resource", "-"), row.pop("status_class", "-")
            usage.add(minute, host, status, {measure: int(number) for measure, number in row.items()})
            usage.measures |= set(row)
    return usage


class RefusedError(Exception):
    """The product would not read a file, and said why."""


def by_oracle(path: Path, _folder: Path) -> Usage:
    """The file through the plain-Python oracle, in the format that detection names."""
    from pipeline.formats.detect import DetectionError, detect
    from pipeline.model import MEASURES
    from tests.kernels.oracle import read_content

    content = path.read_bytes()
    try:
        fmt = detect(content[: 64 * 1024]).format
    except DetectionError as error:
        raise RefusedError(str(error)) from None
    found = read_content(fmt, content)
    usage = Usage(found.lines, found.parsed, len(found.malformed), found.comments, found.blank)
    usage.malformed_at = [offset for offset, _ in found.malformed]
    usage.measures = set(fmt.known)
    for (minute, resource, _edge, status, _cache), sums in found.groups.items():
        at = datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%dT%H:%MZ")
        known = {
            measure: number for measure, number in zip(MEASURES, sums, strict=True) if measure in fmt.known
        }
        usage.add(at, resource.decode(errors="replace"), status, known)
    return usage


def status_class(status: str) -> str:
    """The class of a status in truth, which may be `000` or `-`."""
    return f"{int(status) // 100}xx" if status.isdigit() and int(status) >= 100 else "-"


def by_class(counts: dict[str, int]) -> Counter[str]:
    """Truth by status, or by `minute|status`, summed by class."""
    classes: Counter[str] = Counter()
    for name, number in counts.items():
        minute, bar, status = name.rpartition("|")
        classes[f"{minute}{bar}{status_class(status)}"] += number
    return +classes


def of(counts: Counter[tuple[str, str]], measure: str) -> Counter[str]:
    """One measure of sums by something, without zeros."""
    return +Counter({name: number for (name, of_measure), number in counts.items() if of_measure == measure})


def bytes_measure(usage: Usage, said: str) -> str:
    """The measure that truth's bytes are: the only one, or of two the one that its words name."""
    both = [measure for measure in ("bytes_sent", "body_bytes") if measure in usage.measures]
    return (
        "body_bytes" if "body_bytes" in both and (len(both) == 1 or "body" in said.lower()) else "bytes_sent"
    )


def line_offsets(path: Path, lines: list[int]) -> list[int]:
    """Byte offsets of lines counted from 1."""
    starts = [0]
    for line in path.read_bytes().split(b"\n") if lines else []:
        starts.append(starts[-1] + len(line) + 1)
    return [starts[line - 1] for line in lines]


def minute_of(second: float) -> str:
    """A minute as truth writes it."""
    return datetime.fromtimestamp(int(second), UTC).strftime("%Y-%m-%dT%H:%MZ")


def compare(usage: Usage, truth: dict[str, Any], said: str, path: Path) -> dict[str, tuple[Any, Any]]:
    """All that differs between a log's usage and its truth: name → (ours, theirs)."""
    size = bytes_measure(usage, said)
    minutes = sorted(of(usage.minute, "requests"))
    errors = by_class(truth.get("requests_by_status", {}))
    ours: dict[str, Any] = {
        "total_lines": usage.lines,
        "comment_lines": usage.comments,
        "blank_lines": usage.blank,
        "parsed_rows": usage.parsed,
        "rejected_rows": usage.malformed,
        "rejected": usage.malformed_at,
        "sum_bytes": usage.total[size],
        "first_ts": minutes[0] if minutes else None,
        "last_ts": minutes[-1] if minutes else None,
        "distinct_minutes": len(minutes),
        "requests_by_status": of(usage.status, "requests"),
        "bytes_by_status": of(usage.status, size),
        "requests_by_minute": of(usage.minute, "requests"),
        "bytes_by_minute": of(usage.minute, size),
        "requests_by_minute_and_status": of(usage.minute_status, "requests"),
        "requests_by_host": of(usage.host, "requests"),
        "bytes_by_host": of(usage.host, size),
        "errors": (usage.total["errors_4xx"], usage.total["errors_5xx"]),
    }
    theirs = dict(truth)
    for name in ("requests_by_status", "bytes_by_status", "requests_by_minute_and_status"):
        if name in theirs:
            theirs[name] = by_class(theirs[name])
    for name in ("requests_by_minute", "bytes_by_minute", "requests_by_host", "bytes_by_host"):
        if name in theirs:
            theirs[name] = +Counter(theirs[name])
    for name in ("first_ts", "last_ts"):
        if theirs.get(name) is not None:
            theirs[name] = minute_of(theirs[name])
    if "requests_by_status" in theirs:
        theirs["errors"] = (errors["4xx"], errors["5xx"])
    if "rejected" in theirs:
        theirs["rejected"] = line_offsets(path, [bad["line"] for bad in theirs["rejected"]])[:100]
    return {
        name: (ours[name], theirs[name]) for name in ours if name in theirs and ours[name] != theirs[name]
    }


def judge(read: Any, folder: Path, name: str, scratch: Path) -> None:
    """One sample against its truth."""
    document = json.loads((folder / "truth.json").read_text())
    truth, kind = document["files"][name], str(document.get("format", folder.name))
    path = folder / name
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    if "sum_bytes" not in truth and kind in NO_TRAFFIC:
        with pytest.raises(RefusedError, match="no log of requests"):
            read(path, scratch)
        pytest.skip(f"unsupported: {NO_TRAFFIC[kind]}; refused with that reason, as it should be")
    try:
        usage = read(path, scratch)
    except RefusedError as refusal:
        if not any(builtin in kind.replace("_", "-") for builtin in builtin_names()):
            pytest.skip(f"unsupported: no built-in format for {kind}: {refusal}")
        raise
    assert compare(usage, truth, str(document.get("bytes_field", "")), path) == {}


@pytest.mark.parametrize(("folder", "name"), cases())
def test_the_product_agrees_with_truth(folder: Path, name: str, tmp_path: Path) -> None:
    judge(by_product, folder, name, tmp_path)


@pytest.mark.parametrize(("folder", "name"), cases())
def test_the_oracle_agrees_with_truth(folder: Path, name: str, tmp_path: Path) -> None:
    judge(by_oracle, folder, name, tmp_path)
