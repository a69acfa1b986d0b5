"""The reader of Delhivery's linehaul, held against a plain reading of the same file."""

import csv
import datetime as dt
import lzma
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from waypost.feeds.kinds import open_feed
from waypost.model.errors import BadInput
from waypost.model.instants import OffsetSource
from waypost.model.places import FacilityKind

LEG = ("trip_uuid", "source_center", "destination_center", "od_start_time", "od_end_time")
INDIA = ZoneInfo("Asia/Kolkata")
HEAD = (
    "data,trip_creation_time,route_schedule_uuid,route_type,trip_uuid,source_center,source_name,destination_center,"
    "destination_name,od_start_time,od_end_time,start_scan_to_end_scan,is_cutoff,cutoff_factor,cutoff_timestamp,"
    "actual_distance_to_destination,actual_time,osrm_time,osrm_distance,factor,segment_actual_time,segment_osrm_time,"
    "segment_osrm_distance,segment_factor"
)


def line(**fields: str) -> str:
    row = dict.fromkeys(HEAD.split(","), "1") | {
        "route_type": "FTL",
        "trip_uuid": "trip-1",
        "source_center": "IND1",
        "source_name": "Kolhapur_Shivaji_I (Maharashtra)",
        "destination_center": "IND2",
        "destination_name": "MAA_Poonamallee_HB (Tamil Nadu)",
        "od_start_time": "2018-09-29 14:23:26.490342",
        "od_end_time": "2018-09-30 05:22:28.492959",
    }
    return ",".join((row | fields).values())


@pytest.fixture(scope="module")
def real(data_folder: Path, read: Callable):
    return read("delhivery", data_folder / "delhivery")


def test_each_leg_is_a_departure_and_an_arrival(real, data_folder: Path) -> None:
    path = data_folder / "delhivery" / "delivery_sample_5k.csv.xz"
    expected: Counter[tuple[str, str, str, int]] = Counter()
    with lzma.open(path, "rt", encoding="utf-8", newline="") as file:
        legs = {tuple(row[name] for name in LEG) for row in csv.DictReader(file)}
    for trip, source, destination, start, end in legs:
        for code, place, text in (("departed", source, start), ("arrived", destination, end)):
            local = dt.datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=INDIA)
            whole_ms = int(local.replace(microsecond=0).timestamp()) * 1000 + local.microsecond // 1000
            expected[trip, code, place, whole_ms] += 1
    found = Counter((scan["number"], scan["code"], scan["facility"], scan["at_ms"]) for scan in real.scans)
    assert len(legs) == 3_892
    assert found == expected
    assert {scan["offset_source"] for scan in real.scans} == {OffsetSource.CARRIER}
    assert {scan["offset_min"] for scan in real.scans} == {330}


def test_each_trip_is_a_parcel_with_its_ends(real) -> None:
    assert len(real.parcels) == 3_521
    assert real.refusals == []
    first = next(parcel for parcel in real.parcels if parcel.waybill.number == "trip-153816218960151511")
    assert (str(first.origin), str(first.destination)) == ("Kolhapur, Maharashtra, IN", "Surat, Gujarat, IN")
    assert {parcel.note for parcel in real.parcels} == {"linehaul trip, FTL", "linehaul trip, Carting"}


def test_a_trip_of_several_legs_goes_from_its_first_start_to_its_last_end(real) -> None:
    parcel = next(each for each in real.parcels if each.waybill.number == "trip-153697858198336528")
    cities = {facility.code: facility.place.city for facility in real.facilities}
    assert parcel.origin.city == cities["IND712311AAA"]
    assert parcel.destination.city == cities["IND000000ACB"]


def test_centres_get_city_and_state_from_their_names(real) -> None:
    by_code = {facility.code: facility for facility in real.facilities}
    assert len(by_code) == 1_179
    kolhapur = by_code["IND416012AAA"]
    assert (kolhapur.name, str(kolhapur.place)) == ("Kolhapur_Shivaji_I (Maharashtra)", "Kolhapur, Maharashtra, IN")
    assert (kolhapur.kind, kolhapur.place.zone) == (FacilityKind.HUB, "Asia/Kolkata")
    nameless = by_code["IND282002AAD"]
    assert (nameless.name, nameless.place.city, nameless.place.country) == ("IND282002AAD", None, "IN")
    assert sum(facility.place.city is None for facility in real.facilities) < 12


@pytest.mark.parametrize(
    ("name", "city", "state"),
    [
        ("MAA_Poonamallee_HB (Tamil Nadu)", "Chennai", "Tamil Nadu"),
        ("PNQ Pashan DPC (Maharashtra)", "Pune", "Maharashtra"),
        ("HBR Layout PC (Karnataka)", "HBR Layout", "Karnataka"),
        ("Haridwar (Uttarakhand)", "Haridwar", "Uttarakhand"),
        ("OK_RPC (Delhi)", None, "Delhi"),
        ("no state at all", None, None),
    ],
)
def test_names_of_centres(tmp_path: Path, read: Callable, name: str, city: str | None, state: str | None) -> None:
    path = tmp_path / "trips.csv"
    path.write_text(f"{HEAD}\n{line(source_name=name)}\n", "utf-8")
    place = read("delhivery", path).facilities[0].place
    assert (place.city, place.region) == (city, state)


def test_rows_of_one_leg_give_it_once(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "trips.csv"
    path.write_text("\n".join([HEAD, line(cutoff_factor="9"), line(cutoff_factor="27"), line(trip_uuid="t2")]), "utf-8")
    assert Counter(scan["number"] for scan in read("delhivery", path).scans) == {"trip-1": 2, "t2": 2}


@pytest.mark.parametrize(
    ("fields", "refusal", "scans"),
    [
        ({"trip_uuid": ""}, (2, "trip_uuid", "is missing"), 0),
        ({"source_center": ""}, (2, "source_center", "is missing"), 0),
        ({"destination_center": "x" * 200}, (2, "destination_center", "is longer than 128 characters"), 0),
        ({"od_end_time": "2018-09-31 05:22:28"}, (2, "od_end_time", "names a date that does not exist"), 1),
        ({"od_start_time": "2018-09-29 25:00:00"}, (2, "od_start_time", "names a time of day that does not exist"), 1),
    ],
)
def test_bad_rows(
    tmp_path: Path, read: Callable, fields: dict[str, str], refusal: tuple[int, str, str], scans: int
) -> None:
    path = tmp_path / "trips.csv"
    path.write_text("\n".join([HEAD, line(**fields), line(trip_uuid="good")]) + "\n", "utf-8")
    found = read("delhivery", path)
    assert found.told() == [refusal]
    assert sum(scan["number"] != "good" for scan in found.scans) == scans
    assert sum(scan["number"] == "good" for scan in found.scans) == 2


def test_a_folder_without_such_a_file(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n")
    with pytest.raises(BadInput, match=r"holds no file with the columns of this kind\. Looked into: other\.csv\."):
        open_feed("delhivery", tmp_path)
