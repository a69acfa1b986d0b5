"""Instants: UTC milliseconds with the local offset and where the offset came from.

Couriers send local stamps without a zone. An instant is therefore never a bare number: beside the UTC instant
stand the offset under which it was read and the source of that offset. A stamp that falls into a repeated hour
is read as the earlier one, a stamp that a clock change skipped is moved forward over the gap; both are flagged.
"""

import bisect
import datetime as dt
import functools
import zoneinfo
from enum import IntEnum, IntFlag

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from waypost.model.errors import BadInput

#: Scans are kept from here on; 40 bits of milliseconds reach from 2015 to 2049.
EARLIEST_MS = 1_420_070_400_000
LATEST_MS = EARLIEST_MS + (1 << 40) - 1

#: All zones in force since 2015 keep to quarters of an hour, so an offset fits one signed byte.
QUARTER_MIN = 15
MIN_OFFSET_MIN = -12 * 60
MAX_OFFSET_MIN = 14 * 60

MS = 1000
MINUTE_MS = 60 * MS
DAY_MS = 24 * 60 * MINUTE_MS


class OffsetSource(IntEnum):
    """Where the local offset of an instant came from. The numbers are stored; they never change."""

    REPORTED = 0  #: the sender wrote it
    FACILITY = 1  #: from the zone of the facility
    CARRIER = 2  #: from the zone in which the carrier writes its stamps


class TimeFlag(IntFlag):
    """What was doubtful about a stamp. The bits are stored; they never change."""

    REPEATED_HOUR = 1  #: the local hour happened twice; the earlier was taken
    SKIPPED_HOUR = 2  #: the local hour never happened; moved forward over the gap
    YEAR_ASSUMED = 4  #: the source gives no year
    NOT_BEFORE = 8  #: the source says only that it happened, at this instant or later


class Instant(msgspec.Struct, frozen=True, order=True):
    """One instant.

    Attributes:
        at_ms: milliseconds since 1970-01-01 UTC.
        offset_min: local minus UTC, in minutes.
        source: where the offset came from.
    """

    at_ms: int
    offset_min: int
    source: OffsetSource

    def __str__(self) -> str:
        return format_instant(self.at_ms, self.offset_min)


def format_instant(at_ms: int, offset_min: int) -> str:
    """RFC 3339 with the offset; milliseconds only where there are any."""
    zone = dt.timezone(dt.timedelta(minutes=offset_min))
    moment = dt.datetime.fromtimestamp(at_ms // MS, tz=zone) + dt.timedelta(milliseconds=at_ms % MS)
    return moment.isoformat(timespec="milliseconds" if at_ms % MS else "seconds")


def format_utc(at_ms: int) -> str:
    """RFC 3339 in UTC, with Z; milliseconds only where there are any."""
    return format_instant(at_ms, 0).removesuffix("+00:00") + "Z"


def format_known(at_ms: int | None) -> str | None:
    """The same of an instant that may not have come; None then."""
    return None if at_ms is None else format_utc(at_ms)


def parse_instant(text: str, where: str = "instant") -> Instant:
    """Read one RFC 3339 stamp with its offset.

    Args:
        where: the field that it stands in.

    Raises:
        BadInput: not a stamp, a date that does not exist, no offset, or outside the range that is kept.
    """
    stamps = read_stamps(pa.array([text], pa.string()))
    problem = stamps.problem(0)
    if problem is None and not stamps.has_offset[0]:
        problem = "has no offset: write it as 2026-11-22T10:00:00+08:00"
    if problem is not None:
        raise BadInput(f"{text[:40]!r} {problem}", where=where)
    return Instant(int(stamps.at_ms[0]), int(stamps.offset_min[0]), OffsetSource.REPORTED)


#: Files beside those of the zones: what one machine is set to, or nothing yet. They mean something else elsewhere.
_NO_ZONES = frozenset({"Factory", "localtime", "posixrules"})


@functools.cache
def get_zone(name: str) -> zoneinfo.ZoneInfo:
    """The IANA zone of that name.

    Raises:
        BadInput: no such zone.
    """
    if name not in _zone_names():
        raise BadInput(f"unknown time zone {name[:64]!r}", mend="Use an IANA name such as Asia/Shanghai.")
    return zoneinfo.ZoneInfo(name)


@functools.cache
def _zone_names() -> frozenset[str]:
    """Asked for once: a sender may make up any number of names, and some machines have files that are no zones."""
    return frozenset(zoneinfo.available_timezones() - _NO_ZONES)


def offset_in_zone(at_ms: int, zone: str) -> int:
    """Minutes east of UTC that clocks showed in `zone` at that instant."""
    local = dt.datetime.fromtimestamp(at_ms / MS, tz=get_zone(zone))
    offset = local.utcoffset()
    assert offset is not None
    return int(offset.total_seconds() // 60)


_STAMP = (
    r"^(?P<y>[0-9]{4})-(?P<mo>[0-9]{2})-(?P<d>[0-9]{2})"
    r"[Tt ](?P<h>[0-9]{2}):(?P<mi>[0-9]{2})(?::(?P<s>[0-9]{2})(?:[.,](?P<f>[0-9]{1,9}))?)?"
    r" ?(?P<o>[Zz]|[+-][0-9]{2}:?[0-9]{2})?$"
)
_DAYS_IN_MONTH = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])

#: What can be wrong with a stamp, and in words.
OK, NO_STAMP, NO_DATE, NO_TIME, NO_OFFSET, OUT_OF_RANGE = range(6)
PROBLEMS = {
    NO_STAMP: "is not a date and time; write it as 2026-11-22T10:00:00+08:00",
    NO_DATE: "names a date that does not exist",
    NO_TIME: "names a time of day that does not exist",
    NO_OFFSET: "has an offset that no zone has",
    OUT_OF_RANGE: "lies outside 2015-01-01 to 2049-11-03, the range that is kept",
}


class Stamps(msgspec.Struct, frozen=True):
    """Stamps read from text, as columns of one length.

    Attributes:
        at_ms: UTC milliseconds where `has_offset`, else the local wall clock as if it were UTC. int64.
        offset_min: minutes; 0 where there is none. int16.
        has_offset: the text carried an offset. bool.
        verdict: OK or the number of a problem. uint8.
    """

    at_ms: npt.NDArray[np.int64]
    offset_min: npt.NDArray[np.int16]
    has_offset: npt.NDArray[np.bool_]
    verdict: npt.NDArray[np.uint8]

    def problem(self, row: int) -> str | None:
        """What is wrong with that row, in words; None if nothing is."""
        return PROBLEMS.get(int(self.verdict[row]))


def read_stamps(texts: pa.Array) -> Stamps:
    """Read a column of stamps (RFC 3339, also with a blank for the T, without seconds, or without offset).

    Works on the whole column; a bad row gets a verdict and does not disturb the others.
    """
    fields = pc.extract_regex(pc.fill_null(texts, ""), _STAMP)
    shaped = np.asarray(fields.is_valid())

    def number(name: str) -> npt.NDArray[np.int64]:
        column = pc.struct_field(fields, name)
        column = pc.if_else(pc.equal(pc.fill_null(column, ""), ""), "0", column)
        return np.asarray(pc.cast(column, pa.int64()))

    year, month, day = number("y"), number("mo"), number("d")
    hour, minute, second = number("h"), number("mi"), number("s")
    fraction = pc.utf8_rpad(pc.fill_null(pc.struct_field(fields, "f"), ""), 3, "0")
    millis = np.asarray(pc.cast(pc.utf8_slice_codeunits(fraction, 0, 3), pa.int64()))
    offset_min, has_offset, offset_ok = _read_offsets(pc.struct_field(fields, "o"))

    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    month_ok = (month >= 1) & (month <= 12)
    length = _DAYS_IN_MONTH[np.where(month_ok, month, 0)] + (leap & (month == 2))
    date_ok = month_ok & (day >= 1) & (day <= length)
    time_ok = (hour <= 23) & (minute <= 59) & (second <= 59)

    at_ms = _days_from_civil(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * MS + millis
    at_ms = at_ms - offset_min * MINUTE_MS
    verdict = np.select(
        [~shaped, ~date_ok, ~time_ok, ~offset_ok, (at_ms < EARLIEST_MS) | (at_ms > LATEST_MS)],
        [NO_STAMP, NO_DATE, NO_TIME, NO_OFFSET, OUT_OF_RANGE],
        OK,
    ).astype(np.uint8)
    return Stamps(at_ms, offset_min.astype(np.int16), has_offset, verdict)


def _read_offsets(
    texts: pa.Array,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    plain = pc.replace_substring(pc.fill_null(texts, ""), ":", "")
    has_offset = np.asarray(pc.not_equal(plain, ""))
    digits = pc.if_else(pc.match_substring_regex(plain, r"^[+-]"), plain, "+0000")
    hours = np.asarray(pc.cast(pc.utf8_slice_codeunits(digits, 1, 3), pa.int64()))
    minutes = np.asarray(pc.cast(pc.utf8_slice_codeunits(digits, 3, 5), pa.int64()))
    sign = np.where(np.asarray(pc.starts_with(digits, "-")), -1, 1)
    offset_min = sign * (hours * 60 + minutes)
    ok = (minutes <= 59) & (offset_min % QUARTER_MIN == 0)
    ok &= (offset_min >= MIN_OFFSET_MIN) & (offset_min <= MAX_OFFSET_MIN)
    return offset_min, has_offset, ok


def write_stamps(at_ms: npt.NDArray[np.int64], offset_min: npt.NDArray[np.int16]) -> pa.Array:
    """A column of stamps such as `read_stamps` reads: local time in milliseconds, with the offset."""
    local = pa.array(at_ms + offset_min.astype(np.int64) * MINUTE_MS, pa.int64()).cast(pa.timestamp("ms"))
    unique, places = np.unique(offset_min, return_inverse=True)
    texts = [format_instant(0, offset)[-6:] for offset in unique.tolist()]
    offsets = pa.array(texts, pa.string()).take(pa.array(places))
    return pc.binary_join_element_wise(local.cast(pa.string()), offsets, "")


def _days_from_civil(
    year: npt.NDArray[np.int64], month: npt.NDArray[np.int64], day: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Days since 1970-01-01 in the Gregorian calendar (H. Hinnant, chrono-compatible date algorithms)."""
    year = np.where(month <= 2, year - 1, year)
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * (month + np.where(month > 2, -3, 9)) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    days: npt.NDArray[np.int64] = era * 146097 + day_of_era - 719468
    return days


class Localised(msgspec.Struct, frozen=True):
    """Wall-clock stamps read in a zone: UTC milliseconds, offsets in minutes, `TimeFlag` bits. One length."""

    at_ms: npt.NDArray[np.int64]
    offset_min: npt.NDArray[np.int16]
    flags: npt.NDArray[np.uint8]


def read_in_zone(wall_ms: npt.NDArray[np.int64], zone: str) -> Localised:
    """Read wall-clock milliseconds (as if UTC) as local time of one zone.

    In a repeated hour the earlier instant is taken; a skipped wall time is read with the offset that was in
    force before the gap, which lands as far behind the gap as the stamp lay inside it. Both are flagged. (PEP 495
    with fold 0.)

    Raises:
        BadInput: unknown zone.
    """
    clock = _clock_of(zone)
    before, after = clock.offset_ms[:-1], clock.offset_ms[1:]
    # A wall time up to the later end of a change still goes by the clock before it, one from the earlier end on may
    # go by the clock after it: in between lies what happened twice or never.
    first = np.searchsorted(clock.change_ms + np.maximum(before, after), wall_ms, side="right")
    second = np.searchsorted(clock.change_ms + np.minimum(before, after), wall_ms, side="right")
    repeated = clock.offset_ms[second] < clock.offset_ms[first]
    skipped = clock.offset_ms[second] > clock.offset_ms[first]
    at_ms = wall_ms - clock.offset_ms[first]
    flags = np.where(repeated, TimeFlag.REPEATED_HOUR, 0) | np.where(skipped, TimeFlag.SKIPPED_HOUR, 0)
    return Localised(at_ms, offsets_in_zone(at_ms, zone), flags.astype(np.uint8))


def offsets_in_zone(at_ms: npt.NDArray[np.int64], zone: str) -> npt.NDArray[np.int16]:
    """Minutes east of UTC in `zone` at each instant.

    Raises:
        BadInput: unknown zone.
    """
    clock = _clock_of(zone)
    offset_ms = clock.offset_ms[np.searchsorted(clock.change_ms, at_ms, side="right")]
    return (offset_ms // MINUTE_MS).astype(np.int16)


class _ZoneClock(msgspec.Struct, frozen=True):
    """The offsets of a zone over the years that are kept: `offset_ms[i]` up to `change_ms[i]`, then the next. int64."""

    change_ms: npt.NDArray[np.int64]
    offset_ms: npt.NDArray[np.int64]


@functools.cache
def _clock_of(name: str) -> _ZoneClock:
    """Asks `zoneinfo` for each week, and to the second where two weeks differ: no zone changes to and fro within one.

    Arrow's own reading of zones is not used: it needs the zone files of the operating system, knows fewer names, and
    has no summer time after 2037.
    """
    zone = get_zone(name)

    def offset_at(second: int) -> int:
        offset = dt.datetime.fromtimestamp(second, tz=zone).utcoffset()
        assert offset is not None
        return int(offset.total_seconds())

    week_s = 7 * DAY_MS // MS
    weeks = range(EARLIEST_MS // MS - week_s, LATEST_MS // MS + 2 * week_s, week_s)
    changes: list[int] = []
    offsets = [offset_at(weeks[0])]
    for week in weeks[1:]:
        offset = offset_at(week)
        if offset != offsets[-1]:
            inside = range(week - week_s, week + 1)
            changes.append(inside[bisect.bisect_left(inside, True, key=lambda second: offset_at(second) == offset)])
            offsets.append(offset)
    return _ZoneClock(np.array(changes, np.int64) * MS, np.array(offsets, np.int64) * MS)
