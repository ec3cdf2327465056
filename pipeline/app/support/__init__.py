"""The support desk: its log, its mail, its requests by HTTP."""
