"""Which commands there are and what each does, as plain text: `prebill --help` needs nothing more."""

from __future__ import annotations

import shutil
import textwrap
from typing import NamedTuple


class Command(NamedTuple):
    """A command: its name, where its function is, and what it does in one line."""

    name: str
    function: str
    does: str


class Option(NamedTuple):
    """A global option, accepted before and after the command."""

    name: str
    value: str
    does: str


STDIN = "\0-"
"""What stands for a lone `-` among the arguments; no argument of a process can hold a NUL, so it is no file's name."""

PURPOSE = "Pre-billing for content delivery networks: edge logs in, proven usage records out."

COMMANDS = (
    Command(
        "demo", "pipeline.app.commands.demo:demo", "An hour of logs of a small CDN through the real pipeline."
    ),
    Command(
        "aggregate",
        "pipeline.app.commands.aggregate:aggregate",
        "Usage out of log files: no store, no configuration.",
    ),
    Command(
        "run", "pipeline.app.commands.run:run", "The pipeline over the configured spool, into the store."
    ),
    Command("up", "pipeline.app.commands.up:up", "The pipeline and the watch in one process."),
    Command(
        "watch",
        "pipeline.app.commands.watch:watch",
        "The control side: coverage, evidence, incidents, notices.",
    ),
    Command(
        "status", "pipeline.app.commands.status:status", "One screen: what is in, how late, what is missing."
    ),
    Command(
        "coverage",
        "pipeline.app.commands.coverage:coverage",
        "Which minutes of which edges are in: a heat map.",
    ),
    Command("gaps", "pipeline.app.commands.gaps:gaps", "What is lost, how much, whose; accepting a loss."),
    Command(
        "tasks",
        "pipeline.app.commands.tasks:tasks",
        "The work that wakes nobody: lost data, its procedure, its end; the head's digest.",
    ),
    Command(
        "incidents",
        "pipeline.app.commands.incidents:incidents",
        "What is open, who has it; a drill over a file of events.",
    ),
    Command(
        "evidence",
        "pipeline.app.commands.evidence:evidence",
        "Adds what edges, probes, clients and people report.",
    ),
    Command(
        "oncall",
        "pipeline.app.commands.oncall:oncall",
        "Who is on call now and next; handing a role of an incident over.",
    ),
    Command(
        "probe",
        "pipeline.app.commands.probe:probe",
        "Looks at hosts, edges and the support line from here, now or all the time.",
    ),
    Command(
        "close",
        "pipeline.app.commands.close:close",
        "Freezes a month, or says what stands against it.",
    ),
    Command(
        "plans",
        "pipeline.app.commands.plans:plans",
        "The plan book: what is in it, and everything that is wrong with it.",
    ),
    Command(
        "price",
        "pipeline.app.commands.price:price",
        "What a plan asks for a file of usage: no store, no configuration.",
    ),
    Command(
        "bill", "pipeline.app.commands.bill:bill", "What a customer owes for a month, why, and its proof."
    ),
    Command(
        "simulate",
        "pipeline.app.commands.simulate:simulate",
        "A month's usage under every plan that is sold, ranked.",
    ),
    Command(
        "rebill",
        "pipeline.app.commands.rebill:rebill",
        "Another plan or a discount for a billed month: proposed, approved, issued.",
    ),
    Command(
        "letter", "pipeline.app.commands.letter:letter", "The letter to a client about a month, with options."
    ),
    Command(
        "spikes", "pipeline.app.commands.spikes:spikes", "Who is heading for a bill far above his usual one."
    ),
    Command(
        "support",
        "pipeline.app.commands.support:support",
        "The support desk: requests, their clocks, letters, the weekly report.",
    ),
    Command("sql", "pipeline.app.commands.sql:sql", "A read-only query of the store."),
    Command(
        "doctor",
        "pipeline.app.commands.doctor:doctor",
        "Checks what prebill stands on, and says how to mend it.",
    ),
)

GLOBAL_OPTIONS = (
    Option("--config", "FILE", "Configuration file. Default: prebill.toml in this folder."),
    Option(
        "--store",
        "DSN",
        "Store, in place of the configured one: chdb:///folder or clickhouse://user:pass@host:8123/db.",
    ),
    Option("--now", "TIME", "The time to take for now (RFC 3339), in place of the clock."),
    Option("--verbose", "", "Tells more on the way, and gives the details of an unexpected error."),
    Option("--help", "", "This text; after a command, that command's."),
    Option("--version", "", "The version."),
)

EXIT_CODES = (
    ("0", "done"),
    ("1", "the check that was asked for found something"),
    ("2", "bad usage or configuration"),
    ("3", "the store, or a service, cannot be reached"),
)


def root_help(width: int | None = None) -> str:
    """What `prebill --help` prints, wrapped to `width` columns (the terminal's by default)."""
    columns = min(100, width or shutil.get_terminal_size().columns)
    lines = ["Usage: prebill COMMAND [OPTIONS]", "", *textwrap.wrap(PURPOSE, columns), "", "Commands:"]
    lines += _rows([(command.name, command.does) for command in COMMANDS], columns)
    lines += ["", "Global options, before or after the command:"]
    lines += _rows(
        [(f"{option.name} {option.value}".strip(), option.does) for option in GLOBAL_OPTIONS], columns
    )
    lines += ["", "Exit codes:"]
    lines += _rows(EXIT_CODES, columns)
    lines += ["", "Try first:  prebill demo   or   prebill aggregate /var/log/nginx/access.log"]
    return "\n".join(lines)


def version() -> str:
    """The installed version of prebill."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("prebill")
    except PackageNotFoundError:
        return "not installed"


def _rows(pairs: tuple[tuple[str, str], ...] | list[tuple[str, str]], columns: int) -> list[str]:
    first = max(len(left) for left, _ in pairs) + 4
    lines = []
    for left, right in pairs:
        wrapped = textwrap.wrap(right, max(20, columns - first)) or [""]
        lines.append(f"  {left:<{first - 2}}{wrapped[0]}".rstrip())
        lines += [" " * first + rest for rest in wrapped[1:]]
    return lines
