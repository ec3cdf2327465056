"""The command line: hands arguments to a command, and turns every ending into a sentence and an exit code."""

from __future__ import annotations

import errno
import os
import signal
import sys
from typing import NoReturn

from pipeline.app import catalogue, signals
from pipeline.app.failures import BAD_USAGE, INTERRUPTED, OWN_ERROR, UNREACHABLE, Failure, Stopped

_OUTPUT_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_HELP = frozenset({"--help", "-h"})


def main() -> NoReturn:
    """The `prebill` command."""
    signals.install()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code; nothing but a plain sentence reaches the user when it fails."""
    _open_closed()
    verbose = "--verbose" in arguments
    try:
        code = _quick_answer(arguments)
        if code is None:
            code = _dispatch(arguments)
        sys.stdout.flush()
        return code
    except Failure as failure:
        for problem in failure.problems:
            _say(f"prebill: {problem}")
        if failure.mend:
            _say(f"  {failure.mend}")
        return failure.code
    except (KeyboardInterrupt, Stopped) as stopped:
        code = getattr(stopped, "code", INTERRUPTED)
        by = "by Ctrl-C" if code == INTERRUPTED else "on request"
        _say(f"prebill: stopped {by}; nothing that was committed is lost.")
        return code
    except BrokenPipeError:
        # The reader of our output has left (`prebill sql … | head`): nothing is wrong, and nobody is there to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        if error.errno not in _OUTPUT_FULL or error.filename is not None:
            return _own_error(error, verbose=verbose)
        _say(f"prebill: the output cannot be written: {error.strerror}.")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREACHABLE
    except MemoryError:
        _say("prebill: out of memory. Give the process more, or the command less at a time.")
        return OWN_ERROR
    except Exception as error:
        return _own_error(error, verbose=verbose)


def _open_closed() -> None:
    """Standard output and error that were closed by who started us (`>&-`) lead nowhere, as with other programs."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123 - until the process ends


def _quick_answer(arguments: list[str]) -> int | None:
    """The answers that need no command and so no import: help, version, nothing at all."""
    if not arguments:
        print(catalogue.root_help())
        return BAD_USAGE
    if arguments[0] in ("--help", "-h", "help") and len(arguments) == 1:
        print(catalogue.root_help())
        return 0
    if arguments == ["--version"]:
        print(catalogue.version())
        return 0
    return None


def _dispatch(arguments: list[str]) -> int:
    from cyclopts import CycloptsError

    from pipeline.app.cli import build_app

    # A lone `-` means standard input; cyclopts would take it for an option.
    tokens = [catalogue.STDIN if argument == "-" else argument for argument in arguments]
    console = None
    if not _HELP.isdisjoint(arguments):
        from pipeline.app.terminal import for_help

        console = for_help()  # rich's own ends with 1 where the reader has left
    try:
        result = build_app().meta(tokens, console=console, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        command = next((a for a in arguments if a in {c.name for c in catalogue.COMMANDS}), "")
        raise Failure(str(error), mend=f"See: prebill {command} --help".replace("  ", " ")) from None
    return result if isinstance(result, int) else 0


def _own_error(error: Exception, *, verbose: bool) -> int:
    if verbose:
        import traceback

        traceback.print_exc(file=sys.stderr)
    _say(f"prebill: an error of its own, {type(error).__name__}: {error}")
    if not verbose:
        _say("  This is a fault in prebill, not in your data. With --verbose it gives the details to report.")
    return OWN_ERROR


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
