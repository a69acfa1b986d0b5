"""The run of the twin: simulated minutes go by, and carriers send scans."""

import datetime as dt
import functools
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.model.errors import BadInput
from waypost.model.scans import empty_batch
from waypost.twin.chance import share
from waypost.twin.changes import AddFront, Change, ChangeRoom, CloseHub, MoreDemand, MoveCutOff
from waypost.twin.demand import rates_of_day, sales_factor
from waypost.twin.fronts import Front, draw_fronts, front_rows
from waypost.twin.lanes import CUT_OFF_MIN, find_ways
from waypost.twin.luck import QUALITY, Luck, Quality
from waypost.twin.moves import pass_minutes
from waypost.twin.places import AreaKind
from waypost.twin.state import COLUMNS, LOADS, RING, Count, Fixed, State
from waypost.twin.telling import MINUTE_MS, NUMBERS_SINCE_MIN, Teller, merge_order
from waypost.twin.truth import read_truth
from waypost.twin.world import CHINA_MIN, World, offset_min

DAY_MIN = 1440
#: Minutes that pass at a time; what comes out does not depend on it.
STRETCH_MIN = 10
WARM_UP_DAYS = 4.0

#: Carriers hire so much of what a sales day asks for beyond a usual day: trucks, planes and hands.
_HIRED = 0.6
_SURGE_DAYS = 200
_FRONT_DAYS = 2
_BIRTH = 900
_FIRST_ROWS = 1 << 12


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel that somebody outside hands over to a carrier in a minute (since 1970), from a place to another (codes).

    Two that are alike are two parcels.
    """

    minute: int
    carrier: str
    start: str
    end: str


class Run:
    """A world whose time passes; `advance` it, or let `scans` do so.

    Attributes:
        minute: which minute comes next, since 1970 in UTC.
        backlog: for each whole hour that passed, the parcels that wait in each hub (carrier x area).
        backlog_hours: which hours these are (minutes).
        sent_numbers: of what was handed over from outside, in that order.
    """

    def __init__(
        self,
        world: World,
        start_ms: int,
        changes: Sequence[Change] = (),
        luck: Luck | None = None,
        quality: Mapping[str, Quality] = QUALITY,
        parcels_until_ms: int | None = None,
        truth: bool = True,
        sent: Sequence[Sent] = (),
    ) -> None:
        """Begin with empty hubs; who needs parcels on their way lets time pass first (`warm_up`).

        Args:
            world: what is there.
            start_ms: the first minute, UTC.
            changes: what is otherwise than in the world.
            luck, quality: what goes wrong.
            parcels_until_ms: none is handed over from then on.
            truth: whether it is remembered what became of parcels, until somebody asks: 64 bytes each.
            sent: what is handed over from outside, in the order in which it was; see `send`.

        Raises:
            BadInput: a change cannot be, or the start lies before 2020 or behind 2035.
        """
        self.minute = start_ms // MINUTE_MS
        _check_start(self.minute)
        self.world, self._changes = world, tuple(changes)
        self._until_min = (parcels_until_ms or 1 << 50) // MINUTE_MS
        self._teller = Teller(world.carriers, world.codes, world.seed)
        self._more = [each for each in changes if isinstance(each, MoreDemand)]
        self._added = [each.front for each in changes if isinstance(each, AddFront)]
        self._sent: dict[int, list[tuple[int, int, int]]] = {}
        self.sent_numbers: list[str] = []
        for each in sent:
            self._take(each)
        self._state = _new_state(world)
        self._fixed = _fix(world, self.minute, self._changes, luck or Luck(), quality)
        self._offsets = functools.lru_cache(maxsize=1)(self._read_offsets)
        self._late = np.empty((0, 7), np.int32)
        self._remembers = truth
        self._ended: list[npt.NDArray[np.int32]] = []
        self.backlog: list[npt.NDArray[np.float32]] = []
        self.backlog_hours: list[int] = []

    @property
    def now_ms(self) -> int:
        """Up to when time has passed."""
        return self.minute * MINUTE_MS

    def send(self, carrier: str, start: str, end: str) -> Sent:
        """A parcel is handed over from outside in the minute that comes next.

        A run that is given what this returns goes the same way; its number is the last of `sent_numbers`.

        Args:
            carrier: one of the world's.
            start, end: codes of places.
        """
        sent = Sent(minute=self.minute, carrier=carrier, start=start, end=end)
        self._take(sent)
        return sent

    def _take(self, sent: Sent) -> None:
        places, carrier = self.world.places.codes, self.world.carriers.index(sent.carrier)
        of_minute = self._sent.setdefault(sent.minute, [])
        born = [carrier, sent.minute, self._drawn(sent.minute) + len(of_minute)]
        of_minute.append((carrier, places.index(sent.start), places.index(sent.end)))
        self.sent_numbers += self._teller.numbers(*np.array(born, np.int32).reshape(3, 1)).to_pylist()

    def count(self, what: Count) -> int:
        """How many there were so far, or are on their way."""
        return int(self._state.counts[what])

    def scans(self, until_ms: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Let whole minutes pass until an instant: every few what carriers sent, and when these are over."""
        while self.minute < until_ms // MINUTE_MS:
            batch = self.advance(min(self._next_stop(), until_ms // MINUTE_MS))
            yield self.now_ms, batch

    def warm_up(self, until_ms: int) -> Iterator[int]:
        """Let time pass without telling of it; yields how far it is. What ended meanwhile is forgotten as well."""
        yield from self.pass_silently(until_ms)
        self.forget()

    def forget(self) -> None:
        """What ended so far, and what waited: for those who do not ask."""
        self._ended.clear()
        self.backlog.clear()
        self.backlog_hours.clear()

    def pass_silently(self, until_ms: int) -> Iterator[int]:
        """Let time pass without telling what is sent; yields how far it is."""
        while self.minute < until_ms // MINUTE_MS:
            self.advance(min(self._next_stop(), until_ms // MINUTE_MS), silent=True)
            yield self.now_ms

    @property
    def tries(self) -> int:
        """How often couriers went out with a parcel so far."""
        return self.count(Count.TRIES)

    def _next_stop(self) -> int:
        return self.minute // STRETCH_MIN * STRETCH_MIN + STRETCH_MIN

    def advance(self, until_min: int, *, silent: bool = False) -> pa.RecordBatch:
        """Let some minutes pass, at most to the next multiple of `STRETCH_MIN`; what was sent in them."""
        births = self._births(self.minute, until_min)
        fixed = self._at_present(births, until_min)
        start = self.minute
        while start < until_min:
            reached = pass_minutes(self._state, fixed, start, until_min)
            if reached < until_min:
                self._state = _grown(self._state, reached, int(births[reached - self.minute]))
            start = reached
        self.minute = until_min
        batch = self._take_scans(until_min, silent)
        self._take_ended()
        if until_min % 60 == 0:
            waits = np.maximum(self._state.hub_free - until_min, 0.0) * self._fixed.hub_rate
            self.backlog.append(waits.astype(np.float32))
            self.backlog_hours.append(until_min)
        return batch

    def truth(self) -> pa.Table:
        """What became of the parcels that ended since this was asked last; see `truth.SCHEMA`."""
        rows = np.concatenate(self._ended) if self._ended else np.empty((0, COLUMNS), np.int32)
        self._ended.clear()
        return read_truth(rows, self.world, self._teller)

    def on_way(self) -> pa.Table:
        """The same columns of the parcels that are on their way; when they arrive is null."""
        alive = np.ones(len(self._state.parcels), np.bool_)
        alive[self._state.free[: self.count(Count.FREE)]] = False
        return read_truth(self._state.parcels[alive], self.world, self._teller, arrived=False)

    def moved(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """So far: room of all departures by lane, and parcels sorted by hub. For costs."""
        return self._state.room_run.copy(), self._state.sorted.copy()

    def _births(self, start: int, end: int) -> npt.NDArray[np.int32]:
        """How many parcels are handed over in each minute."""
        many = [self._drawn(minute) + len(self._sent.get(minute, ())) for minute in range(start, end)]
        return np.array(many, np.int32)

    def _drawn(self, minute: int) -> int:
        """How many merchants of the twin hand over in a minute; a rest is rounded by chance."""
        if minute >= self._until_min:
            return 0
        local = minute + CHINA_MIN
        rate = _rates(local // DAY_MIN, self.world.parcels_per_day)[local % DAY_MIN]
        for each in self._more:
            if each.from_ms <= minute * MINUTE_MS < each.until_ms:
                rate *= 1 + each.percent / 100
        return int(rate + share(self.world.seed, minute, 0, _BIRTH))

    def _at_present(self, births: npt.NDArray[np.int32], until_min: int) -> Fixed:
        """What holds for some minutes: clocks that may change, and the weather."""
        world, day = self.world, (self.minute + CHINA_MIN) // DAY_MIN
        places, areas = self._offsets(self.minute // 60)
        today = dt.date.fromordinal(dt.date(1970, 1, 1).toordinal() + self.minute // DAY_MIN)
        fronts = [*self._added]
        for back in range(_FRONT_DAYS + 1):
            fronts += _fronts_of(world.seed, today - dt.timedelta(days=back))
        if day + _SURGE_DAYS // 2 > self._fixed.first_day + len(self._fixed.surge) - _SURGE_DAYS // 4:
            self._fixed = self._fixed._replace(first_day=day - 1, surge=_surge(day - 1))
        sent = [(minute, *each) for minute in range(self.minute, until_min) for each in self._sent.get(minute, ())]
        return self._fixed._replace(
            births=births,
            sent=np.array(sent, np.int32).reshape(-1, 4),
            first=self.minute,
            place_offset=places,
            area_offset=areas,
            fronts=front_rows(fronts, self.minute, until_min),
        )

    def _read_offsets(self, hour: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """What clocks show in an hour at places and at hubs, less UTC: no zone changes them within one."""
        places, at = self.world.places, dt.datetime.fromtimestamp(hour * 3600, dt.UTC)
        zones = {*places.zones, *(area.zone for area in places.areas)}
        offset = {zone: offset_min(zone, at) for zone in zones}
        of_places = np.array([offset[zone] for zone in places.zones], np.int32)
        return of_places, np.array([offset[area.zone] for area in places.areas], np.int32)

    def _take_scans(self, until_min: int, silent: bool) -> pa.RecordBatch:
        counts = self._state.counts
        scans = self._state.scans[: counts[Count.SCANS]]
        late = np.concatenate([self._late, self._state.late[: counts[Count.LATE]]])
        counts[Count.SCANS] = counts[Count.LATE] = 0
        due = late[:, 6] < until_min
        self._late = late[~due]
        if silent:
            return empty_batch()
        order = merge_order(scans, late[due])
        return self._teller.batch(np.concatenate([scans, late[due]]), order)

    def _take_ended(self) -> None:
        ended = self._state.counts[Count.ENDED]
        if ended and self._remembers:
            self._ended.append(self._state.ended[:ended].copy())
        self._state.counts[Count.ENDED] = 0


def _new_state(world: World) -> State:
    lanes, hubs = len(world.lanes.carrier), len(world.carriers) * len(world.places.areas)
    counts = np.zeros(len(Count), np.int64)
    counts[Count.FREE] = _FIRST_ROWS
    return State(
        parcels=np.zeros((_FIRST_ROWS, COLUMNS), np.int32),
        head=np.full(RING, -1, np.int32),
        tail=np.full(RING, -1, np.int32),
        waiting=np.zeros(RING, np.int32),
        free=np.arange(_FIRST_ROWS, dtype=np.int32)[::-1].copy(),
        hub_free=np.zeros(hubs),
        load=np.zeros((lanes, LOADS), np.int32),
        load_of=np.full((lanes, LOADS), -1, np.int32),
        full_from=np.zeros(lanes, np.int32),
        full_to=np.zeros(lanes, np.int32),
        room_run=np.zeros(lanes),
        sorted=np.zeros(hubs, np.int64),
        scans=np.empty((_FIRST_ROWS, 7), np.int32),
        late=np.empty((_FIRST_ROWS, 7), np.int32),
        ended=np.empty((_FIRST_ROWS, COLUMNS), np.int32),
        counts=counts,
    )


def _grown(state: State, minute: int, born: int) -> State:
    """The same with room for one minute more: half as much again where it lacks."""
    counts, due = state.counts, int(state.waiting[minute % RING])
    parcels, free = state.parcels, state.free
    if counts[Count.FREE] < born:
        before = len(parcels)
        many = before + max(before // 2, born)
        more = np.arange(before, many, dtype=np.int32)[::-1]
        parcels = np.concatenate([parcels, np.zeros((many - before, COLUMNS), np.int32)])
        free = np.concatenate([free[: counts[Count.FREE]], more, np.zeros(before - counts[Count.FREE], np.int32)])
        counts[Count.FREE] += many - before
    return state._replace(
        parcels=parcels,
        free=free,
        scans=_longer(state.scans, int(counts[Count.SCANS]) + due + born),
        late=_longer(state.late, int(counts[Count.LATE]) + due + born),
        ended=_longer(state.ended, int(counts[Count.ENDED]) + due),
    )


def _longer(rows: npt.NDArray[np.int32], least: int) -> npt.NDArray[np.int32]:
    if least <= len(rows):
        return rows
    return np.concatenate([rows, np.empty((max(least, len(rows) * 3 // 2) - len(rows), rows.shape[1]), np.int32)])


def check(world: World, start_ms: int, changes: Sequence[Change]) -> None:
    """Refuse what cannot be run, in less time than beginning a run takes.

    Raises:
        BadInput: a change cannot be, or the start lies before 2020 or behind 2035.
    """
    _check_start(start_ms // MINUTE_MS)
    _changed_lanes(world, changes)
    _read_closures(world, changes)


def _check_start(minute: int) -> None:
    if not NUMBERS_SINCE_MIN + DAY_MIN <= minute < NUMBERS_SINCE_MIN + (1 << 23) - 366 * DAY_MIN:
        raise BadInput("the twin runs from 2020-01-02 to 2034", mend="Name another start.")


def _fix(world: World, minute: int, changes: Sequence[Change], luck: Luck, quality: Mapping[str, Quality]) -> Fixed:
    lanes, demand, places = world.lanes, world.demand, world.places
    areas, carriers = len(places.areas), len(world.carriers)
    room, cut_off = _changed_lanes(world, changes)
    shut, epochs, following = _closures(world, changes)
    near_first, near = _neighbours(world)
    told = [quality[carrier] for carrier in world.carriers]
    day = (minute + CHINA_MIN) // DAY_MIN - 1
    return Fixed(
        seed=world.seed,
        areas=areas,
        places=len(places.codes),
        hubs=lanes.hubs,
        carriers=carriers,
        births=np.zeros(0, np.int32),
        sent=np.zeros((0, 4), np.int32),
        first=minute,
        surge=_surge(day),
        first_day=day,
        merchant_place=demand.merchant_place,
        merchant_carrier=demand.merchant_carrier,
        merchant_table=demand.merchant_table,
        carrier_share=demand.share,
        faith=demand.faith,
        area_tables=demand.area_tables,
        place_order=demand.place_order,
        place_first=demand.place_first,
        place_table=demand.place_table,
        place_area=places.area,
        rural=places.rural,
        place_offset=np.zeros(len(places.codes), np.int32),
        area_offset=np.zeros(areas, np.int32),
        area_kind=np.array([area.kind for area in places.areas], np.int32),
        area_at=np.array([(area.latitude, area.longitude) for area in places.areas]),
        lane_start=lanes.start,
        lane_end=lanes.end,
        lane_minutes=lanes.minutes,
        lane_mode=lanes.mode,
        lane_count=lanes.count,
        lane_at=lanes.at,
        lane_room=room,
        lane_cut_off=cut_off,
        lane_of=lanes.lane_of,
        near=near,
        near_first=near_first,
        hub_rate=world.rates.ravel(),
        epochs=epochs,
        following=following,
        usual=np.where(np.isfinite(world.ways.minutes), world.ways.minutes, 0.0),
        shut=shut,
        fronts=np.empty((0, 8)),
        quality=np.array([(each.late, each.late_min, each.missing, each.wrong_zone) for each in told]),
        luck=luck.row(),
    )


def _changed_lanes(world: World, changes: Sequence[Change]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    lanes = world.lanes
    room, cut_off = lanes.room.copy(), np.full(len(lanes.room), CUT_OFF_MIN, np.int32)
    for change in changes:
        if isinstance(change, MoveCutOff):
            if abs(change.minutes) > DAY_MIN:
                raise BadInput("a cut-off is moved by a day at most", where=change.hub)
            carrier, area = world.find_hub(change.hub)
            own = (lanes.carrier == carrier) & (lanes.start == area)
            own[lanes.hubs : lanes.hubs + len(world.carriers) * len(world.places.codes)] = False
            cut_off[own] -= change.minutes
        elif isinstance(change, ChangeRoom):
            (carrier, start), (other, end) = world.find_hub(change.start), world.find_hub(change.end)
            lane = lanes.lane_of[carrier, start, end]
            if carrier != other or lane < 0:
                raise BadInput(f"nothing goes from {change.start} to {change.end} directly", mend="Name another lane.")
            if not 0 < change.times <= 1000:
                raise BadInput("room changes by more than 0 and at most 1000 times", where=change.start)
            room[lane] = max(1, round(room[lane] * change.times))
    return room, cut_off


def _closures(
    world: World, changes: Sequence[Change]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int16]]:
    """When hubs stand still, and the ways around them: from each begin and end of a closure on, other ones."""
    areas, closed = len(world.places.areas), _read_closures(world, changes)
    epochs = sorted({0, *(each[2] for each in closed), *(each[3] for each in closed)})
    ways = []
    for epoch in epochs:
        shut = tuple((carrier, area) for carrier, area, since, until in closed if since <= epoch < until)
        ways.append(find_ways(world.lanes, areas, shut).next if shut else world.ways.next)
    shut_rows = [(carrier * areas + area, since, until) for carrier, area, since, until in closed]
    return np.array(shut_rows, np.int64).reshape(len(closed), 3), np.array(epochs, np.int64), np.stack(ways)


def _read_closures(world: World, changes: Sequence[Change]) -> list[tuple[int, int, int, int]]:
    """The carrier and the area of each hub that closes, from which minute until which."""
    closed = []
    for change in changes:
        if isinstance(change, CloseHub):
            carrier, area = world.find_hub(change.hub)
            if change.until_ms <= change.from_ms:
                raise BadInput("it is closed until before it closes", where=change.hub)
            closed.append((carrier, area, change.from_ms // MINUTE_MS, change.until_ms // MINUTE_MS))
    return closed


def _neighbours(world: World) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """By hub, the lanes onto which a parcel may be sorted by mistake: those to prefectures."""
    lanes, areas = world.lanes, len(world.places.areas)
    kinds = np.array([area.kind for area in world.places.areas])
    fit = np.flatnonzero((kinds[lanes.end[: lanes.hubs]] == AreaKind.PREFECTURE) & (lanes.mode[: lanes.hubs] == 0))
    hub = lanes.carrier[fit] * areas + lanes.start[fit]
    order = np.argsort(hub, kind="stable")
    first = np.searchsorted(hub[order], np.arange(len(world.carriers) * areas + 1))
    return first.astype(np.int32), fit[order].astype(np.int32)


@functools.lru_cache(maxsize=64)
def _rates(day: int, parcels_per_day: float) -> npt.NDArray[np.float64]:
    return rates_of_day(dt.date.fromordinal(dt.date(1970, 1, 1).toordinal() + day), parcels_per_day)


@functools.lru_cache(maxsize=256)
def _fronts_of(seed: int, day: dt.date) -> tuple[Front, ...]:
    return tuple(draw_fronts(seed, day))


@functools.lru_cache(maxsize=4096)
def _surge_of(day: int) -> float:
    return 1 + _HIRED * (sales_factor(dt.date.fromordinal(dt.date(1970, 1, 1).toordinal() + day)) - 1)


def _surge(first_day: int) -> npt.NDArray[np.float64]:
    return np.array([_surge_of(day) for day in range(first_day, first_day + _SURGE_DAYS)])
