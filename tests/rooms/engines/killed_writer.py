"""A process that appends scans until it is killed, and tells each append once it was acknowledged.

Run as: python -m tests.rooms.engines.killed_writer HOME ROUND. Each line it prints: position, first place, how many.
Three threads append, each along its own row of scans; every batch sends a few of the one before once more.
"""

import os
import random
import sys
import threading
from pathlib import Path

from tests.rooms.engines.homes import SMALL_RUNS, home_in
from tests.rooms.engines.scan_batches import batch

#: Small files, so that every step of their lives is often under way.
OPTIONS = {"segment_bytes": 30_000}
THREADS = 3
#: Else it would be killed before the first scan is indexed.
MOST_LAG = 200
ROW = 20_000


def main() -> None:
    path, turn = Path(sys.argv[1]), int(sys.argv[2])
    for module, name, value in SMALL_RUNS:
        setattr(module, name, value)
    home = home_in(path, **OPTIONS)
    telling = threading.Lock()

    def end(failed: threading.ExceptHookArgs) -> None:
        sys.__excepthook__(failed.exc_type, failed.exc_value or failed.exc_type(), failed.exc_traceback)
        os._exit(1)  # else whoever is to kill it waits for ever

    def append(thread: int) -> None:
        rng = random.Random(turn * THREADS + thread)
        place = (turn * THREADS + thread) * ROW
        while True:
            count = rng.randint(5, 60)
            position = home.memory.log.append(batch(place, count))
            home.memory.index.catch_up(position - MOST_LAG, 60)
            with telling:
                print(position, place, count, flush=True)
            place += count - rng.randint(0, 4)

    threading.excepthook = end
    for thread in range(THREADS):
        threading.Thread(target=append, args=(thread,), daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
