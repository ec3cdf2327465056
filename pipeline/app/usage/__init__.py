"""Usage as screens and files."""
