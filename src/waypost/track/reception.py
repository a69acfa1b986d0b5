"""Where live scans are handed in: checked, kept, acknowledged."""

from collections.abc import Callable, Collection

import msgspec

from waypost.store.protocols import Memory
from waypost.track.intake import Intake, ZoneFinder, take_in
from waypost.track.wire import Refusal, Rows


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the rows that were handed in.

    Attributes:
        position: of the first accepted scan in the log; everything accepted stands below `position + accepted`, which
            a look-up that has to see it sends as `min_position`.
        accepted: on disk now. Scans that were sent before count too: they change nothing.
        refused: how many rows were not taken, and `refusals` why.
        indexed: whether look-ups already show them.
    """

    position: int
    accepted: int
    refused: int
    refusals: list[Refusal]
    indexed: bool

    @property
    def end(self) -> int:
        """The position behind the last accepted scan."""
        return self.position + self.accepted


class Reception:
    """Takes rows from a door and gives back a receipt, once what is good about them cannot be lost any more."""

    def __init__(self, memory: Memory, zone_of: ZoneFinder, clock: Callable[[], int]) -> None:
        self._memory = memory
        self._zone_of = zone_of
        self._clock = clock

    def receive(self, rows: Rows, *, carrier: str | None = None, only: Collection[str] | None = None) -> Receipt:
        """Keep the good rows and say which were not.

        Args:
            rows: what was sent.
            carrier: for rows that name none.
            only: the carriers that the sender may speak for; None for all.

        Raises:
            StorageFull: there is no room; nothing of it was kept.
        """
        return self.keep(self.check(rows, carrier=carrier, only=only))

    def check(self, rows: Rows, *, carrier: str | None = None, only: Collection[str] | None = None) -> Intake:
        """The first half of `receive`: all the work, and nothing is kept."""
        now_ms = self._clock()
        return take_in(rows, self._zone_of, now_ms=now_ms, recorded_at_ms=now_ms, carrier=carrier, only=only)

    def find_zone(self, carrier: str, facility: str | None) -> str | None:
        """In which zone a stamp without an offset is read, of that carrier and scanned there; None if none is known."""
        [known] = self._zone_of([(carrier, facility)])
        return known[0] if known else None

    def keep(self, intake: Intake) -> Receipt:
        """The second half: all the waiting.

        Raises:
            StorageFull: there is no room; nothing of it was kept.
        """
        position = self._memory.log.append(intake.scans)
        end = position + intake.scans.num_rows
        return Receipt(
            position=position,
            accepted=intake.scans.num_rows,
            refused=len(intake.refusals),
            refusals=intake.refusals,
            indexed=self._memory.index.position() >= end,
        )
