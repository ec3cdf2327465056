"""What a tally reads: unpacked content, as it is asked for or as stretches of a file, and who sees it pass."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


class Content(Protocol):
    """Unpacked bytes, read once."""

    def readinto(self, view: memoryview) -> int:
        """Fill `view` as far as possible; how many bytes, 0 at the end."""


@runtime_checkable
class Lending(Protocol):
    """Content out of a plain file, of which the reader may read stretches by himself (pipeline.file_range)."""

    def lend(self) -> tuple[int, int, int] | None:
        """An open file, where in it a stretch begins, and how long it is; none when what is left is to be asked for."""

    def give_back(self, count: int) -> None:
        """So many bytes of the stretch were not read."""


class Digest(Protocol):
    """Takes the content's bytes on their way."""

    def update(self, view: memoryview) -> None:
        """Add bytes."""
