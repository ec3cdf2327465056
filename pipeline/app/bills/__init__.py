"""Bills, simulations, rebills and spikes: from the store and the configuration to rating, and to people."""
