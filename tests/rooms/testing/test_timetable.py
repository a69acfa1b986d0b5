"""Scans and facilities as one writes them on paper."""

import pytest

from waypost.model.errors import BadInput
from waypost.model.instants import Instant, OffsetSource, TimeFlag, parse_instant
from waypost.model.places import Facility, FacilityKind, Place
from waypost.model.scans import ScanEvent
from waypost.testing import facility, scan, timetable

TEN = Instant(parse_instant("2026-11-20T02:00:00Z").at_ms, 480, OffsetSource.CARRIER)


def test_a_scan_in_one_line() -> None:
    assert scan("YT1", "GOT", "2026-11-20 10:00", at="Hangzhou") == ScanEvent(
        carrier="yto", number="YT1", code="GOT", at=TEN, facility="Hangzhou"
    )
    one = scan("1", "GOT", "2026-11-20T10:00:00+08:00", carrier="sto", note="x", recorded="2026-11-20T02:00:01Z")
    assert (one.carrier, one.at.source, one.at.at_ms, one.note) == ("sto", OffsetSource.REPORTED, TEN.at_ms, "x")
    assert one.recorded_at_ms == TEN.at_ms + 1000
    assert scan("1", "void", "2026-11-20 11:00", corrects=one, carrier="sto").corrects == one.id
    assert scan("1", "void", "2026-11-20 11:00", corrects="0" * 16).corrects == "0" * 16


def test_a_local_stamp_is_read_in_the_zone_of_the_carrier() -> None:
    repeated = scan("LB1", "delivered", "2018-02-17 23:30", carrier="correios")
    assert (str(repeated.at), repeated.time_flags) == ("2018-02-17T23:30:00-02:00", TimeFlag.REPEATED_HOUR)


@pytest.mark.parametrize(
    ("when", "carrier", "why"),
    [
        ("2026-11-20 10:00", "nobody", "has no offset, and 'nobody' no zone of its own"),
        ("2026-11-20 10:00", "usps", "has no offset, and 'usps' no zone of its own"),
        ("2026-02-30 10:00", "yto", "names a date that does not exist"),
        ("tomorrow", "yto", "is not a date and time"),
    ],
)
def test_a_stamp_is_not_guessed_at(when: str, carrier: str, why: str) -> None:
    with pytest.raises(BadInput) as caught:
        scan("1", "GOT", when, carrier=carrier)
    assert why in str(caught.value)


def test_a_timetable_is_a_list_of_scans() -> None:
    scans = timetable(
        """
        YT1      2026-11-20 10:00        GOT        Hangzhou

                 2026-11-20 22:10        DEPARTURE  New York
        sto/ST9  2026-11-21 09:00        accepted
                 2026-11-21 09:30+09:00  delivered
        YT2      2026-11-20 10:00:05     GOT
        """
    )
    assert scans == [
        scan("YT1", "GOT", "2026-11-20 10:00", at="Hangzhou"),
        scan("YT1", "DEPARTURE", "2026-11-20 22:10", at="New York"),
        scan("ST9", "accepted", "2026-11-21 09:00", carrier="sto"),
        scan("ST9", "delivered", "2026-11-21 09:30+09:00", carrier="sto"),
        scan("YT2", "GOT", "2026-11-20 10:00:05"),
    ]
    assert timetable("") == timetable("\n   \n") == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("YT1  2026-11-20 10:00", "line 1: needs a number, a date, a time and a code"),
        ("YT1  2026-11-20 10:00  GOT\nYT2", "line 2: needs a number"),
        ("YT1  2026-11-20  GOT", "line 1: needs a number"),
        ("YT1  2026-11-20 10:61  GOT", "a time of day that does not exist"),
    ],
)
def test_a_bad_line_is_named(text: str, why: str) -> None:
    with pytest.raises(BadInput) as caught:
        timetable(text)
    assert why in str(caught.value)


def test_a_facility_in_one_line() -> None:
    assert facility("HGH-01", "CN-Zhejiang", city="Hangzhou", zone="Asia/Shanghai") == Facility(
        carrier="yto",
        code="HGH-01",
        name="Hangzhou hub",
        kind=FacilityKind.HUB,
        place=Place(city="Hangzhou", region="Zhejiang", country="CN", zone="Asia/Shanghai"),
    )
    bare = facility("X", "BR", carrier="correios", kind=FacilityKind.OUTLET)
    assert (bare.name, bare.place, bare.kind) == ("X", Place(country="BR"), FacilityKind.OUTLET)
