"""`prebill` called in a process of its own that begins with the libraries already loaded: forked from one that has
nothing of ours in it, so that a call costs what the command does and not a second of imports. tests/app/test_main.py
starts the command as a shell does."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

LIBRARIES = (
    "cyclopts", "rich.table", "rich.progress", "msgspec", "numpy", "pandas", "pyarrow", "pyarrow.compute",
    "clickhouse_connect", "babel.numbers", "jinja2", "structlog", "xxhash", "isal", "zstandard",
)  # fmt: skip
"""What commands load of others. Not chDB and numba: they have threads, which a fork does not take along."""

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(list(LIBRARIES))


def call(
    arguments: Sequence[str], *, cwd: Path, environment: Mapping[str, str], stdin: str, timeout: float
) -> subprocess.CompletedProcess[str]:
    """As subprocess.run with captured text; raises TimeoutExpired."""
    with tempfile.TemporaryDirectory(prefix="prebill-call-") as folder:
        given, out, err = (Path(folder) / name for name in ("in", "out", "err"))
        given.write_text(stdin, encoding="utf-8")
        where = (str(cwd), dict(environment), str(given), str(out), str(err))
        process = _FORKING.Process(target=_become, args=(tuple(arguments), where))
        process.start()
        process.join(timeout)
        if process.is_alive():
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(["prebill", *arguments], timeout)
        told = [path.read_text(encoding="utf-8") if path.exists() else "" for path in (out, err)]
        return subprocess.CompletedProcess(["prebill", *arguments], process.exitcode or 0, *told)


def _become(arguments: tuple[str, ...], where: tuple[str, dict[str, str], str, str, str]) -> None:
    """What the forked process does: takes on folder, environment and files of the call, then runs it to its end."""
    cwd, environment, *files = where
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    for number, (file, flags) in enumerate(
        zip(files, (os.O_RDONLY, *(os.O_WRONLY | os.O_CREAT | os.O_TRUNC,) * 2), strict=True)
    ):
        os.dup2(os.open(file, flags, 0o600), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as the interpreter's own
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    sys.argv = ["prebill", *arguments]
    sys.dont_write_bytecode = False
    from pipeline.app.main import main

    try:
        main()
    finally:
        sys.stdout.flush()
        atexit._run_exitfuncs()
