"""What a room may ask of a machine: four kinds of memory and one kind of news.

A scan is acknowledged by the log and indexed behind it. Every scan in the log has a number, its position: 0, 1, 2 ...
in the order of acknowledgement, for ever. Index, history and changes each say up to which position they have come;
a position always means "everything below it".
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import msgspec
import pyarrow as pa
from sqlalchemy.engine import Connection


class Frame(msgspec.Struct, frozen=True):
    """Scans as the log keeps them together.

    Attributes:
        position: of the first scan.
        scans: columns of `SCAN_SCHEMA`; the scan in row r has position `position + r`.
    """

    position: int
    scans: pa.RecordBatch

    @property
    def end(self) -> int:
        """The position behind the last scan."""
        return self.position + int(self.scans.num_rows)


class ScanLog(Protocol):
    """Append-only scans. What was acknowledged survives kill -9 and a power cut."""

    def append(self, scans: pa.RecordBatch) -> int:
        """Keep some scans and return the position of the first, once all are on disk. Safe to call from many threads.

        Raises:
            BadInput: it is no scan batch; see `check_batch`.
            StorageFull: there is no room; none of these scans was kept.
            StoreError: the disk failed; whether they were kept shows after opening anew.
        """

    def read(self, position: int) -> Iterator[Frame]:
        """The frames from a position on, up to the end at the time of the call. The first frame may be cut to it.

        Raises:
            Gone: what is there was kept only so long; says from where on there are scans.
        """

    def start(self) -> int:
        """The lowest position that `read` can give: 0, unless older scans went as the settings ask."""

    def position(self) -> int:
        """The end: the position that the next scan will get."""


class ParcelIndex(Protocol):
    """Timeline and state of every parcel, behind the log.

    A state table has the columns `carrier`, `number`, `scans` (how many, duplicates dropped) and the fields of the
    fold's record, words as text. The states and timelines of some numbers are sorted by number, then carrier.
    """

    def states(self, numbers: Sequence[str], carrier: str | None = None, most: int | None = None) -> pa.Table:
        """The states of all parcels that bear one of the numbers, whichever the carrier.

        Args:
            numbers: whole numbers.
            carrier: only its parcels.
            most: of each number at most so many parcels, those of the first carriers. What it costs is bounded by that.
        """

    def timelines(self, numbers: Sequence[str], carrier: str | None = None, most: int | None = None) -> pa.Table:
        """The scans of the same parcels (`SCAN_SCHEMA`), duplicates dropped, as `in_order` puts them.

        Args:
            numbers: whole numbers.
            carrier: only its parcels.
            most: of each parcel at most so many scans, the newest by instant; which of those that share the oldest
                instant told is left to the engine. What it costs is bounded by that. `states` says how many a parcel
                has; what a scan left out would have corrected is not known from the answer, but the state knows it.
        """

    def page(self, after: tuple[str, str] | None, limit: int) -> pa.Table:
        """The next `limit` states behind a (number, carrier), in an order of the engine's own.

        A parcel that is there all the time comes once; one that comes meanwhile may come or not.
        """

    def position(self) -> int:
        """Everything below is in."""

    def catch_up(self, position: int, timeout_s: float) -> bool:
        """Wait until everything below a position is in; False if it took longer.

        Raises:
            StoreError: indexing failed, so that waiting is in vain until what the error names is mended.
        """


class Changes(Protocol):
    """State changes after duplicates are dropped: ordered per parcel, resumable from a cursor.

    A table of changes has `position`, the columns of the scan that stands there, which is the last one that moved its
    parcel, and the fields of the fold's news. What scans moved together is told once. After a crash of the machine the
    same may be told again, under the same or a later position.
    """

    def read(self, after: int, limit: int) -> pa.Table:
        """The next changes with a position greater than `after` (-1: from the beginning).

        Raises:
            Gone: some of them went with the older scans of the log; says from where on there are changes.
        """

    def edition(self) -> str:
        """As long as it stays the same, what was told once stands under the positions at which it was told.

        Another one, as after a crash of the machine, may have put the scans together otherwise: who adds changes up
        begins anew.
        """


class History(Protocol):
    """Columns over all time."""

    def run(self, ask: Callable[[Any], Any]) -> pa.Table:
        """Answer an Ibis expression over all scans, duplicates dropped (`SCAN_SCHEMA`, words as plain text).

        `ask` gets the table of scans and returns the expression.
        """

    def position(self) -> int:
        """Everything below is in."""


class Records(Protocol):
    """Master data and transactions. Rooms own their tables and write SQLAlchemy Core statements."""

    def begin(self) -> AbstractContextManager[Connection]:
        """One transaction: committed at the end of the block, rolled back if an error leaves it.

        It may wait for other writers; a block inside the block of the same thread would wait for ever.
        """

    def read(self) -> AbstractContextManager[Connection]:
        """One consistent view, for reading only: waits for no writer and holds none up."""


class Memory(msgspec.Struct, frozen=True):
    """The machines under a running Waypost, of one engine or of several."""

    records: Records
    log: ScanLog
    index: ParcelIndex
    changes: Changes
    history: History
    close: Callable[[], None]
