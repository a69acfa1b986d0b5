"""What is wrong with a home, counted."""

from collections import Counter
from dataclasses import dataclass, field

#: Scans that were acknowledged and are not there; that are there twice; that nobody sent; states that are not what the
#: scans give; changes that do not follow from the one before, or do not lead to the state.
KINDS = ("missing", "twice", "strange", "states_wrong", "changes_wrong")
_MOST_TOLD = 20


@dataclass
class Faults:
    """How many of each kind, and the first ones in words."""

    counts: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.counts.total() > 0

    def add(self, kind: str, many: int, what: str) -> None:
        """So many more, if there are any."""
        if many:
            self.counts[kind] += many
            if len(self.told) < _MOST_TOLD:
                self.told.append(f"{kind}: {what}")
