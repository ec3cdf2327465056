"""Reads prebill.toml and the environment into settings, or tells every error at once, each with its place."""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from incidents.channels.settings import anchored as anchored_channels
from incidents.channels.settings import anchored_ways
from incidents.desk.settings import anchored as anchored_desk
from incidents.policy import Policy
from pipeline.app.configuration.mended import SECTIONS, mended, only_follows
from pipeline.app.configuration.settings import Config, CustomerSettings, EdgeSettings, PlansSettings
from pipeline.app.failures import UsageFailure
from pipeline.rating.plan_errors import PlanError
from pipeline.shape import Key, Problem, S, key_text, read_struct, told_keys, top_level_keys
from pipeline.toml_lines import find_lines

PREFIX = "PREBILL_"
MAX_SIZE = 16 << 20

_PATIENT = frozenset({"customer", "edge"})
"""Sections whose rules pass over what could not be read in them, and look at the rest."""

_JUDGED_BY = {"objective_percent": ("burn_rate", "slow_burn"), "levels": ("acknowledge",)}
"""Keys of the policy that a rule holds against another: with a default in its place it would tell what is not so."""

_PLACEHOLDERS = {"store": {"dsn": "chdb:///unknown"}, "spool": {"path": "unknown"}}
"""In place of required sections that cannot be read, while rules look at the others."""


@dataclass(frozen=True)
class _Origins:
    """Where each key was written, so that an error can point there."""

    file: str
    lines: Mapping[Key, int]
    variables: Mapping[Key, str]

    def place(self, key: Key) -> str:
        """Where a key was written, or where its nearest holder was."""
        for depth in range(len(key), 0, -1):
            if (name := self.variables.get(key[:depth])) is not None:
                return f"environment variable {name}"
        line = self.line(key)
        return f"{self.file}:{line}" if line else self.file

    def error(self, problem: Problem) -> PlanError:
        """A problem with its place."""
        place, of_file = self.place(problem.key), self.line(problem.key)
        named = f"{self.file}:{of_file}" == place
        return PlanError(
            self.file if named else place, of_file if named else 0, key_text(problem.key), problem.what
        )

    def line(self, key: Key) -> int:
        """The line of a key or of its nearest holder, 0 where the file has neither."""
        known = (self.lines.get(key[:depth]) for depth in range(len(key), 0, -1))
        return next((line for line in known if line is not None), 0)


@dataclass(frozen=True)
class ConfigRead:
    """What was found in a configuration: all of it, `config`, or else every error with its place, in order of the file.

    `customers`: as far as they can be read, with None for what cannot, whatever its type says; `plans`: where the plan
    book is, as far as that can be told: what a check of plans and contracts goes on with.
    """

    config: Config | None
    errors: tuple[PlanError, ...]
    mend: str
    plans: Path
    customers: tuple[CustomerSettings, ...]


def usable(found: ConfigRead) -> Config:
    """The configuration. Raises UsageFailure with every error where it has one."""
    if found.config is None:
        raise UsageFailure([str(error) for error in found.errors], mend=found.mend)
    return found.config


def read_config(
    named: Path | None, default: Path, environment: Mapping[str, str], *, store_dsn: str | None = None
) -> ConfigRead:
    """Read `named`, or `default` where it exists, the environment over it, `store_dsn` over both.

    Without a file the environment alone may hold everything that is required. Raises UsageFailure where it is not TOML
    at all.
    """
    path = named or default
    text = _read(path, required=named is not None)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageFailure(f"{path}: not TOML: {error}") from None
    except RecursionError:
        raise UsageFailure(f"{path}: not TOML: lists or tables within one another without end") from None
    problems: list[Problem] = []
    variables = _apply_environment(document, environment, problems)
    if store_dsn is not None:
        document["store"] = {**_table(document.get("store")), "dsn": store_dsn}
    origins = _Origins(str(path) if text else f"{path} (not there)", find_lines(text), variables)
    config = read_struct(Config, document, (), problems)
    problems += _told_by_rules(config, document, problems)
    mend = "Every key is explained in docs/configuration.md."
    if not text and not variables:
        mend = f"There is no {path} here: name one with --config FILE, or start from docs/configuration.md."
    errors = sorted((origins.error(problem) for problem in problems), key=lambda error: error.line)
    whole = _anchored(config, path.parent) if config is not None and not problems else None
    book = _table(document.get("plans")).get("path")
    return ConfigRead(
        config=whole,
        errors=tuple(errors),
        mend=mend,
        plans=path.parent / (book if isinstance(book, str) and book else PlansSettings().path),
        customers=whole.customer
        if whole
        else _readable(CustomerSettings, document.get("customer"), "customer"),
    )


def _told_by_rules(config: Config | None, document: dict[str, Any], problems: list[Problem]) -> list[Problem]:
    """What the rules find; of a configuration with other faults, in the sections that have none."""
    from pipeline.app.configuration.rules import check

    if config is not None and not problems:
        return check(config)
    broken = {str(problem.key[0]) for problem in problems if problem.key} | {
        name for name in _PLACEHOLDERS if name not in document
    }
    sound = {name: value for name, value in document.items() if name not in broken}
    patient = _PATIENT
    for name, section in mended(document, problems).items():
        unread: list[Problem] = []
        if name in broken:
            read_struct(Config, {**_PLACEHOLDERS, name: section}, (), unread)
        if name in broken and not unread:
            sound[name], patient = section, patient | {name}
    rest = read_struct(Config, {**_PLACEHOLDERS, **sound}, (), [])
    if rest is None:
        return []
    customers: list[str] | None = None
    if "customer" in broken:
        found = _readable(CustomerSettings, document.get("customer"), "customer")
        customers = [each.id for each in found if each.id is not None]
        rest = replace(rest, customer=found)
    if "edge" in broken:
        rest = replace(rest, edge=_readable(EdgeSettings, document.get("edge"), "edge"))
    if "incidents" in broken and (policy := _readable_policy(document, problems)) is not None:
        rest, patient = replace(rest, incidents=policy), patient | {"incidents"}
    told = told_keys(problems)
    found_by_rules = check(rest, broken - patient, customers, told)
    return [
        each for each in found_by_rules if each.key[0] not in SECTIONS or not only_follows(each.key, told)
    ]


def _readable_policy(document: dict[str, Any], problems: list[Problem]) -> Policy | None:
    """The policy without the keys that cannot be read, nor those that are judged by one of them."""
    wrong = {
        str(problem.key[1]) for problem in problems if problem.key[:1] == ("incidents",) and problem.key[1:]
    }
    for key in tuple(wrong):
        wrong.update(_JUDGED_BY.get(key, ()))
    table = _table(document.get("incidents"))
    return read_struct(
        Policy, {key: value for key, value in table.items() if key not in wrong}, ("incidents",), []
    )


def _readable(kind: type[S], given: object, name: str) -> tuple[S, ...]:
    """What can be read of a list of tables; what cannot is None in them, and what is no table at all is empty."""
    rows = given if isinstance(given, list) else []
    found = (read_struct(kind, _table(row), (name, at), [], salvage=True) for at, row in enumerate(rows))
    return tuple(each for each in found if each is not None)


def _anchored(config: Config, folder: Path) -> Config:
    """Relative paths begin at the configuration's own folder, wherever the command is called."""
    spool, plans = config.spool, config.plans
    is_path = "/" in spool.format or spool.format.endswith(".toml")
    probe = tuple(replace(each, ca=str(folder / each.ca)) if each.ca else each for each in config.probe)
    return replace(
        config,
        probe=probe,
        spool=replace(
            spool,
            path=str(folder / spool.path),
            format=str(folder / spool.format) if is_path else spool.format,
        ),
        plans=replace(plans, path=str(folder / plans.path)),
        channel=anchored_channels(config.channel, folder),
        person=tuple(anchored_ways(each, folder) for each in config.person),
        contact=tuple(anchored_ways(each, folder) for each in config.contact),
        support=anchored_desk(config.support, folder),
    )


def _read(path: Path, *, required: bool) -> str:
    try:
        if path.stat().st_size > MAX_SIZE:
            raise UsageFailure(
                f"{path}: expected a configuration, found a file of more than {MAX_SIZE >> 20} MiB"
            )
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if required:
            raise UsageFailure(
                f"{path}: no such file", mend="--config names the configuration file."
            ) from None
        return ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"not UTF-8 at byte {error.start}"
        raise UsageFailure(f"{path}: cannot be read: {reason}") from None


def _apply_environment(
    document: dict[str, Any], environment: Mapping[str, str], problems: list[Problem]
) -> dict[Key, str]:
    """Write PREBILL_A__B=value over document["a"]["b"], PREBILL_EDGE__0__ID over the first edge's id.

    Names without `__` that are no top-level key are not ours to judge: other tools use the prefix too. Returns
    which variable set which key.
    """
    top = top_level_keys(Config)
    origins: dict[Key, str] = {}
    for name in sorted(environment):
        if not name.startswith(PREFIX):
            continue
        steps = name.removeprefix(PREFIX).lower().split("__")
        if len(steps) == 1 and steps[0] not in top:
            continue
        key: Key = tuple(int(step) if step.isdecimal() else step for step in steps)
        origins[key] = name
        if problem := _set(document, key, environment[name]):
            problems.append(Problem(key, problem))
    return origins


def _set(document: dict[str, Any], key: Key, text: str) -> str | None:
    holder: Any = document
    for step, following in itertools.pairwise(key):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            if step > len(holder):
                return (
                    f"there are only {len(holder)} of them, so number {step} cannot be set (the first is 0)"
                )
            if step == len(holder):
                holder.append(empty)
            holder = holder[step]
        else:
            holder = holder.setdefault(step, empty)
        if not isinstance(holder, list if isinstance(following, int) else dict):
            return f"{key_text(key[:-1])} is no {'list' if isinstance(following, int) else 'table'}"
    last, value = key[-1], _value(text)
    if not isinstance(last, int) or last < len(holder):
        holder[last] = value
    elif last == len(holder):
        holder.append(value)
    else:
        return f"there are only {len(holder)} of them, so number {last} cannot be set (the first is 0)"
    return None


def _value(text: str) -> Any:
    """A TOML value where it is one of those that are no plain text (list, table, true, number, time), else the text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
