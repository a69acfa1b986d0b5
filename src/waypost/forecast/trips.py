"""Trips: what is known of parcels from the order to the door, as the columns that forecasts learn from.

A trip is one parcel: ordered, handed over to the carrier, delivered. What has not come yet is null; who learns at an
instant asks how long they took or have taken so far (`days_taken`), so that nothing leaks from what came later.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from waypost.model.errors import BadInput
from waypost.model.instants import DAY_MS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_STAMP, _WORD = pa.timestamp("ms", "UTC"), pa.string()

#: The columns of trips.
TRIP_SCHEMA = pa.schema(
    [
        pa.field("number", _WORD, nullable=False),
        pa.field("ordered_at", _STAMP, nullable=False),  # the moment at which somebody asks when it will be there
        pa.field("offset_min", pa.int16(), nullable=False),  # local minus UTC, then
        pa.field("handover_due_at", _STAMP),  # by when the shipper has to hand it over
        pa.field("handed_over_at", _STAMP),
        pa.field("delivered_at", _STAMP),
        pa.field("is_void", pa.bool_(), nullable=False),  # cancelled, nobody says when: left out from the beginning
        pa.field("shipper", _WORD),
        pa.field("service", _WORD),
        pa.field("goods", _WORD),  # the category of what is in it
        pa.field("origin_region", _WORD),  # state or province
        pa.field("origin_area", _WORD),  # part of a region, such as the first digits of a postcode
        pa.field("origin_latitude", pa.float64()),
        pa.field("origin_longitude", pa.float64()),
        pa.field("destination_country", _WORD),  # ISO 3166-1 alpha-2, whose holidays count
        pa.field("destination_region", _WORD),
        pa.field("destination_area", _WORD),
        pa.field("destination_latitude", pa.float64()),
        pa.field("destination_longitude", pa.float64()),
        pa.field("pieces", pa.int32()),  # how many things are in it
        pa.field("weight_g", pa.float64()),
        pa.field("volume_cm3", pa.float64()),
        pa.field("value", pa.float64()),  # what it is worth, and what its carriage costs, in the table's own currency
        pa.field("freight", pa.float64()),
        pa.field("promised_at", _STAMP),  # what somebody else promised when it was ordered
    ]
)

#: Stands for an instant that has not come.
NEVER = np.inf


class Trips:
    """Trips in the order in which they were ordered, instants as days since 1970 (float64; `NEVER` where null)."""

    def __init__(self, table: pa.Table) -> None:
        if table.schema.names != TRIP_SCHEMA.names:
            raise BadInput(f"trips have the columns {', '.join(TRIP_SCHEMA.names)}")
        self.table = table.cast(TRIP_SCHEMA).sort_by([("ordered_at", "ascending"), ("number", "ascending")])
        self.ordered = self._days("ordered_at")
        self.handover_due = self._days("handover_due_at")
        self.delivered = self._days("delivered_at")
        # What was delivered had been handed over, also where nobody said so; and nothing before it was ordered.
        self.handed_over = np.maximum(np.minimum(self._days("handed_over_at"), self.delivered), self.ordered)
        self.promised = self._days("promised_at")
        self.is_void: Flags = np.asarray(self.table.column("is_void"))
        self.local = self.ordered + np.asarray(self.table.column("offset_min")).astype(np.float64) / (24 * 60)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def words(self, name: str) -> tuple[Ints, list[str]]:
        """A column of words as numbers into a sorted list of them; what is missing is the word ""."""
        found, place = np.unique(self.table.column(name).fill_null("").to_numpy().astype(str), return_inverse=True)
        return place.astype(np.int64), found.tolist()

    def numbers(self, name: str) -> Floats:
        """A column of numbers; NaN where null."""
        return np.asarray(self.table.column(name).cast(pa.float64()).fill_null(float("nan")))

    def between(self, start: float, end: float) -> Ints:
        """The rows of those ordered from `start` on and before `end`, in days; void ones left out."""
        rows = np.arange(*np.searchsorted(self.ordered, [start, end]))
        return rows[~self.is_void[rows]]

    def at(self, rows: Ints, ordered: float) -> "Trips":
        """Some trips as if they were ordered at another instant, and nothing had happened yet; in the order of rows."""
        names = set(TRIP_SCHEMA.names) - {"number", "ordered_at", "is_void"}
        names -= {"handover_due_at", "handed_over_at", "delivered_at", "promised_at"}
        taken = self.table.select(sorted(names)).take(pa.array(rows))
        stamp = np.datetime64(round(ordered * DAY_MS), "ms")
        columns: dict[str, Any] = {name: taken.column(name) for name in names}
        columns |= {"number": number_rows(len(rows)), "ordered_at": np.full(len(rows), stamp)}
        return make_trips(columns | {"is_void": np.zeros(len(rows), np.bool_)})

    def days_taken(self, rows: Ints, known: float) -> tuple[Floats, Flags]:
        """How long trips took, or have taken so far if they had not ended by `known`; and which had ended."""
        ended = self.delivered[rows] < known
        return np.where(ended, self.delivered[rows], known) - self.ordered[rows], ended

    def _days(self, name: str) -> Floats:
        column = self.table.column(name).combine_chunks().cast(pa.int64())
        days = np.asarray(column.cast(pa.float64()).fill_null(NEVER)) / DAY_MS
        return days.astype(np.float64)


def number_rows(rows: int) -> list[str]:
    """Numbers by which rows that are ordered at one instant stay in their order."""
    return [f"{row:09d}" for row in range(rows)]


def make_trips(columns: dict[str, Any]) -> Trips:
    """Trips from columns by name, those that are not given null."""
    rows = len(columns["number"])
    return Trips(
        pa.table(
            [
                _read_column(columns[field.name], field.type) if field.name in columns else pa.nulls(rows, field.type)
                for field in TRIP_SCHEMA
            ],
            schema=TRIP_SCHEMA,
        )
    )


def _read_column(values: Any, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    return values.cast(kind) if isinstance(values, pa.ChunkedArray) else pa.array(values, type=kind, from_pandas=True)
