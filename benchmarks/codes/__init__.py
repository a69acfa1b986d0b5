"""What `./scripts/bench sorting` runs on: real places of Brazil, imagined addresses of China, and plain peers."""
