"""Hands the data of an INSERT to the embedded engine: Arrow columns of this process through a pipe, the body of an HTTP
request as a file of no name. sessions.py and engine.py use it.

Both are read by INSERT … FROM INFILE, which raises whatever stops a write. The engine's own streaming insert does not:
on a full disk its end reports all rows as written, and not one is there.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from typing import IO, TYPE_CHECKING, Any

from pipeline.store.statements import tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa

PIPE_BYTES = 1 << 20
IN_MEMORY_BYTES = 64 << 20
"""A body up to this size stays in memory; a longer one goes through the system's folder for temporary files."""

_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ: fcntl names it from Python 3.10 on, on Linux alone
_BROKEN = b"\x01\x02\x03\x04\x05\x06\x07\x08" * 4
"""No message of an Arrow stream begins like this: what comes after a writer's fault makes the engine refuse it all."""


def insert_table(run: Callable[[str], Any], head: str, data: pa.Table) -> None:
    """Inserts Arrow columns; `run` runs a statement of the embedded engine and raises its refusals.

    No copy of all the data is made: for 20 MB of facts, a file in memory takes 15 ms of CPU more.
    """
    import pyarrow as pa

    source, drain = os.pipe()
    with contextlib.suppress(OSError, ImportError):
        import fcntl

        fcntl.fcntl(source, _SET_PIPE_SIZE, PIPE_BYTES)
    faults: list[BaseException] = []

    def write() -> None:
        with contextlib.suppress(BrokenPipeError), os.fdopen(drain, "wb") as pipe:
            try:
                with pa.ipc.new_stream(pipe, data.schema) as stream:
                    stream.write_table(data)
            except BrokenPipeError:
                raise  # the engine has refused, and says why itself
            except BaseException as error:
                faults.append(error)
                pipe.write(_BROKEN)

    writer = threading.Thread(target=write, name="prebill-insert")
    try:
        writer.start()
    except BaseException:
        os.close(drain)
        os.close(source)
        raise
    try:
        run(from_file(head, source, "ArrowStream"))
    except BaseException:
        if faults:
            raise faults[0] from None
        raise
    finally:
        os.close(source)
        writer.join()


def from_file(head: str, fd: int, form: str) -> str:
    """An INSERT that reads an open file of this process; the head's SETTINGS come after the file's name."""
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"  # noqa: PTH112 - asked for each insert
    settings = _settings_at(head)
    return (
        f"{head[:settings]}\nFROM INFILE '{folder}/{fd}' COMPRESSION 'none'\n{head[settings:]}\nFORMAT {form}"
    )


def _settings_at(head: str) -> int:
    text, depth = head.encode(), 0
    for token in tokens(text):
        if token.kind == "other":
            depth += {"(": 1, ")": -1}.get(token.text, 0)
        elif token.kind == "word" and not depth and token.text.upper() == "SETTINGS":
            return len(text[: token.start].decode())
    return len(head)


@contextlib.contextmanager
def laid_down(blocks: Iterable[bytes]) -> Iterator[IO[bytes]]:
    """A file of no name with these blocks, whole before anyone reads it: a body that breaks off inserts nothing."""
    with contextlib.ExitStack() as files:
        file, size = files.enter_context(_in_memory()), 0
        for block in blocks:
            size += len(block)
            if size > IN_MEMORY_BYTES >= size - len(block):
                file = files.enter_context(_moved(file))
            file.write(block)
        file.flush()
        yield file


def _in_memory() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("prebill-insert"), "w+b")
    return tempfile.TemporaryFile()


def _moved(file: IO[bytes]) -> IO[bytes]:
    import shutil

    larger = tempfile.TemporaryFile()  # noqa: SIM115 - whoever asked closes it
    file.seek(0)
    shutil.copyfileobj(file, larger, 1 << 20)
    file.truncate(0)
    return larger
