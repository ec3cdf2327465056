"""Compiled loops over arrays and raw bytes: no I/O, no Beam, no strings, nothing of ours imported."""
