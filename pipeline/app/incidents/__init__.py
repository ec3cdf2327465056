"""Incidents, tasks, probes and the rota on the command line."""
