"""An imagined world, seeded, that comes in by the same doors as the real one. Start at `sample`."""
