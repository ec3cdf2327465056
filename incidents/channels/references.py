"""Where secrets are: `env:NAME` and `file:PATH` into what they hold, and names for channels that tell none of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from incidents.channels.settings import is_reference

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST = 64 << 10


class UnreadableReferenceError(ValueError):
    """A reference that leads to nothing; says which, never what is there."""


def resolve(text: str, environment: Mapping[str, str]) -> str:
    """What a reference holds, or the text itself; raises UnreadableReferenceError."""
    if not is_reference(text):
        return text
    kind, _, where = text.partition(":")
    if kind == "env":
        if not (found := environment.get(where, "").strip()):
            raise UnreadableReferenceError(f"the environment variable {where} is not set")
        return found
    path = Path(where)
    try:
        if path.stat().st_size > LARGEST:
            raise UnreadableReferenceError(f"{where} is larger than {LARGEST >> 10} KiB")
        found = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UnreadableReferenceError(f"{where} cannot be read: {reason}") from None
    if not found:
        raise UnreadableReferenceError(f"{where} is empty")
    return found


def channel_name(text: str) -> str:
    """What records and messages call a channel: a URL by its scheme and a digest, all else as it is written."""
    if "://" not in text:
        return text
    digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    return f"{text.partition('://')[0].lower()}#{digest}"
