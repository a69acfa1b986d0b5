"""A lookout: says when parcels arrive and what may go wrong with them, by how things go at an instant.

It keeps the timelines of those that were on their way then, from which the most endangered are listed. Others are told
by timelines that may be newer; how things go is good for some minutes.
"""

import bisect
import functools
from collections.abc import Collection, Iterator
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.forecast.arrivals import Arrival, LateGroup, LikelyCause, SilentGroup
from waypost.forecast.candidates import Places
from waypost.forecast.groups import Group, find_groups
from waypost.forecast.late_together import Cause, LateTogether, find_late_together
from waypost.forecast.reasons import Reason, Weather, find_reasons
from waypost.forecast.risks import find_risks, risk_of_late
from waypost.forecast.steps import Steps
from waypost.forecast.trips import Flags, Ints
from waypost.forecast.watch import Watch
from waypost.model.cursors import read_cursor, write_cursor
from waypost.model.instants import DAY_MS, MINUTE_MS, format_utc
from waypost.network.areas import Areas
from waypost.network.timetable import Timetable
from waypost.track.statuses import list_statuses

#: The levels of P10, P50, P80 and P90: eight of ten come between the first and the last.
_LEVELS = (0.1, 0.5, 0.8, 0.9)
#: From such a risk on a parcel counts as one at risk.
AT_RISK = 0.5
#: Risks are told, and listed, in steps of so much.
_DIGITS = 4


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which parcels are listed: of a carrier, last scanned at a facility (code, or carrier/code), at such a risk."""

    carrier: str | None = None
    facility: str | None = None
    least_risk: float = 0.0


class Lookout:
    """One.

    Args:
        watch: what was learnt.
        steps: of all parcels lately, as they are known.
        now: the instant, in days since 1970.
        areas: how they are spelled.
        version, learnt_at: of what was learnt.
        timetable: departures of the network, if it has one.
        weather: what it was; see `Weather`.

    Attributes:
        areas: the same.
        groups: who fell silent together.
        at_risk: of all parcels on their way, how many will rather than not come late, or go wrong.
        late: how many are later than promised already.
        together: who did, or took much longer than expected, and why.
        shares: each parcel that is looked at stands for so many; with more than one, most are listed nowhere.
    """

    def __init__(
        self,
        watch: Watch,
        steps: Steps,
        now: float,
        areas: Areas,
        *,
        version: int = 0,
        learnt_at: str = "",
        timetable: Timetable | None = None,
        weather: Weather | None = None,
    ) -> None:
        self.now = now
        self.areas = areas
        self.version = version
        self.learnt_at = learnt_at
        self.shares = steps.shares
        self._watch = watch
        self._lately = watch.lately(steps, now)
        self._timetable = timetable
        self._weather = weather
        self._offsets = _find_offsets(steps)
        self._patience = steps.find_patience()
        self.groups = [_tell_group(steps, group) for group in find_groups(watch.silence, steps, now)]
        late = find_late_together(watch.silence, steps, now, lately=self._lately, weather=weather)
        self.together = [_tell_late(steps, each) for each in late]
        self._steps = Steps(steps.take(~np.isfinite(steps.ended)))
        self.at_risk = self.late = 0
        self._list = self._rank()

    @property
    def as_of(self) -> str:
        """The instant, RFC 3339."""
        return _instant(self.now)

    @property
    def on_their_way(self) -> int:
        """How many of those that are looked at were, without those that are given up."""
        return len(self._list)

    @functools.cached_property
    def heading(self) -> dict[str, Ints]:
        """By facility (carrier/code) the last steps of the parcels that are there, or go there next."""
        rows = self._list.rows
        if not len(rows):
            return {}
        places = Places(self._steps, rows)
        keys = np.r_[places.here, np.where(places.towards == places.here, -1, places.towards)]
        order = np.argsort(keys, kind="stable")
        found, begins = np.unique(keys[order], return_index=True)
        parts = np.split(np.r_[rows, rows][order], begins[1:])
        return {places.facilities[key]: part for key, part in zip(found.tolist(), parts, strict=True) if key >= 0}

    def name(self, rows: Ints) -> list[str]:
        """The first waybills of some steps, as carrier/number."""
        return ["/".join(waybill) for waybill in _waybills(self._steps.table.take(pa.array(rows)))]

    def tell(self, steps: Steps, now: float) -> list[Arrival]:
        """What is thought at an instant near to that of the lookout, by whole timelines until then.

        Of parcels that have ended nothing.
        """
        return self._tell(steps, steps.on_their_way(), now)

    def find(self, numbers: Collection[str]) -> list[Arrival]:
        """The same at its own instant of those on their way with such numbers, be they given up or not."""
        rows = self._steps.on_their_way()
        marks = self._steps.table.column("number").take(pa.array(rows))
        asked = np.asarray(pc.is_in(marks, value_set=pa.array(sorted(numbers), pa.string()))).astype(np.bool_)
        return self._tell(self._steps, rows[asked], self.now)

    def page(self, wanted: Wanted, after: str | None, limit: int) -> tuple[list[Arrival], str | None]:
        """Some of those that are the most endangered, at its own instant, and the cursor for more, None at the end.

        Raises:
            BadInput: the cursor is none of ours.
        """
        rows, cursor = self._list.page(wanted, after, limit)
        return self._tell(self._steps, rows, self.now), cursor

    def _rank(self) -> "_List":
        risks = find_risks(self._watch, self._steps, self.now, self._lately)
        waits = ~self._steps.is_given_up(self.now, self._patience)[risks.rows]
        risk = np.fmax(np.round(risks.wrong, _DIGITS), np.round(risks.late, _DIGITS))
        is_late = self._steps.promised[risks.rows[waits]] < self.now
        self.late = int(np.count_nonzero(is_late)) * self.shares
        self.at_risk = int(np.count_nonzero(~is_late & (risk[waits] >= AT_RISK))) * self.shares
        return _List(self._steps, risks.rows[waits], np.round(risk[waits] * 10**_DIGITS).astype(np.int64))

    def _tell(self, steps: Steps, rows: Ints, now: float) -> list[Arrival]:
        if not len(rows):
            return []
        watch = self._watch
        watched = watch.watch(steps, self._lately, rows)
        wrong = watch.silence.wrong(watched.scan, now)
        late = risk_of_late(watch, watched, now, steps.promised[rows])
        goals = steps.table.column("destination_area").take(pa.array(rows)).to_pylist()
        offsets = np.round((steps.local - steps.at)[rows] * 1440).astype(int).tolist()
        columns: dict[str, list[Any]] = {
            "carrier": steps.table.column("parcel_carrier").take(pa.array(rows)).to_pylist(),
            "number": steps.table.column("number").take(pa.array(rows)).to_pylist(),
            "facility": steps.table.column("facility").take(pa.array(rows)).to_pylist(),
            "status": [list_statuses()[number].code for number in steps.status[rows].tolist()],
            "scanned_at": [_instant(at) for at in steps.at[rows].tolist()],
            "next_scan_by": [_instant(_minutes(at)) for at in watch.silence.due(watched.scan).tolist()],
            "offset_min": [self._offsets.get(goal or "", own) for goal, own in zip(goals, offsets, strict=True)],
            "wrong": np.round(wrong, _DIGITS).tolist(),
            "late": [None if np.isnan(each) else round(each, _DIGITS) for each in late.tolist()],
            "promised_by": [None if np.isnan(each) else _instant(each) for each in steps.promised[rows].tolist()],
            "given_up": steps.is_given_up(now, self._patience)[rows].tolist(),
            "reasons": self._find_reasons(steps, rows, now),
        }
        ends = (
            np.round(watch.arrivals_ms(watched, round(now * DAY_MS), _LEVELS) / MINUTE_MS).astype(np.int64) * MINUTE_MS
        )
        for level, at in zip(("p10_at", "p50_at", "p80_at", "p90_at"), ends.T.tolist(), strict=True):
            columns[level] = [format_utc(each) for each in at]
        return [Arrival(**dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]

    def _find_reasons(self, steps: Steps, rows: Ints, now: float) -> list[list[Reason]]:
        """Why each of some parcels lost time; only their timelines are looked at."""
        is_meant = np.isin(steps.parcel, steps.parcel[rows])
        own = steps if is_meant.all() else Steps(steps.take(is_meant))
        reasons = find_reasons(
            self._watch.silence,
            own,
            now,
            lately=self._lately,
            timetable=self._timetable,
            weather=self._weather,
        )
        found = dict(zip(_waybills(own.table), own.parcel.tolist(), strict=True))
        return [reasons[found[waybill]] for waybill in _waybills(steps.table.take(pa.array(rows)))]


class _List:
    """Parcels by their last steps, the most endangered first."""

    def __init__(self, steps: Steps, rows: Ints, risk: Ints) -> None:
        table = steps.table.select(["parcel_carrier", "number", "facility"]).take(pa.array(rows))
        table = table.append_column("risk", pa.array(-risk))
        order = pc.sort_indices(table, [(name, "ascending") for name in ("risk", "parcel_carrier", "number")])
        self._table = table.take(order).combine_chunks()
        self._rows = rows[np.asarray(order)]
        self._risk = -np.asarray(self._table.column("risk"))

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> Ints:
        """All of them."""
        return np.asarray(self._rows, np.int64)

    def page(self, wanted: Wanted, after: str | None, limit: int) -> tuple[Ints, str | None]:
        fits = self._risk >= round(wanted.least_risk * 10**_DIGITS, _DIGITS)  # 0.07 times 10,000 is more than 700
        if wanted.carrier is not None:
            fits &= self._is("parcel_carrier", wanted.carrier)
        if wanted.facility is not None:
            fits &= is_at(self._table.column("facility"), wanted.facility)
        fits[: self._behind(after)] = False
        places = np.flatnonzero(fits)[: limit + 1]
        if len(places) <= limit:
            return self._rows[places], None
        last = self._table.slice(int(places[limit - 1]), 1).to_pylist()[0]
        return self._rows[places[:limit]], write_cursor((-last["risk"], last["parcel_carrier"], last["number"]))

    def _behind(self, after: str | None) -> int:
        """The place behind a cursor."""
        key = read_cursor(after, tuple[int, str, str])
        if key is None:
            return 0
        begin, end = np.searchsorted(-self._risk, [-key[0], -key[0] + 1]).tolist()
        return bisect.bisect_right(range(end), key[1:], begin, key=self._waybill)

    def _waybill(self, place: int) -> tuple[str, str]:
        carrier, number = (self._table.column(name)[place].as_py() for name in ("parcel_carrier", "number"))
        return carrier, number

    def _is(self, name: str, word: str) -> Flags:
        return np.asarray(pc.fill_null(pc.equal(self._table.column(name), word), False)).astype(np.bool_)


def is_at(facilities: pa.ChunkedArray, facility: str) -> Flags:
    """Which of some carrier/code are a facility, which is told as these or as the code alone."""
    names = [name for name in facilities.unique().to_pylist() if name is not None]
    meant = [name for name in names if facility in (name, name.partition("/")[2])]  # a code may have a stroke itself
    return np.asarray(pc.is_in(facilities, value_set=pa.array(meant, pa.string()))).astype(np.bool_)


def _find_offsets(steps: Steps) -> dict[str, int]:
    """By area, local minus UTC at the newest scan there, in minutes."""
    place, areas = steps.words("area")
    newest = np.full(len(areas), -1, np.int64)
    order = np.argsort(steps.at, kind="stable")
    newest[place[order]] = order  # of several the last written stays
    offsets = np.asarray(steps.table.column("offset_min"))
    return {area: int(offsets[row]) for area, row in zip(areas, newest.tolist(), strict=True) if area}


def _tell_group(steps: Steps, group: Group) -> SilentGroup:
    return SilentGroup(
        kind=group.kind.value,
        facility=group.facility,
        towards=group.towards,
        vehicle=group.vehicle,
        departed_at=None if group.departed is None else _instant(group.departed),
        since=_instant(group.since),
        silent=group.silent,
        expected=round(group.expected, 2),
        parcels=["/".join(waybill) for waybill in _waybills(steps.table.take(pa.array(group.rows)))],
    )


def _tell_late(steps: Steps, group: LateTogether) -> LateGroup:
    numbers = sorted({"/".join(waybill) for waybill in _waybills(steps.table.take(pa.array(group.rows)))})
    return LateGroup(
        causes=[_tell_cause(cause) for cause in group.causes],
        since=_instant(group.since),
        parcels=len(numbers),
        silent=group.silent,
        expected=round(group.expected, 2),
        numbers=numbers,
    )


def _tell_cause(cause: Cause) -> LikelyCause:
    same = ("carrier", "facility", "towards", "within_km", "vehicle", "weather")
    return LikelyCause(
        **{name: getattr(cause, name) for name in same},
        kind=cause.kind.value,
        weight=round(cause.weight, 3),
        departed_at=None if cause.departed is None else _instant(cause.departed),
        parcels=cause.late,
    )


def _waybills(table: pa.Table) -> Iterator[tuple[str, str]]:
    return zip(table.column("parcel_carrier").to_pylist(), table.column("number").to_pylist(), strict=True)


def _minutes(days: float) -> float:
    """What is foreseen is told to the minute."""
    return round(days * DAY_MS / MINUTE_MS) * MINUTE_MS / DAY_MS


def _instant(days: float) -> str:
    return format_utc(round(float(days) * DAY_MS))
