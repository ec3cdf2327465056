"""What is wrong with a plan's file or the whole book: every fault with its place, for the person who wrote it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class PlanError:
    """One fault: the file, the line in it (0: the file as a whole), the dotted key, and what was expected and found."""

    file: str
    line: int
    key: str
    what: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.what}" if self.key else f"{place}: {self.what}"


class BookError(ValueError):
    """A plan book that cannot be used; `errors` lists every fault of every file at once."""

    def __init__(self, errors: Iterable[PlanError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in self.errors))


class NoPlanError(LookupError):
    """A plan that the book does not have, or not on that day; the text says which it has."""
