"""Scans as they come: NDJSON, a JSON array or an Arrow stream, read into columns of text.

A row that cannot be read is refused with its number and the reason; the others go on.
"""

import re
from collections.abc import Callable, Sequence

import msgspec
import pyarrow as pa

from waypost.model.errors import BadInput, TooLarge

#: The fields of a neutral scan, as `/v1/scans` and `waypost import scans` take them. `zone` is an IANA name for stamps
#: without an offset. All text; what is missing is null.
FIELDS = ("carrier", "number", "code", "at", "facility", "note", "corrects", "zone")

#: Rows as columns of text, all nullable.
ROW_SCHEMA = pa.schema([pa.field(name, pa.string()) for name in FIELDS])


class RawScan(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One scan of the neutral format as JSON has it; the meaning is checked in `intake`."""

    carrier: str | None = None
    number: str | None = None
    code: str | None = None
    at: str | None = None
    facility: str | None = None
    note: str | None = None
    corrects: str | None = None
    zone: str | None = None


class Refusal(msgspec.Struct, frozen=True):
    """Why a row was not taken.

    Attributes:
        row: counted from 0 in what was sent.
        field: which field, or "" for the row as a whole.
        reason: what is wrong and how to mend it.
        value: the beginning of what was there.
    """

    row: int
    field: str
    reason: str
    value: str | None = None


class Rows(msgspec.Struct, frozen=True):
    """Rows that could be read.

    Attributes:
        table: columns of `ROW_SCHEMA`.
        rows: for each of them its number in what was sent.
        refusals: the rows that could not be read.
    """

    table: pa.Table
    rows: Sequence[int]
    refusals: list[Refusal]

    @property
    def sent(self) -> int:
        """How many rows were sent."""
        return len(self.rows) + len(self.refusals)


def empty_rows() -> Rows:
    """No rows."""
    return Rows(ROW_SCHEMA.empty_table(), [], [])


#: What the JSON reader raises; the last one for nesting that only an attacker sends.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_decode_row = msgspec.json.Decoder(RawScan)
_decode_items = msgspec.json.Decoder(list[msgspec.Raw])
_PATH = re.compile(r" - at `\$(?:\[[0-9]+\])?\.?(.*)`$")


def read_ndjson(body: bytes, limit: int) -> Rows:
    """One JSON object a line; empty lines are passed over and counted.

    Raises:
        TooLarge: more than `limit` rows.
    """
    if body.count(b"\n") > 2 * limit + 2:
        raise _too_many(limit)
    numbered = [(row, line) for row, line in enumerate(body.split(b"\n")) if line.strip()]
    if len(numbered) > limit:
        raise _too_many(limit)
    try:
        scans = _decode_row.decode_lines(body)
    except UNREADABLE:
        return _read_each(numbered)
    return Rows(_table(scans), [row for row, _ in numbered], [])


def read_json_array(body: bytes, limit: int) -> Rows:
    """One JSON array of objects.

    Raises:
        BadInput: it is no JSON array, so no row can be told from another.
        TooLarge: more than `limit` rows.
    """
    try:
        items = _decode_items.decode(body)
    except UNREADABLE as error:
        raise BadInput(f"the body is no JSON array: {error}") from None
    if len(items) > limit:
        raise _too_many(limit)
    return _read_each([(row, bytes(item)) for row, item in enumerate(items)])


def read_arrow_stream(body: bytes, limit: int) -> Rows:
    """An Arrow IPC stream with the columns of `FIELDS`; text or timestamps with a time zone for `at`.

    Raises:
        BadInput: no Arrow stream, or a column that is unknown or of another type.
        TooLarge: more than `limit` rows.
    """
    try:
        with pa.ipc.open_stream(body) as stream:
            batches, seen = [], 0
            for batch in stream:
                batch.validate(full=True)
                seen += batch.num_rows
                if seen > limit:
                    raise _too_many(limit)
                batches.append(batch)
            table = pa.Table.from_batches(batches, stream.schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise BadInput(f"the body is no whole Arrow stream: {str(error)[:200]}") from None
    return rows_of_table(table)


def rows_of_table(table: pa.Table) -> Rows:
    """Rows from columns that some reader (Arrow, CSV, Parquet) made already.

    Raises:
        BadInput: a column is unknown, missing or of a type that cannot be read.
    """
    names = list(table.column_names)
    unknown = [name for name in names if name not in FIELDS]
    if unknown or len(set(names)) < len(names):
        raise BadInput(
            f"unknown or repeated column {(unknown or names)[0]!r}",
            mend=f"The columns of a scan are: {', '.join(FIELDS)}.",
        )
    columns = []
    for name in FIELDS:
        column = table.column(name) if name in names else pa.nulls(table.num_rows, pa.string())
        columns.append(_as_text(name, column))
    return Rows(pa.table(columns, schema=ROW_SCHEMA), range(table.num_rows), [])


def _as_text(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_timestamp(kind):
        if kind.tz is None:
            raise BadInput(f"column {name!r} is a timestamp without a time zone", mend="Send text or give it a zone.")
        return column.cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.string())
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_string(plain) or pa.types.is_large_string(plain) or pa.types.is_null(plain)):
        raise BadInput(f"column {name!r} is {kind}; it has to be text")
    return column.cast(pa.string())


def _read_each(numbered: Sequence[tuple[int, bytes]]) -> Rows:
    scans: list[RawScan] = []
    rows: list[int] = []
    refusals: list[Refusal] = []
    for row, text in numbered:
        try:
            scans.append(_decode_row.decode(text))
            rows.append(row)
        except UNREADABLE as error:
            refusals.append(refuse_json(row, text, error))
    return Rows(_table(scans), rows, refusals)


def refuse_json(row: int, text: bytes, error: Exception) -> Refusal:
    """A refusal in our words for what the JSON reader says."""
    message = str(error)
    if isinstance(error, UnicodeDecodeError) or "utf-8" in message.lower():
        return Refusal(row, "", "is not UTF-8", _shorten(text))
    path = _PATH.search(message)
    reason = _PATH.sub("", message)
    reason = reason.replace("Object contains unknown field", "has an unknown field")
    if not reason.startswith("JSON"):
        reason = reason[:1].lower() + reason[1:]
    return Refusal(row, path.group(1) if path else "", reason, _shorten(text))


def _shorten(text: bytes) -> str:
    return text[:60].decode("utf-8", "replace")


def _table(scans: Sequence[RawScan]) -> pa.Table:
    of: Callable[[str], pa.Array] = lambda name: pa.array([getattr(scan, name) for scan in scans], pa.string())  # noqa: E731
    return pa.table([of(name) for name in FIELDS], schema=ROW_SCHEMA)


def _too_many(limit: int) -> TooLarge:
    return TooLarge(f"more than {limit} scans at once", mend="Send them in smaller batches.")
