"""Steps: the standing scans of parcels one after another, as the columns that arrivals are learnt from and watched by.

A row is one scan of one parcel, with what came before it and what came after. `known_at` tells the same as it was
known at an instant, so that nothing leaks from what came later. Where a parcel goes and what it was promised is told by
what was booked, never by where it was delivered.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from waypost.forecast.trips import NEVER, Flags, Floats, Ints
from waypost.model.errors import BadInput
from waypost.model.instants import DAY_MS, MINUTE_MS
from waypost.network.areas import Areas
from waypost.network.facilities import Facilities
from waypost.store.protocols import History
from waypost.track.standing import Ask, in_milliseconds, instant, read_standing, timed
from waypost.track.statuses import MILESTONES, get_status, list_statuses
from waypost.track.tables import CodeTables

_STAMP, _WORD = pa.timestamp("ms", "UTC"), pa.string()

#: What is known of a parcel from its booking.
BOOKED_SCHEMA = pa.schema(
    [
        pa.field("parcel_carrier", _WORD, nullable=False),  # its first waybill
        pa.field("number", _WORD, nullable=False),
        pa.field("destination_area", _WORD),  # COUNTRY-region
        pa.field("destination_latitude", pa.float64()),
        pa.field("destination_longitude", pa.float64()),
        pa.field("promised_at", _STAMP),  # by when it was promised
    ]
)

#: The columns of steps.
STEP_SCHEMA = pa.schema(
    [
        pa.field("parcel_carrier", _WORD, nullable=False),
        pa.field("number", _WORD, nullable=False),
        pa.field("carrier", _WORD, nullable=False),  # who scanned it
        pa.field("status", _WORD, nullable=False),
        pa.field("facility", _WORD),  # as carrier/code
        pa.field("area", _WORD),  # of the facility, COUNTRY-region
        pa.field("latitude", pa.float64()),
        pa.field("longitude", pa.float64()),
        pa.field("at", _STAMP, nullable=False),
        pa.field("offset_min", pa.int16(), nullable=False),
        *list(BOOKED_SCHEMA)[2:],
        pa.field("vehicle", _WORD),  # what it was loaded on, where somebody says so
    ]
)

#: Who has not been scanned for so long is not waited for any longer: as long as all but a few of the carrier's gaps
#: last, within bounds; the first of them where few gaps were seen.
LOST_DAYS, MOST_LOST_DAYS = 14.0, 45.0
_GAPS_WAITED, _LEAST_GAPS = 0.995, 200

#: What parcels on their way are learnt from was scanned in so many days; how things go now is told by fewer.
WATCHED_DAYS, LATELY_DAYS = 75, 45

_BEFORE_DAYS = 45
MOST_SCANS = 2_000_000

#: By number of a status: the place of its milestone in `MILESTONES`, one behind the last for none.
_MILESTONE = np.array(
    [MILESTONES.index(each.milestone) if each.milestone else len(MILESTONES) for each in list_statuses()], np.int64
)
_DELIVERED = MILESTONES.index("delivered")
_STOPPED = [MILESTONES.index(each) for each in ("returning", "returned", "cancelled")]
_LOST = get_status("lost").number

#: The codes of statuses behind which nothing is awaited.
ENDING = frozenset(
    each.code for each in list_statuses() if _MILESTONE[each.number] in (_DELIVERED, *_STOPPED) or each.number == _LOST
)


class Steps:
    """Steps by parcel and instant; instants as days since 1970 (float64, `NEVER` for what has not come).

    Attributes:
        parcel: the parcel of each row, numbers from 0.
        status, milestone: numbers of what it said; see `waypost.track.statuses`.
        at, local: when, UTC and by the clock there.
        first, previous, following: when its parcel was scanned first, before and next; NaN if not before.
        delivered: when its parcel was.
        stopped: when its parcel was lost, cancelled or sent back.
        promised: by when it was promised; NaN if it was not.
        shares: each parcel stands for so many.
    """

    def __init__(self, table: pa.Table, shares: int = 1) -> None:
        if table.schema.names != STEP_SCHEMA.names:
            raise BadInput(f"steps have the columns {', '.join(STEP_SCHEMA.names)}")
        table, self.parcel, self.status = _in_order(table.cast(STEP_SCHEMA))
        self.table = table
        self.shares = shares
        self.milestone: Ints = _MILESTONE[self.status]
        self.at = self._days("at")
        self.local = self.at + np.asarray(table.column("offset_min")).astype(np.float64) * MINUTE_MS / DAY_MS
        self.promised = np.where(np.isfinite(self._days("promised_at")), self._days("promised_at"), np.nan)
        same = self.parcel[1:] == self.parcel[:-1]
        self.is_last: Flags = np.r_[~same, np.ones(min(len(self), 1), np.bool_)]
        self.previous: Floats = np.r_[[np.nan] * min(len(self), 1), np.where(same, self.at[:-1], np.nan)]
        self.following: Floats = np.r_[np.where(same, self.at[1:], NEVER), [NEVER] * min(len(self), 1)]
        every = np.ones(len(self), np.bool_)
        self.first = self._earliest(every)
        self.delivered = self._earliest(self.milestone == _DELIVERED)
        self.stopped = self._earliest(np.isin(self.milestone, _STOPPED) | (self.status == _LOST))

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def find_patience(self) -> dict[str, float]:
        """By carrier after how many days without a scan a parcel is given up."""
        carrier, names = self.words("parcel_carrier")
        gaps = self.following - self.at
        seen = np.isfinite(gaps) & (self.at < self.ended)
        own = {name: gaps[seen & (carrier == number)] for number, name in enumerate(names)}
        return {
            name: float(np.clip(np.quantile(each, _GAPS_WAITED), LOST_DAYS, MOST_LOST_DAYS))
            for name, each in own.items()
            if len(each) >= _LEAST_GAPS
        }

    def patience(self, of: Mapping[str, float] | None = None) -> Floats:
        """After how many days without a scan each is given up, by what was found of its carrier, here unless told."""
        carrier, names = self.words("parcel_carrier")
        of = self.find_patience() if of is None else of
        return np.array([of.get(name, LOST_DAYS) for name in names], np.float64)[carrier]

    @property
    def ended(self) -> Floats:
        """When its parcel was delivered or stopped."""
        return np.minimum(self.delivered, self.stopped)

    def words(self, name: str) -> tuple[Ints, list[str]]:
        """A column of words as numbers into a list of them; what is missing is the word ""."""
        found = self.table.column(name).fill_null("").combine_chunks().dictionary_encode()
        return np.asarray(found.indices).astype(np.int64), found.dictionary.to_pylist()

    def numbers(self, name: str) -> Floats:
        """A column of numbers; NaN where null."""
        return np.asarray(self.table.column(name).cast(pa.float64()).fill_null(float("nan")))

    def known_at(self, known: float) -> "Steps":
        """What was known at an instant, in days."""
        return Steps(self.table.filter(pa.array(self.at < known)), self.shares)

    def take(self, rows: Ints | Flags) -> pa.Table:
        """Some rows of the table."""
        return self.table.take(pa.array(np.flatnonzero(rows) if rows.dtype == np.bool_ else rows))

    def on_their_way(self) -> Ints:
        """The last row of each parcel that has not ended."""
        return np.flatnonzero(self.is_last & ~np.isfinite(self.ended)).astype(np.int64)

    def is_given_up(self, known: float, patience: Mapping[str, float] | None = None) -> Flags:
        """Of each row whether its parcel has not ended and was not scanned for so long that it counts as lost.

        Args:
            patience: that of `find_patience` of more steps than these.
        """
        newest = np.full(int(self.parcel.max(initial=-1)) + 1, -np.inf)
        np.maximum.at(newest, self.parcel, self.at)
        return np.asarray(~np.isfinite(self.ended) & (newest[self.parcel] < known - self.patience(patience)))

    def _days(self, name: str) -> Floats:
        column = self.table.column(name).combine_chunks().cast(pa.int64())
        return np.asarray(np.asarray(column.cast(pa.float64()).fill_null(NEVER)) / DAY_MS, np.float64)

    def _earliest(self, rows: Flags) -> Floats:
        found = np.full(int(self.parcel.max(initial=-1)) + 1, NEVER)
        np.minimum.at(found, self.parcel[rows], self.at[rows])
        return np.asarray(found[self.parcel], np.float64)


def _in_order(table: pa.Table) -> tuple[pa.Table, Ints, Ints]:
    """Rows by parcel and instant, those of one instant by their place in a parcel's life; parcels; statuses."""
    words = [table.column(name).combine_chunks().dictionary_encode() for name in ("parcel_carrier", "number", "status")]
    carrier, number, said = (np.asarray(each.indices).astype(np.int64) for each in words)
    known = [get_status(code) for code in words[2].dictionary.to_pylist()]
    status = np.array([each.number for each in known], np.int64)[said]
    precedence = np.array([each.precedence for each in known], np.int64)[said]
    key = number * (int(carrier.max(initial=0)) + 1) + carrier
    at = np.asarray(table.column("at").combine_chunks().cast(pa.int64()))
    order = np.lexsort((precedence, at, key))
    begins = np.r_[np.zeros(min(len(key), 1), np.int64), np.diff(key[order]) != 0]
    return table.take(pa.array(order)), np.cumsum(begins).astype(np.int64), status[order]


def make_steps(columns: dict[str, Any], shares: int = 1) -> Steps:
    """Steps from columns by name, those that are not given null; `parcel_carrier` is the carrier where not given."""
    columns = {"parcel_carrier": columns["carrier"], **columns}
    rows = len(columns["number"])
    return Steps(
        pa.table(
            [
                pa.array(columns[field.name], type=field.type, from_pandas=True)
                if field.name in columns
                else pa.nulls(rows, field.type)
                for field in STEP_SCHEMA
            ],
            schema=STEP_SCHEMA,
        ),
        shares,
    )


def read_booked(told: pa.Table) -> pa.Table:
    """What is known from bookings (`BOOKED_SCHEMA`), of the columns of `track.records.list_told`."""
    columns = {
        "parcel_carrier": told.column("told_carrier"),
        "number": told.column("told_number"),
        "destination_area": told.column("told_area"),
        "promised_at": told.column("promised_ms").cast(_STAMP),
    }
    missing = {axis: pa.nulls(told.num_rows, pa.float64()) for axis in BOOKED_SCHEMA.names if axis not in columns}
    return pa.table(columns | missing).select(BOOKED_SCHEMA.names)


def read_steps(
    history: History,
    tables: CodeTables,
    facilities: Facilities,
    *,
    now_ms: int,
    days: int,
    booked: pa.Table | None = None,
    links: pa.Table | None = None,
    most: int = MOST_SCANS,
) -> Steps:
    """The steps of all parcels that were scanned in the last days, whole but for what is six weeks older.

    Args:
        history: of scans.
        tables: what codes mean.
        facilities: where they are.
        now_ms: until when.
        days: so many days back.
        booked: what is known from bookings, as `BOOKED_SCHEMA`, one row a parcel.
        links: further numbers of parcels, as `read_standing` takes them.
        most: of more scans than this, those of a share of the numbers; see `Steps.shares`.
    """
    standing = read_standing(history, tables, links)
    since, before = instant(now_ms - days * DAY_MS), instant(now_ms - (days + _BEFORE_DAYS) * DAY_MS)
    until = instant(now_ms)

    def count(scans: Any) -> Any:
        return scans.filter(scans.at >= before, scans.at < until).aggregate(many=lambda found: found.count())

    shares = -(-int(history.run(count).column("many")[0].as_py()) // most)
    found = history.run(_asking(standing, since, before, now_ms, shares))
    return place_steps(found, facilities, Areas(facilities.list_all()), booked, shares)


def place_steps(
    scans: pa.Table, facilities: Facilities, areas: Areas, booked: pa.Table | None = None, shares: int = 1
) -> Steps:
    """Steps from scans that stand (`following.FOLLOWED_SCHEMA`), with where they were and what was booked."""
    carrier, code = scans.column("carrier"), scans.column("facility")
    named = pc.binary_join_element_wise(carrier, code, "/")  # null where there is none
    table = _placed(scans.drop_columns(["facility"]).append_column("facility", named), facilities, areas)
    told = BOOKED_SCHEMA.empty_table() if booked is None else booked.select(BOOKED_SCHEMA.names).cast(BOOKED_SCHEMA)
    place = told.schema.get_field_index("destination_area")
    told = told.set_column(place, "destination_area", areas.spell_column(told.column(place)))
    rows = pc.index_in(_waybills(table), value_set=_waybills(told))
    table = _beside(table, told.drop_columns(["parcel_carrier", "number"]), rows)
    return make_steps({name: table.column(name).combine_chunks() for name in table.column_names}, shares)


def _asking(standing: Ask, since: Any, before: Any, now_ms: int, shares: int) -> Ask:
    until = instant(now_ms)

    def ask(scans: Any) -> Any:
        known = timed(scans.filter(scans.at >= before), now_ms)
        known = standing(known.filter(known.at < until))
        known = known.filter(known["rank"] >= 0)
        if shares > 1:
            known = known.filter(known.parcel_number.hash().abs() % shares == 0)
        seen = known.filter(known.at >= since).select("parcel_carrier", "parcel_number").distinct()
        rows = known.semi_join(seen, ["parcel_carrier", "parcel_number"])
        return rows.select(
            "parcel_carrier",
            "carrier",
            "status",
            "facility",
            "offset_min",
            number=rows.parcel_number,
            at=in_milliseconds(rows.at),
        )

    return ask


def _placed(table: pa.Table, facilities: Facilities, areas: Areas) -> pa.Table:
    """Say where the facilities are, as far as it is known."""
    keys = [key for key in table.column("facility").unique().to_pylist() if key is not None]
    pairs = [(carrier, code) for carrier, _, code in (key.partition("/") for key in keys)]
    known = facilities.find_many(pairs)
    places = [known[pair].place if pair in known else None for pair in pairs]
    told = {
        "area": pa.array([p and areas.of_place(p) for p in places], _WORD),
        "latitude": pa.array([p.latitude if p else None for p in places], pa.float64()),
        "longitude": pa.array([p.longitude if p else None for p in places], pa.float64()),
    }
    rows = pc.index_in(table.column("facility"), value_set=pa.array(keys, _WORD))
    return _beside(table, pa.table(told), rows)


def _waybills(table: pa.Table) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(table.column("parcel_carrier"), table.column("number"), "\x1f")


def _beside(table: pa.Table, told: pa.Table, rows: pa.ChunkedArray) -> pa.Table:
    """A table with more columns, of each row that of another table; null where there is none."""
    found = told.take(rows)
    for name in told.column_names:
        table = table.append_column(name, found.column(name))
    return table
