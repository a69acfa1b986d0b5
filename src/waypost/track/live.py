"""The network now: counts that follow the changes, and what is shown of them."""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from waypost.model.errors import Gone, WaypostError
from waypost.model.instants import format_known, format_utc
from waypost.network.facilities import Facilities
from waypost.store.protocols import Memory
from waypost.track.live_counts import HELD, LiveCounts
from waypost.track.live_kept import read_counts, write_counts
from waypost.track.live_start import LiveStart
from waypost.track.live_views import Foreseen, LiveAges, LiveCount, LiveFacility, LiveFlow, LiveView
from waypost.track.overview import StatusCount
from waypost.track.statuses import get_status
from waypost.track.tables import CodeTables

#: Changes that are read at one time.
AT_ONCE = 50_000
#: So many rows are shown, those where most goes on.
MOST_FACILITIES, MOST_FLOWS = 5_000, 2_000
#: A pace is told of so many moves, lately and of the last weeks, as much as they still count.
FEWEST_LATELY, FEWEST_USUAL = 3.0, 5.0
#: A move is delayed if it took so many times as long as usual.
DELAYED = 1.5

_RATE_MS = 10_000


class Live:
    """Follows the changes, one turn at a time; one thread takes turns, any may look.

    Args:
        read_capacities: by carrier and facility the parcels that it can take in within an hour.
        foresee: who is at risk and late, if that is known just now; nobody waits.
    """

    def __init__(
        self,
        memory: Memory,
        tables: CodeTables,
        facilities: Facilities,
        capacities: Mapping[tuple[str, str], float],
        foresee: Callable[[], Foreseen | None],
    ) -> None:
        self._memory = memory
        self._tables = tables
        self._facilities = facilities
        self._capacities = capacities
        self._foresee = foresee
        self._lock = threading.Lock()
        self._counts: LiveCounts | None = None
        self._start: LiveStart | None = None
        self._marks: deque[tuple[int, int]] = deque(maxlen=64)  # when, and how far the log was
        self._fresh_ms: int | None = None

    def open(self, kept: bytes, now_ms: int) -> None:
        """Go on from what `keep` gave.

        Raises:
            WaypostError: it cannot be used; counts begin anew then.
        """
        counts = read_counts(kept, self._tables.version, now_ms)
        with self._lock:
            self._counts = counts

    def keep(self) -> bytes | None:
        """What `open` goes on from; None while there is nothing."""
        with self._lock:
            return None if self._counts is None else write_counts(self._counts, self._tables.version)

    def turn(self, now_ms: int, most: int = AT_ONCE) -> bool:
        """Read some changes; whether there may be more at once."""
        self._mark(now_ms)
        if self._counts is None:
            return self._begin(now_ms)
        changes, counts = self._memory.changes, self._counts
        end = self._memory.index.position()
        try:
            table = changes.read(counts.position - 1, most)
        except Gone:
            table = None
        # Where the index went back, or changes went or lack what is needed, the counts cannot be gone on from.
        if table is None or changes.edition() != counts.edition or end < counts.position or _lacks(table):
            self._counts = None
            return True
        last = table.column("position")[-1].as_py() + 1 if table.num_rows else 0
        with self._lock:
            if table.num_rows:
                counts.add(table, now_ms)
            counts.position = last if table.num_rows == most else max(end, last, counts.position)
            self._note_fresh()
        return bool(table.num_rows == most)

    def _begin(self, now_ms: int) -> bool:
        start = self._start = self._start or LiveStart(self._memory.changes, self._memory.index, now_ms)
        try:
            if start.turn(now_ms):
                self._start = None
                if start.counts.edition == self._memory.changes.edition():
                    with self._lock:
                        self._counts = start.counts
                        self._note_fresh()
        except WaypostError:
            self._start = None  # it begins anew
            raise
        return True

    def _mark(self, now_ms: int) -> None:
        with self._lock:
            if not self._marks or now_ms - self._marks[-1][0] >= 1000:
                self._marks.append((now_ms, self._memory.log.position()))

    def _note_fresh(self) -> None:
        """When all that was acknowledged was counted."""
        assert self._counts is not None
        counted = [at for at, position in self._marks if position <= self._counts.position]
        self._fresh_ms = max(counted, default=self._fresh_ms)

    def look(self, now_ms: int) -> LiveView:
        """The network now. Takes some milliseconds, as much with a million parcels as with ten."""
        foreseen = self._foresee()
        with self._lock:
            counts = self._counts
            if counts is None:
                counts = LiveCounts("", now_ms)
            counts.advance(now_ms)
            statuses = counts.statuses.copy()
            facilities, flows = _find_facilities(counts, now_ms), _find_flows(counts, now_ms)
            position, in_network = counts.position, int(counts.hours.sum())
            silent, since_ms = counts.count_silent(now_ms), counts.since_ms
            fresh_ms, marks = self._fresh_ms if self._counts is not None else None, list(self._marks)
        return LiveView(
            as_of=format_utc(now_ms),
            position=position,
            behind=max(self._memory.log.position() - position, 0),
            scans_per_s=_rate(marks, now_ms, self._memory.log.position()),
            counts=LiveCount(
                in_network=in_network,
                at_risk=foreseen.at_risk if foreseen else None,
                late=foreseen.late if foreseen else None,
                held=int(statuses[HELD].sum()),
                silent_24h=silent,
            ),
            ages=LiveAges(
                counts_s=None if fresh_ms is None else round((now_ms - fresh_ms) / 1000, 1),
                lookout_s=None if foreseen is None else round((now_ms - foreseen.at_ms) / 1000, 1),
                flows_since=format_known(since_ms),
            ),
            statuses=_tell_statuses(statuses),
            facilities=self._tell_facilities(facilities),
            flows=flows,
        )

    def _tell_facilities(self, rows: list[tuple[Any, ...]]) -> list[LiveFacility]:
        known = self._facilities.find_many((carrier, code) for carrier, code, *_ in rows)
        told = []
        for carrier, code, inside, arrived, departed, arrived_24h, last_ms in rows:
            facility, capacity = known.get((carrier, code)), self._capacities.get((carrier, code))
            place = facility.place if facility else None
            told.append(
                LiveFacility(
                    carrier=carrier,
                    facility=code,
                    name=facility.name if facility else code,
                    kind=facility.kind.value if facility else None,
                    city=place.city if place else None,
                    country=place.country if place else None,
                    latitude=place.latitude if place else None,
                    longitude=place.longitude if place else None,
                    inside=inside,
                    arrived_1h=arrived,
                    departed_1h=departed,
                    arrived_24h=arrived_24h,
                    capacity_per_hour=capacity,
                    load=None if capacity is None else round(arrived / capacity, 3),
                    last_at=format_known(last_ms or None),
                )
            )
        return told


def _lacks(table: pa.Table) -> bool:
    """An earlier release told some of them, which does not say where parcels were."""
    return bool((np.asarray(table.column("now_ms")) == 0).any())


def _rate(marks: list[tuple[int, int]], now_ms: int, position: int) -> float:
    """Scans a second that were acknowledged lately."""
    lately = [mark for mark in marks if mark[0] >= now_ms - _RATE_MS - 1000]
    if not lately or now_ms <= lately[0][0]:
        return 0.0
    return round((position - lately[0][1]) * 1000 / (now_ms - lately[0][0]), 1)


def _tell_statuses(statuses: np.ndarray[Any, np.dtype[np.int64]]) -> list[StatusCount]:
    numbers = np.flatnonzero(statuses)
    told = [(get_status(number), int(statuses[number])) for number in numbers.tolist()]
    return [
        StatusCount(each.code, each.shape, many) for each, many in sorted(told, key=lambda row: (-row[1], row[0].code))
    ]


def _find_facilities(counts: LiveCounts, now_ms: int) -> list[tuple[Any, ...]]:
    """Carrier, code and numbers of those where something goes on, most inside first."""
    size = len(counts.places)
    totals = [ring.total(now_ms, size) for ring in (counts.arrived_1h, counts.departed_1h, counts.arrived_24h)]
    inside, last_ms = counts.inside[:size], counts.last_ms[:size]
    order = np.lexsort((counts.places.keys, -totals[2], -inside))
    order = order[((inside != 0) | (totals[2] > 0) | (totals[1] > 0))[order]][:MOST_FACILITIES]
    carriers, codes = list(counts.carriers), list(counts.facilities)
    keys = counts.places.keys[order]
    columns = [[carriers[key] for key in (keys >> 32).tolist()], [codes[key] for key in (keys & 0xFFFFFFFF).tolist()]]
    columns += [column[order].tolist() for column in (inside, *totals, last_ms)]
    return list(zip(*columns, strict=True))


def _find_flows(counts: LiveCounts, now_ms: int) -> list[LiveFlow]:
    """Those on which anything moved lately, most first."""
    size = len(counts.flows)
    moved = counts.moved_24h.total(now_ms, size)
    order = np.lexsort((counts.flows.keys, -moved))[: min(MOST_FLOWS, int(np.count_nonzero(moved)))]
    usual, lately = counts.usual.median(size)[order], counts.lately.median(size)[order]
    delayed = counts.lately.share_above(DELAYED * counts.usual.median(size), size)[order]
    is_known = (counts.lately.count(now_ms, size) >= FEWEST_LATELY) & (counts.usual.count(now_ms, size) >= FEWEST_USUAL)
    carriers, codes = list(counts.carriers), list(counts.facilities)
    flows, places = counts.flows.keys[order], counts.places.keys
    origins, destinations = places[flows >> 32], places[flows & 0xFFFFFFFF]
    rows = zip(
        (origins >> 32).tolist(), (origins & 0xFFFFFFFF).tolist(), (destinations & 0xFFFFFFFF).tolist(),
        moved[order].tolist(), is_known[order].tolist(), lately.tolist(), usual.tolist(), delayed.tolist(), strict=True,
    )  # fmt: skip
    return [
        LiveFlow(
            carrier=carriers[carrier],
            origin=codes[origin],
            destination=codes[destination],
            moved_24h=many,
            hours=round(hours, 1) if told else None,
            usual_hours=round(usually, 1) if told else None,
            delayed=round(share, 3) if told else None,
        )
        for carrier, origin, destination, many, told, hours, usually, share in rows
    ]
