"""Who owns a chDB folder: a lock that dies with its process, and a file that tells other processes where the owner's
HTTP door is. connect.py takes the lock or follows the address."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from pipeline.store.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

LOCK = "owner.lock"
ADDRESS = "owner.json"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the owner answers, and the secrets that open its door; readable by the owner's user only (0600)."""

    pid: int
    port: int
    token: str = field(repr=False)
    read_token: str = field(repr=False)


class FolderLock:
    """The right to open a chDB folder. The kernel drops it with the process, so a dead owner never blocks, and its
    left-over address is simply replaced; the pid in it is for people."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fd: int | None = None
        # a forked child (multiprocessing) must not keep the lock alive after its parent
        os.register_at_fork(after_in_child=self._forget)

    def acquire(self) -> bool:
        """True when this process owns the folder now; False while another does."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            fd = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(
                f"the store's folder {self._folder} cannot be opened ({error.strerror}): expected a folder that this "
                f"user can write to"
            ) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._fd = fd
        # whoever wrote it is gone
        (self._folder / ADDRESS).unlink(missing_ok=True)
        return True

    def publish(self, address: Address) -> None:
        """Tells other processes of this user where to find the owner."""
        draft = self._folder / f"{ADDRESS}.new"
        draft.unlink(missing_ok=True)
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w") as file:
            json.dump(asdict(address), file)
        draft.rename(self._folder / ADDRESS)

    def withdraw(self) -> None:
        """Nobody shall come any more, and who was connected knows that this owner ends."""
        if self._fd is not None:
            (self._folder / ADDRESS).unlink(missing_ok=True)

    def release(self) -> None:
        """Gives the folder up."""
        self.withdraw()
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _forget(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def is_owned(folder: Path) -> bool:
    """Whether a process holds the folder now."""
    try:
        fd = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def read_address(folder: Path) -> Address | None:
    """The owner's address, or None while there is none to read. Raises StoreError when it may not be read."""
    try:
        found = json.loads((folder / ADDRESS).read_text())
        return Address(**found)
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise StoreError(
            f"the store {folder} is owned by a process of another user, and {ADDRESS} is not readable: run as the "
            f"owner's user"
        ) from error
    except (ValueError, TypeError):
        return None
