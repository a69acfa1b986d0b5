"""Scans as they come: NDJSON, a JSON array or an Arrow stream, read into columns of text.

A row that cannot be read is refused with its number and the reason; the others go on.
"""

import codecs
import re
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from waypost.model.decoding import decoder
from waypost.model.errors import BadInput, TooLarge
from waypost.model.instants import get_zone, offsets_in_zone, parse_instant, write_stamps

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
        plain: further rows, which the fast way read and checked; None if it was not tried.
    """

    table: pa.Table
    rows: Sequence[int]
    refusals: list[Refusal]
    plain: "PlainRows | None" = None

    @property
    def sent(self) -> int:
        """How many rows were sent."""
        return len(self.rows) + len(self.refusals) + (len(self.plain.rows) if self.plain else 0)


class PlainRows(msgspec.Struct, frozen=True):
    """Rows that break no rule which one row can break by itself.

    Attributes:
        scans: columns of `SCAN_SCHEMA`; `carrier` is null where a row names none, `recorded_at` everywhere.
        rows: for each of them its number in what was sent. int64.
    """

    scans: pa.RecordBatch
    rows: npt.NDArray[np.int64]


def empty_rows() -> Rows:
    """No rows."""
    return Rows(ROW_SCHEMA.empty_table(), [], [])


#: How many characters each field takes; a longer one is refused.
LONGEST = {
    "carrier": 32,
    "number": 64,
    "code": 64,
    "at": 100,
    "facility": 128,
    "note": 1000,
    "corrects": 16,
    "zone": 100,
}

#: How many bytes of text an Arrow body may unpack to, or its own size if that is more: a text that it holds once may be
#: named by every row.
MOST_TEXT_BYTES = 64 << 20

_TEXT_KINDS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_null)
#: What is taken out of numbers; an expression that Arrow and Python read alike, as `feeds.fields` does.
BLANKS = "[\t\n\v\f\r \u00a0\u3000]+"
_LINE_ENDS = r"[\t\r\n]+"
_NUMBER_BLANKS, _NOTE_LINE_ENDS = re.compile(BLANKS), re.compile(_LINE_ENDS)
#: A text of more bytes is longer than any field takes, or mostly blanks.
_GIANT_BYTES = 4 << 10
#: So much of a long text is looked at in one go.
_PIECE = 64 << 10
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_LATEST_S = 4_102_444_800  # the year 2100

_LONGEST_REASON = 200

#: What the JSON reader raises; the last one for nesting that only an attacker sends.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_decode_row = decoder(RawScan)
_decode_items = decoder(list[msgspec.Raw])
_BOM = b"\xef\xbb\xbf"
_PATH = re.compile(r" - at `\$(?:\[[0-9]+\])?\.?(.*)`$")


def read_ndjson(body: bytes, limit: int) -> Rows:
    """One JSON object a line; empty lines are passed over and counted.

    Raises:
        TooLarge: more than `limit` rows.
    """
    if body.count(b"\n") > 2 * limit + 2:
        raise too_many(limit)
    lines = body.removeprefix(_BOM).split(b"\n")
    numbered = [(row, line) for row, line in enumerate(lines) if line.strip()]
    if len(numbered) > limit:
        raise too_many(limit)
    # Line by line: a reader of the whole body takes an object that goes on in the next line, and numbers would shift.
    return read_each(numbered)


def read_json_array(body: bytes, limit: int) -> Rows:
    """One JSON array of objects.

    Raises:
        BadInput: it is no JSON array, so no row can be told from another.
        TooLarge: more than `limit` rows.
    """
    try:
        items = _decode_items.decode(body.removeprefix(_BOM))
    except UNREADABLE as error:
        raise BadInput(f"the body is no JSON array: {error}") from None
    if len(items) > limit:
        raise too_many(limit)
    return read_each([(row, bytes(item)) for row, item in enumerate(items)])


def read_arrow_stream(body: bytes, limit: int) -> Rows:
    """An Arrow IPC stream with the columns of `FIELDS`; text or timestamps with a time zone for `at`.

    Raises:
        BadInput: no Arrow stream, or a column that is unknown or of another type.
        TooLarge: more than `limit` rows, or more text than `MOST_TEXT_BYTES` once it is unpacked.
    """
    most_bytes = max(MOST_TEXT_BYTES, len(body))
    try:
        with pa.ipc.open_stream(body) as stream:
            check_schema(stream.schema)  # before a batch is read: checking a column may cost more than it weighs
            batches, seen, held = [], 0, 0
            for batch in stream:
                seen += batch.num_rows
                if seen > limit:
                    raise too_many(limit)
                # A dictionary counts, and is checked, for every batch; a text for every view that names it.
                held += batch.get_total_buffer_size() + sum(map(view_bytes, batch.columns))
                if held > most_bytes:
                    raise too_much_text(most_bytes)
                batch.validate(full=True)
                batches.append(batch)
            table = pa.Table.from_batches(batches, stream.schema)
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"the body is no whole Arrow stream: {str(error)[:200]}") from None
    return rows_of_table(table, most_bytes)


def rows_of_table(table: pa.Table, most_bytes: int | None = None) -> Rows:
    """Rows from columns that some reader (Arrow, CSV, Parquet) made already.

    Args:
        table: the columns.
        most_bytes: how much text they may unpack to; None where the reader bounds it.

    Raises:
        BadInput: a column is unknown or of a type that cannot be read.
        ArrowInvalid: views of text that are none.
        TooLarge: more text than `most_bytes`; found before any of it is unpacked.
    """
    check_schema(table.schema)
    sent = {name: _cut_long_texts(name, table.column(name)) for name in table.column_names}
    if most_bytes is not None and sum(map(_text_bytes, sent.values())) > most_bytes:
        raise too_much_text(most_bytes)
    columns = [_as_text(sent[name]) if name in sent else pa.nulls(table.num_rows, pa.string()) for name in FIELDS]
    return Rows(pa.table(columns, schema=ROW_SCHEMA), range(table.num_rows), [])


def tidy(name: str, column: pa.Array) -> pa.Array:
    """The text of a field without blanks around it; numbers without any blanks, notes on one line."""
    column = pc.utf8_trim_whitespace(column)
    if name == "number":
        column = pc.replace_substring_regex(column, BLANKS, "")
    if name == "note":
        column = pc.replace_substring_regex(column, _LINE_ENDS, " ")
    return column


def check_schema(schema: pa.Schema) -> None:
    """See that columns are those of scans and can be read as text.

    Raises:
        BadInput: names the first one that is not, or cannot.
    """
    try:
        _check_columns(schema)
    except UnicodeDecodeError:
        raise BadInput("the name or the time zone of a column is not UTF-8") from None


def _check_columns(schema: pa.Schema) -> None:
    seen = set[str]()
    for name, kind in zip(schema.names, schema.types, strict=True):
        if name not in FIELDS or name in seen:
            mend = f"The columns of a scan are: {', '.join(FIELDS)}."
            raise BadInput(f"unknown or repeated column {name[:40]!r}", mend=mend)
        seen.add(name)
        if name == "at" and pa.types.is_timestamp(kind):
            if kind.tz is None:
                message = f"column {name!r} is a timestamp without a time zone"
                raise BadInput(message, mend="Send text or give it a zone.")
            _check_zone(name, kind.tz)
            continue
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not any(is_kind(plain) for is_kind in _TEXT_KINDS):
            raise BadInput(f"column {name!r} is {str(kind)[:80]}; it has to be text")


def _check_zone(column: str, zone: str) -> None:
    try:
        if _is_offset(zone):
            _read_offset(zone)
        else:
            get_zone(zone)
    except BadInput:
        mend = "Use an IANA name such as Asia/Shanghai, or an offset such as +08:00."
        raise BadInput(f"column {column!r} has the unknown time zone {zone[:64]!r}", mend=mend) from None


def _is_offset(zone: str) -> bool:
    return zone[:1] in ("+", "-")


def _read_offset(zone: str) -> int:
    return parse_instant(f"2020-01-01T00:00:00{zone}").offset_min


def view_bytes(column: pa.Array) -> int:
    """How many bytes of text a column of views names; 0 for columns of other types.

    A view names any part of a text, so that any number of them may name the same long one.

    Raises:
        ArrowInvalid: fewer views than rows.
    """
    views = column.dictionary if pa.types.is_dictionary(column.type) else column
    return int(np.sum(_view_lengths(views), dtype=np.int64)) if pa.types.is_string_view(views.type) else 0


def _view_lengths(views: pa.Array) -> npt.NDArray[np.int32]:
    """The length in bytes of each text, which each view of 16 bytes begins with."""
    views.validate()
    if len(views) == 0:
        return np.empty(0, np.int32)
    fields = np.frombuffer(views.buffers()[1], np.int32, count=4 * (views.offset + len(views)))
    lengths = fields[4 * views.offset :: 4]
    return np.where(np.asarray(views.is_valid()), np.maximum(lengths, 0), 0)


def _cut_long_texts(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.chunked_array([_cut_giants(name, chunk) for chunk in column.chunks], kind)
    if not pa.types.is_dictionary(kind):
        return column
    if pa.types.is_null(kind.value_type):  # a dictionary of nulls may be of any length and takes no bytes
        return pa.chunked_array([pa.nulls(len(column), pa.string())])
    chunks = [_cut_words(name, chunk) for chunk in column.chunks]
    return pa.chunked_array(chunks, pa.dictionary(pa.int64(), pa.large_string()))


def _cut_words(name: str, column: pa.DictionaryArray) -> pa.DictionaryArray:
    """What is longer than its field takes is cut, but stays too long for it: a part must not pass for the whole."""
    if len(column.dictionary) > len(column):  # a dictionary may be much longer than the part that is read here
        used = pc.unique(column.indices).drop_null()
        column = pa.DictionaryArray.from_arrays(pc.index_in(column.indices, used), column.dictionary.take(used))
    words = tidy(name, _cut_giants(name, column.dictionary.cast(pa.large_string())))
    most = LONGEST[name]
    mark, nothing = (pa.scalar(text, pa.large_string()) for text in ("…", ""))
    cut = pc.binary_join_element_wise(pc.utf8_slice_codeunits(words, 0, most), mark, nothing)
    words = pc.if_else(pc.greater(pc.utf8_length(words), most), cut, words)
    return pa.DictionaryArray.from_arrays(column.indices.cast(pa.int64()), words)


def _cut_giants(name: str, texts: pa.Array) -> pa.Array:
    """Cut very long texts before a whole one is trimmed, searched or copied, as what reads texts does several times.

    What is left of one stays too long for its field if the whole was.
    """
    giant = pc.fill_null(pc.greater(pc.binary_length(texts), _GIANT_BYTES), False)
    places = np.flatnonzero(np.asarray(giant))
    if len(places) == 0:
        return texts
    parts, end = [], 0
    for place in places.tolist():
        cut = pa.array([_begin(name, texts[place].as_buffer(), LONGEST[name])], texts.type)
        parts += [texts[end:place], cut]
        end = place + 1
    return pa.concat_arrays([*parts, texts[end:]])  # what replaces by a mask takes room for all that was there


def _begin(name: str, text: pa.Buffer, most: int) -> str:
    """A text without the blanks that `tidy` takes out, or if it is too long even so, its beginning with a mark.

    It is read in pieces: as soon as there is too much, nobody asks for the rest.
    """
    read = codecs.getincrementaldecoder("utf-8")().decode
    begun = ""
    for start in range(0, len(text), _PIECE):
        try:
            begun += read(text[start : start + _PIECE].to_pybytes(), start + _PIECE >= len(text))
        except UnicodeDecodeError:
            raise BadInput(f"column {name!r} is not UTF-8") from None
        if name == "number":
            begun = _NUMBER_BLANKS.sub("", begun)
        elif name == "note":
            begun = _NOTE_LINE_ENDS.sub("\n", begun)  # still a line end, which joins those of the next piece
        begun = begun.lstrip()
        if len(begun.rstrip()) > most:
            return f"{begun[:most]}…"
        begun = begun[: most + 1]  # beyond stand blanks, and whatever follows so many of them is too much
    return begun


def _text_bytes(column: pa.ChunkedArray) -> int:
    """How many bytes of text the rows of a column name, without unpacking any."""
    total = 0
    for chunk in column.chunks:
        if pa.types.is_dictionary(chunk.type):
            lengths = pc.binary_length(chunk.dictionary).take(chunk.indices)
        elif pa.types.is_string_view(chunk.type):
            total += view_bytes(chunk)
            continue
        elif pa.types.is_string(chunk.type) or pa.types.is_large_string(chunk.type):
            lengths = pc.binary_length(chunk)
        else:  # timestamps and nulls
            continue
        total += pc.sum(lengths).as_py() or 0
    return total


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_string_view(column.type):
        column.validate(full=True)  # not earlier: only now it is known how much text they name
    return _write_moments(column) if pa.types.is_timestamp(column.type) else column.cast(pa.string())


def _write_moments(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Timestamps as text, in milliseconds and with the offset of the column's zone.

    What lies before 1970 or after 2099 stays a bare number, which `intake` refuses.
    """
    unit, zone = column.type.unit, column.type.tz
    numbers = column.cast(pa.int64())
    latest = _LATEST_S * _PER_SECOND[unit]
    usable = pc.fill_null(pc.and_(pc.greater_equal(numbers, 0), pc.less(numbers, latest)), False)
    kept = np.asarray(pc.if_else(usable, numbers, 0))
    at_ms = kept * 1000 if unit == "s" else kept // (_PER_SECOND[unit] // 1000)
    fixed = _is_offset(zone)
    offset_min = np.full(len(at_ms), _read_offset(zone), np.int16) if fixed else offsets_in_zone(at_ms, zone)
    return pc.if_else(usable, write_stamps(at_ms, offset_min), numbers.cast(pa.string()))


def read_each(numbered: Sequence[tuple[int, bytes]]) -> Rows:
    """Read JSON objects, each under its number."""
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
    if len(reason) > _LONGEST_REASON:  # the name of a field may be as long as the line
        reason = f"{reason[:_LONGEST_REASON]}…"
    if not reason.startswith("JSON"):
        reason = reason[:1].lower() + reason[1:]
    return Refusal(row, path.group(1) if path else "", reason, _shorten(text))


def _shorten(text: bytes) -> str:
    return text[:60].decode("utf-8", "replace")


def _table(scans: Sequence[RawScan]) -> pa.Table:
    of: Callable[[str], pa.Array] = lambda name: pa.array([getattr(scan, name) for scan in scans], pa.string())  # noqa: E731
    return pa.table([of(name) for name in FIELDS], schema=ROW_SCHEMA)


def too_many(limit: int) -> TooLarge:
    """The error for more rows than may come at once."""
    return TooLarge(f"more than {limit} scans at once", mend="Send them in smaller batches.")


def too_much_text(most_bytes: int) -> TooLarge:
    """The error for columns that would come to more memory than they are worth."""
    mend = "Send them in smaller batches."
    return TooLarge(f"the columns unpack to more than {most_bytes >> 20} MiB of text", mend=mend)
