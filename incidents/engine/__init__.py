"""The pure engine: events and time in, incidents and notices out."""

from incidents.engine.engine import Engine

__all__ = ["Engine"]
