"""What `prebill doctor` looks at: each check tells what it found, and how to mend it."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.app.context import DEFAULT_CONFIG, Context
from pipeline.app.failures import Failure
from pipeline.app.terminal import human_bytes, plural
from pipeline.instants import instant_text

if TYPE_CHECKING:
    from incidents.desk.api.settings import ApiSettings
    from pipeline.app.configuration.settings import Config

OK, NOTE, FAIL = "ok", "note", "fail"

LOW_DISK, NO_DISK = 10 << 30, 1 << 30
NAMES_SHOWN = 5
JAVA_WANTED = 17


@dataclass(frozen=True)
class Check:
    """What was looked at, how it is, what was found, and how to mend it."""

    name: str
    state: str
    found: str
    mend: str = ""

    def document(self) -> dict[str, Any]:
        """The check as JSON holds it."""
        return asdict(self)


def run_checks(context: Context) -> Iterator[Check]:
    """Every check, each safe from what the others find."""
    try:
        config: Config | None = context.config
        yield Check("configuration", OK, _config_found(context))
    except Failure as failure:
        config = None
        yield Check("configuration", FAIL, "\n".join(failure.problems), failure.mend)
    dsn = context.store_dsn or (config.store.dsn if config else None)
    if dsn is not None:
        yield from _guarded("store", lambda: _store(dsn, context))
    yield from _guarded("clock", lambda: _clock(context))
    if config is not None:
        spool = Path(config.spool.path)
        yield from _guarded("spool", lambda: _spool(spool, config, context.now()))
        yield from _guarded("format", lambda: _format(config.spool.format))
        yield from _guarded("probes", lambda: _probes(config))
        yield from _guarded("channels", lambda: _channels(config, context.now()))
        yield from _guarded("desk", lambda: _desk(config))
        if (api := config.support.api) is not None:
            yield from _guarded("support api", lambda: _support_api(api))
        yield from _guarded("plans", lambda: _plans(config, context))
    yield from _guarded("disk", lambda: _disk(_folders(dsn, config)))
    yield from _guarded("kernels", _kernels)
    yield from _guarded("java", _java)


def _guarded(name: str, check: Callable[[], Check | tuple[Check, ...]]) -> Iterator[Check]:
    try:
        found = check()
        yield from found if isinstance(found, tuple) else (found,)
    except Failure as failure:
        yield Check(name, FAIL, "\n".join(failure.problems), failure.mend)
    except Exception as error:
        yield Check(
            name, FAIL, f"could not be checked: an error of prebill's own, {type(error).__name__}: {error}"
        )


def _config_found(context: Context) -> str:
    config = context.config
    return f"{plural(len(config.edge), 'edge')}, {plural(len(config.customer), 'customer')}"


def _store(dsn: str, context: Context) -> tuple[Check, ...]:
    from pipeline.app.doctor.store import folder_found, store_found
    from pipeline.store.dsn import ChdbDsn, parse_dsn
    from pipeline.store.errors import DsnError

    try:
        parsed = parse_dsn(dsn)
    except DsnError as error:
        return (Check("store", FAIL, str(error), "Mend store.dsn in the configuration."),)
    if isinstance(parsed, ChdbDsn) and (found := folder_found(parsed.path)) is not None:
        return (Check("store", *found),)
    return tuple(Check(name, *found) for name, found in store_found(context, str(parsed)))


class _Timex(ctypes.Structure):
    """The head of the kernel's struct timex, padded to more than its size."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 400),
    )


def _clock(context: Context) -> Check:
    now = context.now()
    shown = instant_text(now)
    if context.fixed_now is not None:
        return Check("clock", NOTE, f"{shown}, given by --now")
    state = _Timex()
    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(state))
    except (OSError, AttributeError):
        return Check("clock", NOTE, f"{shown}; this system does not tell whether it is synchronised")
    if answer == 5 or state.status & 0x40:  # TIME_ERROR, STA_UNSYNC
        return Check(
            "clock",
            NOTE,
            f"{shown}; the kernel does not know it to be synchronised",
            "Lateness is judged by this clock: run chrony, systemd-timesyncd or ntpd (a virtual machine's host may).",
        )
    return Check("clock", OK, f"{shown}, synchronised within {state.maxerror / 1000:.0f} ms")


def _probes(config: Config) -> Check:
    from pipeline.app.doctor.probes import probes_found

    good, found, mend = probes_found(config)
    return Check("probes", OK if good else NOTE, found, mend)


def _spool(spool: Path, config: Config, now: datetime) -> Check:
    from pipeline.ingest.errors import UnreadableError
    from pipeline.ingest.names import Name, PatternError, read_name
    from pipeline.ingest.spool import Spool

    if not spool.is_dir():
        return Check("spool", FAIL, f"{spool} is not a folder", f"mkdir -p {spool}, or mend spool.path.")
    try:
        looked = Spool(spool, config.spool.pattern)
        look = looked.look(0.0)
    except PatternError as error:
        return Check("spool", FAIL, f"spool.pattern: {error}", "Mend spool.pattern in the configuration.")
    except UnreadableError as error:
        return Check("spool", FAIL, str(error), f"chmod o+rx {spool}, or another user.")
    paths = [found.path for found in look.found] + [waiting.path for waiting in look.waiting]
    origins = [name.origin for path in paths if isinstance(name := read_name(path, looked.pattern), Name)]
    edges = {origin.edge for origin in origins}
    ahead = [origin for origin in origins if origin.minute * 60 > now.timestamp() + 3600]
    found = f"{spool}: {plural(len(paths), 'segment')} of {plural(len(edges), 'edge')}"
    strangers = sorted(edges - {edge.id for edge in config.edge})
    if wrong := look.problems:
        shown = "; ".join(map(str, wrong[:NAMES_SHOWN]))
        if (more := len(wrong) - NAMES_SHOWN) > 0:
            shown += f"; and {more:,} more, which `prebill status --json` lists"
        return Check("spool", FAIL, f"{found}; {len(wrong):,} not taken in", f"Not taken in: {shown}.")
    if ahead:
        mend = "This clock, or that edge's, is wrong."
        return Check("spool", FAIL, f"{found}; {len(ahead):,} lie in the future, first {ahead[0]}", mend)
    if strangers and config.edge:
        names = ", ".join(strangers[:NAMES_SHOWN])
        mend = "They are counted; add an [[edge]] for each, so that a missing minute of theirs is noticed."
        return Check(
            "spool",
            NOTE,
            f"{found}; {plural(len(strangers), 'edge')} not in the configuration: {names}",
            mend,
        )
    return Check("spool", OK, found)


def _format(name: str) -> Check:
    from pipeline.formats.errors import FormatError
    from pipeline.formats.load import load_format

    if name == "auto":
        return Check("format", OK, "auto: found from the first segment's lines")
    try:
        fmt = load_format(name)
    except FormatError as error:
        return Check(
            "format", FAIL, "\n".join(map(str, error.problems)), "Mend spool.format, or the format's TOML."
        )
    return Check("format", OK, f"{fmt.name}: {fmt.title}")


def _plans(config: Config, context: Context) -> Check:
    from pipeline.app.doctor.plans import check_plans

    return check_plans(config, Path(context.config_path or DEFAULT_CONFIG), context.now())


def _channels(config: Config, now: datetime) -> Check:
    from pipeline.app.doctor.channels import channels_found

    return Check("channels", *channels_found(config.notifying, now.timestamp()))


def _desk(config: Config) -> Check:
    from pipeline.app.doctor.desk import mail_found

    return Check("desk", *mail_found(config.support))


def _support_api(settings: ApiSettings) -> Check:
    from pipeline.app.doctor.api import api_found

    return Check("support api", *api_found(settings))


def _folders(dsn: str | None, config: Config | None) -> dict[str, Path]:
    folders = {}
    if dsn is not None and dsn.startswith("chdb://"):
        folders["store"] = Path(dsn.removeprefix("chdb://"))
    if config is not None:
        folders["spool"] = Path(config.spool.path)
    return folders or {"this folder": Path.cwd()}


def _disk(folders: dict[str, Path]) -> Check:
    found, state = [], OK
    for what, folder in folders.items():
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        free = shutil.disk_usage(there).free
        state = FAIL if free < NO_DISK else NOTE if free < LOW_DISK and state != FAIL else state
        found.append(f"{what} {human_bytes(free)} free")
    mend = "" if state == OK else "Free some space, or move the store or the spool to a larger disk."
    return Check("disk", state, ", ".join(found), mend)


def _kernels() -> Check:
    from kernels.native import cache_folder

    folder = cache_folder()
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not os.access(there, os.W_OK):
        mend = "Set PREBILL_CACHE to a folder that can be written, else every start compiles anew."
        return Check("kernels", FAIL, f"compiled kernels cannot be kept in {folder}", mend)
    kept = sum(1 for _ in folder.glob("*.o")) if folder.exists() else 0
    if not kept:
        return Check(
            "kernels",
            NOTE,
            "not compiled yet for this machine",
            "The first command compiles them: some seconds.",
        )
    return Check("kernels", OK, f"{kept} compiled, in {folder}")


def _java() -> Check:
    java = shutil.which("java")
    mend = (
        f"Only a cluster needs it: a Java {JAVA_WANTED} runtime (Debian: openjdk-{JAVA_WANTED}-jre-headless)."
    )
    if java is None:
        return Check("java", NOTE, "not installed", mend)
    done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
    first = (done.stderr or done.stdout).splitlines()[:1]
    version = first[0].split('"')[1] if first and '"' in first[0] else "unknown"
    major = version.split(".")[0]
    if major.isdecimal() and int(major) >= JAVA_WANTED:
        return Check("java", OK, version)
    return Check("java", NOTE, f"{version} is older than {JAVA_WANTED}", mend)
