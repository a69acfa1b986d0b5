"""GTFS: trips become services, on the days and at the times they say; what cannot be is refused where it stands."""

import datetime as dt
import zipfile
from pathlib import Path

import pytest

from waypost.feeds.gtfs import GtfsFeed
from waypost.model.errors import BadInput
from waypost.model.instants import format_utc
from waypost.network.feed import Found
from waypost.network.services import Mode
from waypost.network.timetable import expand

FILES = {
    "agency.txt": "agency_id,agency_name,agency_url,agency_timezone\nD,Bahn,http://d,Europe/Berlin\n",
    "stops.txt": (
        "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\n"
        "A,Aachen,50.77,6.09,1,\nA1,Aachen platform 1,50.77,6.09,0,A\nB,Bonn,50.73,7.1,,\nC,Celle,52.6,10.06,,\n"
    ),
    "routes.txt": "route_id,agency_id,route_short_name,route_type\nR,D,RE1,2\nS,D,SB1,3\n",
    "trips.txt": "route_id,service_id,trip_id\nR,WEEK,T1\nS,DATES,T2\n",
    "stop_times.txt": (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
        "T1,23:00:00,23:00:30,A1,1\nT1,23:50:00,23:55:00,B,2\nT1,,,A,3\nT1,25:10:00,25:10:00,C,4\n"
        "T2,08:00:00,08:00:00,B,5\nT2,08:00:20,08:00:20,A1,7\n"
    ),
    "calendar.txt": (
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
        "WEEK,1,1,1,1,1,0,0,20261101,20261130\n"
    ),
    "calendar_dates.txt": "service_id,date,exception_type\nWEEK,20261102,2\nWEEK,20261108,1\nDATES,20261103,1\n",
    "frequencies.txt": "trip_id,start_time,end_time,headway_secs\nT2,06:00:00,08:00:01,3600\n",
    "transfers.txt": "from_stop_id,to_stop_id,transfer_type,min_transfer_time\nA1,A1,2,301\nB,C,2,900\nB,B,0,\n",
}
OFF = "is off the globe: it lies between -90 and 90"
NO_TIME = "is no time: it is written 08:05:00, and of the next day 25:10:00"


def write(folder: Path, **changes: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in (FILES | {f"{name}.txt": text for name, text in changes.items()}).items():
        if text:
            (folder / name).write_text(text, "utf-8")
    return folder


def read(tmp_path: Path, **changes: str) -> Found:
    return GtfsFeed(write(tmp_path / "gtfs", **changes), "db").read()


def told(found: Found) -> list[tuple[str, int, str, str]]:
    return [(each.file, each.line, each.field, each.reason) for each in found.refused]


def departures(found: Found, first: int, last: int) -> list[str]:
    timetable = expand(found.services, dt.date(2026, 11, first), dt.date(2026, 11, last), {}, 0)
    each, names = timetable.connections, timetable.facilities
    rows = zip(each.origin, each.departs_ms.tolist(), each.destination, each.arrives_ms.tolist(), strict=True)
    return [f"{names[o]} {format_utc(d)[8:16]} {names[t]} {format_utc(a)[8:16]}" for o, d, t, a in rows]


def test_trips_run_at_their_times_on_their_days(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.refused == []
    assert departures(found, 1, 2) == []
    assert departures(found, 3, 3) == [
        "db/B 03T05:00 db/A 03T05:01",
        "db/B 03T06:00 db/A 03T06:01",
        "db/B 03T07:00 db/A 03T07:01",
        "db/A 03T22:00 db/B 03T22:50",
        "db/B 03T22:55 db/C 04T00:10",
    ]
    assert len(departures(found, 4, 8)) == 2 * 4  # Wednesday to Friday, and the Sunday that was added


def test_stations_modes_and_changes_are_known(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert {service.code: service.mode for service in found.services} == {
        "T1": Mode.RAIL,
        "T2": Mode.BUS,
        "T2@06:00:00": Mode.BUS,
        "T2@07:00:00": Mode.BUS,
    }
    assert found.dwell_min == {"db/A": 6}
    assert [(each.code, each.name, each.place.zone) for each in found.facilities] == [
        ("A", "Aachen", "Europe/Berlin"),
        ("B", "Bonn", "Europe/Berlin"),
        ("C", "Celle", "Europe/Berlin"),
    ]


def test_an_archive_is_read_as_a_folder_is(tmp_path: Path) -> None:
    folder = write(tmp_path / "gtfs")
    with zipfile.ZipFile(tmp_path / "feed.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
        archive.writestr("../outside.txt", "x")
    assert GtfsFeed(tmp_path / "feed.zip", "db").read() == GtfsFeed(folder, "db").read()
    assert not (tmp_path / "outside.txt").exists()


@pytest.mark.parametrize(
    ("name", "old", "new", "line", "field", "reason", "left"),
    [
        ("trips", "R,WEEK", "X,WEEK", 2, "route_id", "is in no row of routes.txt that could be read", ["T2"]),
        ("trips", "WEEK", "NEVER", 2, "service_id", "runs on no day: it is in neither of the calendars", ["T2"]),
        ("routes", "RE1,2", "RE1,77", 2, "route_type", "is no kind of route that timetables know", ["T2"]),
        ("stop_times", "23:50:00", "23:60:00", 3, "arrival_time", NO_TIME, ["T2"]),
        ("stop_times", "B,2", "Z,2", 3, "stop_id", "is in no row of stops.txt that could be read", ["T2"]),
        ("stop_times", "B,5", "B,x", 6, "stop_sequence", "is no whole number", ["T1"]),
        ("calendar", "20261130", "20261131", 2, "end_date", "is no day: it is written 20261122", ["T2"]),
        ("calendar_dates", "08,1", "08,3", 3, "exception_type", "is neither 1 (added) nor 2 (removed)", ["T2"]),
        ("frequencies", "3600", "0", 2, "headway_secs", "is no whole number of seconds from 1 on", ["T1"]),
        ("frequencies", "3600", "3", 2, "headway_secs", "makes more than 2000 departures a day", ["T1"]),
        ("transfers", "301", "5 min", 2, "min_transfer_time", "is no whole number of seconds", ["T1", "T2"]),
        ("stops", "50.77,6.09,1", "97,6.09,1", 2, "stop_lat", OFF, ["T2"]),
    ],
)  # fmt: skip
def test_a_bad_row_is_refused(
    tmp_path: Path, name: str, old: str, new: str, line: int, field: str, reason: str, left: list[str]
) -> None:
    found = read(tmp_path, **{name: FILES[f"{name}.txt"].replace(old, new, 1)})
    assert (f"{name}.txt", line, field, reason) in told(found)
    assert sorted({service.code.partition("@")[0] for service in found.services}) == left


@pytest.mark.parametrize(
    ("name", "old", "new", "left"),
    [
        ("stop_times", "B,2", "B,2,", ["T2"]),
        ("stop_times", "T1,23:50:00,23:55:00,B,2", "T1,23:50:00,23", ["T2"]),
        ("stop_times", "T1,23:50", ",T1,23:50", []),  # nobody knows of which trip
        ("stop_times", "T1,23:50", ",23:50", []),
        ("calendar", "WEEK,1", "WEEK,,1", ["T2"]),
        ("calendar_dates", "WEEK,20261102,2", "WEEK,20261102,2,", ["T2"]),
        ("calendar_dates", "WEEK,20261102,2", "WEEK,20261102", ["T2"]),
        ("calendar_dates", "WEEK,20261102,2", ',"WEEK,20261102,2', []),
        ("frequencies", "3600", "3600,", ["T1"]),
        ("frequencies", "T2,06", ",T2,06", []),
    ],
)
def test_a_row_that_cannot_be_read_leaves_no_half_trip(
    tmp_path: Path, name: str, old: str, new: str, left: list[str]
) -> None:
    found = read(tmp_path, **{name: FILES[f"{name}.txt"].replace(old, new, 1)})
    assert sorted({service.code.partition("@")[0] for service in found.services}) == left
    assert found.refused[0].file == f"{name}.txt"
    assert {each.file for each in found.refused} >= {"trips.txt"}


AGENCIES = "agency_id,agency_name,agency_url,agency_timezone\nD,Bahn,http://d,Europe/Berlin\nL,Lux,http://l,"


@pytest.mark.parametrize(
    ("agencies", "zones"),
    [
        (f"{AGENCIES}Europe/Berlin\n", ["Europe/Berlin", "Europe/Paris", "Europe/Berlin"]),
        (f"{AGENCIES}Europe/London\n", [None, "Europe/Paris", None]),
        (f"{AGENCIES}Mars\n", [None, "Europe/Paris", None]),  # nobody knows which the other is
    ],
)
def test_a_station_has_its_own_zone(tmp_path: Path, agencies: str, zones: list[str | None]) -> None:
    head, *rows = FILES["stops.txt"].splitlines()
    told = {"A1": "Asia/Tokyo", "B": "Europe/Paris"}  # a platform does not speak for its station
    stops = "\n".join([f"{head},stop_timezone", *(f"{row},{told.get(row.split(',')[0], '')}" for row in rows)])
    found = read(tmp_path, agency=agencies, stops=stops)
    assert [(each.code, each.place.zone) for each in found.facilities] == list(zip("ABC", zones, strict=True))
    assert {call.zone for service in found.services for call in service.calls} == {"Europe/Berlin"}


def test_a_trip_of_an_agency_that_was_refused_runs_by_no_other_zone(tmp_path: Path) -> None:
    routes = FILES["routes.txt"].replace("S,D", "S,L")
    found = read(tmp_path, agency=f"{AGENCIES}Mars\n", routes=routes)
    assert {service.code for service in found.services} == {"T1"}


def test_a_zone_that_is_none_is_refused(tmp_path: Path) -> None:
    stops = "\n".join(f"{row},{'Mars' if number else 'stop_timezone'}"
                      for number, row in enumerate(FILES["stops.txt"].splitlines()))  # fmt: skip
    found = read(tmp_path, stops=stops)
    assert found.services == []
    assert found.refused[0].field == "stop_timezone"


def test_a_trip_that_cannot_be_is_refused_by_its_line(tmp_path: Path) -> None:
    found = read(tmp_path, stop_times=FILES["stop_times.txt"].replace("T2,08:00:20,08:00:20,A1,7\n", ""))
    [refused] = found.refused
    assert (refused.file, refused.line, refused.value) == ("trips.txt", 3, "T2")
    assert "calls at 2 to 500 facilities" in refused.reason


def test_what_is_no_gtfs_is_refused_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "feed.zip").write_bytes(b"PK nothing")
    with pytest.raises(BadInput, match=r"feed.zip: is no zip archive that can be read"):
        GtfsFeed(tmp_path / "feed.zip", "db").read()
    with zipfile.ZipFile(tmp_path / "feed.zip", "w") as archive:
        archive.writestr("gtfs/stops.txt", FILES["stops.txt"])
    with pytest.raises(BadInput, match=r"lacks agency.txt, stops.txt"):
        GtfsFeed(tmp_path / "feed.zip", "db").read()
    folder = write(tmp_path / "gtfs")
    (folder / "trips.txt").unlink()
    with pytest.raises(BadInput, match=r"trips.txt: no such file"):
        GtfsFeed(folder, "db").read()
    with pytest.raises(BadInput, match=r"agency.txt: names no agency"):
        read(tmp_path, trips=FILES["trips.txt"], agency=FILES["agency.txt"].replace("Europe/Berlin", "Mars"))


def rows_of_t1(*rows: str) -> dict[str, str]:
    head, *_ = FILES["stop_times.txt"].splitlines(keepends=True)
    return {"stop_times": head + "".join(f"{row}\n" for row in rows), "frequencies": "", "trips": TRIPS_OF_T1}


TRIPS_OF_T1 = "route_id,service_id,trip_id\nR,WEEK,T1\n"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (rows_of_t1("T1,22:00:00,22:00:00,A,1", "T1,06:10:00,06:10:00,B,2"), "goes back along a trip"),
        (rows_of_t1("T1,08:00:00,08:00:00,A,1", "T1,12:00:00,12:00:00,B,1"), "stands there twice of one trip"),
        (rows_of_t1("T1,,,A,1", "T1,08:00:00,08:00:00,B,2", "T1,09:00:00,09:00:00,C,3"), "is missing at the first"),
        (rows_of_t1("T1,08:00:00,08:00:00,A," + "9" * 5000), "is no whole number"),
        ({"trips": FILES["trips.txt"] + "R,WEEK,T1\n"}, "stands there twice, so neither is taken"),
        ({"trips": FILES["trips.txt"] + "R,WEEK,T9\n"}, "has no row of stop_times.txt that could be read"),
        ({"stops": FILES["stops.txt"] + "B,Bremen,53.1,8.8,,\n"}, "stands there twice"),
        ({"calendar": FILES["calendar.txt"].replace("WEEK,1", "WEEK,yes")}, "is neither 0 nor 1"),
        ({"frequencies": FILES["frequencies.txt"].replace("08:00:01", "05:00:00")}, "is not behind start_time"),
    ],
)
def test_nothing_is_repaired_or_dropped_in_silence(tmp_path: Path, changes: dict[str, str], reason: str) -> None:
    found = read(tmp_path, **changes)
    assert any(reason in each.reason for each in found.refused), told(found)
    for service in found.services:
        minutes = [minute for call in service.calls for minute in (call.arrives_min, call.departs_min)]
        assert minutes == sorted(minutes)


def test_two_first_places_of_a_stop_are_one(tmp_path: Path) -> None:
    found = read(tmp_path, stops=FILES["stops.txt"] + "B,Bremen,53.1,8.8,,\n")
    assert [each.name for each in found.facilities if each.code == "B"] == ["Bonn"]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_damaged_archive_is_refused(tmp_path: Path, method: int) -> None:
    path = tmp_path / "feed.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, text in FILES.items():
            archive.writestr(name, text * 50)
    data = bytearray(path.read_bytes())
    begin = 30 + len("agency.txt") + (4 if method == zipfile.ZIP_LZMA else 0)
    data[begin : begin + 12] = b"\xff" * 12
    path.write_bytes(data)
    with pytest.raises(BadInput, match="is no zip archive that can be read"):
        GtfsFeed(path, "db").read()


def test_the_cause_of_a_feed_without_zones_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="line 2, is no IANA time zone"):
        read(tmp_path, agency=FILES["agency.txt"].replace("Europe/Berlin", "Mars/Phobos"))


def test_few_rows_cannot_make_very_many_departures(tmp_path: Path) -> None:
    trips = "route_id,service_id,trip_id\n" + "".join(f"R,WEEK,T{each}\n" for each in range(120))
    often = "trip_id,start_time,end_time,headway_secs\n" + "".join(
        f"T{each},06:00:00,06:33:19,1\n" for each in range(120)
    )
    with pytest.raises(BadInput, match="makes more than 200000 departures a day in all"):
        read(tmp_path, trips=trips, frequencies=often)
