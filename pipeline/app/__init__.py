"""The front door: the command line, configuration, and the service."""
