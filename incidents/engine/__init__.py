"""The pure engine: events and time in, incidents and notices out."""
