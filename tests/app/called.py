"""`prebill` called in another process that has called it before: the libraries, the store's engine and our modules of
constants and functions alone are loaded once, and every module that remembers anything is loaded anew for each call, so
that a call costs what the command does and no second of imports. tests/app/test_main.py starts it as a shell does."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType
from typing import Any

OURS = ("kernels", "pipeline", "incidents", "loadtest", "infra")

CONSTANT = {
    "builtins",
    "types",
    "typing",
    "collections.abc",
    "datetime",
    "decimal",
    "re",
    "pathlib",
    "numpy",
    "email.policy",
}
CONSTANT |= {"msgspec._core", "msgspec.json", "__future__"}
"""Where the types of values come from with which a module remembers nothing, but for tables not named as constants."""

_STARTING = multiprocessing.get_context("spawn")


class _Caller:
    """A process that waits for command lines."""

    def __init__(self) -> None:
        self.line, far = _STARTING.Pipe()
        self.process = _STARTING.Process(target=_serve, args=(far,), daemon=True)
        self.process.start()
        far.close()


LEAN = "aggregate"
"""The command that keeps modules out of its process for good: it has processes of its own."""

CALLS = 80
"""Of one process: the engine leaves five threads behind with each store that is opened and closed."""

_idle: dict[bool, list[_Caller]] = {True: [], False: []}


def call(
    arguments: Sequence[str], *, cwd: Path, environment: Mapping[str, str], stdin: str, timeout: float
) -> subprocess.CompletedProcess[str]:
    """As subprocess.run with captured text; raises TimeoutExpired."""
    with tempfile.TemporaryDirectory(prefix="prebill-call-") as folder:
        given, out, err = (Path(folder) / name for name in ("in", "out", "err"))
        given.write_text(stdin, encoding="utf-8")
        idle = _idle[LEAN in arguments]
        caller = idle.pop() if idle else _Caller()
        caller.line.send((tuple(arguments), str(cwd), dict(environment), (str(given), str(out), str(err))))
        if not caller.line.poll(timeout):
            caller.process.kill()
            caller.process.join()
            raise subprocess.TimeoutExpired(["prebill", *arguments], timeout)
        try:
            code, goes_on = caller.line.recv()
        except EOFError:
            code, goes_on = None, False
        if goes_on:
            idle.append(caller)
        else:
            caller.process.join(timeout)
        told = [path.read_text(encoding="utf-8") if path.exists() else "" for path in (out, err)]
        return subprocess.CompletedProcess(
            ["prebill", *arguments], caller.process.exitcode or 0 if code is None else code, *told
        )


def _serve(line: Connection) -> None:
    """Calls until nobody asks any more, often enough, or a command left its store open, which the end of it mends."""
    sys.dont_write_bytecode = False  # xdist's processes write none, and ours is loaded again and again
    for number in range(1, CALLS + 1):
        try:
            asked = line.recv()
        except EOFError:
            return
        code = _call(*asked)
        connect: Any = sys.modules.get("pipeline.store.connect")
        goes_on = number < CALLS and (connect is None or not connect._owned)
        line.send((code, goes_on))
        if not goes_on:
            return


def _call(arguments: tuple[str, ...], cwd: str, environment: dict[str, str], files: tuple[str, ...]) -> int:
    """Takes on folder, environment and files of the call, then runs it to its end; nothing is left of the last one."""
    forget()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    for number, (file, flags) in enumerate(
        zip(files, (os.O_RDONLY, *(os.O_WRONLY | os.O_CREAT | os.O_TRUNC,) * 2), strict=True)
    ):
        opened = os.open(file, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as the interpreter's own
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    sys.argv = ["prebill", *arguments]
    from pipeline.app.main import main

    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    finally:
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)


def forget() -> None:
    """Nothing is left of earlier calls: what remembers goes, and what refers to it, and caches are emptied."""
    code = OURS[1:]  # kernels are compiled code alone
    ours = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in code}
    refers = {name: _referred(name, module) for name, module in ours.items()}
    gone = {name for name, module in ours.items() if _remembers(module)}
    while more := {name for name in ours.keys() - gone if refers[name] & gone}:
        gone |= more
    for name in gone:
        del sys.modules[name]
        package, _, leaf = name.rpartition(".")
        if package in ours:
            vars(ours[package]).pop(leaf, None)
    for name in ours.keys() - gone:
        for value in list(vars(ours[name]).values()):
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def _referred(name: str, module: ModuleType) -> set[str]:
    """The modules whose things this one has names for, but for those inside a package."""
    found = set()
    for value in list(vars(module).values()):
        if isinstance(value, ModuleType):
            if not value.__name__.startswith(f"{name}."):
                found.add(value.__name__)
        elif isinstance(where := getattr(value, "__module__", None), str):
            found.add(where)
    return found - {name}


def _remembers(module: ModuleType) -> bool:
    """Whether it holds a value that a call may change: a lock, a counter, a table not named as a constant."""
    return not all(key.startswith("__") or _is_constant(key, value) for key, value in vars(module).items())


def _is_constant(key: str, value: object) -> bool:
    if isinstance(value, dict | list | set):
        return key.isupper()
    kind = type(value).__module__
    return (
        isinstance(value, type)
        or kind in CONSTANT
        or kind.partition(".")[0] in OURS
        or hasattr(value, "cache_clear")
    )
