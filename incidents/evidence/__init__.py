"""What usage, gaps and counters become as evidence: pure functions from figures to lines as
`pipeline.coverage.evidence` takes them."""
