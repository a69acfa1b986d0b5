"""The parts of a measured load: bodies, senders, the course of it, what the machine gave, and whether all is there."""
