"""The timeline of one parcel: local times, statuses, and what is odd about each scan."""

import pyarrow as pa
import pytest

from waypost.model.instants import TimeFlag, parse_instant
from waypost.model.places import Facility
from waypost.model.scans import VOID, ScanEvent, batch_of, in_order
from waypost.testing import facility, scan, timetable
from waypost.track.tables import bundled_tables
from waypost.track.timeline import Places, local_text, place_view, read_timeline
from waypost.track.views import PlaceView, ScanView


def read(scans: list[ScanEvent], places: Places | None = None) -> list[ScanView]:
    """The timeline of some scans, as an engine puts them in order."""
    table = in_order(pa.Table.from_batches([batch_of(scans)]))
    return read_timeline(table, bundled_tables(), places or {})


def flags(scans: list[ScanEvent]) -> dict[str | None, list[str]]:
    """What is odd about each scan that is odd, by code."""
    return {view.code: view.flags for view in read(scans) if view.flags}


def places(*facilities: Facility) -> Places:
    return {(each.carrier, each.code): each for each in facilities}


def test_a_timeline_reads_newest_first() -> None:
    views = read(
        timetable(
            """
            YT1  2026-11-21 21:00  SIGNED     Shanghai
                 2026-11-20 10:00  GOT        Hangzhou
                 2026-11-20 22:10  DEPARTURE  Hangzhou
            """
        )
    )
    assert [(view.at, view.utc, view.status) for view in views] == [
        ("2026-11-21T21:00:00+08:00", "2026-11-21T13:00:00Z", "delivered"),
        ("2026-11-20T22:10:00+08:00", "2026-11-20T14:10:00Z", "departed_from_hub"),
        ("2026-11-20T10:00:00+08:00", "2026-11-20T02:00:00Z", "picked_up"),
    ]
    assert [view.flags for view in views] == [[], [], []]


def test_a_scan_says_all_that_is_known_of_it() -> None:
    one = scan("YT1", "GOT", "2026-11-20 10:00", at="HGH", note="已揽收", recorded="2026-11-20T02:00:05Z")
    hub = facility("HGH", "CN-Zhejiang", city="Hangzhou", zone="Asia/Shanghai")
    assert read([one], places(hub)) == [
        ScanView(
            id=one.id,
            at="2026-11-20T10:00:00+08:00",
            utc="2026-11-20T02:00:00Z",
            offset_source="carrier",
            zone="Asia/Shanghai",
            carrier="yto",
            number="YT1",
            code="GOT",
            status="picked_up",
            place=PlaceView(facility="HGH", name="Hangzhou hub", city="Hangzhou", region="Zhejiang", country="CN"),
            note="已揽收",
            corrects=None,
            recorded_at="2026-11-20T02:00:05Z",
            flags=[],
        )
    ]


def test_no_scans_are_no_timeline() -> None:
    assert read([]) == []


def test_within_one_instant_scans_stand_in_the_order_of_a_parcels_life() -> None:
    codes = ["SIGNED", "DEPARTURE", "GOT", "SENT_SCAN", "ARRIVAL"]
    views = read([scan("YT1", code, "2026-11-20 10:00") for code in codes])
    assert [view.code for view in views] == ["SIGNED", "SENT_SCAN", "DEPARTURE", "ARRIVAL", "GOT"]


def test_scans_alike_in_instant_and_status_stand_as_the_engine_has_them() -> None:
    """By when the network got them, those that nobody recorded last; however they came, and not by their words."""
    scans = [
        scan("YT1", "ARRIVAL", "2026-11-20 10:00", at=place, recorded=recorded)
        for place, recorded in [
            ("B", None),
            ("D", "2026-11-20T02:00:09Z"),
            ("A", None),
            ("C", "2026-11-20T02:00:10Z"),
            ("E", "2026-11-20T02:00:09Z"),
        ]
    ]
    scans += [scan("YT1", "GOT", "2026-11-20 10:00", at="F", recorded="2026-11-20T02:00:30Z")]
    for each in (scans, scans[::-1], scans[3:] + scans[:3]):
        assert [view.place and view.place.facility for view in read(each)] == ["B", "A", "C", "E", "D", "F"]


def test_scans_of_several_numbers_are_one_timeline() -> None:
    """An engine gives number after number; what counts is when things happened."""
    views = read(
        timetable(
            """
            YT1      2026-11-20 10:00  GOT
                     2026-11-22 10:00  SENT_SCAN
            sto/ST1  2026-11-21 10:00  picked_up
                     2026-11-23 10:00  delivered
            """
        )
    )
    assert [view.number for view in views] == ["ST1", "YT1", "ST1", "YT1"]


# Local time


@pytest.mark.parametrize(
    ("zone", "at"),
    [
        ("Europe/Lisbon", "2026-07-01T04:30:00+01:00"),
        ("America/Sao_Paulo", "2026-07-01T00:30:00-03:00"),
        (None, "2026-07-01T11:30:00+08:00"),
    ],
)
def test_a_scan_is_shown_in_the_local_time_of_its_facility(zone: str | None, at: str) -> None:
    [view] = read([scan("YT1", "ARRIVAL", "2026-07-01 11:30", at="X")], places(facility("X", zone=zone)))
    assert (view.at, view.utc, view.zone) == (at, "2026-07-01T03:30:00Z", zone)


def test_a_facility_of_another_carrier_is_another_place() -> None:
    [view] = read([scan("YT1", "GOT", "2026-07-01 11:30", at="X")], places(facility("X", zone="UTC", carrier="sto")))
    assert (view.at, view.zone, view.place) == ("2026-07-01T11:30:00+08:00", None, PlaceView(facility="X"))


def test_the_repeated_hour_is_shown_with_both_offsets() -> None:
    """Two scans an hour apart bear the same local time: only the offset tells them apart."""
    first, second = parse_instant("2026-10-25T00:30:00Z").at_ms, parse_instant("2026-10-25T01:30:00Z").at_ms
    lisbon = facility("LIS", zone="Europe/Lisbon")
    assert local_text(first, 0, lisbon) == "2026-10-25T01:30:00+01:00"
    assert local_text(second, 0, lisbon) == "2026-10-25T01:30:00+00:00"
    assert local_text(second, 480, None) == "2026-10-25T09:30:00+08:00"


def test_a_place_is_told_as_far_as_it_is_known() -> None:
    assert place_view(None, None) is None
    assert place_view("X-7", None) == PlaceView(facility="X-7")
    known = facility("X-7", "BR-SP", city="Campinas")
    assert place_view("X-7", known) == PlaceView(
        facility="X-7", name="Campinas hub", city="Campinas", region="SP", country="BR"
    )


# What is odd


def test_a_scan_that_came_a_day_after_it_happened_is_late() -> None:
    assert flags(
        [
            scan("YT1", "GOT", "2026-11-20 10:00", recorded="2026-11-21T02:00:00Z"),
            scan("YT1", "ARRIVAL", "2026-11-20 12:00", recorded="2026-11-21T04:00:00.001Z"),
            scan("YT1", "DEPARTURE", "2026-11-20 14:00"),
        ]
    ) == {"ARRIVAL": ["late"]}


def test_a_scan_that_came_after_one_that_happened_later_is_out_of_order() -> None:
    assert flags(
        [
            scan("YT1", "DEPARTURE", "2026-11-20 14:00", recorded="2026-11-20T06:00:01Z"),
            scan("YT1", "ARRIVAL", "2026-11-20 12:00", recorded="2026-11-20T06:30:00Z"),
            scan("YT1", "GOT", "2026-11-20 10:00", recorded="2026-11-20T02:00:01Z"),
            scan("YT1", "SENT_SCAN", "2026-11-20 16:00", recorded="2026-11-20T08:00:01Z"),
        ]
    ) == {"ARRIVAL": ["out_of_order"]}


def test_scans_of_one_batch_are_in_order() -> None:
    batch = "2026-11-20T12:00:00Z"
    assert not flags(
        [scan("YT1", code, f"2026-11-20 1{hour}:00", recorded=batch) for hour, code in enumerate(["GOT", "ARRIVAL"])]
    )


def test_scans_of_one_minute_are_in_order_however_they_came() -> None:
    """Carriers send whole minutes: which of two happened later, nobody knows."""
    assert not flags(
        [
            scan("YT1", "DEPARTURE", "2026-11-20 12:00", recorded="2026-11-20T04:00:10Z"),
            scan("YT1", "ARRIVAL", "2026-11-20 12:00", recorded="2026-11-20T04:00:20Z"),
        ]
    )


def test_what_cannot_follow_is_impossible_and_does_not_count_as_before() -> None:
    assert flags(
        timetable(
            """
            YT1  2026-11-20 10:00  GOT
                 2026-11-21 09:00  SIGNED
                 2026-11-21 15:00  ARRIVAL
                 2026-11-21 18:00  DEPARTURE
            """
        )
    ) == {"ARRIVAL": ["impossible"], "DEPARTURE": ["impossible"]}


def test_skipped_steps_are_not_impossible() -> None:
    assert not flags([scan("YT1", "GOT", "2026-11-20 10:00"), scan("YT1", "SIGNED", "2026-11-21 09:00")])


def test_after_a_mishap_everything_can_happen() -> None:
    assert not flags(
        timetable(
            """
            YT1  2026-11-20 10:00  GOT
                 2026-11-20 12:00  SENT_SCAN
                 2026-11-20 13:00  lost
                 2026-11-22 09:00  GOT
            """
        )
    )


def test_the_first_scan_of_another_carrier_begins_its_own_count() -> None:
    assert not flags(
        timetable(
            """
            YT1      2026-11-20 10:00  SIGNED
            sto/ST1  2026-11-21 10:00  picked_up
            """
        )
    )


def test_corrected_scans_are_shown_and_judge_nobody() -> None:
    wrong = scan("YT1", "SIGNED", "2026-11-20 09:00")
    rest = [scan("YT1", "GOT", "2026-11-20 10:00"), scan("YT1", "ARRIVAL", "2026-11-20 12:00")]
    assert flags([wrong, *rest]) == {"GOT": ["impossible"], "ARRIVAL": ["impossible"]}
    void = scan("YT1", VOID, "2026-11-20 13:00", corrects=wrong)
    assert flags([wrong, *rest, void]) == {"SIGNED": ["corrected"]}
    shown = {view.code: view for view in read([wrong, *rest, void])}
    assert (shown[VOID].status, shown[VOID].corrects) == ("void", wrong.id)


def test_a_code_that_nobody_knows_is_shown_as_it_came() -> None:
    [view] = read([scan("YT1", "<b>WHO_KNOWS</b>", "2026-11-20 10:00")])
    assert (view.code, view.status, view.flags) == ("<b>WHO_KNOWS</b>", "unknown", ["unknown_code"])


@pytest.mark.parametrize(
    ("bits", "names"),
    [
        (TimeFlag.REPEATED_HOUR, ["repeated_hour"]),
        (TimeFlag.SKIPPED_HOUR, ["skipped_hour"]),
        (TimeFlag.YEAR_ASSUMED | TimeFlag.REPEATED_HOUR, ["repeated_hour", "year_assumed"]),
        (TimeFlag.NOT_BEFORE, ["not_before"]),
        (TimeFlag(0), []),
    ],
)
def test_what_is_doubtful_about_a_stamp_is_shown(bits: TimeFlag, names: list[str]) -> None:
    one = scan("YT1", "GOT", "2026-11-20 10:00")
    assert read([ScanEvent(carrier="yto", number="YT1", code="GOT", at=one.at, time_flags=bits)])[0].flags == names
