"""Scans: what happened to which parcel, when, where, why.

A batch of scans is columns (`SCAN_SCHEMA`) from the door to the disk; `ScanEvent` is the view of a single one.
"""

import hashlib
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from waypost.model.errors import BadInput
from waypost.model.instants import (
    EARLIEST_MS,
    LATEST_MS,
    MAX_OFFSET_MIN,
    MIN_OFFSET_MIN,
    QUARTER_MIN,
    Instant,
    OffsetSource,
    TimeFlag,
)

_WORD = pa.dictionary(pa.int32(), pa.string())

#: The columns of a scan batch. Its version is kept with every file that holds scans.
SCAN_SCHEMA = pa.schema(
    [
        pa.field("carrier", _WORD, nullable=False),  # whose number and whose code it is
        pa.field("number", pa.string(), nullable=False),  # the waybill number as sent, without blanks
        pa.field("code", _WORD, nullable=False),  # what happened, in the carrier's own code
        pa.field("at", pa.timestamp("ms", "UTC"), nullable=False),  # when it happened
        pa.field("offset_min", pa.int16(), nullable=False),  # local minus UTC
        pa.field("offset_source", pa.uint8(), nullable=False),  # OffsetSource
        pa.field("time_flags", pa.uint8(), nullable=False),  # TimeFlag bits
        pa.field("facility", _WORD),  # where, in the carrier's own facility code
        pa.field("note", pa.string()),  # the carrier's words; never shown in public
        pa.field("corrects", pa.string()),  # scan id that this one replaces or withdraws
        pa.field("recorded_at", pa.timestamp("ms", "UTC")),  # when the network got it; null: unknown (history)
    ]
)
SCAN_FORMAT = 1

#: What a number and a note may have in UTF-8; the doors take less.
MOST_NUMBER_BYTES, MOST_NOTE_BYTES = 255, 65_000
_MOST_SOURCES = 15
_SCAN_ID = "^[0-9a-f]{16}$"

#: Scans with this code only withdraw the one they name.
VOID = "void"

#: The columns that say whether two scans are the same one. Who sent it again, when and with which words does not count.
IDENTITY = ("carrier", "number", "at", "offset_min", "code", "facility", "corrects")


class ScanEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One scan, as a record. See `SCAN_SCHEMA` for the meaning of the fields."""

    carrier: str
    number: str
    code: str
    at: Instant
    facility: str | None = None
    note: str | None = None
    corrects: str | None = None
    time_flags: TimeFlag = TimeFlag(0)
    recorded_at_ms: int | None = None

    @property
    def id(self) -> str:
        """Sixteen hexadecimal digits over what makes two scans the same one; no secret, the same everywhere."""
        at = self.at
        return scan_id(self.carrier, self.number, at.at_ms, at.offset_min, self.code, self.facility, self.corrects)


def scan_id(
    carrier: str,
    number: str,
    at_ms: int,
    offset_min: int,
    code: str,
    facility: str | None,
    corrects: str | None = None,
) -> str:
    """The id of a scan: BLAKE2b over its identity, 64 bits, in hexadecimal."""
    text = "\x1f".join((carrier, number, str(at_ms), str(offset_min), code, facility or "", corrects or ""))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def scan_ids(scans: pa.RecordBatch | pa.Table) -> list[str]:
    """The ids of some scans. Python per scan: for timelines, never for the way in."""
    columns = [scans.column(name) for name in IDENTITY]
    columns[2] = columns[2].cast(pa.int64())
    texts = [pc.fill_null(column.cast(pa.string()), "") for column in columns]
    joined = pc.binary_join_element_wise(*texts, "\x1f").cast(pa.binary()).to_pylist()
    return [hashlib.blake2b(text, digest_size=8).hexdigest() for text in joined]


def surviving(scans: pa.Table) -> npt.NDArray[np.bool_]:
    """Which scans of whole timelines still stand: those that no other scan of the same parcel corrects.

    A corrected scan stays corrected, also if the correction is itself corrected: so order never matters.
    """
    corrects = scans.column("corrects")
    stands = np.ones(scans.num_rows, np.bool_)
    if corrects.null_count == scans.num_rows:
        return stands
    ids = pa.array(scan_ids(scans), pa.string())
    named = pc.is_in(ids, value_set=corrects.combine_chunks().drop_null())
    rows = np.flatnonzero(np.asarray(named))  # an id may be told of a scan of another parcel
    told = {name: scans.column(name) for name in ("carrier", "number")}
    pairs = zip(*(column.filter(corrects.is_valid()).to_pylist() for column in told.values()), strict=True)
    correcting = set(zip(corrects.drop_null().to_pylist(), pairs, strict=True))
    pairs = zip(*(column.take(pa.array(rows)).to_pylist() for column in told.values()), strict=True)
    found = zip(ids.take(pa.array(rows)).to_pylist(), pairs, strict=True)
    stands[rows] = [row not in correcting for row in found]
    return stands


def in_order(scans: pa.Table) -> pa.Table:
    """Scans by number, carrier and instant; those of one instant by what they say, so that all engines agree."""
    if _is_one_in_order(scans):
        return scans
    keys = scans.select(["number", "carrier", "at", "recorded_at", "code", "facility", "offset_min", "corrects"])
    for place, name in enumerate(keys.column_names):
        if pa.types.is_dictionary(keys.schema.field(name).type):
            keys = keys.set_column(place, name, keys.column(name).cast(pa.string()))
    return scans.take(pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names]))


def _is_one_in_order(scans: pa.Table) -> bool:
    """Whether they are of one parcel, each later than the one before: so most timelines come, and need no sorting."""
    if len(scans.column("number").unique()) > 1 or len(scans.column("carrier").unique()) > 1:
        return False
    return bool((np.diff(np.asarray(scans.column("at").cast(pa.int64()))) > 0).all())


def batch_of(events: Iterable[ScanEvent]) -> pa.RecordBatch:
    """Columns from single scans."""
    rows = list(events)
    columns = {
        "carrier": [row.carrier for row in rows],
        "number": [row.number for row in rows],
        "code": [row.code for row in rows],
        "at": [row.at.at_ms for row in rows],
        "offset_min": [row.at.offset_min for row in rows],
        "offset_source": [int(row.at.source) for row in rows],
        "time_flags": [int(row.time_flags) for row in rows],
        "facility": [row.facility for row in rows],
        "note": [row.note for row in rows],
        "corrects": [row.corrects for row in rows],
        "recorded_at": [row.recorded_at_ms for row in rows],
    }
    return pa.record_batch([pa.array(columns[f.name], f.type) for f in SCAN_SCHEMA], schema=SCAN_SCHEMA)


def events_of(scans: pa.RecordBatch | pa.Table) -> list[ScanEvent]:
    """Single scans from columns; further columns are left out."""
    table = scans.select(SCAN_SCHEMA.names)
    at = table.column("at").cast(pa.int64()).to_pylist()
    recorded = table.column("recorded_at").cast(pa.int64()).to_pylist()
    rest = table.drop_columns(["at", "recorded_at"]).to_pylist()
    return [
        ScanEvent(
            carrier=row["carrier"],
            number=row["number"],
            code=row["code"],
            at=Instant(at_ms, row["offset_min"], OffsetSource(row["offset_source"])),
            facility=row["facility"],
            note=row["note"],
            corrects=row["corrects"],
            time_flags=TimeFlag(row["time_flags"]),
            recorded_at_ms=recorded_ms,
        )
        for row, at_ms, recorded_ms in zip(rest, at, recorded, strict=True)
    ]


def join_batches(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """One batch of several, their dictionaries united."""
    if len(batches) == 1:
        return batches[0]
    table = pa.Table.from_batches(batches, SCAN_SCHEMA).unify_dictionaries().combine_chunks()
    return table.to_batches()[0] if table.num_rows else empty_batch()


def empty_batch() -> pa.RecordBatch:
    """A batch without scans."""
    return pa.record_batch([pa.array([], field.type) for field in SCAN_SCHEMA], schema=SCAN_SCHEMA)


def check_batch(scans: pa.RecordBatch) -> None:
    """Refuse a batch that no log may keep: the last guard behind the doors, which tell about single rows.

    Raises:
        BadInput: other columns than `SCAN_SCHEMA`, nulls where none may be, numbers out of their range, texts too long,
            or a NUL character, which keys are joined with, in a number or a word.
    """
    if not scans.schema.equals(SCAN_SCHEMA):
        raise BadInput("These columns are not those of a scan batch.", mend=f"Cast them to: {SCAN_SCHEMA}")
    for field, column in zip(SCAN_SCHEMA, scans.columns, strict=True):
        if column.null_count and not field.nullable:
            raise BadInput("A scan batch may hold no null here.", where=field.name)
        if pa.types.is_dictionary(field.type) and column.dictionary.null_count:
            raise BadInput("The words of a scan batch may hold no null.", where=field.name)
    _check_range("at", scans.column("at").cast(pa.int64()), EARLIEST_MS, LATEST_MS)
    _check_range("recorded_at", scans.column("recorded_at").cast(pa.int64()), EARLIEST_MS + 1, LATEST_MS)
    _check_range("offset_source", scans.column("offset_source"), 0, _MOST_SOURCES)
    _check_range("offset_min", scans.column("offset_min"), MIN_OFFSET_MIN, MAX_OFFSET_MIN)
    if np.any(np.asarray(scans.column("offset_min")) % QUARTER_MIN):
        raise BadInput("An offset has to be in quarters of an hour.", where="offset_min")
    for name, most in (("number", MOST_NUMBER_BYTES), ("note", MOST_NOTE_BYTES)):
        longest = pc.max(pc.binary_length(scans.column(name))).as_py()
        if longest is not None and longest > most:
            raise BadInput(f"A scan batch may hold no text of more than {most} bytes here.", where=name)
    corrects = scans.column("corrects")
    if corrects.null_count < len(corrects) and not pc.all(pc.match_substring_regex(corrects, _SCAN_ID)).as_py():
        raise BadInput("A scan names another one by its id: 16 of 0-9 and a-f.", where="corrects")
    texts = {"number": scans.column("number")}
    texts |= {name: scans.column(name).dictionary for name in ("carrier", "code", "facility")}
    for name, column in texts.items():
        if _may_hold_nul(column) and pc.any(pc.match_substring(column, "\0")).as_py():
            raise BadInput("A scan batch may hold no NUL character.", where=name)


def _may_hold_nul(column: pa.StringArray) -> bool:
    """Whether there is one in the bytes of a column, nulls among them: quickly told, and nearly always not so."""
    _, offsets, data = column.buffers()
    if data is None:
        return False
    ends = np.frombuffer(offsets, np.int32)
    return not np.frombuffer(data, np.uint8)[ends[column.offset] : ends[column.offset + len(column)]].all()


def _check_range(name: str, column: pa.Array, least: int, most: int) -> None:
    found = pc.min_max(column)
    if found["min"].is_valid and not (least <= found["min"].as_py() and found["max"].as_py() <= most):
        raise BadInput(f"A scan batch may hold only numbers from {least} to {most} here.", where=name)
