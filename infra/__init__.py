"""What runs beside prebill, and the scripts that start each."""
