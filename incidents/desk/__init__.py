"""The support desk: requests in, clocks, letters out, and the weekly report on all of it."""
