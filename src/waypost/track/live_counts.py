"""The network now, in counts that changes move: parcels by status, facilities, flows between them, silence.

A change says how its parcel stood before and how it stands now, so counts of parcels are moved by the difference: they
are those of the states, whatever came late, twice or was corrected. What happened (arrivals, departures, moves and how
long they took) is counted at the instant of the scan and is not taken back by a correction; of scans that were told
together, only from where to where they led is known.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.model.instants import EARLIEST_MS, LATEST_MS, MINUTE_MS
from waypost.track.fold import NEVER_LAST, NEW_PARCEL
from waypost.track.paces import HOUR_MS, Paces
from waypost.track.rings import Ring
from waypost.track.rows import Ints, Rows, grown
from waypost.track.standing import AHEAD_MS
from waypost.track.statuses import NOTICE, NUMBERS, VOID, list_statuses

Flags = npt.NDArray[np.bool_]

#: Further facilities and flows are not shown: senders may make up any number of them.
MOST_PLACES, MOST_FLOWS = 50_000, 100_000
#: Parcels without a newer scan are silent.
SILENT_H = 24
#: So soon half of what moves took lately, and took as usual, is forgotten.
LATELY_MS, USUAL_MS = 6 * HOUR_MS, 14 * 24 * HOUR_MS

_FIVE_MS = 5 * MINUTE_MS
_HOURS = (LATEST_MS - EARLIEST_MS) // HOUR_MS + 1
#: Nobody has these parcels yet.
_AHEAD_OF_ALL = ("order_created", "order_cancelled", "label_printed", "pickup_scheduled")
_RETURNING = ("return_initiated", "in_return_transit")
_AWAY = ("departed", "out_for_delivery", "delivered", "returned")


def _by_number(wanted: list[int]) -> Flags:
    flags = np.zeros(NUMBERS, np.bool_)
    flags[wanted] = True
    return flags


_STATUSES = [status for status in list_statuses() if status.number not in (VOID, NOTICE)]
#: By status: a carrier has had the parcel.
SEEN = _by_number([each.number for each in _STATUSES if each.code not in _AHEAD_OF_ALL])
#: It is in the network: a carrier has it and its way has not ended.
IN_NETWORK = SEEN & _by_number([each.number for each in _STATUSES if each.phase < 1 or each.code in _RETURNING])
#: It is held: in the network, and no move is to be expected.
HELD = IN_NETWORK & _by_number([each.number for each in _STATUSES if each.shape == "stop"])
#: It is in the facility of its newest scan.
_STAYS = IN_NETWORK & _by_number([each.number for each in _STATUSES if each.milestone not in _AWAY])


class LiveCounts:
    """Counts up to a position.

    Attributes:
        edition, position: of the changes that are counted, all below it.
        since_ms: what happened is counted of scans that came from then on; None if of all.
        statuses: parcels by status. `hours` those in the network by the hour of their newest scan.
        carriers, facilities: texts by their numbers. `places`, `flows`: rows by a key of two numbers.
        inside: parcels by place; `last_ms` its newest scan.
    """

    def __init__(self, edition: str, now_ms: int) -> None:
        self.edition = edition
        self.position = 0
        self.since_ms: int | None = None
        self.statuses = np.zeros(NUMBERS, np.int64)
        self.hours = np.zeros(_HOURS, np.int64)
        self.carriers: dict[str, int] = {}
        self.facilities: dict[str, int] = {}
        self.places, self.flows = Rows(MOST_PLACES), Rows(MOST_FLOWS)
        self.inside, self.last_ms = np.zeros(0, np.int64), np.zeros(0, np.int64)
        ahead = AHEAD_MS // _FIVE_MS + 1
        self.arrived_1h = Ring(_FIVE_MS, 12, ahead, now_ms)
        self.departed_1h = Ring(_FIVE_MS, 12, ahead, now_ms)
        self.arrived_24h = Ring(HOUR_MS, 24, AHEAD_MS // HOUR_MS + 1, now_ms)
        self.moved_24h = Ring(HOUR_MS, 24, AHEAD_MS // HOUR_MS + 1, now_ms)
        self.lately, self.usual = Paces(LATELY_MS, now_ms), Paces(USUAL_MS, now_ms)

    def advance(self, now_ms: int) -> None:
        """Let what is too old fall out."""
        for each in (self.arrived_1h, self.departed_1h, self.arrived_24h, self.moved_24h, self.lately, self.usual):
            each.advance(now_ms)

    def add(self, changes: pa.Table, now_ms: int) -> None:
        """Count some changes, which are the next ones."""
        before, now = self._sides(changes, now_ms)
        self._move(before, -1)
        self._move(now, 1)
        self._note(before, now, now_ms)

    def add_happened(self, changes: pa.Table, now_ms: int) -> None:
        """Count what happened with some changes of parcels that are counted as they stand since."""
        before, now = self._sides(changes, now_ms)
        self._note(before, now, now_ms)

    def _sides(self, changes: pa.Table, now_ms: int) -> tuple["_Side", "_Side"]:
        self.advance(now_ms)
        before = self._side(changes, "before_status", "before_facility", np.asarray(changes.column("before_ms")))
        before.forget((np.asarray(changes.column("told")) & NEW_PARCEL) != 0)
        return before, self._side(changes, "status", "now_facility", np.asarray(changes.column("now_ms")))

    def add_states(self, states: pa.Table) -> None:
        """Count parcels that are counted nowhere yet, as a table with `carrier`, `status`, `facility`, `last_at`."""
        self._move(self._side(states, "status", "facility", np.asarray(states.column("last_at"))), 1)

    def _side(self, table: pa.Table, status: str, facility: str, at_ms: Ints) -> "_Side":
        place = np.full(table.num_rows, -1, np.int64)
        codes = _numbers(table.column(facility), self.facilities)
        known = np.flatnonzero(codes >= 0)
        place[known] = self.places.find(_numbers(table.column("carrier"), self.carriers)[known] << 32 | codes[known])
        self.inside, self.last_ms = grown(self.inside, len(self.places)), grown(self.last_ms, len(self.places))
        return _Side(np.asarray(table.column(status)), place, at_ms)

    def _move(self, side: "_Side", by: int) -> None:
        np.add.at(self.statuses, side.status[side.counts], by)
        timed = IN_NETWORK[side.status] & side.counts & (side.at_ms > NEVER_LAST)
        hour = np.clip((side.at_ms[timed] - EARLIEST_MS) // HOUR_MS, 0, _HOURS - 1)
        np.add.at(self.hours, hour, by)
        np.add.at(self.inside, side.place[side.is_inside], by)

    def _note(self, before: "_Side", now: "_Side", now_ms: int) -> None:
        """What happened, as far as the times of the scans can be believed."""
        forward = (now.at_ms >= before.at_ms) & (now.at_ms > NEVER_LAST) & (now.at_ms <= now_ms + AHEAD_MS)
        same, size = now.place == before.place, len(self.places)
        comes = forward & now.is_seen & ~(before.is_seen & same)
        np.maximum.at(self.last_ms, now.place[forward & (now.place >= 0)], now.at_ms[forward & (now.place >= 0)])
        for ring in (self.arrived_1h, self.arrived_24h):
            ring.add(now.place[comes], now.at_ms[comes], size)
        leaves = forward & before.is_inside & ~(now.is_inside & same)
        passes = comes & ~now.is_inside
        self.departed_1h.add(before.place[leaves], now.at_ms[leaves], size)
        self.departed_1h.add(now.place[passes], now.at_ms[passes], size)
        self._note_moves(np.flatnonzero(comes & before.is_seen), before, now)

    def _note_moves(self, moves: Ints, before: "_Side", now: "_Side") -> None:
        flow = self.flows.find(before.place[moves] << 32 | now.place[moves])
        moves, flow, size = moves[flow >= 0], flow[flow >= 0], len(self.flows)
        at_ms = now.at_ms[moves]
        hours = (at_ms - before.at_ms[moves]) / HOUR_MS
        self.moved_24h.add(flow, at_ms, size)
        for paces in (self.lately, self.usual):
            paces.add(flow, at_ms, hours, size)

    def count_silent(self, now_ms: int) -> int:
        """Parcels in the network whose newest scan is older than `SILENT_H`, to the hour."""
        hour = (now_ms - EARLIEST_MS) // HOUR_MS - SILENT_H
        return int(self.hours[: max(hour, 0)].sum())


class _Side:
    """How some parcels stood, or stand: status, place (-1 for none), instant of the newest scan."""

    def __init__(self, status: npt.NDArray[np.uint8], place: Ints, at_ms: Ints) -> None:
        self.status = status
        self.at_ms = at_ms
        self.place = place
        self.counts = np.ones(len(status), np.bool_)
        self.is_seen = SEEN[status] & (place >= 0)
        self.is_inside = _STAYS[status] & (place >= 0)

    def forget(self, rows: Flags) -> None:
        """Some of them were not there at all."""
        self.counts &= ~rows
        self.is_seen &= ~rows
        self.is_inside &= ~rows


def _numbers(texts: pa.ChunkedArray, known: dict[str, int]) -> Ints:
    """The numbers of some texts, of which those that are new get the next; -1 for none."""
    column = texts.unify_dictionaries().combine_chunks() if pa.types.is_dictionary(texts.type) else texts
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    indices = np.asarray(column.indices.fill_null(-1)).astype(np.int64)
    used = np.unique(indices)
    used = used[used >= 0]
    number_of = np.full(len(column.dictionary) + 1, -1, np.int64)  # the last is that of none
    words = column.dictionary.take(pa.array(used)).to_pylist()
    number_of[used] = [known.setdefault(word, len(known)) for word in words]
    return number_of[indices]
