"""The watch: what feeds the incident engine, and what becomes of its notices."""
