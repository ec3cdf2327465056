#!/usr/bin/env python3
"""Takes nginx's edge-tsv log away and puts it into prebill's spool as one-minute segments: none lost, none doubled.

Runs on the edge with Debian's Python alone, once a minute (infra/systemd/prebill-ship.timer) or with `--every`. A run:
  1. renames the log, asks nginx to reopen it (USR1), and waits until no process has the renamed file open;
  2. cuts the renamed file at its minutes, and renames the segments, each after its sidecar, into the spool;
  3. writes an empty segment for every whole minute without a line: "no traffic", not "lost".
A crash at any point is made good by the next run: a renamed file is called after the offset of its first byte, what it
is cut into depends on its name and content alone, and it is deleted only when all of it is on disk and the state says
so.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import signal
import sys
import time
import uuid
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_HEARTBEATS = 1440
"""Empty minutes written in one run: after a day's silence, or a clock that jumped, there is nothing to be proved."""


NAME = re.compile(r"(?!.*\.\.)[A-Za-z0-9_][A-Za-z0-9_:@+.-]{0,126}")
"""Edges and streams as prebill reads them out of a spool's paths."""


class ShipError(Exception):
    """What stopped a run, and what to do; nothing is lost, the next run goes on from there."""


@dataclass(frozen=True)
class State:
    """How far the edge's log has been shipped: all its bytes before `offset`, all minutes before `next_minute`.

    `epoch` names one counting of bytes: a lost state file begins another.
    """

    epoch: str
    offset: int
    next_minute: int


@dataclass(frozen=True)
class Piece:
    """Consecutive lines, bytes [begin, end) of a file, shipped under `minute`; `bytes_sent` None if one is broken."""

    minute: int
    begin: int
    end: int
    lines: int
    bytes_sent: int | None
    sha256: str


def cut_minutes(file: IO[bytes], first_minute: int, body: Path) -> Iterator[Piece]:
    """Cuts a log where a new minute begins; the bytes of the piece that is being yielded stand in the file `body`.

    A line of an earlier minute than the one before it (workers write their buffers in turn) stays where it is, so that
    a piece is a range of the log's bytes without holes: prebill counts each line in its own minute. `first_minute` is
    for a log of which no line has a time.
    """
    begin = end = lines = 0
    minute = first_minute
    sent: int | None = 0
    digest = hashlib.sha256()
    out = body.open("wb")
    started = False
    for line in file:
        found = _minute_of(line)
        if found is not None and (not started or found > minute):
            if started:
                _settle(out)
                yield Piece(minute, begin, end, lines, sent, digest.hexdigest())
                begin, lines, sent, digest = end, 0, 0, hashlib.sha256()
                out = body.open("wb")
            minute, started = found, True
        out.write(line)
        digest.update(line)
        lines += 1
        end += len(line)
        if sent is not None:
            size = _bytes_sent_of(line)
            sent = None if size is None else sent + size
    _settle(out)
    if lines:
        yield Piece(minute, begin, end, lines, sent, digest.hexdigest())


def _minute_of(line: bytes) -> int | None:
    seconds = line.split(b"\t", 1)[0].split(b".", 1)[0]
    return int(seconds) // 60 if seconds.isdigit() and len(seconds) == 10 else None


def _bytes_sent_of(line: bytes) -> int | None:
    columns = line.rstrip(b"\r\n").split(b"\t")
    if len(columns) < 11 or _minute_of(line) is None:
        return None
    return int(columns[6]) if columns[6].isdigit() else None


def _settle(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()


class Shipper:
    """One log of one edge. `now_s` is the time of the run, seconds since 1970."""

    def __init__(self, log: Path, spool: Path, edge: str, pid_file: Path, stream: str = "access") -> None:
        self._log, self._pid_file = log, pid_file
        self._folder = spool / edge if stream == "access" else spool / edge / stream
        self._state_path = log.with_name(f".{log.name}.prebill-state.json")
        self._prefix = f"{log.name}.prebill-"

    def run(self, now_s: float, patience_s: float = 60.0) -> int:
        """Ships all that was logged before `now_s`; returns how many segments were written."""
        self._folder.mkdir(parents=True, exist_ok=True)
        state = self._read_state(now_s)
        minute = int(now_s) // 60
        written = 0
        if self._pending():
            # A run crashed after it renamed the log, perhaps before nginx heard of it.
            self._reopen()
            state, written = self._ship_all(state, minute, patience_s)
        if self._log.exists():
            self._log.rename(self._log.with_name(f"{self._prefix}{state.epoch}-{state.offset}"))
            self._reopen()
            state, count = self._ship_all(state, minute, patience_s)
            written += count
        # nginx has written all lines of the minutes before this one to the file that was just shipped.
        written += self._fill(state, minute, state.offset)
        self._write_state(replace(state, next_minute=max(state.next_minute, minute)))
        return written

    def _read_state(self, now_s: float) -> State:
        if self._state_path.exists():
            try:
                return State(**json.loads(self._state_path.read_bytes()))
            except (ValueError, TypeError) as error:
                raise ShipError(
                    f"{self._state_path}: expected the state of an earlier run, found something else ({error}). Delete "
                    "it to begin a new epoch; files named *.prebill-* beside it are shipped under their own."
                ) from error
        state = State(uuid.uuid4().hex[:12], 0, int(now_s) // 60)
        self._write_state(state)
        return state

    def _write_state(self, state: State) -> None:
        _place(self._state_path, json.dumps(asdict(state)).encode())

    def _reopen(self) -> None:
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return  # nginx is not running: nobody writes
        try:
            os.kill(pid, signal.SIGUSR1)
        except ProcessLookupError:
            return
        except PermissionError:
            raise ShipError(
                f"process {pid} of {self._pid_file}: not allowed to signal it; run as root or as its user"
            ) from None

    def _pending(self) -> list[tuple[str, int, Path]]:
        """Renamed files with the epoch and the offset of their first byte, in order; also those of a lost state."""
        found = []
        for path in self._log.parent.glob(f"{self._prefix}*"):
            epoch, _, offset = path.name.removeprefix(self._prefix).rpartition("-")
            if epoch and offset.isdigit():
                found.append((epoch, int(offset), path))
        return sorted(found)

    def _ship_all(self, state: State, minute: int, patience_s: float) -> tuple[State, int]:
        """Ships every renamed file, deletes it, and returns the state after it and the segments written."""
        self._wait_until_closed(patience_s)
        written = 0
        for epoch, offset, path in self._pending():
            if epoch != state.epoch:
                written += self._ship(path, epoch, offset, None, minute)[1]
            elif offset >= state.offset:
                state, count = self._ship(path, epoch, offset, state, minute)
                written += count
            path.unlink()
        return state, written

    def _wait_until_closed(self, patience_s: float) -> None:
        """Waits until no process has a renamed file open: only then is it whole."""
        statuses = [path.stat() for _, _, path in self._pending()]
        files = {(status.st_dev, status.st_ino) for status in statuses}
        deadline = time.monotonic() + patience_s
        while files and (holders := _find_holders(files)):
            if time.monotonic() > deadline:
                listed = ", ".join(map(str, sorted(holders)))
                raise ShipError(
                    f"{self._prefix}*: still open in process {listed} after {patience_s:g} s. "
                    f"Is the pid in {self._pid_file} nginx's, and may its workers create files in {self._log.parent}? "
                    "Nothing was shipped."
                )
            time.sleep(0.01)

    def _ship(
        self, path: Path, epoch: str, offset: int, state: State | None, minute: int
    ) -> tuple[State, int]:
        """Puts a closed file into the spool and moves the state past it; without a state, its lines alone."""
        written = 0
        after = state or State(epoch, offset, minute)
        body = self._folder / f".{path.name}.part"
        with path.open("rb") as file:
            for piece in cut_minutes(file, after.next_minute, body):
                # A clock that once jumped ahead must not keep the minutes until then from being filled.
                passed = min(piece.minute, minute)
                if state:
                    written += self._fill(after, passed, offset + piece.begin)
                after = replace(after, next_minute=max(after.next_minute, passed + 1))
                self._put(epoch, offset, piece, body)
                written += 1
        body.unlink(missing_ok=True)
        _sync_folder(self._folder)
        after = replace(after, offset=offset + path.stat().st_size)
        if state:
            self._write_state(after)
        return after, written

    def _put(self, epoch: str, offset: int, piece: Piece, body: Path) -> None:
        first, after = offset + piece.begin, offset + piece.end
        at = datetime.fromtimestamp(piece.minute * 60, UTC)
        name = f"{at:%Y%m%dT%H%MZ}.{epoch}-{first:015d}"
        claims: dict[str, object] = {"lines": piece.lines, "sha256": piece.sha256}
        if piece.bytes_sent is not None:
            claims["bytes_sent"] = piece.bytes_sent
        claims["seq"] = {"unit": "byte", "epoch": epoch, "first": first, "next": after}
        _place(self._folder / f"{name}.log.json", json.dumps(claims).encode())
        body.rename(self._folder / f"{name}.log")

    def _fill(self, state: State, until: int, offset: int) -> int:
        """Empty segments for the minutes before `until` that had no line; returns how many."""
        empty = range(max(state.next_minute, until - MOST_HEARTBEATS), until)
        for minute in empty:
            body = self._folder / ".heartbeat.part"
            body.write_bytes(b"")
            self._put(state.epoch, offset, Piece(minute, 0, 0, 0, 0, hashlib.sha256().hexdigest()), body)
        return len(empty)


def _find_holders(files: set[tuple[int, int]]) -> set[int]:
    """Processes that have one of the files, given by (device, inode), open."""
    holders = set()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            for descriptor in (folder / "fd").iterdir():
                status = descriptor.stat()
                if (status.st_dev, status.st_ino) in files:
                    holders.add(int(folder.name))
        except (FileNotFoundError, ProcessLookupError, NotADirectoryError):
            continue  # the process, or the descriptor, is gone
        except PermissionError:
            if _is_nginx(folder):
                raise ShipError(
                    f"process {folder.name} is nginx and its open files may not be seen: run as root or as nginx's user"
                ) from None
    return holders


def _is_nginx(folder: Path) -> bool:
    try:
        return (folder / "comm").read_text().strip() == "nginx"
    except OSError:
        return False


def _place(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.part")
    with unfinished.open("wb") as file:
        file.write(content)
        _settle(file)
    unfinished.rename(path)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit 0, 1 when a run was stopped, 2 for wrong usage."""
    parser = argparse.ArgumentParser(description="Ships nginx's edge-tsv log into prebill's spool.")
    parser.add_argument("--log", type=Path, required=True, help="the access_log that has the format edge-tsv")
    parser.add_argument(
        "--spool", type=Path, required=True, help="prebill's spool; on the same host or mounted"
    )
    parser.add_argument("--edge", required=True, help="this edge's id, as in prebill.toml")
    parser.add_argument("--stream", default="access", help="default: access")
    parser.add_argument("--pid", type=Path, default=Path("/run/nginx.pid"), help="default: /run/nginx.pid")
    parser.add_argument("--every", type=float, metavar="SECONDS", help="go on for ever; without it, one run")
    options = parser.parse_args(arguments)
    for name in ("edge", "stream"):
        if not NAME.fullmatch(getattr(options, name)):
            parser.error(
                f"--{name}: expected letters, digits and _ . : @ + -, found {getattr(options, name)!r}"
            )
    shipper = Shipper(options.log, options.spool, options.edge, options.pid, options.stream)
    while True:
        try:
            shipper.run(time.time())
        except (ShipError, OSError) as error:
            print(f"ship: {error}", file=sys.stderr)
            if options.every is None:
                return 1
        if options.every is None:
            return 0
        time.sleep(options.every)


if __name__ == "__main__":
    sys.exit(main())
