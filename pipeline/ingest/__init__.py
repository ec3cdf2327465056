"""Where segments come from: the spool, its names, sidecars and codecs."""
