"""What the run of the twin holds: a row for each parcel on its way, and columns for everything that they share."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

#: Sixteen numbers of four bytes are one line of a processor's cache: a step of a parcel touches one.
NEXT, BORN, ORDINAL, FROM, TO, CARRIER, PHASE, FLAGS, AREA, LANE, DUE, PROMISED, HOPS, PATH = range(14)
COLUMNS = 16
#: The three last numbers hold the areas of the way, ten bits each.
PATH_EACH, PATH_MOST = 3, 9

#: Buckets of the calendar, one a minute; what is due later waits in the last one and is put back.
RING = 1 << 15
#: Departures of a lane whose loads are remembered, and days of timetable that are looked at for room.
LOADS = 128


class Phase(IntEnum):
    """What happens to a parcel next."""

    LEAVE_OUTLET = 0
    ARRIVE_HUB = 1
    LEAVE_HUB = 2
    DAMAGED = 3
    HELD = 4
    RELEASED = 5
    ARRIVE_OUTLET = 6
    OUT = 7
    DELIVERED = 8
    LOCKER = 9
    FAILED = 10
    WRONG_ADDRESS = 11


class Flag(IntEnum):
    """What a parcel has met with: bits of a column of the truth."""

    VILLAGE = 1
    MISSORTED = 2
    DAMAGED = 4
    HELD = 8
    WRONG_ADDRESS = 16
    SECOND_TRY = 32
    LOCKER = 64
    WEATHER = 128
    LOST = 256


class Told(IntEnum):
    """What a scan says; see `telling`."""

    PICKED_UP = 0
    DEPARTED = 1
    ARRIVED = 2
    AT_OUTLET = 3
    OUT = 4
    DELIVERED = 5
    LOCKER = 6
    ATTEMPTED = 7
    DAMAGED = 8
    WRONG_ADDRESS = 9
    HELD = 10
    RELEASED = 11


class Count(IntEnum):
    """What is counted, beside the columns."""

    SCANS = 0  #: rows of `scans` in use
    LATE = 1
    ENDED = 2
    FREE = 3
    BORN = 4
    TRIES = 5
    ON_WAY = 6
    MISSING = 7


class State(NamedTuple):
    """What changes.

    Attributes:
        parcels: a row each; those in `free` are nobody's.
        head, tail, waiting: of each minute of the calendar, who comes first and last, and how many.
        hub_free: when the sorter of each hub (carrier x area) has done what it has got, in minutes.
        load, load_of: parcels on a departure, and which one that is, by lane and departure modulo `LOADS`.
        full_from, full_to: departures of a lane that are known to be full.
        room_run: room of all departures of a lane that took a parcel.
        sorted: parcels that a hub has taken in.
        scans: minute, birth, ordinal, carrier and word and second, facility, offset and faults.
        late: the same, with the minute at which they are sent instead of a seventh.
        ended: rows of parcels that are at their end, `DUE` being when.
        counts: see `Count`.
    """

    parcels: I32
    head: I32
    tail: I32
    waiting: I32
    free: I32
    hub_free: F64
    load: I32
    load_of: I32
    full_from: I32
    full_to: I32
    room_run: F64
    sorted: I64
    scans: I32
    late: I32
    ended: I32
    counts: I64


class Fixed(NamedTuple):
    """What does not change while minutes pass; see `world` and `run`.

    Attributes:
        births: parcels of each minute of the stretch, from `first`; the last of them are those of `sent`.
        sent: minute, carrier, place and destination of parcels that somebody outside hands over in the stretch.
        surge: room and speed of each day, from `first_day` (China's).
        following: by epoch, carrier, area and destination; `epochs` are when each begins.
        shut: carrier x area, from, to (minutes) of hubs that stand still.
        fronts: from, to, latitude, longitude, degrees an hour north and east, kilometres, how much slower.
        quality: by carrier: share late, minutes that these are late in the middle, share missing, share in wrong zones.
        luck: chances of what goes wrong, in the order of `luck.Luck`.
    """

    seed: int
    areas: int
    places: int
    hubs: int
    carriers: int
    births: I32
    sent: I32
    first: int
    surge: F64
    first_day: int
    merchant_place: I32
    merchant_carrier: I32
    merchant_table: F64
    carrier_share: F64
    faith: float
    area_tables: F64
    place_order: I32
    place_first: I32
    place_table: F64
    place_area: I32
    rural: npt.NDArray[np.bool_]
    place_offset: I32
    area_offset: I32
    area_kind: I32
    area_at: F64
    lane_start: I32
    lane_end: I32
    lane_minutes: F64
    lane_mode: I32
    lane_count: I32
    lane_at: I32
    lane_room: I32
    lane_cut_off: I32
    lane_of: I32
    near: I32
    near_first: I32
    hub_rate: F64
    epochs: I64
    following: npt.NDArray[np.int16]
    usual: F64
    shut: I64
    fronts: F64
    quality: F64
    luck: F64
