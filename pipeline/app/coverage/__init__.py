"""Coverage and gaps for people: when they are checked, what they cost, how they are shown."""
