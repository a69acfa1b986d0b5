"""Scans of parcels that were looked up, as columns: what forecasts follow them by, as new as the newest scan.

They are the rows that `read_standing` finds of the same parcels in history, which is behind the index.
"""

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import pyarrow as pa

from waypost.model.carriage import Parcel, Waybill
from waypost.track.records import tell_parcels
from waypost.track.statuses import bears_status, list_statuses
from waypost.track.timeline import Judged

_STAMP, _WORD = pa.timestamp("ms", "UTC"), pa.string()

#: A scan that stands and says how its parcel stands; the first two columns are the first waybill of the parcel.
FOLLOWED_SCHEMA = pa.schema(
    [
        pa.field("parcel_carrier", _WORD),
        pa.field("number", _WORD),
        pa.field("carrier", _WORD),
        pa.field("status", _WORD),
        pa.field("facility", _WORD),
        pa.field("at", _STAMP),
        pa.field("offset_min", pa.int16()),
    ]
)


class Followed(msgspec.Struct, frozen=True):
    """Scans as `FOLLOWED_SCHEMA`, and what was told of their parcels as `records.TOLD_SCHEMA`."""

    scans: pa.Table
    told: pa.Table

    def joined(self, other: "Followed") -> "Followed":
        """Both together; no parcel is in both."""
        return Followed(pa.concat_tables([self.scans, other.scans]), pa.concat_tables([self.told, other.told]))


def follow(parcels: Iterable[tuple[Waybill, Judged]], known: Sequence[Parcel]) -> Followed:
    """What forecasts follow some parcels by.

    Args:
        parcels: their first waybills and timelines.
        known: those of them that stand in the records.
    """
    tables = [_standing(waybill, judged) for waybill, judged in parcels]
    return Followed(pa.concat_tables([FOLLOWED_SCHEMA.empty_table(), *tables]), tell_parcels(known))


def _standing(waybill: Waybill, judged: Judged) -> pa.Table:
    rows = np.flatnonzero(judged.stands & bears_status(judged.statuses))
    statuses = list_statuses()
    own = {
        "parcel_carrier": pa.repeat(waybill.carrier, len(rows)),
        "number": pa.repeat(waybill.number, len(rows)),
        "status": pa.array([statuses[number].code for number in judged.statuses[rows].tolist()], _WORD),
    }
    scans = judged.scans.take(pa.array(rows))
    columns = [
        own[field.name] if field.name in own else scans.column(field.name).cast(field.type) for field in FOLLOWED_SCHEMA
    ]
    return pa.table(columns, FOLLOWED_SCHEMA)
