"""Desk events to and from the JSON that the store's desk log keeps; what cannot be read is said, not guessed."""

from __future__ import annotations

import msgspec

from incidents.desk.model import DeskEvent

_DECODER = msgspec.json.Decoder(DeskEvent)
_ENCODER = msgspec.json.Encoder(order="deterministic")


class DeskLogError(ValueError):
    """An entry of the log that this code does not know."""


def encode_event(event: DeskEvent) -> str:
    """One event as JSON, its keys always in the same order. Raises ValueError for what no reader would take back."""
    raw = _ENCODER.encode(event)
    try:
        _DECODER.decode(raw)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    return raw.decode()


def decode_event(body: str | bytes) -> DeskEvent:
    """Raises DeskLogError with what was expected and found."""
    try:
        found: DeskEvent = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise DeskLogError(f"an entry of the desk log cannot be read: {error}") from None
    return found


def event_type(event: DeskEvent) -> str:
    """`received`, `answered` …"""
    return str(type(event).__struct_config__.tag)
