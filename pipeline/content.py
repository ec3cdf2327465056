"""What a tally reads: unpacked content, as it is asked for or as stretches of a file, and who sees it pass."""

from __future__ import annotations

from typing import NamedTuple, Protocol, runtime_checkable


class Content(Protocol):
    """Unpacked bytes, read once."""

    def readinto(self, view: memoryview) -> int:
        """Fill `view` as far as possible; how many bytes, 0 at the end."""


class Stretch(NamedTuple):
    """Bytes of content that the reader gets for himself: out of an open file, or `packed`, the address of what
    kernels.unpack takes. `length` is what may be read at most."""

    fd: int
    begin: int
    length: int
    packed: int = 0


@runtime_checkable
class Lending(Protocol):
    """Content out of a file, of which the reader may read stretches by himself."""

    def lend(self) -> Stretch | None:
        """The next stretch; None when what comes next is to be asked for."""

    def give_back(self, count: int) -> None:
        """So many bytes of the stretch were not read."""


class Digest(Protocol):
    """Takes the content's bytes on their way."""

    def update(self, view: memoryview) -> None:
        """Add bytes."""

    @property
    def native(self) -> tuple[int, int] | None:
        """The addresses of a C function and of the state that it adds bytes to: (state, bytes, how many); None where
        only `update` can."""
