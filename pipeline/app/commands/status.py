"""`prebill status`: one screen of what is in the store, how late it is, what is missing, what waits in the spool."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.app.coverage.reason_screen import described_reasons, reason_lines
from pipeline.app.coverage.status import coverage_rows, look_at_coverage
from pipeline.app.failures import FOUND_SOMETHING
from pipeline.app.parameters import Flag, Given
from pipeline.app.stores import existing_store
from pipeline.app.terminal import human_bytes, human_count, out, plural, print_json, printable
from pipeline.instants import instant_text

if TYPE_CHECKING:
    from rich.text import Text

    from pipeline.app.configuration.settings import Config
    from pipeline.store.status import StoreStatus
    from pipeline.store.store import Store

EDGES_SHOWN = 30
PROBLEMS_SHOWN = 5
PRIORITIES = {"company_wide": "red", "high": "yellow", "normal": ""}
"""Of incidents, the most urgent first, and how each is shown."""


def status(
    *,
    json: Flag = False,
    context: Given,
) -> int:
    """What is in, how late, what is missing, what came broken, what waits, what is open.

    Exit 1 where a part of the store itself cannot be read: then what it
    held is in no count.

    Parameters
    ----------
    json
        One JSON document on standard output.
    """
    # With --store alone there need be no configuration; then the spool and the roster are not looked at.
    config = None if context.store_dsn and not context.config_path else context.config
    with existing_store(context) as store:
        aside = store.parts_aside()
        found = store.status()
        spool = look_at_spool(store, config) if config is not None else None
        missing = look_at_coverage(store, config, context.now())
        opened = Counter(row.priority for row in store.incidents.incidents() if row.status != "resolved")
    document = describe(found, spool, config, context.now()) | {
        "coverage": missing,
        "incidents": {priority: opened[priority] for priority in PRIORITIES},
        "damaged": [asdict(part) for part in aside],
    }
    if json:
        print_json(document)
    else:
        show(document, context.dsn)
    return FOUND_SOMETHING if aside else 0


def look_at_spool(store: Store, config: Config) -> dict[str, Any]:
    """What lies in the spool and is not in the ledger, and what can never be.

    Whether a file lies quiet is judged by the clock that its times are of, whatever `--now` says.
    """
    from pipeline.ingest.errors import UnreadableError
    from pipeline.ingest.names import PatternError
    from pipeline.ingest.spool import Spool

    if not Path(config.spool.path).is_dir():
        return _no_spool(config, "is not a folder")
    try:
        look = Spool(config.spool.path, config.spool.pattern).look(time.time())
    except (UnreadableError, PatternError) as error:
        return _no_spool(config, str(error))
    attempted = store.fingerprints([found.origin for found in look.found], _format_name(config))
    unread = [
        found for found in look.found if found.fingerprint not in attempted.get(found.origin.segment_id, ())
    ]
    return {
        "path": config.spool.path,
        "unread": len(unread),
        "unread_bytes": sum(found.size for found in unread),
        "oldest_unread": _time(unread[0].origin.at) if unread else None,
        "still_written": len(look.waiting),
        "problems": [str(problem) for problem in look.problems],
    }


def _format_name(config: Config) -> str | None:
    """What `run` would read the spool as; None where that cannot be told without reading it."""
    from pipeline.formats.errors import FormatError
    from pipeline.formats.load import load_format

    try:
        return None if config.spool.format == "auto" else load_format(config.spool.format).name
    except FormatError:
        return None


def _no_spool(config: Config, problem: str) -> dict[str, Any]:
    none: dict[str, Any] = {"unread": 0, "unread_bytes": 0, "oldest_unread": None, "still_written": 0}
    return {"path": config.spool.path, **none, "problems": [problem]}


def describe(
    found: StoreStatus, spool: dict[str, Any] | None, config: Config | None, now: datetime
) -> dict[str, Any]:
    """The whole status as one document."""
    edges = [
        {
            "edge": edge.edge,
            "stream": edge.stream,
            "segments": edge.segments,
            "latest_minute": _time(datetime.fromtimestamp(edge.latest_minute * 60, UTC)),
            "behind_s": max(0, int(now.timestamp()) - (edge.latest_minute + 1) * 60),
            "last_committed": _time(edge.last_committed),
        }
        for edge in sorted(found.edges, key=lambda edge: (edge.latest_minute, edge.edge, edge.stream))
    ]
    seen = {(edge.edge, edge.stream) for edge in found.edges}
    silent = [
        {"edge": edge.id, "stream": stream}
        for edge in (config.edge if config else ())
        for stream in edge.streams
        if (edge.id, stream) not in seen
        and edge.from_.at() <= now
        and (edge.to is None or now < edge.to.at())
    ]
    return {
        "now": _time(now),
        "cut": found.cut,
        "segments": {state.value: count for state, count in found.segments.items()},
        "lines": found.lines,
        "malformed": found.malformed,
        "duplicates": found.duplicates,
        "flagged": found.flagged,
        "bytes_sent": found.bytes_sent,
        "content_bytes": found.content_bytes,
        "attempts": found.attempts,
        "superseded": found.superseded,
        "unfinished": found.unfinished,
        "unfinished_rows": found.unfinished_rows,
        "unfinished_since": _time(found.unfinished_since),
        "last_committed": _time(found.last_committed),
        **described_reasons(found),
        "facts_rows": found.facts_rows,
        "disk_bytes": found.disk_bytes,
        "schema_version": found.schema_version,
        "engine_version": found.engine_version,
        "edges": edges,
        "silent": silent,
        "spool": spool,
    }


def show(document: dict[str, Any], dsn: str) -> None:
    """The document on a screen."""
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    from pipeline.store.dsn import parse_dsn

    out().print(
        f"[bold]{escape(str(parse_dsn(dsn)))}[/bold]  schema {document['schema_version']}, "
        f"ClickHouse {document['engine_version']}, {human_bytes(document['disk_bytes'])} on disk"
    )
    facts = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    facts.add_column(style="bold")
    facts.add_column()
    total = sum(document["segments"].values())
    states = ", ".join(f"{count:,} {state}" for state, count in document["segments"].items() if count)
    facts.add_row("Segments", f"{total:,}" + (f": {states}" if states else ""))
    for line, style in reason_lines(document):
        facts.add_row("", Text(line, style, overflow="fold"))
    facts.add_row("Lines", f"{document['lines']:,}, {document['malformed']:,} malformed")
    facts.add_row(
        "", f"{document['duplicates']:,} repeated and dropped, {document['flagged']:,} out of their time"
    )
    facts.add_row(
        "Traffic", f"{human_bytes(document['bytes_sent'])} sent; {human_count(document['facts_rows'])} facts"
    )
    facts.add_row("Attempts", f"{document['attempts']:,}, {document['superseded']:,} superseded")
    if document["unfinished"]:
        facts.add_row(
            "Unfinished",
            f"{plural(document['unfinished'], 'attempt')} with {plural(document['unfinished_rows'], 'row')} since "
            f"{document['unfinished_since']}: in flight, or swept after 24 h",
        )
    spool = document["spool"]
    if spool is not None:
        waits = f"{plural(spool['unread'], 'segment')} not read yet ({human_bytes(spool['unread_bytes'])})"
        oldest = f", the oldest of {spool['oldest_unread']}" if spool["oldest_unread"] else ""
        facts.add_row("Spool", f"{waits}{oldest}" if spool["unread"] else "all that is whole is read")
        if spool["still_written"]:
            facts.add_row("", f"{plural(spool['still_written'], 'file')} that may still be written")
        for problem in spool["problems"][:PROBLEMS_SHOWN]:
            facts.add_row("", f"[red]{escape(printable(problem))}[/red]")
        if len(spool["problems"]) > PROBLEMS_SHOWN:
            facts.add_row("", f"… {len(spool['problems']) - PROBLEMS_SHOWN:,} more; --json lists all")
    for head, told, style in coverage_rows(document["coverage"]):
        facts.add_row(head, Text(told, style))
    facts.add_row("Open", _incidents(document["incidents"]))
    out().print(facts)
    _show_edges(document)


def _incidents(opened: dict[str, int]) -> Text:
    from rich.text import Text

    from incidents.screen_words import word

    if not (count := sum(opened.values())):
        return Text("no incident")
    there = [priority for priority in PRIORITIES if opened[priority]]
    each = ", ".join(f"{opened[priority]:,} {word('priority', priority, 'en')}" for priority in there)
    return Text(
        f"{plural(count, 'incident')}: {each}; `prebill incidents list` shows them", PRIORITIES[there[0]]
    )


def _show_edges(document: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    edges = Table(box=None, pad_edge=False, header_style="bold", row_styles=("", "dim"), padding=(0, 2, 0, 0))
    for head, side in (("Edge", "left"), ("Stream", "left"), ("Segments", "right"), ("Latest minute", "left"),
                       ("Behind", "right"), ("Last came in", "left")):  # fmt: skip
        edges.add_column(head, justify=side, no_wrap=True)  # type: ignore[arg-type]
    for silent in document["silent"][:EDGES_SHOWN]:
        edges.add_row(
            Text(silent["edge"]), Text(silent["stream"]), "0", "nothing ever came", "", "", style="red"
        )
    for edge in document["edges"][:EDGES_SHOWN]:
        behind = str(timedelta(seconds=edge["behind_s"]))
        edges.add_row(
            Text(printable(edge["edge"])), Text(printable(edge["stream"])), f"{edge['segments']:,}",
            edge["latest_minute"], behind, edge["last_committed"],
        )  # fmt: skip
    hidden = max(0, len(document["edges"]) - EDGES_SHOWN) + max(0, len(document["silent"]) - EDGES_SHOWN)
    if edges.row_count:
        out().print()
        out().print(edges)
    if hidden:
        out().print(f"{hidden:,} more that are further on; --json lists all", style="italic")


def _time(at: datetime | None) -> str | None:
    return None if at is None else instant_text(at)
