"""Parts of `./scripts/bench pictures`."""
