"""The minutes of the twin pass: each parcel that is due takes a step, says so, and is put down for its next one.

Compiled. Whoever is due in a minute comes in the order in which it was put down for it, so queues are first in, first
out, and the same seed gives the same bytes.
"""

import math

import numpy as np

from waypost.store.compiled import Number, prefetch, woven
from waypost.twin.chance import mixed, share
from waypost.twin.state import (
    AREA,
    BORN,
    CARRIER,
    COLUMNS,
    DUE,
    FLAGS,
    FROM,
    HOPS,
    LANE,
    LOADS,
    NEXT,
    ORDINAL,
    PATH,
    PATH_EACH,
    PATH_MOST,
    PHASE,
    PROMISED,
    RING,
    TO,
    Count,
    Fixed,
    Flag,
    Phase,
    State,
    Told,
)

_CHINA = 480
_DAY = 1440
_DWELL = 20.0
_HANDLED = 30
#: Purposes of chance; what happens again and again adds how often it has.
_MERCHANT, _FAITHFUL, _WHOSE, _WHITHER, _WHERE, _VILLAGE = 1, 2, 3, 4, 5, 6
_LOST, _SORT, _ASIDE, _DAMAGE, _HOLD, _TELL, _DOOR, _ROUND = 100, 200, 300, 400, 500, 600, 700, 800
#: Columns of `Fixed.luck`.
_L_LOST, _L_SORT, _L_DAMAGE, _L_HELD, _L_ADDRESS, _L_HOME, _L_LOCKER, _L_VILLAGE, _L_AGAIN = range(9)
#: A leg that would have been so much slower in a storm is not driven meanwhile; see `Fixed.fronts`.
_F_FROM, _F_TO, _F_NORTH, _F_EAST, _F_UP, _F_RIGHT, _F_KM, _F_SLOW = range(8)
_KM_A_DEGREE = 111.2
_LEAST_PROMISE, _DAY_ENDS = 1380, 21 * 60 + 30
_WAVES = (8 * 60 + 30, 14 * 60)


@woven
def pass_minutes(s: State, f: Fixed, start: int, end: int) -> int:
    """Let minutes pass, as long as there is room for what may come of the next one; the first that has not passed."""
    counts = s.counts
    for minute in range(start, end):
        bucket = minute % RING
        due, born = s.waiting[bucket], f.births[minute - f.first]
        told = due + born
        if (
            counts[Count.SCANS] + told > len(s.scans)
            or counts[Count.LATE] + told > len(s.late)
            or counts[Count.ENDED] + due > len(s.ended)
            or counts[Count.FREE] < born
        ):
            return minute
        slot = s.head[bucket]
        s.head[bucket], s.tail[bucket], s.waiting[bucket] = -1, -1, 0
        for _ in range(due):
            following = s.parcels[slot, NEXT]
            if following >= 0:
                prefetch(s.parcels, following * COLUMNS)
            _step(s, f, slot, minute)
            slot = following
        drawn = born
        for each in range(len(f.sent)):
            if f.sent[each, 0] == minute:
                drawn -= 1
        for ordinal in range(drawn):
            _bear(s, f, minute, ordinal)
        for each in range(len(f.sent)):
            if f.sent[each, 0] == minute:
                _hand_over(s, f, minute, drawn, f.sent[each, 1], f.sent[each, 2], f.sent[each, 3])
                drawn += 1
    return end


@woven
def _step(s: State, f: Fixed, slot: Number, now: Number) -> None:
    row = s.parcels[slot]
    if row[DUE] > now:  # further away than the calendar reaches
        _put_down(s, slot, row[DUE], now)
        return
    phase = row[PHASE]
    if phase == Phase.ARRIVE_HUB:
        _arrive(s, f, slot, now)
    elif phase == Phase.LEAVE_HUB or phase == Phase.LEAVE_OUTLET:
        _leave(s, f, slot, now)
    elif phase == Phase.ARRIVE_OUTLET:
        _tell(s, f, row, now, Told.AT_OUTLET, f.areas + row[TO], f.place_offset[row[TO]])
        extra = 0
        if row[FLAGS] & Flag.VILLAGE:
            extra = 600
        _wait(s, slot, Phase.OUT, _next_wave(now + extra + _HANDLED, f.place_offset[row[TO]]), now)
    elif phase == Phase.OUT:
        _go_out(s, f, slot, now)
    elif phase == Phase.DAMAGED:
        _tell(s, f, row, now, Told.DAMAGED, row[AREA], f.area_offset[row[AREA]])
        _send_on(s, f, slot, now, now + 720.0)
    elif phase == Phase.HELD:
        _tell(s, f, row, now, Told.HELD, row[AREA], f.area_offset[row[AREA]])
        days = 1.0 + 5.0 * share(f.seed, row[BORN], row[ORDINAL], _HOLD + 1)
        _wait(s, slot, Phase.RELEASED, now + int(days * _DAY), now)
    elif phase == Phase.RELEASED:
        _tell(s, f, row, now, Told.RELEASED, row[AREA], f.area_offset[row[AREA]])
        _send_on(s, f, slot, now, now + _DWELL)
    else:
        _meet_door(s, f, slot, now)


@woven
def _bear(s: State, f: Fixed, now: Number, ordinal: Number) -> None:
    """A merchant of the twin hands a parcel over."""
    merchant = _pick(f.merchant_table, 0, len(f.merchant_table), share(f.seed, now, ordinal, _MERCHANT))
    carrier = np.int64(f.merchant_carrier[merchant])
    if share(f.seed, now, ordinal, _FAITHFUL) >= f.faith:
        carrier = _find_share(f.carrier_share, share(f.seed, now, ordinal, _WHOSE))
    place = f.merchant_place[merchant]
    area = f.place_area[place]
    to_area = _pick(f.area_tables[area], 0, f.areas, share(f.seed, now, ordinal, _WHITHER))
    first = f.place_first[to_area]
    many = f.place_first[to_area + 1] - first
    to = f.place_order[first + _pick(f.place_table, first, many, share(f.seed, now, ordinal, _WHERE))]
    _hand_over(s, f, now, ordinal, carrier, place, to)


@woven
def _hand_over(s: State, f: Fixed, now: Number, ordinal: Number, carrier: Number, place: Number, to: Number) -> None:
    """A parcel begins its way from a place to another."""
    free = s.counts[Count.FREE] - 1
    s.counts[Count.FREE] = free
    slot = s.free[free]
    row = s.parcels[slot]
    area, to_area = f.place_area[place], f.place_area[to]
    for column in range(COLUMNS):
        row[column] = 0
    row[BORN], row[ORDINAL], row[FROM], row[TO], row[CARRIER], row[AREA] = now, ordinal, place, to, carrier, area
    if f.rural[to] and share(f.seed, now, ordinal, _VILLAGE) < f.luck[_L_VILLAGE]:
        row[FLAGS] = Flag.VILLAGE
    row[PROMISED] = _promise(f, now, row, to_area)
    s.counts[Count.BORN] += 1
    s.counts[Count.ON_WAY] += 1
    _tell(s, f, row, now, Told.PICKED_UP, f.areas + place, f.place_offset[place])
    row[LANE] = f.hubs + carrier * f.places + place
    leaves = _book(s, f, row[LANE], carrier, -1, now + _DWELL)
    _wait(s, slot, Phase.LEAVE_OUTLET, leaves, now)


@woven
def _promise(f: Fixed, now: Number, row: Number, to_area: Number) -> Number:
    """The evening, where it goes, of the day on which it should be there."""
    usual = f.usual[row[CARRIER], row[AREA], to_area] + _LEAST_PROMISE
    if row[FLAGS] & Flag.VILLAGE:
        usual += _DAY
    offset = f.place_offset[row[TO]]
    day = (now + int(usual) + offset) // _DAY
    return day * _DAY + _DAY_ENDS - offset


@woven
def _arrive(s: State, f: Fixed, slot: Number, now: Number) -> None:
    """Into the queue of a hub: first in, first out, at the pace of its sorter."""
    row = s.parcels[slot]
    area, carrier, hops = row[AREA], row[CARRIER], row[HOPS]
    _tell(s, f, row, now, Told.ARRIVED, area, f.area_offset[area])
    if hops < PATH_MOST:
        row[PATH + hops // PATH_EACH] |= (area + 1) << (10 * (hops % PATH_EACH))
    row[HOPS] = hops + 1
    hub = carrier * f.areas + area
    s.sorted[hub] += 1
    sorted_at = _sort(s, f, hub, now)
    if f.area_kind[area] == 2:
        held = share(f.seed, row[BORN], row[ORDINAL], _HOLD) < f.luck[_L_HELD]
        if held:
            row[FLAGS] |= Flag.HELD
        _wait(s, slot, Phase.HELD if held else Phase.RELEASED, math.ceil(sorted_at) + 180, now)
    elif share(f.seed, row[BORN], row[ORDINAL], _DAMAGE + hops) < f.luck[_L_DAMAGE]:
        row[FLAGS] |= Flag.DAMAGED
        _wait(s, slot, Phase.DAMAGED, math.ceil(sorted_at), now)
    else:
        _send_on(s, f, slot, now, sorted_at)


@woven
def _sort(s: State, f: Fixed, hub: Number, now: Number) -> Number:
    """When the sorter has done with what comes now; it stands still while the hub is shut."""
    begins = max(np.float64(now), s.hub_free[hub])
    for number in range(len(f.shut)):
        if f.shut[number, 0] == hub and f.shut[number, 1] <= begins < f.shut[number, 2]:
            begins = np.float64(f.shut[number, 2])
    done = begins + 1.0 / (f.hub_rate[hub] * f.surge[(now + _CHINA) // _DAY - f.first_day])
    s.hub_free[hub] = done
    return done


@woven
def _send_on(s: State, f: Fixed, slot: Number, now: Number, ready: Number) -> None:
    """From the sorter onto the next departure with room: to the next hub, or to the outlet."""
    row = s.parcels[slot]
    area, carrier, hops = row[AREA], row[CARRIER], row[HOPS]
    to_area = f.place_area[row[TO]]
    if area == to_area:
        lane = f.hubs + (f.carriers + carrier) * f.places + row[TO]
    else:
        lane = _next_lane(f, row, area, to_area, now)
        if f.area_kind[area] == 0 and share(f.seed, row[BORN], row[ORDINAL], _SORT + hops) < f.luck[_L_SORT]:
            hub = carrier * f.areas + area
            first, many = f.near_first[hub], f.near_first[hub + 1] - f.near_first[hub]
            if many:
                which = mixed(f.seed, row[BORN], row[ORDINAL], _ASIDE + hops) % np.uint64(many)
                aside = f.near[first + np.int64(which)]
                if aside != lane:
                    lane = aside
                    row[FLAGS] |= Flag.MISSORTED
    row[LANE] = lane
    leaves = _book(s, f, lane, carrier, carrier * f.areas + area, ready + _DWELL)
    _wait(s, slot, Phase.LEAVE_HUB, leaves, now)


@woven
def _next_lane(f: Fixed, row: Number, area: Number, to_area: Number, now: Number) -> Number:
    epoch = len(f.epochs) - 1
    while epoch > 0 and f.epochs[epoch] > now:
        epoch -= 1
    return np.int64(f.lane_of[row[CARRIER], area, f.following[epoch, row[CARRIER], area, to_area]])


@woven
def _book(s: State, f: Fixed, lane: Number, carrier: Number, hub: Number, ready: Number) -> Number:
    """The minute of the first departure that a parcel catches and that has room for it; it has its place then."""
    local = math.ceil(ready) + f.lane_cut_off[lane] + _CHINA
    day, minute, count = local // _DAY, local % _DAY, f.lane_count[lane]
    departure = 0
    while departure < count and f.lane_at[lane, departure] < minute:
        departure += 1
    number: Number = day * count + departure
    farthest = number + LOADS - 8
    if s.full_from[lane] <= number < s.full_to[lane]:
        number = np.int64(s.full_to[lane])
    while True:
        day = number // count
        leaves = day * _DAY + f.lane_at[lane, number % count] - _CHINA
        cell = number % LOADS
        if s.load_of[lane, cell] != number:
            s.load_of[lane, cell], s.load[lane, cell] = number, 0
        room = np.int64(f.lane_room[lane] * f.surge[day - f.first_day])
        if (s.load[lane, cell] < room and not _is_shut(f, hub, leaves)) or number >= farthest:
            if s.load[lane, cell] == 0:
                s.room_run[lane] += room
            s.load[lane, cell] += 1
            return leaves
        if number == s.full_to[lane]:
            s.full_to[lane] = number + 1
        elif not s.full_from[lane] <= number < s.full_to[lane]:
            s.full_from[lane], s.full_to[lane] = number, number + 1
        number += 1


@woven
def _is_shut(f: Fixed, hub: Number, minute: Number) -> Number:
    for number in range(len(f.shut)):
        if f.shut[number, 0] == hub and f.shut[number, 1] <= minute < f.shut[number, 2]:
            return True
    return False


@woven
def _leave(s: State, f: Fixed, slot: Number, now: Number) -> None:
    """On the road, or in the air."""
    row = s.parcels[slot]
    lane, area = row[LANE], row[AREA]
    if row[PHASE] == Phase.LEAVE_OUTLET:
        _tell(s, f, row, now, Told.DEPARTED, f.areas + row[FROM], f.place_offset[row[FROM]])
    else:
        _tell(s, f, row, now, Told.DEPARTED, area, f.area_offset[area])
    if share(f.seed, row[BORN], row[ORDINAL], _LOST + row[HOPS]) < f.luck[_L_LOST]:
        row[FLAGS] |= Flag.LOST
        _end(s, slot, now)
        return
    minutes = f.lane_minutes[lane]
    slower = _slow(f, f.lane_start[lane], f.lane_end[lane], now)
    if slower > 1.0:
        row[FLAGS] |= Flag.WEATHER
        minutes *= slower
    row[AREA] = f.lane_end[lane]
    to_outlet = lane >= f.hubs + f.carriers * f.places
    _wait(s, slot, Phase.ARRIVE_OUTLET if to_outlet else Phase.ARRIVE_HUB, now + int(minutes), now)


@woven
def _slow(f: Fixed, start: Number, end: Number, now: Number) -> Number:
    """How much longer a leg takes in the worst front that lies over its start, its middle or its end."""
    worst = 1.0
    for number in range(len(f.fronts)):
        front = f.fronts[number]
        if not front[_F_FROM] <= now < front[_F_TO]:
            continue
        hours = (now - front[_F_FROM]) / 60.0
        north, east = front[_F_NORTH] + hours * front[_F_UP], front[_F_EAST] + hours * front[_F_RIGHT]
        narrow = math.cos(math.radians(north))
        for part in range(3):
            there = part / 2.0
            up = f.area_at[start, 0] * (1 - there) + f.area_at[end, 0] * there - north
            right = (f.area_at[start, 1] * (1 - there) + f.area_at[end, 1] * there - east) * narrow
            if (up * up + right * right) * _KM_A_DEGREE**2 < front[_F_KM] ** 2:
                worst = max(worst, front[_F_SLOW])
    return worst


@woven
def _go_out(s: State, f: Fixed, slot: Number, now: Number) -> None:
    """With a courier, on a run: what will come of it at the door."""
    row = s.parcels[slot]
    _tell(s, f, row, now, Told.OUT, f.areas + row[TO], f.place_offset[row[TO]])
    s.counts[Count.TRIES] += 1
    born, ordinal = row[BORN], row[ORDINAL]
    again = row[FLAGS] & (Flag.SECOND_TRY | Flag.WRONG_ADDRESS)
    chance = share(f.seed, born, ordinal, _DOOR + (1 if again else 0))
    phase = np.int64(Phase.DELIVERED)
    if again:
        if chance < f.luck[_L_AGAIN]:
            phase = np.int64(Phase.LOCKER)
    elif chance < f.luck[_L_ADDRESS]:
        phase = np.int64(Phase.WRONG_ADDRESS)
    elif row[FLAGS] & Flag.VILLAGE or chance > 1.0 - f.luck[_L_LOCKER]:
        phase = np.int64(Phase.LOCKER)
    elif chance < f.luck[_L_ADDRESS] + f.luck[_L_HOME]:
        phase = np.int64(Phase.FAILED)
    minutes = 20 + int(280 * share(f.seed, born, ordinal, _ROUND + (1 if again else 0)))
    _wait(s, slot, phase, now + minutes, now)


@woven
def _meet_door(s: State, f: Fixed, slot: Number, now: Number) -> None:
    row = s.parcels[slot]
    phase, to = row[PHASE], row[TO]
    offset = f.place_offset[to]
    outlet = f.areas + to
    if phase == Phase.DELIVERED:
        where = outlet
        if row[FLAGS] & Flag.LOCKER and row[FLAGS] & Flag.VILLAGE:
            where = outlet + f.places
        _tell(s, f, row, now, Told.DELIVERED, where, offset)
        _end(s, slot, now)
    elif phase == Phase.LOCKER:
        where = outlet
        if row[FLAGS] & Flag.VILLAGE:
            where = outlet + f.places
        _tell(s, f, row, now, Told.LOCKER, where, offset)
        row[FLAGS] |= Flag.LOCKER
        row[LANE] = now
        hours = 1.0 + 30.0 * share(f.seed, row[BORN], row[ORDINAL], _ROUND + 2) ** 2
        _wait(s, slot, Phase.DELIVERED, now + int(60 * hours), now)
    elif phase == Phase.FAILED:
        _tell(s, f, row, now, Told.ATTEMPTED, outlet, offset)
        row[FLAGS] |= Flag.SECOND_TRY
        _wait(s, slot, Phase.OUT, _next_wave(now + 600, offset), now)
    else:
        _tell(s, f, row, now, Told.WRONG_ADDRESS, outlet, offset)
        row[FLAGS] |= Flag.WRONG_ADDRESS
        days = 1.0 + 2.0 * share(f.seed, row[BORN], row[ORDINAL], _ROUND + 3)
        _wait(s, slot, Phase.OUT, _next_wave(now + int(days * _DAY), offset), now)


@woven
def _next_wave(minute: Number, offset: Number) -> Number:
    """When couriers leave next with what is at the outlet by then."""
    local = minute + offset
    day, clock = local // _DAY, local % _DAY
    for wave in _WAVES:
        if clock <= wave:
            return day * _DAY + wave - offset
    return (day + 1) * _DAY + _WAVES[0] - offset


@woven
def _wait(s: State, slot: Number, phase: Number, due: Number, now: Number) -> None:
    row = s.parcels[slot]
    row[PHASE] = phase
    row[DUE] = max(due, now + 1)
    _put_down(s, slot, row[DUE], now)


@woven
def _put_down(s: State, slot: Number, due: Number, now: Number) -> None:
    bucket = min(due, now + RING - 1) % RING
    s.parcels[slot, NEXT] = -1
    last = s.tail[bucket]
    if last < 0:
        s.head[bucket] = slot
    else:
        s.parcels[last, NEXT] = slot
    s.tail[bucket] = slot
    s.waiting[bucket] += 1


@woven
def _end(s: State, slot: Number, now: Number) -> None:
    ended = s.counts[Count.ENDED]
    s.parcels[slot, DUE] = now
    for column in range(COLUMNS):
        s.ended[ended, column] = s.parcels[slot, column]
    s.counts[Count.ENDED] = ended + 1
    s.counts[Count.ON_WAY] -= 1
    free = s.counts[Count.FREE]
    s.free[free] = slot
    s.counts[Count.FREE] = free + 1


@woven
def _tell(s: State, f: Fixed, row: Number, now: Number, told: Number, facility: Number, offset: Number) -> None:
    """A scan, unless the carrier loses it: at once or late, by the right clock or a wrong one."""
    carrier = row[CARRIER]
    why = _TELL + told * 16 + row[HOPS]
    if row[FLAGS] & (Flag.SECOND_TRY | Flag.WRONG_ADDRESS):
        why += 256
    word = mixed(f.seed, row[BORN], row[ORDINAL], why)
    second = np.int64(word & np.uint64(63)) * 60 // 64
    chance = np.float64(word >> np.uint64(32)) / 4294967296.0
    if chance < f.quality[carrier, 2]:
        s.counts[Count.MISSING] += 1
        return
    chance -= f.quality[carrier, 2]
    wrong = chance < f.quality[carrier, 3]
    chance -= f.quality[carrier, 3]
    what = carrier | told << 8 | second << 16
    if wrong:
        what |= 1 << 24
    if not wrong and chance < f.quality[carrier, 0]:
        other = np.float64((word >> np.uint64(6)) & np.uint64(0xFFFFFF)) / 16777216.0
        delay = 5 + int(f.quality[carrier, 1] * min(other / (1.0 - other), 20.0))
        at = s.counts[Count.LATE]
        line = s.late[at]
        s.counts[Count.LATE] = at + 1
        line[6] = now + delay
    else:
        at = s.counts[Count.SCANS]
        line = s.scans[at]
        s.counts[Count.SCANS] = at + 1
        line[6] = now
    line[0], line[1], line[2], line[3], line[4], line[5] = now, row[BORN], row[ORDINAL], what, facility, offset


@woven
def _pick(table: Number, first: Number, many: Number, chance: Number) -> Number:
    """Which of many, by a part of an `alias_table` of theirs."""
    place = chance * many
    own = int(place)
    entry = table[first + own]
    other = int(entry)
    return own if place - own < entry - other else other


@woven
def _find_share(shares: Number, chance: Number) -> Number:
    for number in range(len(shares) - 1):
        if chance < shares[number]:
            return np.int64(number)
        chance -= shares[number]
    return np.int64(len(shares) - 1)
