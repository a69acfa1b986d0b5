"""How fast, how large, how much of the machine: run by ./scripts/bench NAME."""
