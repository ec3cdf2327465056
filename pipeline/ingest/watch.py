"""Wakes whoever waits for segments: by inotify where there is one, by looking at folders' times where there is none.

A watcher gives hints only. What it missed (an overflow of the kernel's queue, a folder that appeared and filled before
it was watched, a shared file system that another machine writes to) a look at the whole spool finds, so whoever waits
also looks at everything now and then.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from pipeline.ingest.names import TEMPORARY

if TYPE_CHECKING:
    from inotify_simple import INotify

_CLOSE_WRITE, _MOVED_TO, _CREATE, _ATTRIB = 0x8, 0x80, 0x100, 0x4
_DELETE_SELF, _MOVE_SELF, _UNMOUNT, _OVERFLOW, _IGNORED = 0x400, 0x800, 0x2000, 0x4000, 0x8000
_ONLYDIR, _DONT_FOLLOW, _EXCL_UNLINK, _ISDIR = 0x1000000, 0x2000000, 0x4000000, 0x40000000
# not IN_MODIFY: a writer in place would wake us with every block
_MASK = (
    _CLOSE_WRITE
    | _MOVED_TO
    | _CREATE
    | _ATTRIB
    | _DELETE_SELF
    | _MOVE_SELF
    | _ONLYDIR
    | _DONT_FOLLOW
    | _EXCL_UNLINK
)

MAX_PATHS = 50_000
"""Beyond so many changes between two waits, one look at everything is cheaper."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What may have changed since the last wait: paths relative to the spool (files, and folders that are new), or
    everything. `moved`: those that the kernel reported as moved into place, whole by contract."""

    paths: frozenset[str] = frozenset()
    moved: frozenset[str] = frozenset()
    everything: bool = False

    def __bool__(self) -> bool:
        return self.everything or bool(self.paths)


class Watcher(Protocol):
    """Waits for changes in a spool. Made before the first look at everything, it misses nothing after it."""

    def wait(self, timeout_s: float) -> Changes:
        """Returns as soon as something may have changed, or empty after `timeout_s`."""

    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


class _Closing:
    def close(self) -> None:
        """Lets go of what the watcher holds; may be called again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()


class InotifyWatcher(_Closing):
    """Watches every folder of the spool down to `depth` below it; a change wakes it within a millisecond."""

    def __init__(self, root: str | os.PathLike[str], depth: int = 2) -> None:
        from inotify_simple import INotify

        self._root = os.fspath(root)
        self._depth = depth
        self._folders: dict[int, str] = {}
        self._inotify: INotify = INotify()
        self._lost = False
        try:
            self._watch("", None, strict=True)
        except BaseException:
            self._inotify.close()
            raise

    def wait(self, timeout_s: float) -> Changes:
        """Returns as soon as something changed, with all that did. While the spool itself is gone, or its folders can
        not be watched, it says `everything` once a second at most."""
        if self._lost:
            time.sleep(min(timeout_s, 1.0))
            return self._start_again(set())
        paths: set[str] = set()
        moved: set[str] = set()
        everything = False
        for event in self._inotify.read(timeout=max(0, round(timeout_s * 1000))):
            if event.mask & (_OVERFLOW | _UNMOUNT):
                everything = True
                continue
            folder = self._folders.get(event.wd)
            if folder is None:
                continue
            if event.mask & (_DELETE_SELF | _MOVE_SELF | _IGNORED):
                self._forget(event.wd, event.mask)
                continue
            path = f"{folder}/{event.name}" if folder else event.name
            if not event.name or path.startswith(".") or "/." in path:
                continue
            if event.mask & _ISDIR:
                if event.mask & (_CREATE | _MOVED_TO):
                    self._watch(path, paths)
            elif not event.name.endswith(TEMPORARY):
                paths.add(path)
                if event.mask & _MOVED_TO:
                    moved.add(path)
                elif event.mask & (_CLOSE_WRITE | _CREATE):
                    moved.discard(path)  # written after it was moved: by somebody who should not
        if everything or self._lost or len(paths) > MAX_PATHS:
            return self._start_again(moved)
        return Changes(frozenset(paths), frozenset(moved))

    def _start_again(self, moved: set[str]) -> Changes:
        self._folders.clear()
        try:
            self._watch("", None, strict=True)
            self._lost = False
        except OSError:
            self._lost = True
        return Changes(everything=True, moved=frozenset(moved))

    def close(self) -> None:
        """Closes the kernel's queue."""
        self._inotify.close()

    def _watch(self, folder: str, into: set[str] | None, strict: bool = False) -> None:
        """Watches a folder and those in it, first the folder, so that what comes into it meanwhile is not lost; and
        reports it, so that what lay in it before is found."""
        path = f"{self._root}/{folder}" if folder else self._root
        try:
            wd = self._inotify.add_watch(path, _MASK)
        except OSError as error:
            # gone again, a link, or forbidden (a look reports that): only the spool itself must be watched; but where
            # the kernel has no more watches, better to know it
            gone = isinstance(error, FileNotFoundError | NotADirectoryError | PermissionError)
            if strict and not (folder and gone):
                raise
            return
        self._folders[wd] = folder
        if into is not None:
            into.add(folder)
        if folder.count("/") + bool(folder) >= self._depth:
            return
        try:
            with os.scandir(path) as entries:
                inner = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            return
        for name in inner:
            if not name.startswith("."):
                self._watch(f"{folder}/{name}" if folder else name, None, strict)

    def _forget(self, wd: int, mask: int) -> None:
        """A watched folder went or was moved: where it is now, another event tells; its paths are no longer true."""
        folder = self._folders.pop(wd, "")
        if mask & _MOVE_SELF:
            for other, path in list(self._folders.items()):
                if path.startswith(f"{folder}/"):
                    del self._folders[other]
            self._lost = True
        if not folder:
            self._lost = True


class PollingWatcher(_Closing):
    """Looks at the times of the spool's folders every `every_s`: a rename into a folder changes the folder's.

    Writes into a file change no folder; only whoever looks at everything now and then sees those.
    """

    def __init__(self, root: str | os.PathLike[str], depth: int = 2, every_s: float = 0.25) -> None:
        self._root = os.fspath(root)
        self._depth = depth
        self._every_s = every_s
        self._seen = self._times()
        self._again: frozenset[str] = frozenset()

    def wait(self, timeout_s: float) -> Changes:
        """Returns the folders that changed, as soon as a look at their times shows it, and once more a moment later:
        times may tick so slowly that a second change leaves them as the first did."""
        left_s = timeout_s
        while True:
            now = self._times()
            changed = frozenset(path for path, time_ns in now.items() if self._seen.get(path) != time_ns)
            self._seen = now
            if changed:
                self._again |= changed
                return self._told(changed)
            if left_s <= 0:
                return Changes()
            time.sleep(min(self._every_s, left_s))
            left_s -= self._every_s
            if self._again:
                again, self._again = self._again, frozenset()
                return self._told(again)

    @staticmethod
    def _told(folders: frozenset[str]) -> Changes:
        return Changes(everything=True) if "" in folders else Changes(folders)

    def _times(self) -> dict[str, int]:
        times: dict[str, int] = {}
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            path = f"{self._root}/{folder}" if folder else self._root
            try:
                times[folder] = os.lstat(path).st_mtime_ns
                if folder.count("/") + bool(folder) < self._depth:
                    with os.scandir(path) as entries:
                        waiting += [
                            f"{folder}/{entry.name}" if folder else entry.name
                            for entry in entries
                            if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
                        ]
            except OSError:
                continue
        return times


def watch_spool(root: str | os.PathLike[str], depth: int = 2) -> Watcher:
    """The best watcher that this system gives: inotify, or polling where it is missing or out of watches."""
    try:
        return InotifyWatcher(root, depth)
    except (
        ImportError,
        OSError,
        AttributeError,
    ):  # no Linux, no inotify in its C library, or no watches left
        return PollingWatcher(root, depth)
