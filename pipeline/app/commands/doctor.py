"""`prebill doctor`: checks what prebill stands on, and says how to mend each."""

from __future__ import annotations

from pipeline.app.doctor.checks import FAIL, NOTE, OK, run_checks
from pipeline.app.failures import FOUND_SOMETHING
from pipeline.app.parameters import Flag, Given
from pipeline.app.terminal import out, print_json

_MARKS = {OK: "[green]ok  [/green]", NOTE: "[yellow]note[/yellow]", FAIL: "[bold red]FAIL[/bold red]"}


def doctor(
    *,
    json: Flag = False,
    context: Given,
) -> int:
    """Check what prebill stands on, from configuration and store to channels and the desk's mail; exit 1 if one fails.

    Nothing is sent, and no letter is read.

    Parameters
    ----------
    json
        One JSON array of checks on standard output: name, state (ok, note, fail), found, mend.
    """
    checks = []
    for check in run_checks(context):
        checks.append(check)
        if not json:
            from rich.markup import escape

            found = escape(check.found).replace("\n", "\n" + " " * 19)
            out().print(f"{_MARKS[check.state]} {check.name:<14}{found}", soft_wrap=True)
            if check.mend:
                out().print(f"     {'':<14}{escape(check.mend)}", style="italic", soft_wrap=True)
    if json:
        print_json([check.document() for check in checks])
    return FOUND_SOMETHING if any(check.state == FAIL for check in checks) else 0
