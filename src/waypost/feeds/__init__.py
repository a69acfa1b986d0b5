"""What the world knows: readers of history files, each a `track.feed.ScanFeed`. Start at `kinds`."""
