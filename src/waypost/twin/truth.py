"""What became of the twin's parcels, as they themselves would tell: columns, without any carrier's mistakes."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.twin.state import (
    AREA,
    BORN,
    CARRIER,
    DUE,
    FLAGS,
    FROM,
    HOPS,
    LANE,
    ORDINAL,
    PATH,
    PATH_EACH,
    PATH_MOST,
    PROMISED,
    TO,
    Flag,
)
from waypost.twin.telling import MINUTE_MS, Teller
from waypost.twin.world import World

_INSTANT, _WORD = pa.timestamp("ms", "UTC"), pa.dictionary(pa.int32(), pa.string())

#: A parcel each. `arrived_at` is when it was handed over or put into a locker, null if it is lost or on its way;
#: `flags` are those of `state.Flag`; `path` are the codes of the hubs that it came to, at most nine.
SCHEMA = pa.schema(
    [
        pa.field("carrier", _WORD),
        pa.field("number", pa.string()),
        pa.field("accepted_at", _INSTANT),
        pa.field("promised_at", _INSTANT),
        pa.field("arrived_at", _INSTANT),
        pa.field("origin", _WORD),
        pa.field("destination", _WORD),
        pa.field("flags", pa.int32()),
        pa.field("hubs", pa.int32()),
        pa.field("area", pa.int32()),
        pa.field("path", pa.list_(_WORD)),
    ]
)


def read_truth(rows: npt.NDArray[np.int32], world: World, teller: Teller, *, arrived: bool = True) -> pa.Table:
    """Rows of the run as columns.

    Args:
        rows: of parcels at their end, or on their way.
        world: the names of places.
        teller: the numbers.
        arrived: whether they are at their end.
    """
    flags, count = rows[:, FLAGS], len(rows)
    came = np.where(flags & Flag.LOCKER, rows[:, LANE], rows[:, DUE]).astype(np.int64) * MINUTE_MS
    nowhere = (flags & Flag.LOST) != 0 if arrived else (flags & Flag.LOCKER) == 0
    codes = pa.array(world.codes, pa.string())
    areas = len(world.places.areas)
    hops = np.minimum(rows[:, HOPS], PATH_MOST)
    steps = np.stack([rows[:, PATH + hop // PATH_EACH] >> 10 * (hop % PATH_EACH) & 1023 for hop in range(PATH_MOST)], 1)
    paths = steps[np.arange(PATH_MOST)[None, :] < hops[:, None]] - 1
    ends = np.zeros(count + 1, np.int32)
    np.cumsum(hops, out=ends[1:])
    path = pa.ListArray.from_arrays(ends, pa.DictionaryArray.from_arrays(paths.astype(np.int32), codes))
    carriers = pa.array(world.carriers, pa.string())
    columns = [
        pa.DictionaryArray.from_arrays(np.ascontiguousarray(rows[:, CARRIER]), carriers),
        teller.numbers(*(np.ascontiguousarray(rows[:, column]) for column in (CARRIER, BORN, ORDINAL))),
        pa.array(rows[:, BORN].astype(np.int64) * MINUTE_MS).cast(_INSTANT),
        pa.array(rows[:, PROMISED].astype(np.int64) * MINUTE_MS).cast(_INSTANT),
        pa.array(came, mask=nowhere).cast(_INSTANT),
        pa.DictionaryArray.from_arrays(areas + rows[:, FROM], codes),
        pa.DictionaryArray.from_arrays(areas + rows[:, TO], codes),
        pa.array(flags),
        pa.array(rows[:, HOPS]),
        pa.array(rows[:, AREA]),
        path,
    ]
    return pa.table(columns, schema=SCHEMA)
