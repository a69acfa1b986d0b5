"""The way in: rows of text become a batch of scans, or refusals that say why.

Every check works on the whole column. A row is refused for the first field that is wrong; nothing else is lost for it.
"""

from collections.abc import Callable, Collection, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from waypost.model.carriers import CARRIER_CODE
from waypost.model.errors import BadInput
from waypost.model.instants import (
    DAY_MS,
    EARLIEST_MS,
    LATEST_MS,
    OUT_OF_RANGE,
    PROBLEMS,
    OffsetSource,
    TimeFlag,
    get_zone,
    read_in_zone,
    read_stamps,
)
from waypost.model.scans import SCAN_SCHEMA, VOID, join_batches
from waypost.model.texts import CONTROL
from waypost.track.wire import LONGEST, PlainRows, Refusal, Rows, tidy

MAX_NUMBER = LONGEST["number"]
MAX_FACILITY = LONGEST["facility"]

#: Scans from a clock that runs ahead are kept up to here; one from next year would be the newest for a year.
MAX_AHEAD_MS = 2 * DAY_MS
AHEAD = "lies more than two days ahead of now"

#: Tells for each of many (carrier, facility), in their order, in which zone stamps without an offset are written there,
#: and how it is known. All of a batch at once: a sender may name another facility in every row.
ZoneFinder = Callable[[Sequence[tuple[str, str | None]]], Sequence[tuple[str, OffsetSource] | None]]

#: The rules of single fields, which master data obey too (`feeds.fields`): what a number is made of, and what is said.
NUMBER = r"[!-~]+"
NO_NUMBER = "has characters that no waybill number has (printable ASCII only)"
NO_CARRIER = "is no carrier code: up to 32 of a-z, 0-9, _ and -"
FOREIGN = "is not one that this sender may speak for: {}"
HAS_CONTROL, MISSING, TOO_LONG = "has control characters", "is missing", "is longer than {} characters"

_CERTAIN = TimeFlag(0)
#: So few rows are grouped one by one.
_FEW = 64
_SCAN_ID = r"^[0-9a-f]{16}$"
#: Runs of digits as long as a telephone number: drivers' and consignees' numbers stand in carriers' texts, in the
#: digits and with the blanks and dashes of any writing.
_PHONE = r"\+?\p{Nd}(?:[\p{Nd}\s\p{Z}\p{Pd}\p{Cf}()（）./·]{5,}\p{Nd})"


class Intake(msgspec.Struct, frozen=True):
    """What came of some rows.

    Attributes:
        scans: the good ones, in their order (`SCAN_SCHEMA`).
        refusals: the others, by row.
    """

    scans: pa.RecordBatch
    refusals: list[Refusal]


class _Verdicts:
    """Remembers for each row the first thing that is wrong with it."""

    def __init__(self, rows: int) -> None:
        self.good = np.ones(rows, np.bool_)
        self.found: list[tuple[int, str, str, str | None]] = []

    def require(self, ok: pa.Array | npt.NDArray[np.bool_], field: str, reason: str, values: pa.Array) -> None:
        holds = np.asarray(pc.fill_null(ok, False) if isinstance(ok, (pa.Array, pa.ChunkedArray)) else ok)
        self.refuse(np.flatnonzero(self.good & ~holds), field, reason, values)

    def refuse(self, rows: npt.NDArray[np.intp], field: str, reason: str, values: pa.Array) -> None:
        for row in rows.tolist():
            value = values[row].as_py()
            self.found.append((row, field, reason, value if value is None else str(value)[:60]))
        self.good[rows] = False


def take_in(
    rows: Rows,
    zone_of: ZoneFinder,
    *,
    now_ms: int,
    recorded_at_ms: int | None,
    carrier: str | None = None,
    only: Collection[str] | None = None,
    time_flags: TimeFlag = _CERTAIN,
) -> Intake:
    """Check rows and turn them into scans.

    Args:
        rows: what was read.
        zone_of: for stamps without an offset.
        now_ms: the present, to refuse what lies far ahead of it.
        recorded_at_ms: when the network got them; None for history, of which that is not known.
        carrier: for rows that name none.
        only: the carriers that the sender may speak for; None for all.
        time_flags: what the sender knows to be doubtful about all of these stamps.
    """
    parts = []
    if rows.plain is not None and len(rows.plain.rows):
        parts.append(_take_in_plain(rows.plain, now_ms, recorded_at_ms, carrier, only, time_flags))
    if len(rows.rows):
        parts.append(_take_in_texts(rows, zone_of, now_ms, recorded_at_ms, carrier, only, time_flags))
    refusals = sorted(rows.refusals + [each for part in parts for each in part.refusals], key=lambda each: each.row)
    return Intake(join_batches([part.scans for part in parts if part.scans.num_rows]), refusals)


def _take_in_plain(
    plain: PlainRows,
    now_ms: int,
    recorded_at_ms: int | None,
    carrier: str | None,
    only: Collection[str] | None,
    time_flags: TimeFlag,
) -> Intake:
    """What no row can break by itself: a carrier of its own or of all, and a clock that does not run ahead."""
    columns = dict(zip(plain.scans.schema.names, plain.scans.columns, strict=True))
    verdicts = _Verdicts(plain.scans.num_rows)
    if columns["carrier"].null_count:
        if carrier is not None:
            columns["carrier"] = pc.fill_null(columns["carrier"].cast(pa.string()), carrier).dictionary_encode()
        verdicts.require(pc.is_valid(columns["carrier"]), "carrier", "is missing", columns["carrier"])
    _check_senders(columns["carrier"], only, verdicts)
    at_ms = np.asarray(columns["at"].cast(pa.int64()))
    verdicts.require(at_ms <= now_ms + MAX_AHEAD_MS, "at", AHEAD, columns["at"])
    count = plain.scans.num_rows
    columns["time_flags"] = pa.array(np.full(count, time_flags, np.uint8))
    columns["recorded_at"] = _repeated(recorded_at_ms, count).cast(pa.timestamp("ms", "UTC"))
    scans = pa.record_batch([columns[field.name] for field in SCAN_SCHEMA], schema=SCAN_SCHEMA)
    if not verdicts.good.all():
        scans = scans.filter(pa.array(verdicts.good))
    found = [Refusal(int(plain.rows[row]), field, reason, value) for row, field, reason, value in verdicts.found]
    return Intake(scans, found)


def _repeated(value: int | None, count: int) -> pa.Array:
    return pa.nulls(count, pa.int64()) if value is None else pa.array(np.full(count, value, np.int64))


def _take_in_texts(
    rows: Rows,
    zone_of: ZoneFinder,
    now_ms: int,
    recorded_at_ms: int | None,
    carrier: str | None,
    only: Collection[str] | None,
    time_flags: TimeFlag,
) -> Intake:
    table = rows.table.combine_chunks()
    text = {name: _column(table, name) for name in table.column_names}
    verdicts = _Verdicts(table.num_rows)
    if carrier is not None:
        text["carrier"] = pc.fill_null(text["carrier"], carrier)
    _check_texts(text, verdicts)
    _check_senders(text["carrier"], only, verdicts)
    _check_zones(text["zone"], verdicts)
    times = _read_times(text, zone_of, verdicts, now_ms, time_flags)
    good = pa.array(verdicts.good)
    columns = {
        **{name: text[name] for name in ("carrier", "number", "code", "facility", "corrects")},
        "note": pc.replace_substring_regex(text["note"], _PHONE, "…"),
        **times,
        "recorded_at": _repeated(recorded_at_ms, table.num_rows),
    }
    scans = pa.record_batch([columns[f.name].filter(good).cast(f.type) for f in SCAN_SCHEMA], schema=SCAN_SCHEMA)
    found = [Refusal(rows.rows[row], field, reason, value) for row, field, reason, value in verdicts.found]
    return Intake(scans, found)


def _column(table: pa.Table, name: str) -> pa.Array:
    """The tidy text, empty as null."""
    column = table.column(name)
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(column, pa.ChunkedArray):  # a column of no chunks
        column = pa.array([], pa.string())
    column = tidy(name, column)
    return pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)


def _check_texts(text: dict[str, pa.Array], verdicts: _Verdicts) -> None:
    for name in ("carrier", "number", "code", "at"):
        verdicts.require(pc.is_valid(text[name]), name, MISSING, text[name])
    named = pc.match_substring_regex(text["carrier"], f"^{CARRIER_CODE.pattern}$")
    verdicts.require(named, "carrier", NO_CARRIER, text["carrier"])
    for name in ("number", "code", "facility", "note"):
        most = LONGEST[name]
        short = pc.fill_null(pc.less_equal(pc.utf8_length(text[name]), most), True)
        verdicts.require(short, name, TOO_LONG.format(most), text[name])
    verdicts.require(pc.match_substring_regex(text["number"], f"^{NUMBER}$"), "number", NO_NUMBER, text["number"])
    for name in ("code", "facility", "note"):
        clean = pc.invert(pc.fill_null(pc.match_substring_regex(text[name], CONTROL), False))
        verdicts.require(clean, name, HAS_CONTROL, text[name])
    named = pc.fill_null(pc.match_substring_regex(text["corrects"], _SCAN_ID), True)
    verdicts.require(named, "corrects", "is no scan id: 16 of 0-9 and a-f", text["corrects"])
    named = pc.or_(pc.is_valid(text["corrects"]), pc.fill_null(pc.not_equal(text["code"], VOID), True))
    verdicts.require(
        named, "corrects", f"is missing: a {VOID!r} scan names the scan that it withdraws", text["corrects"]
    )


def _check_senders(carriers: pa.Array, only: Collection[str] | None, verdicts: _Verdicts) -> None:
    if only is not None:
        own = pc.is_in(carriers.cast(pa.string()), pa.array(sorted(only), pa.string()))
        verdicts.require(own, "carrier", FOREIGN.format(", ".join(sorted(only))), carriers)


def _check_zones(stated: pa.Array, verdicts: _Verdicts) -> None:
    """A stated zone counts even beside an offset: that it is none tells of a fault in what sends it."""
    problems = {zone: _problem_of(zone) for zone in pc.unique(stated).drop_null().to_pylist()}
    wrong = pa.array([zone for zone, problem in problems.items() if problem], pa.string())
    for row in np.flatnonzero(verdicts.good & np.asarray(pc.is_in(stated, wrong))):
        verdicts.refuse(np.array([row]), "zone", problems[stated[row].as_py()], stated)


def _problem_of(zone: str) -> str:
    try:
        get_zone(zone)
    except BadInput as error:
        return error.message
    return ""


def _read_times(
    text: dict[str, pa.Array], zone_of: ZoneFinder, verdicts: _Verdicts, now_ms: int, time_flags: TimeFlag
) -> dict[str, pa.Array]:
    stamps = read_stamps(text["at"])
    for verdict in np.unique(stamps.verdict[stamps.verdict > 0]).tolist():
        reason = stamps.problem(int(np.flatnonzero(stamps.verdict == verdict)[0]))
        assert reason is not None
        verdicts.require(stamps.verdict != verdict, "at", reason, text["at"])

    at_ms, offset_min = stamps.at_ms.copy(), stamps.offset_min.copy()
    source = np.full(len(at_ms), OffsetSource.REPORTED, np.uint8)
    flags = np.zeros(len(at_ms), np.uint8)
    local = verdicts.good & ~stamps.has_offset
    for zone, zone_source, rows in _zones_of(text, zone_of, verdicts, local):
        read = read_in_zone(stamps.at_ms[rows], zone)
        at_ms[rows], offset_min[rows], flags[rows] = read.at_ms, read.offset_min, read.flags
        source[rows] = zone_source
    # A local stamp at the edge was inside as it stood and is outside in UTC.
    verdicts.require((at_ms >= EARLIEST_MS) & (at_ms <= LATEST_MS), "at", PROBLEMS[OUT_OF_RANGE], text["at"])
    verdicts.require(at_ms <= now_ms + MAX_AHEAD_MS, "at", AHEAD, text["at"])
    return {
        "at": pa.array(at_ms, pa.int64()),
        "offset_min": pa.array(offset_min),
        "offset_source": pa.array(source),
        "time_flags": pa.array(flags | np.uint8(time_flags)),
    }


def _zones_of(
    text: dict[str, pa.Array], zone_of: ZoneFinder, verdicts: _Verdicts, local: npt.NDArray[np.bool_]
) -> list[tuple[str, OffsetSource, npt.NDArray[np.intp]]]:
    """The zones of the rows without an offset, looked up once for each carrier, facility and stated zone."""
    rows = np.flatnonzero(local)
    if not len(rows):
        return []
    groups = _group(text, rows)
    asked = [(carrier, facility) for (carrier, facility, zone), _ in groups if zone is None]
    answers = dict(zip(asked, zone_of(asked), strict=True)) if asked else {}
    members: dict[tuple[str, OffsetSource] | None, list[npt.NDArray[np.intp]]] = {}
    for (carrier, facility, zone), of_group in groups:
        known = (zone, OffsetSource.REPORTED) if zone else answers[carrier, facility]
        members.setdefault(known, []).append(of_group)
    found = []
    for known, parts in members.items():
        chosen = np.concatenate(parts)
        if known is None:
            reason = "has no offset, and neither the carrier nor the facility has a known zone"
            verdicts.refuse(chosen, "at", reason, text["at"])
            continue
        if problem := _problem_of(known[0]):  # of a facility: one that was a zone when it was written down
            verdicts.refuse(chosen, "zone", problem, text["zone"])
            continue
        found.append((*known, chosen))
    return found


def _group(
    text: dict[str, pa.Array], rows: npt.NDArray[np.intp]
) -> list[tuple[tuple[str, str | None, str | None], npt.NDArray[np.intp]]]:
    """Some rows by carrier, facility and stated zone."""
    keys = [text[name].take(pa.array(rows)) for name in ("carrier", "facility", "zone")]
    if len(rows) <= _FEW:  # pushes tell one scan each; to set Arrow's machine up takes a millisecond
        found: dict[tuple[str, str | None, str | None], list[int]] = {}
        for row, key in zip(rows.tolist(), zip(*(each.to_pylist() for each in keys), strict=True), strict=True):
            found.setdefault(key, []).append(row)
        return [(key, np.array(of_group, np.intp)) for key, of_group in found.items()]
    table = pa.table([*keys, pa.array(rows)], names=["carrier", "facility", "zone", "row"])
    groups = table.group_by(["carrier", "facility", "zone"]).aggregate([("row", "list")])
    lists = groups.column("row_list").combine_chunks()
    ends, of_groups = np.asarray(lists.offsets), np.asarray(lists.values)
    named = zip(*(groups.column(name).to_pylist() for name in ("carrier", "facility", "zone")), strict=True)
    return [(key, of_groups[ends[number] : ends[number + 1]]) for number, key in enumerate(named)]
