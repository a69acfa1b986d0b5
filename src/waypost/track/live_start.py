"""How live counts begin: with all parcels as they stand at one position, though the index goes on meanwhile.

The states are read page by page, and beside them what changed since that position. Of a parcel that had changed by
the time its page was read, that change says how it stood before.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.model.errors import Gone
from waypost.store.protocols import Changes, ParcelIndex
from waypost.track.fold import NEW_PARCEL
from waypost.track.live_counts import LiveCounts

#: What happened is learnt from the changes at so many positions back.
LOOKS_BACK = 5_000_000
#: Changes that are read at one time.
_AT_ONCE = 50_000
_PAGE = 20_000
_STATE = ("carrier", "number", "status", "facility", "last_at")


class LiveStart:
    """Makes counts, some at each turn."""

    def __init__(self, changes: Changes, index: ParcelIndex, now_ms: int) -> None:
        self._changes = changes
        self._index = index
        self.counts = LiveCounts(changes.edition(), now_ms)
        self.counts.position = self._read_to = index.position()
        self._after: tuple[str, str] | None = None
        self._has_states = False
        self._moved: list[pa.Table] = []
        self._behind = max(self.counts.position - LOOKS_BACK, 0) - 1
        self._is_cut = self._behind >= 0  # something happened before what is read, or is not told

    def turn(self, now_ms: int) -> bool:
        """Do some of it; whether all is done.

        Raises:
            Gone: changes went faster than they were read; it has to begin anew.
        """
        if not self._has_states:
            self._read_page()
            return False
        return self._read_back(now_ms)

    def _read_page(self) -> None:
        page = self._index.page(self._after, _PAGE).select(list(_STATE))
        if page.num_rows < _PAGE:
            self._has_states = True
        if not page.num_rows:
            return
        self._after = page.column("number")[-1].as_py(), page.column("carrier")[-1].as_py()
        self._read_moved()
        if not self._moved:
            self.counts.add_states(page)
            return
        moved = pa.concat_tables(self._moved)
        place = np.asarray(pc.fill_null(pc.index_in(_keys(page), value_set=_keys(moved)), -1)).astype(np.int64)
        self.counts.add_states(page.filter(pa.array(place < 0)))
        before = moved.take(pa.array(place[place >= 0]))
        before = before.filter(pc.equal(pc.bit_wise_and(before.column("told"), NEW_PARCEL), 0))
        names = {"before_status": "status", "before_facility": "facility", "before_ms": "last_at"}
        self.counts.add_states(
            before.select(["carrier", "number", *names]).rename_columns(["carrier", "number", *names.values()])
        )

    def _read_moved(self) -> None:
        """Read on what changed since the position that is counted; of each parcel the first change is kept."""
        end = self._index.position()
        while self._read_to < end:
            table = self._changes.read(self._read_to - 1, _AT_ONCE)
            if not table.num_rows:
                break
            self._read_to = table.column("position")[-1].as_py() + 1
            names = ["carrier", "number", "told", "before_status", "before_facility", "before_ms"]
            known = pa.concat_tables([*self._moved, table.select(names)]).unify_dictionaries().combine_chunks()
            first = np.sort(np.unique(np.asarray(_keys(known).dictionary_encode().indices), return_index=True)[1])
            self._moved = [known.take(pa.array(first))]

    def _read_back(self, now_ms: int) -> bool:
        try:
            table = self._changes.read(self._behind, _AT_ONCE)
        except Gone as gone:
            self._behind, self._is_cut = gone.start - 1, True
            return False
        since = np.asarray(table.column("now_ms"))
        own = np.asarray(table.column("position")) < self.counts.position
        told = table.filter(pa.array(own & (since != 0)))  # what earlier releases told does not say where
        self._is_cut |= told.num_rows < int(own.sum())
        if self._is_cut and self.counts.since_ms is None and told.num_rows:
            self.counts.since_ms = _came_ms(told)
        if told.num_rows:
            self.counts.add_happened(told, now_ms)
        if not table.num_rows or not own.all():
            return True
        self._behind = table.column("position")[-1].as_py()
        return False


def _came_ms(changes: pa.Table) -> int:
    """When the first of them came; where nobody wrote that down, when it happened."""
    first = changes.slice(0, 1)
    came = pc.coalesce(first.column("recorded_at"), first.column("at")).cast(pa.int64())
    return int(came[0].as_py())


def _keys(table: pa.Table) -> pa.Array:
    """Which parcel each row is about, as text."""
    keys = pc.binary_join_element_wise(
        table.column("number").cast(pa.string()), table.column("carrier").cast(pa.string()), "\x1f"
    )
    return keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys
