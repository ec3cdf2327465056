"""What prebill.toml says, as types, or all that is wrong with it at once."""
