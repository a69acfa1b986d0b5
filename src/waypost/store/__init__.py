"""What a room may ask of a machine: small protocols and their in-memory reference."""
