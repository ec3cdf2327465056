"""Log files named on a command line, standard input among them: checked before anything is read, and their head."""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.app.catalogue import STDIN
from pipeline.app.failures import UsageFailure

_PACKED_HEAD = 256 << 10


@dataclass(frozen=True)
class Inputs:
    """Readable files. `paths`: what to open. `names`: what to call each. `size`: bytes to read, `None` with a pipe.
    `head`: of the first with a line of a request, which is `head_name`; where none has, of the first not empty."""

    paths: tuple[str, ...]
    names: tuple[str, ...]
    size: int | None
    head: bytes
    head_name: str

    def name_of(self, path: str) -> str:
        """What the user called a file that was opened as `path`."""
        return dict(zip(self.paths, self.names, strict=True)).get(path, path)


def check_target(option: str, target: Path, files: Sequence[str]) -> None:
    """Raises UsageFailure where what is to be written would take the place of a log that is to be read."""
    for name in files:
        if name != STDIN and target.exists() and Path(name).exists() and target.samefile(name):
            raise UsageFailure(
                f"{option} {target}: this is one of the logs to be read; expected another name"
            )


@contextmanager
def open_inputs(files: Sequence[str]) -> Iterator[Inputs]:
    """Check all `files` and read the head that tells the format; raises UsageFailure with every problem at once."""
    from pipeline.formats.detect import shows_requests

    problems = [problem for name in files if name != STDIN and (problem := _problem(name))]
    if files.count(STDIN) > 1:
        problems.append("-: standard input can be read only once")
    if STDIN in files and sys.stdin is None:
        problems.append("-: standard input is closed")
    elif STDIN in files and sys.stdin.isatty():
        problems.append(
            "-: standard input is the terminal; expected a log piped in, like: zcat access.log.gz | …"
        )
    if problems:
        raise UsageFailure(problems)
    paths, heads = [], []
    for name in files:
        path, head = _path_and_head(name)
        paths.append(path)
        heads.append(head)
    sizes = [_size(path) for path in paths]
    names = tuple("-" if name == STDIN else name for name in files)
    head, head_name = b"", ", ".join(names)
    for path, packed, name in zip(paths, heads, names, strict=True):
        found = read_head(path, packed, name)
        if found and (not head or shows_requests(found)):
            head, head_name = found, name
        if shows_requests(found):
            break
    known = [size for size in sizes if size is not None]
    yield Inputs(tuple(paths), names, sum(known) if len(known) == len(sizes) else None, head, head_name)


def read_head(path: str, packed: bytes = b"", name: str = "") -> bytes:
    """The first unpacked bytes of a file, its first line whole unless it is very long; of `packed` where a pipe's first
    bytes were read already. `name`: what to call it."""
    from pipeline.formats.detect import HEAD_BYTES, LONGEST_HEAD, first_line_end
    from pipeline.ingest.codecs import open_content
    from pipeline.ingest.errors import ContentError, UnreadableError

    buffer = bytearray(HEAD_BYTES)
    filled = 0
    memory = -1
    try:
        if packed:
            memory = os.memfd_create("head")
            os.write(memory, packed)
            os.lseek(memory, 0, os.SEEK_SET)
        with open_content(memory if packed else path) as content:
            while count := content.readinto(memoryview(buffer)[filled:]):
                filled += count
                if filled < len(buffer):
                    continue
                if filled >= LONGEST_HEAD or first_line_end(buffer):
                    break
                buffer += bytes(HEAD_BYTES)
    except ContentError as error:
        if not filled and (not packed or isinstance(error, UnreadableError)):
            raise UsageFailure(f"{name or path}: cannot be read: {error.reason}") from None
    finally:
        if memory >= 0:
            os.close(memory)
    return bytes(buffer[:filled])


def _problem(name: str) -> str:
    try:
        found = Path(name).stat()
    except FileNotFoundError:
        return f"{name}: no such file"
    except (OSError, ValueError) as error:
        return f"{name}: {getattr(error, 'strerror', None) or error}"
    if stat.S_ISDIR(found.st_mode):
        return f"{name}: is a folder; name the log files in it"
    return "" if os.access(name, os.R_OK) else f"{name}: may not be read by this user"


def _size(path: str) -> int | None:
    found = Path(path).stat()
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _path_and_head(name: str) -> tuple[str, bytes]:
    """A path under which a file can be opened from its beginning, and its first bytes where it is a pipe: standard
    input, a FIFO, a shell's `<(…)`.

    A pipe can be read once, and detection needs its beginning: the head is read, and a thread pours head and rest into
    a second pipe, without a copy where the kernel can splice.
    """
    if name != STDIN and _size(name) is not None:
        return name, b""
    try:
        source = sys.stdin.fileno() if name == STDIN else os.open(name, os.O_RDONLY)
    except OSError as error:
        raise UsageFailure(f"{name}: cannot be read: {error.strerror}") from None
    if stat.S_ISREG(os.fstat(source).st_mode):
        return f"/dev/fd/{source}", b""
    head = _head_of_pipe(source)
    reader, writer = os.pipe()

    def pour() -> None:
        try:
            view = memoryview(head)
            while view:
                view = view[os.write(writer, view) :]
            _pour_rest(source, writer)
        except BrokenPipeError:
            pass
        finally:
            os.close(writer)

    threading.Thread(target=pour, name="pour", daemon=True).start()
    return f"/dev/fd/{reader}", head


def _head_of_pipe(source: int) -> bytes:
    """Its beginning, in which the first line ends unless it is very long or packed."""
    from pipeline.formats.detect import LONGEST_HEAD, first_line_end

    head = b""
    for enough in (_PACKED_HEAD, LONGEST_HEAD):
        if head and first_line_end(head):
            break
        while len(head) < enough and (block := os.read(source, enough - len(head))):
            head += block
    return head


def _pour_rest(source: int, target: int) -> None:
    try:
        while os.splice(source, target, 1 << 20):
            pass
        return
    except (AttributeError, OSError):
        pass  # the source is neither a pipe nor a socket that can be spliced
    while block := os.read(source, 1 << 20):
        view = memoryview(block)
        while view:
            view = view[os.write(target, view) :]
