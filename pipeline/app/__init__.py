"""The front door: the command line, and the only room that may see every other, and that none imports."""
