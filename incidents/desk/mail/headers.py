"""Headers of letters that came, read however broken they are: for message.py and reports.py. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email.message import Message

_MESSAGE_ID = re.compile(r"<[^<>\s\x00-\x1f\x7f]{1,250}>")


def header(letter: Message, name: str) -> str:
    """A header's value as one line, however broken; empty where there is none."""
    try:
        value = letter.get(name)
    except Exception:  # a header that the standard parser cannot read is a header that is not there
        return ""
    return "" if value is None else " ".join(str(value).split())[:20_000]


def ids_in(text: str) -> list[str]:
    """Every Message-ID in a text, as it stands there."""
    return [found for found in _MESSAGE_ID.findall(text) if len(found) <= 255]
