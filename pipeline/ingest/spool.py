"""Finds segments in a spool folder: a thin shell over the file system that only looks and never changes anything.

`Spool.look` lists what is there (all of it, or the paths that a watcher named); `Spool.claim` reads the sidecar of one
find, which makes it a Segment for an attempt. Names that do not parse and files that cannot be had are evidence.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field

from pipeline.ingest.errors import UnreadableError
from pipeline.ingest.fingerprint import fingerprint_of, stat_of
from pipeline.ingest.names import CODECS, Name, NameKind, NamePattern, compile_pattern, read_name, show_path
from pipeline.ingest.settle import SETTLE_S, Quiet, Sight, judge_sight
from pipeline.ingest.sidecar import (
    MAX_SIDECAR_BYTES,
    CounterReading,
    SidecarProblem,
    parse_counters,
    parse_sidecar,
)
from pipeline.model import Claims, Origin, Segment

_SIDECAR = ".json"
_SUFFIXES = (*CODECS, _SIDECAR)


FILE_SYSTEMS_OWN = "lost+found"
"""Lies at the top of a disk that is a spool, and only root may read it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A whole segment file, not yet opened: its path relative to the spool, and what tells its version."""

    origin: Origin
    path: str
    codec: str
    size: int
    fingerprint: str
    sidecar: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """A segment file that may still be written: look again at `until_s`."""

    path: str
    why: str
    until_s: float


@dataclass(frozen=True, slots=True)
class SpoolProblem:
    """Something in the spool that cannot be taken in, and what to do about it."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True, slots=True)
class CountersFile:
    """A file of an edge's own counters: the origin that its name gives, and its version."""

    origin: Origin
    path: str
    fingerprint: str


@dataclass(slots=True)
class Look:
    """What one look at the spool saw. `found` is in order of time, so that old minutes are read first."""

    found: list[Found] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    problems: list[SpoolProblem] = field(default_factory=list)
    counters: list[CountersFile] = field(default_factory=list)
    ignored: int = 0


_Group = dict[str, os.stat_result]  # of one stem: suffix → what lstat said


@dataclass(slots=True)
class _Sorted:
    """The files of a folder by what they are: segments by stem, and files that end like a sidecar, not yet read."""

    groups: dict[str, tuple[Origin, _Group]] = field(default_factory=dict)
    late: dict[str, os.stat_result] = field(default_factory=dict)


@dataclass(slots=True)
class _Glance:
    """What one look carries along."""

    look: Look
    known: dict[str, Quiet]
    now_s: float
    moved: Set[str]


class Spool:
    """A spool folder. All that it remembers is how long unsettled files have been quiet; losing that costs a look."""

    def __init__(
        self, root: str | os.PathLike[str], pattern: str | None = None, settle_s: float = SETTLE_S
    ) -> None:
        self.root = os.fspath(root)
        self.pattern: NamePattern = compile_pattern(pattern) if pattern else compile_pattern()
        self.settle_s = settle_s
        self._quiet: dict[str, Quiet] = {}

    def look(self, now_s: float, only: Iterable[str] | None = None, moved: Set[str] = frozenset()) -> Look:
        """Lists the spool, or only the given relative paths (files, or folders with all that is in them).

        `moved`: paths that the kernel reported as moved into place. Raises UnreadableError when the spool folder
        itself cannot be read; anything less is a problem in the answer.
        """
        glance = _Glance(Look(), self._quiet, now_s, moved)
        if only is None:
            self._quiet = {}  # what is gone is forgotten
            self._walk("", glance)
        else:
            self._pick(set(only), glance)
        glance.look.found.sort(key=lambda found: (found.origin.minute, found.path))
        return glance.look

    def claim(self, found: Found) -> Segment:
        """Reads the sidecar, and gives the segment as an attempt takes it. Never fails: what is wrong with the
        sidecar is in the segment's notes, and a file that changes meanwhile is met when it is opened."""
        path = self._absolute(found.path)
        claims, fingerprint = Claims(), found.fingerprint
        notes: tuple[str, ...] = ()
        if found.sidecar:
            claims, notes, sidecar = _read_sidecar(self._absolute(_stem(found) + _SIDECAR))
            if sidecar is not None:
                fingerprint = f"{fingerprint.partition('/')[0]}/{fingerprint_of(sidecar)}"
        return Segment(found.origin, path, found.codec, found.size, fingerprint, claims, notes)

    def read_counters(self, counters: CountersFile) -> CounterReading | SidecarProblem:
        """Reads a counters file; what is wrong with it, or with having it, is an answer."""
        try:
            return parse_counters(_read_small(self._absolute(counters.path))[0])
        except OSError as error:
            return SidecarProblem("", f"a file that cannot be read ({error.strerror})", "a readable file")

    def _absolute(self, path: str) -> str:
        return f"{self.root}/{path}"

    def _walk(self, folder: str, glance: _Glance) -> None:
        files = _Sorted()
        folders: list[str] = []
        problems = glance.look.problems
        try:
            with os.scandir(self._absolute(folder) if folder else self.root) as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(path)
                        else:
                            found = entry.stat(follow_symlinks=False)
                            self._sort_in(path, found, files, glance.look)
                    except FileNotFoundError:
                        continue  # it went while we looked
                    except OSError as error:
                        problems.append(
                            SpoolProblem(show_path(path), f"cannot be looked at: {error.strerror}")
                        )
        except OSError as error:
            gone = isinstance(error, FileNotFoundError)
            mend = "is it mounted?" if gone else "give prebill's user the right to read the folder"
            reason = f"cannot be listed: {error.strerror}; {mend}"
            if not folder:
                raise UnreadableError(f"spool {show_path(self.root)} {reason}", passing=True) from None
            if not gone:
                problems.append(SpoolProblem(show_path(folder), reason))
            return
        self._judge_all(files, glance)
        for path in folders:
            self._descend(path, glance)

    def _descend(self, path: str, glance: _Glance) -> None:
        if path.startswith(".") or "/." in path or path == FILE_SYSTEMS_OWN:
            glance.look.ignored += 1
        elif path.count("/") >= self.pattern.depth:
            reason = f"is a folder deeper than any in {self.pattern.text}: move it, or set spool.pattern"
            glance.look.problems.append(SpoolProblem(show_path(path), reason))
        else:
            self._walk(path, glance)

    def _pick(self, paths: set[str], glance: _Glance) -> None:
        """Looks at named paths: every one with the other files of its stem, because a sidecar changes its segment."""
        files = _Sorted()
        named: set[str] = set()
        for path in paths:
            found = stat_of(self._absolute(path))
            if found is not None and stat.S_ISDIR(found.st_mode):
                self._descend(path, glance)
                continue
            name = read_name(path, self.pattern)
            if isinstance(name, Name) and name.kind is not NameKind.COUNTERS:
                named.update(name.stem + suffix for suffix in _SUFFIXES)
            else:
                named.add(path)
        for path in named:
            found = stat_of(self._absolute(path))
            if found is not None:
                self._sort_in(path, found, files, glance.look)
            else:
                self._quiet.pop(path, None)
        self._judge_all(files, glance)

    def _sort_in(self, path: str, found: os.stat_result, files: _Sorted, look: Look) -> None:
        """Puts a file where its name belongs; `.json` files wait, because most are sidecars of segments beside them,
        and need no reading of their names then (half of the time of a look)."""
        if path.endswith(_SIDECAR):
            files.late[path] = found
        else:
            self._place(path, found, files, look)

    def _place(self, path: str, found: os.stat_result, files: _Sorted, look: Look) -> None:
        name = read_name(path, self.pattern)
        if name is None:
            look.ignored += 1
        elif not stat.S_ISREG(found.st_mode):
            kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "no regular file"
            reason = f"is {kind}; prebill reads only what lies in the spool itself: put it there, or mount it"
            look.problems.append(SpoolProblem(show_path(path), reason))
        elif not isinstance(name, Name):
            look.problems.append(SpoolProblem(name.path, name.reason))
        elif name.kind is NameKind.COUNTERS:
            look.counters.append(CountersFile(name.origin, path, fingerprint_of(found)))
        elif name.kind is NameKind.SEGMENT:
            files.groups.setdefault(name.stem, (name.origin, {}))[1][path[len(name.stem) :]] = found

    def _judge_all(self, files: _Sorted, glance: _Glance) -> None:
        for path in sorted(
            files.late, key=len
        ):  # a segment named X.json comes before its sidecar X.json.json
            found = files.late[path]
            segment = files.groups.get(path.removesuffix(_SIDECAR))
            if segment is not None and stat.S_ISREG(found.st_mode):
                segment[1][_SIDECAR] = found
            else:
                self._place(path, found, files, glance.look)
        for stem, (origin, group) in files.groups.items():
            self._judge(stem, origin, group, glance)

    def _judge(self, stem: str, origin: Origin, group: _Group, glance: _Glance) -> None:
        """Settles the files of one stem: usually a segment and its sidecar."""
        sidecar = group.get(_SIDECAR)
        # one sidecar beside two files (a log that is being compressed) proves neither of them whole
        proof = sidecar is not None and len(group) == 2
        for suffix, found in group.items():
            if suffix == _SIDECAR:
                continue
            path = stem + suffix
            sight = Sight(
                size=found.st_size,
                mtime_ns=found.st_mtime_ns,
                ctime_ns=found.st_ctime_ns,
                inode=found.st_ino,
                minute=origin.minute,
                sidecar=proof,
                moved=path in glance.moved,
            )
            wait = judge_sight(sight, glance.known.get(path), glance.now_s, self.settle_s)
            if wait is not None:
                self._quiet[path] = wait.quiet
                glance.look.waiting.append(Waiting(path, wait.why, wait.until_s))
            else:
                self._quiet.pop(path, None)
                fingerprint = fingerprint_of(found, sidecar)
                glance.look.found.append(
                    Found(origin, path, CODECS[suffix], found.st_size, fingerprint, sidecar is not None)
                )


def scan(
    root: str | os.PathLike[str], now_s: float, pattern: str | None = None, settle_s: float = SETTLE_S
) -> Iterator[Segment]:
    """Every whole segment in the spool, in order of time, with its claims: one look, for tools and tests."""
    spool = Spool(root, pattern, settle_s)
    for found in spool.look(now_s).found:
        yield spool.claim(found)


def _stem(found: Found) -> str:
    suffix = next(suffix for suffix, codec in CODECS.items() if codec == found.codec)
    return found.path.removesuffix(suffix)


def _read_small(path: str) -> tuple[bytes, os.stat_result]:
    """A small file that lies in the spool itself, and its version; at most one byte more than a sidecar may have."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "no regular file")
        return os.read(fd, MAX_SIDECAR_BYTES + 1), found
    finally:
        os.close(fd)


def _read_sidecar(path: str) -> tuple[Claims, tuple[str, ...], os.stat_result | None]:
    """The claims, what is wrong with them, and the version of the sidecar that was read."""
    try:
        raw, found = _read_small(path)
    except FileNotFoundError:
        return Claims(), (), None
    except OSError as error:
        return Claims(), (f"sidecar: cannot be read: {error.strerror}",), stat_of(path)
    sidecar = parse_sidecar(raw)
    return sidecar.claims, tuple(str(problem) for problem in sidecar.problems), found
