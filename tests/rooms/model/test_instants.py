"""Stamps become instants: what is read, what is refused and why, and local time held against `zoneinfo`."""

import datetime as dt
import zoneinfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.model.errors import BadInput
from waypost.model.instants import (
    DAY_MS,
    EARLIEST_MS,
    LATEST_MS,
    MAX_OFFSET_MIN,
    MIN_OFFSET_MIN,
    MINUTE_MS,
    QUARTER_MIN,
    Instant,
    OffsetSource,
    TimeFlag,
    format_instant,
    format_utc,
    get_zone,
    offset_in_zone,
    offsets_in_zone,
    parse_instant,
    read_in_zone,
    read_stamps,
    write_stamps,
)

ZONES = [
    *("Asia/Shanghai", "America/Sao_Paulo", "Europe/Lisbon", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"),
    *("America/St_Johns", "Pacific/Chatham", "Pacific/Kiritimati", "Africa/Casablanca", "Asia/Pyongyang"),
]
HOUR_MS = 60 * MINUTE_MS
REPEATED, SKIPPED = TimeFlag.REPEATED_HOUR, TimeFlag.SKIPPED_HOUR

walls = st.integers(EARLIEST_MS + DAY_MS, LATEST_MS - DAY_MS)


def ms(text: str) -> int:
    """By the standard library: an independent reading."""
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


def wall_ms(text: str) -> int:
    return ms(f"{text}+00:00")


def by_zoneinfo(wall: int, zone: str) -> tuple[int, int, TimeFlag]:
    """What PEP 495 says with fold 0: the instant, the offset in force then, and whether the wall time was doubtful."""
    naive = dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=wall)
    first, second = (naive.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold).utcoffset() for fold in (0, 1))
    assert first is not None
    assert second is not None
    at_ms = wall - int(first.total_seconds() * 1000)
    offset = dt.datetime.fromtimestamp(at_ms / 1000, zoneinfo.ZoneInfo(zone)).utcoffset()
    assert offset is not None
    flag = TimeFlag(0) if first == second else REPEATED if first > second else SKIPPED
    return at_ms, int(offset.total_seconds() // 60), flag


@pytest.mark.parametrize(
    ("text", "same_as", "offset_min"),
    [
        ("2026-11-22T10:00:00+08:00", "2026-11-22T02:00:00+00:00", 480),
        ("2026-11-22t10:00:00z", "2026-11-22T10:00:00+00:00", 0),
        ("2026-11-22 10:00:00Z", "2026-11-22T10:00:00+00:00", 0),
        ("2026-11-22 10:00:00 +0800", "2026-11-22T02:00:00+00:00", 480),
        ("2026-11-22T10:00+08:00", "2026-11-22T02:00:00+00:00", 480),
        ("2026-11-22T10:00:00-03:00", "2026-11-22T13:00:00+00:00", -180),
        ("2026-11-22T10:00:00-00:00", "2026-11-22T10:00:00+00:00", 0),
        ("2026-11-22T10:00:00+05:45", "2026-11-22T04:15:00+00:00", 345),
        ("2026-11-22T10:00:00-03:30", "2026-11-22T13:30:00+00:00", -210),
        ("2026-11-22T10:00:00+14:00", "2026-11-21T20:00:00+00:00", 840),
        ("2026-11-22T10:00:00-12:00", "2026-11-22T22:00:00+00:00", -720),
        ("2026-11-22T10:00:00.5Z", "2026-11-22T10:00:00.500+00:00", 0),
        ("2026-11-22T10:00:00,25Z", "2026-11-22T10:00:00.250+00:00", 0),
        ("2026-11-22T10:00:00.123456789Z", "2026-11-22T10:00:00.123+00:00", 0),
        ("2026-11-22T10:00:00.999999Z", "2026-11-22T10:00:00.999+00:00", 0),
        ("2024-02-29T23:59:59+00:00", "2024-02-29T23:59:59+00:00", 0),
        ("2049-11-03T19:53:47.775Z", "2049-11-03T19:53:47.775+00:00", 0),
    ],
)
def test_what_is_an_instant(text: str, same_as: str, offset_min: int) -> None:
    assert parse_instant(text) == Instant(ms(same_as), offset_min, OffsetSource.REPORTED)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not a date and time"),
        ("tomorrow", "is not a date and time"),
        ("2026-11-22", "is not a date and time"),
        ("2026-11-22T", "is not a date and time"),
        ("20261122T100000Z", "is not a date and time"),
        ("2026-11-22T10:00:00Zulu", "is not a date and time"),
        ("2026-11-22T10:00:00+08", "is not a date and time"),
        ("2026-11-22T10:00:00Z\n", "is not a date and time"),
        (" 2026-11-22T10:00:00Z", "is not a date and time"),
        ("２０２６-11-22T10:00:00Z", "is not a date and time"),
        ("2026-11-22T10:00:00.1234567890Z", "is not a date and time"),
        ("12026-11-22T10:00:00Z", "is not a date and time"),
        ("2026-11-22T10:00:00Z; DROP TABLE scans", "is not a date and time"),
        ("2026-00-01T10:00:00Z", "a date that does not exist"),
        ("2026-13-01T10:00:00Z", "a date that does not exist"),
        ("2026-01-00T10:00:00Z", "a date that does not exist"),
        ("2026-04-31T10:00:00Z", "a date that does not exist"),
        ("2026-02-29T10:00:00Z", "a date that does not exist"),
        ("2100-02-29T10:00:00Z", "a date that does not exist"),
        ("2026-11-22T24:00:00Z", "a time of day that does not exist"),
        ("2026-11-22T10:60:00Z", "a time of day that does not exist"),
        ("2026-11-22T10:00:61Z", "a time of day that does not exist"),
        ("2026-11-22T10:00:00+14:15", "an offset that no zone has"),
        ("2026-11-22T10:00:00-12:15", "an offset that no zone has"),
        ("2026-11-22T10:00:00+08:07", "an offset that no zone has"),
        ("2026-11-22T10:00:00+07:60", "an offset that no zone has"),
        ("2026-11-22T10:00:00+99:00", "an offset that no zone has"),
        ("2014-12-31T23:59:59.999Z", "outside 2015-01-01"),
        ("2015-01-01T00:00:00+08:00", "outside 2015-01-01"),
        ("2049-11-03T19:53:47.776Z", "outside 2015-01-01"),
        ("0000-01-01T00:00:00Z", "outside 2015-01-01"),
        ("9999-12-31T23:59:59Z", "outside 2015-01-01"),
        ("2026-11-22T10:00:00", "has no offset"),
    ],
)
def test_what_is_none_and_why(text: str, why: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_instant(text)
    assert why in caught.value.message
    assert caught.value.where == "instant"


def test_a_message_does_not_repeat_a_huge_text() -> None:
    with pytest.raises(BadInput) as caught:
        parse_instant("9" * 10_000)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("year", [2015, 2016, 2020, 2024, 2026, 2048, 2000, 2100, 2400])
def test_leap_years_are_those_of_the_calendar(year: int) -> None:
    stamps = read_stamps(pa.array([f"{year}-02-29T12:00:00Z", f"{year}-02-28T12:00:00Z"]))
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    refused_as_no_date = "names a date that does not exist"
    assert (stamps.problem(0) == refused_as_no_date) == (not is_leap)
    assert stamps.problem(1) != refused_as_no_date


@given(st.datetimes(dt.datetime(2015, 1, 1), dt.datetime(2049, 11, 3)), st.integers(-48, 56))
def test_a_stamp_is_read_as_the_standard_library_reads_it(local: dt.datetime, quarters: int) -> None:
    zone = dt.timezone(dt.timedelta(minutes=15 * quarters))
    local = local.replace(microsecond=local.microsecond // 1000 * 1000, tzinfo=zone)
    stamps = read_stamps(pa.array([local.isoformat()]))
    expected = (local - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)
    assert stamps.at_ms[0] == expected
    assert stamps.offset_min[0] == 15 * quarters
    inside = EARLIEST_MS <= expected <= LATEST_MS
    assert (stamps.problem(0) is None) == inside


def test_a_bad_row_does_not_disturb_its_neighbours() -> None:
    stamps = read_stamps(
        pa.array(["2026-11-22T10:00:00Z", None, "x" * 10_000, "", "2026-11-22 10:00", "2026-02-30 10:00"])
    )
    assert [stamps.problem(row) is None for row in range(6)] == [True, False, False, False, True, False]
    assert stamps.at_ms[[0, 4]].tolist() == [ms("2026-11-22T10:00:00+00:00")] * 2
    assert stamps.has_offset.tolist() == [True, False, False, False, False, False]


def test_an_empty_column_is_read() -> None:
    stamps = read_stamps(pa.array([], pa.string()))
    assert len(stamps.at_ms) == len(stamps.verdict) == 0


@given(st.integers(EARLIEST_MS, LATEST_MS), st.integers(-48, 56))
def test_what_is_written_is_read_back(at_ms: int, quarters: int) -> None:
    offset_min = quarters * QUARTER_MIN
    expected = Instant(at_ms, offset_min, OffsetSource.REPORTED)
    assert parse_instant(format_instant(at_ms, offset_min)) == expected
    assert parse_instant(str(expected)) == expected
    column = write_stamps(np.array([at_ms, EARLIEST_MS + DAY_MS]), np.array([offset_min, 0], np.int16))
    assert parse_instant(column[0].as_py()) == expected
    assert column[1].as_py() == "2015-01-02 00:00:00.000+00:00"


@pytest.mark.parametrize(
    ("at", "offset_min", "text"),
    [
        ("2026-11-22T02:00:00+00:00", 480, "2026-11-22T10:00:00+08:00"),
        ("2026-11-22T02:00:00.007+00:00", 0, "2026-11-22T02:00:00.007+00:00"),
        ("2026-11-22T02:00:00+00:00", -210, "2026-11-21T22:30:00-03:30"),
    ],
)
def test_milliseconds_are_written_only_where_there_are_any(at: str, offset_min: int, text: str) -> None:
    assert format_instant(ms(at), offset_min) == text


def test_utc_is_written_with_z() -> None:
    assert format_utc(ms("2026-11-22T10:00:00+08:00")) == "2026-11-22T02:00:00Z"
    assert format_utc(ms("2026-11-22T02:00:00.007+00:00")) == "2026-11-22T02:00:00.007Z"


def test_instants_are_in_order_of_time() -> None:
    early = parse_instant("2026-11-22T10:00:00+08:00")
    late = parse_instant("2026-11-22T03:00:00Z")
    assert early < late
    assert max(early, late) == late


@pytest.mark.parametrize(
    ("zone", "wall", "at", "offset_min", "flag"),
    [
        # Lisbon goes back at 02:00 on 2026-10-25: 01:00 to 02:00 happens twice, the first time in summer time.
        ("Europe/Lisbon", "2026-10-25T00:59:59", "2026-10-24T23:59:59+00:00", 60, 0),
        ("Europe/Lisbon", "2026-10-25T01:00:00", "2026-10-25T00:00:00+00:00", 60, REPEATED),
        ("Europe/Lisbon", "2026-10-25T01:59:59", "2026-10-25T00:59:59+00:00", 60, REPEATED),
        ("Europe/Lisbon", "2026-10-25T02:00:00", "2026-10-25T02:00:00+00:00", 0, 0),
        # and forward at 01:00 on 2026-03-29: 01:00 to 02:00 never happens.
        ("Europe/Lisbon", "2026-03-29T00:59:59", "2026-03-29T00:59:59+00:00", 0, 0),
        ("Europe/Lisbon", "2026-03-29T01:00:00", "2026-03-29T01:00:00+00:00", 60, SKIPPED),
        ("Europe/Lisbon", "2026-03-29T01:30:00", "2026-03-29T01:30:00+00:00", 60, SKIPPED),
        ("Europe/Lisbon", "2026-03-29T02:00:00", "2026-03-29T01:00:00+00:00", 60, 0),
        # São Paulo had summer time until February 2019: midnight was skipped and an hour before midnight came twice.
        ("America/Sao_Paulo", "2018-11-04T00:30:00", "2018-11-04T03:30:00+00:00", -120, SKIPPED),
        ("America/Sao_Paulo", "2018-02-17T23:30:00", "2018-02-18T01:30:00+00:00", -120, REPEATED),
        ("America/Sao_Paulo", "2018-02-18T00:00:00", "2018-02-18T03:00:00+00:00", -180, 0),
        ("America/Sao_Paulo", "2026-11-01T00:30:00", "2026-11-01T03:30:00+00:00", -180, 0),
        # Half an hour is repeated and skipped on Lord Howe Island.
        ("Australia/Lord_Howe", "2026-04-05T01:45:00", "2026-04-04T14:45:00+00:00", 660, REPEATED),
        ("Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:45:00+00:00", 660, SKIPPED),
        # China has had one zone and no summer time since 1991.
        ("Asia/Shanghai", "2026-03-29T01:30:00", "2026-03-28T17:30:00+00:00", 480, 0),
        ("Asia/Kathmandu", "2026-03-29T01:30:00", "2026-03-28T19:45:00+00:00", 345, 0),
        # Summer time goes on after the last change that a zone file spells out.
        ("Europe/Lisbon", "2045-07-01T12:00:00", "2045-07-01T11:00:00+00:00", 60, 0),
    ],
)
def test_local_stamps_around_clock_changes(zone: str, wall: str, at: str, offset_min: int, flag: TimeFlag) -> None:
    read = read_in_zone(np.array([wall_ms(wall)]), zone)
    assert (read.at_ms[0], read.offset_min[0], read.flags[0]) == (ms(at), offset_min, flag)


@given(st.lists(walls, min_size=1, max_size=20), st.sampled_from(ZONES))
def test_local_time_is_that_of_zoneinfo(wall: list[int], zone: str) -> None:
    read = read_in_zone(np.array(wall), zone)
    expected = [by_zoneinfo(one, zone) for one in wall]
    assert list(zip(read.at_ms.tolist(), read.offset_min.tolist(), read.flags.tolist(), strict=True)) == expected


@pytest.mark.parametrize("zone", ZONES)
def test_local_time_is_that_of_zoneinfo_around_every_change(zone: str) -> None:
    """Every quarter of an hour, and the milliseconds beside it, within three hours of every change of the offset."""
    days = np.arange(EARLIEST_MS + DAY_MS, LATEST_MS - DAY_MS, DAY_MS)
    changes = days[1:][np.diff(offsets_in_zone(days, zone)) != 0]
    near = np.arange(-30 * HOUR_MS, 16 * HOUR_MS, 15 * MINUTE_MS)
    moments = changes[:6, None] + near
    wall = np.concatenate([moments.ravel() + slip for slip in (-1, 0, 1)] + [days[:50]])
    read = read_in_zone(wall, zone)
    expected = [by_zoneinfo(one, zone) for one in wall.tolist()]
    assert list(zip(read.at_ms.tolist(), read.offset_min.tolist(), read.flags.tolist(), strict=True)) == expected
    assert len(changes) == 0 or {flag for _, _, flag in expected} == {0, REPEATED, SKIPPED}


@given(st.integers(EARLIEST_MS, LATEST_MS), st.sampled_from(ZONES))
def test_an_offset_is_that_of_zoneinfo(at_ms: int, zone: str) -> None:
    local = dt.datetime.fromtimestamp(at_ms / 1000, zoneinfo.ZoneInfo(zone)).utcoffset()
    assert local is not None
    assert offset_in_zone(at_ms, zone) == offsets_in_zone(np.array([at_ms]), zone)[0] == local.total_seconds() // 60


def test_every_zone_keeps_to_the_offsets_that_can_be_kept() -> None:
    at_ms = np.array([ms(f"{year}-{month:02}-15T00:00:00+00:00") for year in (2015, 2026, 2049) for month in (1, 7)])
    for name in sorted(zoneinfo.available_timezones() - {"Factory", "localtime", "posixrules"}):
        offset_min = [offset_in_zone(at, name) for at in at_ms.tolist()]
        assert all(MIN_OFFSET_MIN <= offset <= MAX_OFFSET_MIN for offset in offset_min), name
        assert not any(offset % QUARTER_MIN for offset in offset_min), name


@pytest.mark.parametrize(
    "name",
    [
        *("Mars/Olympus", "", "asia/shanghai", "+08:00", "Europe", "../UTC", "/etc/passwd", "UTC\0", "zone.tab"),
        *("Factory", "localtime", "posixrules", "x" * 5000),
    ],
)
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="unknown time zone") as caught:
        get_zone(name)
    assert "Asia/Shanghai" in str(caught.value)
    assert len(str(caught.value)) < 200
    with pytest.raises(BadInput, match="unknown time zone"):
        read_in_zone(np.array([0]), name)


def test_the_numbers_that_are_stored_stay() -> None:
    assert [(each.name, each.value) for each in OffsetSource] == [("REPORTED", 0), ("FACILITY", 1), ("CARRIER", 2)]
    assert [(each.name, each.value) for each in TimeFlag] == [
        ("REPEATED_HOUR", 1),
        ("SKIPPED_HOUR", 2),
        ("YEAR_ASSUMED", 4),
        ("NOT_BEFORE", 8),
    ]
    assert ms("2015-01-01T00:00:00+00:00") == EARLIEST_MS
    assert LATEST_MS - EARLIEST_MS == 2**40 - 1
