"""What a round of probes saw, as rows: a table for a person, documents for `--json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.app.terminal import out, plural, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from incidents.probes.checks import Verdict

WORDS = {True: "ok", False: "FAILED", None: "unknown"}


def probe_rows(verdict: Verdict) -> list[dict[str, Any]]:
    """One a probe."""
    check = verdict.check
    kind, name = check.about
    return [
        {
            "probe": probe.name,
            "kind": probe.kind,
            "about": {"customer": name} if kind == "customer" else {"kind": kind, "id": name},
            "vantage": check.vantage,
            "ok": result.ok,
            "latency_ms": round(result.took_s * 1_000),
            "detail": result.detail,
        }
        for probe, result in zip(check.probes, verdict.results, strict=True)
    ]


def show_rows(rows: Sequence[dict[str, Any]]) -> None:
    """The table on stdout, and how many failed on stderr."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("probe", "kind", "about", "from", "result"):
        table.add_column(title)
    table.add_column("ms", justify="right")
    table.add_column("detail")
    styles = {True: "green", False: "bold red", None: "yellow"}
    for row in rows:
        about = " ".join(part for part in row["about"].values() if part)
        word = f"[{styles[row['ok']]}]{WORDS[row['ok']]}[/]"
        cells = [row["probe"], row["kind"], about, row["vantage"]]
        table.add_row(*map(escape, cells), word, str(row["latency_ms"]), escape(row["detail"]))
    out().print(table)
    failed = sum(row["ok"] is False for row in rows)
    unknown = sum(row["ok"] is None for row in rows)
    say(f"{plural(len(rows), 'probe')}: {failed} failed" + (f", {unknown} could not look" if unknown else ""))
