"""What ends a command with a plain sentence and an exit code: raised in any command, shown by main."""

from __future__ import annotations

from collections.abc import Sequence

FOUND_SOMETHING = 1
BAD_USAGE = 2
UNREACHABLE = 3
OWN_ERROR = 70  # sysexits.h: EX_SOFTWARE
INTERRUPTED = 130


class Failure(Exception):  # noqa: N818 - it is the user's ending, not a programmer's error
    """Why a command cannot go on: one sentence a problem, all at once, and what to do about them."""

    code = BAD_USAGE

    def __init__(self, problems: str | Sequence[str], *, mend: str = "") -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        self.mend = mend
        super().__init__("; ".join(self.problems))


class UsageFailure(Failure):
    """The command line, a file named on it, or the configuration is wrong."""


class ReachFailure(Failure):
    """The store or a service cannot be reached."""

    code = UNREACHABLE


class OwnerFailure(ReachFailure):
    """The process that held the store for this one has ended; a command that can may start anew and hold it itself."""


class Stopped(BaseException):
    """A signal asked the process to end; like KeyboardInterrupt, no ordinary handler may swallow it."""

    def __init__(self, signal_number: int) -> None:
        self.code = 128 + signal_number
        super().__init__(signal_number)
