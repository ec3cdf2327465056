"""Decides whether a file in the spool is whole, from what one look at it shows and what an earlier look showed; pure.

The contract is that a writer renames a segment into place when it is whole, after its sidecar. A writer that does not
must be safe too, and the one that does must not wait. So a file is whole when

1. its sidecar is there: the contract says that it came first; or
2. the kernel told that the name was moved into place (the watcher saw it); or
3. its inode changed after its last write (ctime after mtime): a write sets both times alike, a rename, link, chmod or
   utime afterwards only ctime. That is how a scan knows a rename that nobody watched. Not for an empty file: it may
   have been created, and given its mode, a moment ago; or
4. it lies quiet: last written `settle_s` ago, or, because clocks of shared file systems differ, unchanged between two
   of our own looks that far apart; and its minute is not the current one, which an edge that writes in place still
   fills.

No rule can be perfect for a writer that pauses longer than `settle_s`. Then a short version is read, its change is
seen, it is read again, and the longer version wins in the ledger: too early costs time, never a line.
"""

from __future__ import annotations

from dataclasses import dataclass

SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at a file: its size and times, the minute that its name says, and what is known about it besides."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    minute: int
    sidecar: bool = False
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Quiet:
    """Since when, by our own clock, a file has shown the same size, time of change and inode."""

    size: int
    mtime_ns: int
    inode: int
    since_s: float


@dataclass(frozen=True, slots=True)
class Wait:
    """The file may still be written: why, when to look again, and what to remember until then."""

    why: str
    until_s: float
    quiet: Quiet


def judge_sight(sight: Sight, before: Quiet | None, now_s: float, settle_s: float = SETTLE_S) -> Wait | None:
    """`None` when the file is whole, else what to wait for. `before` is what the last look remembered."""
    if sight.sidecar or sight.moved or (sight.size and sight.ctime_ns > sight.mtime_ns):
        return None
    same = before is not None and (before.size, before.mtime_ns, before.inode) == (
        sight.size,
        sight.mtime_ns,
        sight.inode,
    )
    quiet = before if before is not None and same else Quiet(sight.size, sight.mtime_ns, sight.inode, now_s)
    begin_s = sight.minute * 60
    if begin_s <= now_s < begin_s + 60:
        return Wait("its minute is not over, and it was not renamed into place", begin_s + 60, quiet)
    written_s = sight.mtime_ns / 1e9
    since_s = min(quiet.since_s, written_s) if written_s <= now_s else quiet.since_s
    if now_s - since_s >= settle_s:
        return None
    return Wait(
        f"written less than {settle_s:g} s ago, and not renamed into place", since_s + settle_s, quiet
    )
