"""Parts of `./scripts/bench arrivals`."""
