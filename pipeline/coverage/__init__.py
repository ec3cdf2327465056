"""Coverage: which minutes of which edges are in, which are lost, and what a loss amounts to."""
