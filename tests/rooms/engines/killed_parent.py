"""A process with an indexer of its own that appends scans until it is killed, and tells each append it was promised.

Run as: python -m tests.rooms.engines.killed_parent HOME. It prints the number of its indexer, then ends of the log.
"""

import itertools
import sys
from pathlib import Path

from tests.rooms.engines.homes import home_in
from tests.rooms.engines.scan_batches import batch

from waypost.engines.local.apart import Apart

INDEXER = "tests.rooms.engines.small_indexer"


def main() -> None:
    home = home_in(Path(sys.argv[1]), indexer=INDEXER)
    assert isinstance(home._follower, Apart)
    print(home._follower._process.pid, flush=True)
    for start in itertools.count(0, 50):
        home.memory.log.append(batch(start, 50))
        assert home.memory.index.catch_up(start - 200, 60)  # else it would be killed before anything is indexed
        print(start + 50, flush=True)


if __name__ == "__main__":
    main()
