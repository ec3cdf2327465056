"""Log formats as data: one TOML a format, and the code that turns one into a kernel call."""
