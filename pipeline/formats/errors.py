"""What is wrong with a format's TOML: every problem with its place, for the person who wrote it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: the file, the dotted key in it, what was found there, what was expected, the nearest known name."""

    file: str
    key: str
    found: str
    expected: str
    nearest: str = ""

    def __str__(self) -> str:
        where = f"{self.file}: {self.key}" if self.key else self.file
        hint = f" (did you mean {self.nearest!r}?)" if self.nearest else ""
        return f"{where}: found {self.found}, expected {self.expected}{hint}"


class FormatError(ValueError):
    """A format that cannot be used; `problems` lists every fault at once."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name most like a given one, empty when none is near."""
    return next(iter(difflib.get_close_matches(name, list(known), 1)), "")
