"""What `prebill doctor` looks at, a file for each thing."""
