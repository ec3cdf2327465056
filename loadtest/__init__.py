"""Generated traffic with its truth, benchmarks against peers, and load on a real nginx."""
