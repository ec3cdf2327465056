"""What `prebill demo` stages and shows."""
