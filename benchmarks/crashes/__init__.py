"""Writers that are killed at work, and the proof that nothing is lost or doubled by it."""
