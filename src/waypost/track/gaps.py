"""Learning from scans when parcels are scanned next, by carrier and by what the last scan said: see `rhythm.py`.

What a carrier has shown little of leans on all carriers, and those on a gap of half a day at any hour: so there is an
answer from the first parcel on, and it gets better with each. (Rates with gamma priors: so many scans, or hours of
watching, count as if they had been seen.)
"""

from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.model.instants import DAY_MS
from waypost.store.protocols import History
from waypost.track.rhythm import AGE_EDGES, AGE_WIDTHS, AGES, HOUR_MS, WEEK_HOURS, Floats, Ints, Rhythm
from waypost.track.standing import in_milliseconds, instant
from waypost.track.statuses import get_status, list_statuses
from waypost.track.tables import CodeTables

#: A parcel that was never scanned waits as one that was only ordered.
NO_SCAN = get_status("order_created").number

#: The gap of what nobody has seen yet; how many hours of watching that weighs, and what all carriers say.
_USUAL_GAP_H, _USUAL_WEIGHT_H, _ALL_WEIGHT_H = 12.0, 24.0, 120.0

#: How many scans in an hour of the week the pace of all carriers weighs, or that of a carrier beside a status of it.
_PACE_WEIGHT = 3.0

#: Clocks run at least so fast, so that no instant is out of reach.
_LEAST_PACE = 0.02

_DAYS, _MOST = 28, 2_000_000


class Gaps:
    """The rhythms of all carriers."""

    def __init__(self, rhythms: Mapping[str, Rhythm], usual: Rhythm) -> None:
        self._rhythms = dict(rhythms)
        self._usual = usual

    def of(self, carrier: str) -> Rhythm:
        """A carrier's; that of all together if it has no scans yet."""
        return self._rhythms.get(carrier, self._usual)


def usual_gaps() -> Gaps:
    """What is gone by without a single scan."""
    nothing: Ints = np.empty(0, np.int64)
    return _learn([], nothing, _Seen(nothing, nothing, nothing, nothing.astype(np.bool_)))


def read_gaps(history: History, tables: CodeTables, now_ms: int, days: int = _DAYS, most: int = _MOST) -> Gaps:
    """Learn from the scans of the last days; of more than `most`, those of a share of the numbers."""
    since = instant(now_ms - days * DAY_MS)

    def count(scans: Any) -> Any:
        return scans.filter(scans.at >= since).aggregate(many=lambda found: found.count())

    shares = -(-int(history.run(count).column("many")[0].as_py()) // most)

    def follow(scans: Any) -> Any:
        found = scans.filter(scans.at >= since)
        if shares > 1:
            found = found.filter(found.number.hash().abs() % shares == 0)
        found = found.mutate(at_ms=in_milliseconds(found.at))
        behind = ibis.window(group_by=["carrier", "number"], order_by=["at_ms", "code"])
        return found.mutate(next_ms=found.at_ms.lead().over(behind)).select("carrier", "code", "at_ms", "next_ms")

    return learn_gaps(history.run(follow), tables, now_ms)


def learn_gaps(scans: pa.Table, tables: CodeTables, now_ms: int) -> Gaps:
    """Learn from scans, each with the next one of its parcel.

    Args:
        scans: text `carrier`, `code`; int64 `at_ms`, and `next_ms` of the next one, null if there is none.
        now_ms: up to when it is known that there is none.
    """
    carriers, carrier = _words(scans.column("carrier"))
    at_ms = np.asarray(scans.column("at_ms")).astype(np.int64)
    next_ms = scans.column("next_ms")
    seen = _Seen(
        status=_statuses(tables, carriers, carrier, scans.column("code")),
        at_ms=at_ms,
        until_ms=np.maximum(np.asarray(next_ms.fill_null(now_ms)).astype(np.int64), at_ms),
        is_ended=np.asarray(next_ms.is_valid()),
    )
    return _learn(carriers, carrier, seen)


def _words(column: pa.ChunkedArray) -> tuple[list[str], Ints]:
    encoded = column.fill_null("").combine_chunks().dictionary_encode()
    return encoded.dictionary.to_pylist(), np.asarray(encoded.indices).astype(np.int64)


def _statuses(tables: CodeTables, carriers: Sequence[str], carrier: Ints, column: pa.ChunkedArray) -> Ints:
    """The number of what each scan said; each pair of carrier and code is looked up once."""
    codes, code = _words(column)
    if not codes:
        return code
    pairs, place = np.unique(carrier * len(codes) + code, return_inverse=True)
    said = tables.classify(
        [carriers[pair // len(codes)] for pair in pairs], [codes[pair % len(codes)] for pair in pairs]
    )
    return said[place].astype(np.int64)


class _Seen(msgspec.Struct, frozen=True):
    """Gaps, by row: what the scan before said, when, up to when it was watched, and whether a scan ended it."""

    status: Ints
    at_ms: Ints
    until_ms: Ints
    is_ended: npt.NDArray[np.bool_]

    def of(self, rows: npt.NDArray[np.bool_]) -> "_Seen":
        """Some of them."""
        return _Seen(*(getattr(self, name)[rows] for name in self.__struct_fields__))


def _learn(carriers: Sequence[str], carrier: Ints, seen: _Seen) -> Gaps:
    own = {name: seen.of(carrier == place) for place, name in enumerate(carriers)}
    all_paces = _paces(seen, np.ones((len(list_statuses()), WEEK_HOURS)))
    paces = {name: _paces(each, all_paces) for name, each in own.items()}
    counted = {name: _count(each, paces[name]) for name, each in own.items()}
    blank = np.zeros((len(list_statuses()), AGES))
    scans = sum((each for each, _ in counted.values()), blank)
    hours = sum((each for _, each in counted.values()), blank)
    usual = (scans + _USUAL_WEIGHT_H / _USUAL_GAP_H) / (hours + _USUAL_WEIGHT_H)
    rhythms = {
        name: Rhythm(paces[name], (own_scans + _ALL_WEIGHT_H * usual) / (own_hours + _ALL_WEIGHT_H))
        for name, (own_scans, own_hours) in counted.items()
    }
    return Gaps(rhythms, Rhythm(all_paces, usual))


def _paces(seen: _Seen, elsewhere: Floats) -> Floats:
    """How fast the clock of each status runs in each hour of the week.

    First for all statuses together, leaning on `elsewhere`; then for each, leaning on that.
    """
    scans, hours = _by_hour(seen)
    together = _lean(scans.sum(axis=0), hours.sum(axis=0), elsewhere)
    return _lean(scans, hours, together)


def _lean(scans: Floats, hours: Floats, elsewhere: Floats) -> Floats:
    """Scans to those that would come at an even pace, drawn towards what it is elsewhere."""
    even = hours * (scans.sum(axis=-1, keepdims=True) / np.maximum(hours.sum(axis=-1, keepdims=True), 1e-9))
    pace = np.maximum((scans + _PACE_WEIGHT * elsewhere) / (even + _PACE_WEIGHT), _LEAST_PACE)
    paces: Floats = pace / pace.mean(axis=-1, keepdims=True)
    return paces


def _by_hour(seen: _Seen) -> tuple[Floats, Floats]:
    """By status and hour of the week: scans that ended a gap, and hours that gaps were watched."""
    shape = len(list_statuses()), WEEK_HOURS
    from_h, until_h = seen.at_ms / HOUR_MS % WEEK_HOURS, seen.until_ms / HOUR_MS % WEEK_HOURS
    first, last = (seen.status * WEEK_HOURS + hours.astype(np.int64) for hours in (from_h, until_h))
    scans = _sum(last, seen.is_ended, shape)
    # whole hours from the first to before the last, once more for each whole week; then the pieces at both ends
    steps = _sum(first, 1.0, shape) - _sum(last, 1.0, shape)
    weeks = (seen.until_ms // HOUR_MS - seen.at_ms // HOUR_MS) // WEEK_HOURS
    wraps = weeks + (until_h < from_h) * (until_h.astype(np.int64) < from_h.astype(np.int64))
    whole = np.bincount(seen.status, wraps, minlength=shape[0])[:, None]
    pieces = _sum(last, until_h % 1, shape) - _sum(first, from_h % 1, shape)
    return scans, np.maximum(np.cumsum(steps, axis=1) + whole + pieces, 0.0)


def _count(seen: _Seen, paces: Floats) -> tuple[Floats, Floats]:
    """By status and age: scans that ended a gap, and hours that gaps were watched, by the clocks."""
    shape = len(list_statuses()), AGES
    turned = np.concatenate([np.zeros((len(paces), 1)), np.cumsum(paces, axis=1)], axis=1)
    gap = _turned(turned, seen.status, seen.until_ms) - _turned(turned, seen.status, seen.at_ms)
    age = np.searchsorted(AGE_EDGES, gap, side="right") - 1
    place = seen.status * AGES + age
    ending = _sum(place, 1.0, shape)
    longer = ending[:, ::-1].cumsum(axis=1)[:, ::-1] - ending  # those spend all of a stretch
    hours = _sum(place, gap - AGE_EDGES[age], shape) + longer * np.append(AGE_WIDTHS, 0.0)
    return _sum(place, seen.is_ended, shape), hours


def _turned(turned: Floats, status: Ints, at_ms: Ints) -> Floats:
    week, within = np.divmod(at_ms / HOUR_MS, WEEK_HOURS)
    hour = within.astype(np.int64)
    begun = turned[status, hour]
    return week * WEEK_HOURS + begun + (turned[status, hour + 1] - begun) * (within - hour)


def _sum(place: Ints, weight: npt.NDArray[Any] | float, shape: tuple[int, int]) -> Floats:
    weights = np.broadcast_to(np.asarray(weight, np.float64), place.shape)
    return np.bincount(place, weights, minlength=shape[0] * shape[1]).astype(np.float64).reshape(shape)
