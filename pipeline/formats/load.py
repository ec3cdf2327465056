"""Loads formats: the TOML files beside this module by name, a user's by path; gives a LogFormat or all faults."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path

from pipeline.formats.errors import FormatError, Problem, nearest
from pipeline.formats.from_toml import TomlReader
from pipeline.formats.model import LogFormat

HERE = Path(__file__).parent


@functools.cache
def builtin_names() -> tuple[str, ...]:
    """Names of the formats that come with prebill, in alphabetical order."""
    return tuple(sorted(path.stem for path in HERE.glob("*.toml")))


def load_format(name_or_path: str | Path) -> LogFormat:
    """The format of that name, or of the TOML file at that path (anything with a slash or ending in `.toml`).

    Raises FormatError with every problem of the file at once.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or "/" in text or text.endswith(".toml"):
        return _load_file(Path(name_or_path))
    if text not in builtin_names():
        known = ", ".join(builtin_names())
        expected = f"one of {known}, or a path to a format's TOML"
        raise FormatError([Problem("format", "", repr(text), expected, nearest(text, builtin_names()))])
    return _load_builtin(text)


@functools.cache
def _load_builtin(name: str) -> LogFormat:
    return _load_file(HERE / f"{name}.toml")


def _load_file(path: Path) -> LogFormat:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, UnicodeDecodeError):
            found = f"something else than UTF-8 at byte {error.start}"
        else:
            found = (error.strerror or str(error)).lower()
        raise FormatError([Problem(str(path), "", found, "a readable UTF-8 file")]) from None
    return parse_format(text, str(path))


def parse_format(text: str, file: str = "<format>") -> LogFormat:
    """The format that a TOML text describes; `file` names it in errors. Raises FormatError."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FormatError([Problem(file, "", f"no TOML ({error})", "TOML, version 1 of a format")]) from None
    return TomlReader(data, file).read()
