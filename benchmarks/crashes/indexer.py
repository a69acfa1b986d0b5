"""The indexer of a writer: as every home's, with small sizes, and telling what it is at.

Run by the writer's home, as `waypost.engines.local.indexer` is.
"""

import os
from pathlib import Path

from benchmarks.crashes.phases import Phases
from benchmarks.crashes.sizes import make_small
from waypost.engines.local import indexer
from waypost.engines.local.ledger import Ledger
from waypost.engines.local.slots import Slots

#: Names the file of the phases.
PHASES_AT = "WAYPOST_CRASH_PHASES"
_WATCHED = (
    (Ledger, "apply", "indexing"),
    (Ledger, "_publish", "publishing"),
    (Slots, "put", "noting states"),
    (Ledger, "merge", "merging"),
)


def main() -> None:
    """Index until told to stop, or killed."""
    make_small()
    phases = Phases(Path(os.environ[PHASES_AT]))
    watch(phases)
    phases.indexer = os.getpid()
    indexer.main()


def watch(phases: Phases) -> None:
    """Let the engine tell what it is at."""
    for owner, method, name in _WATCHED:
        phases.clear(name)  # one that was killed was at them
        phases.watch(owner, method, name)


if __name__ == "__main__":
    main()
