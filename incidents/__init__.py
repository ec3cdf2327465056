"""Evidence of harm in, priorities and notices out."""
