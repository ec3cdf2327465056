"""`prebill aggregate`: usage out of log files, as a table on the screen, CSV or Parquet; no store, no configuration."""

from __future__ import annotations

import json as jsonlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pipeline.app.failures import FOUND_SOMETHING, UsageFailure
from pipeline.app.inputs import Inputs, check_target, open_inputs
from pipeline.app.lean import leave_out_unused
from pipeline.app.parameters import Flag
from pipeline.app.signals import raise_if_ending
from pipeline.app.terminal import byte_progress, human_bytes, human_count, plural, print_json, say
from pipeline.model import DIMENSIONS

if TYPE_CHECKING:
    from pipeline.aggregate import Aggregate
    from pipeline.formats.model import LogFormat

MALFORMED_SHOWN = 5
MALFORMED_WRITTEN = 100
MUCH = 0.1
"""Share of malformed lines from which on the format is doubted."""
RATE_FROM = 20_000_000
"""Bytes from which on a rate says something: below, starting up is all there is."""


def aggregate(
    *files: str,
    format: Annotated[str | None, Parameter(name="--format")] = None,  # noqa: A002 - the option's name
    by: str | None = None,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    summary: Path | None = None,
    top: int = 20,
    threads: int | None = None,
    json: Flag = False,
) -> int:
    """Usage out of log files, like a log analyser: no store, no configuration.

    Exit 1 where there are lines and not one of them can be read, or where
    they claim more bytes than can be summed.

    Parameters
    ----------
    files
        Log files, plain or packed (gzip, zstd, lz4); `-` is standard input.
    format
        A built-in format's name, or a path to a format's TOML. Detected from the first lines when not given.
    by
        What to group by, with commas: minute, resource, edge, status_class, cache. Default: minute,resource.
    output
        Write all groups to a file instead of showing the largest: a name ending in .csv or .parquet.
    summary
        Write what was read, and where lines were malformed, to a JSON file.
    top
        How many groups to show.
    threads
        How many threads may read at once. Default: as many as there are processors.
    json
        One JSON document on standard output: the summary, and all groups.
    """
    leave_out_unused()
    dimensions = _dimensions(by)
    if not files:
        raise UsageFailure(
            "no file is named", mend="prebill aggregate access.log   or   … | prebill aggregate -"
        )
    if top < 1:
        raise UsageFailure(f"--top: expected 1 or more, found {top}")
    if threads is not None and threads < 1:
        raise UsageFailure(f"--threads: expected 1 or more, found {threads}")
    if output is not None:
        from pipeline.app.usage.output import check_ending

        check_ending(output)
        check_target("--output", output, files)
    if summary is not None:
        if not summary.parent.is_dir():
            raise UsageFailure(f"--summary {summary}: there is no folder {summary.parent}")
        if output is not None and summary.resolve() == output.resolve():
            raise UsageFailure(f"--summary {summary}: --output has the same name; expected another")
        check_target("--summary", summary, files)
    with open_inputs(files) as inputs:
        fmt = _format(format, inputs)
        groups = dimensions or _default_groups(fmt, to_file=output is not None or json)
        found = _read(inputs, fmt, groups, threads or os.cpu_count() or 1)
    # By default the screen sums minutes up: their course is drawn above the table.
    shown = dimensions or groups[1:]
    _tell(found, inputs, fmt, groups, shown, output, summary, top=top, json=json)
    return FOUND_SOMETHING if found.overflown or (found.malformed and not found.parsed) else 0


def _dimensions(by: str | None) -> tuple[str, ...] | None:
    if by is None:
        return None
    names = tuple(name.strip() for name in by.split(",") if name.strip())
    unknown = [name for name in names if name not in DIMENSIONS]
    if unknown or len(set(names)) != len(names) or not names:
        found = ", ".join(unknown) or by
        raise UsageFailure(f"--by: expected some of {', '.join(DIMENSIONS)}, each once; found {found!r}")
    return names


def _default_groups(fmt: LogFormat, *, to_file: bool) -> tuple[str, ...]:
    """By minute and resource; on a screen, a log without hosts says more by minute and status."""
    return ("minute", "resource") if to_file or fmt.resource is not None else ("minute", "status_class")


def _format(named: str | None, inputs: Inputs) -> LogFormat:
    from pipeline.formats.detect import DetectionError
    from pipeline.formats.errors import FormatError
    from pipeline.formats.load import load_format

    try:
        if named is not None and named != "auto":
            return load_format(named)
        return _detected(inputs)
    except DetectionError as error:
        raise UsageFailure(f"{inputs.head_name}: {error}") from None
    except FormatError as error:
        raise UsageFailure(
            [str(problem) for problem in error.problems],
            mend="--format takes a name, or a path to a format's TOML.",
        ) from None


def _detected(inputs: Inputs) -> LogFormat:
    from pipeline.formats.detect import detect

    found = detect(inputs.head)
    say(f"read as {found.format.title} ({found.why})")
    return found.format


def _read(inputs: Inputs, fmt: LogFormat, groups: tuple[str, ...], threads: int) -> Aggregate:
    from pipeline.aggregate import aggregate_files
    from pipeline.app.compiling import compiling_told
    from pipeline.ingest.errors import UnreadableError

    title = Path(inputs.names[0]).name if len(inputs.names) == 1 else f"{len(inputs.names)} files"
    try:
        with byte_progress(title, inputs.size) as on_progress, compiling_told():

            def tell(done: int) -> None:
                raise_if_ending()
                on_progress(done)

            return aggregate_files(inputs.paths, fmt, by=groups, threads=threads, on_progress=tell)
    except UnreadableError as error:
        raise UsageFailure(f"a file cannot be read: {error.reason}") from None


def _tell(
    found: Aggregate,
    inputs: Inputs,
    fmt: LogFormat,
    groups: tuple[str, ...],
    shown: tuple[str, ...],
    output: Path | None,
    summary: Path | None,
    *,
    top: int,
    json: bool,
) -> None:
    document = _summary(found, inputs)
    if summary is not None:
        from pipeline.app.usage.output import write_text

        write_text(summary, jsonlib.dumps(document, ensure_ascii=False, indent=2) + "\n")
    usage = found.to_arrow()
    if output is not None:
        from pipeline.app.usage.output import write_usage

        rows = write_usage(usage, groups, output)
        say(f"{plural(rows, 'group')} of {', '.join(groups)} → {output}")
    if json:
        from pipeline.app.usage.output import plain_rows

        print_json({**document, "format": fmt.name, "by": list(groups), "usage": plain_rows(usage, groups)})
    elif output is None:
        from pipeline.app.usage.screen import show_usage

        show_usage(usage, shown, top=top)
    _say_reading(found, document, fmt)


def _summary(found: Aggregate, inputs: Inputs) -> dict[str, Any]:
    """The document of `--json`; every line that is no request and no fault is blank or a comment."""
    return {
        "files": list(inputs.names),
        "lines": found.lines,
        "parsed": found.parsed,
        "malformed": found.malformed,
        "blank": found.blank,
        "comments": found.comments,
        "malformed_at": [
            {"file": inputs.name_of(file), "offset": offset, "reason": reason}
            for file, offset, reason in found.malformed_at[:MALFORMED_WRITTEN]
        ],
        "unknown_at": [
            {"file": inputs.name_of(file), "measure": measure} for measure, file in found.unknown_at
        ],
        "faults": [{"file": inputs.name_of(file), "reason": reason} for file, reason in found.faults],
        "seconds": round(found.seconds, 6),
        "bytes_read": found.bytes_read,
    }


def _say_reading(found: Aggregate, document: dict[str, Any], fmt: LogFormat) -> None:
    """What was read, how fast, and what could not be read and where: on stderr, below whatever was shown."""
    seconds = max(found.seconds, 1e-9)
    rate = f": {human_bytes(found.bytes_read / seconds)}/s, {human_count(found.lines / seconds)} lines/s"
    aside = [plural(found.blank, "blank line")] if found.blank else []
    aside += [plural(found.comments, "comment")] if found.comments else []
    say(
        f"{plural(found.lines, 'line')}, {plural(found.parsed, 'request')}"
        f"{''.join(', ' + text for text in aside)}, {found.malformed:,} malformed; "
        f"{human_bytes(found.bytes_read)} in {found.seconds:.2f} s{rate if found.bytes_read >= RATE_FROM else ''}"
    )
    for measure, files in _files_without(document).items():
        more = f" and {len(files) - 1:,} more" if len(files) > 1 else ""
        say(f"  {measure} unknown in lines of {files[0]}{more}: summed is what other lines tell")
    for fault in document["faults"]:
        say(f"  damaged: {fault['file']}: {fault['reason']}; what came before is counted")
    for place in document["malformed_at"][:MALFORMED_SHOWN]:
        say(f"  malformed: {place['file']} at byte {place['offset']:,}: {place['reason']}")
    if found.malformed >= MUCH * (found.malformed + found.parsed) > 0:
        say(
            f"  so much is malformed as {fmt.name}: is it another format (--format names it; else the first lines "
            "decide), or are there files of several? Read those of each on their own."
        )
    if found.malformed > MALFORMED_SHOWN:
        say(
            f"  … {found.malformed - MALFORMED_SHOWN:,} more; --summary FILE lists the first {MALFORMED_WRITTEN}"
        )


def _files_without(document: dict[str, Any]) -> dict[str, list[str]]:
    """Of each measure that not all lines tell, the files of those that do not."""
    files: dict[str, list[str]] = {}
    for place in document["unknown_at"]:
        files.setdefault(place["measure"], []).append(place["file"])
    return files
