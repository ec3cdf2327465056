"""Writes docs/cli.md out of the commands' own help, so that the page cannot say what the commands do not do."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from pipeline.app import catalogue

HEADER = """# The command line

Generated from the commands' own help by `make docs`; a test compares it. Results go to standard output, messages and
progress to standard error; `--json` prints one JSON document and nothing else. Times are RFC 3339 in UTC, sizes are
bytes, and the global options, which are told once here, may stand before or after the command.
"""
_GLOBALS = re.compile(r"^╭─ Global options ─.*?^╰─*╯\n", re.MULTILINE | re.DOTALL)


def cli_page() -> str:
    """The whole page."""
    parts = [HEADER, _block("prebill --help", catalogue.root_help(width=100))]
    for command in catalogue.COMMANDS:
        parts.append(f"## prebill {command.name}\n")
        parts.append(_block(f"prebill {command.name} --help", _GLOBALS.sub("", command_help(command.name))))
    return "\n".join(parts).rstrip() + "\n"


def command_help(name: str) -> str:
    """A command's help as it is printed to a terminal of 100 columns without colours."""
    from rich.console import Console

    from pipeline.app.cli import build_app

    buffer = io.StringIO()
    console = Console(file=buffer, width=100, force_terminal=False, color_system=None)
    build_app().meta([name, "--help"], console=console, exit_on_error=False, print_error=False)
    return buffer.getvalue()


def _block(command: str, text: str) -> str:
    body = "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
    return f"```console\n$ {command}\n{body}\n```\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(cli_page(), encoding="utf-8")
