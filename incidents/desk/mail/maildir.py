"""Letters out of a maildir: those in new/, oldest first; moved to cur/ when they are taken in, never changed
or deleted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from incidents.desk.mail.doors import MailError

if TYPE_CHECKING:
    from collections.abc import Iterator


class RawLetter(Struct, frozen=True, kw_only=True):
    """The first bytes of a letter. `at`: when our mailbox had it, epoch seconds. `handle`: by which it is marked."""

    handle: str
    raw: bytes
    at: float
    cut: bool = False


class Maildir:
    """One maildir; `limit`: bytes of a letter that are read."""

    def __init__(self, path: str, limit: int) -> None:
        self._path, self._limit = Path(path), limit

    def letters(self, most: int) -> Iterator[RawLetter]:
        """At most so many; what is no file (a pipe would be waited for) and files that go away are passed over.
        Raises MailError where there is no maildir."""
        new = self._path / "new"
        try:
            files = sorted(
                (entry for entry in new.iterdir() if not entry.name.startswith(".") and entry.is_file()),
                key=lambda entry: entry.name,
            )
        except OSError as error:
            raise MailError(f"{new}: expected a maildir's folder of new letters: {error.strerror}") from None
        for file in files[:most]:
            try:
                with file.open("rb") as opened:
                    raw = opened.read(self._limit + 1)
                at = file.stat().st_mtime
            except OSError:
                continue
            yield RawLetter(handle=file.name, raw=raw[: self._limit], at=at, cut=len(raw) > self._limit)

    def mark(self, letter: RawLetter) -> None:
        """It is taken in: seen, in cur/. Raises MailError."""
        name = letter.handle.split(":2,")[0] + ":2,S"
        try:
            (self._path / "cur").mkdir(exist_ok=True)
            (self._path / "new" / letter.handle).rename(self._path / "cur" / name)
        except FileNotFoundError:
            return  # another round was quicker
        except OSError as error:
            raise MailError(
                f"{self._path / 'cur'}: a letter cannot be moved there: {error.strerror}"
            ) from None

    def close(self) -> None:
        """Nothing is open."""
