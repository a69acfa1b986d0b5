"""The reader of LaDe, held against a plain reading of the same file; LaDe-D in its public layout, made here."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from waypost.model.errors import BadInput, TooLarge
from waypost.model.instants import OffsetSource, TimeFlag
from waypost.network.facilities import check_facility

CHINA = ZoneInfo("Asia/Shanghai")
FILE = "lade_p_filtered_5cities.parquet"
D_HEAD = (
    "order_id,region_id,city,courier_id,lng,lat,aoi_id,aoi_type,accept_time,accept_gps_time,accept_gps_lng,"
    "accept_gps_lat,delivery_time,delivery_gps_time,delivery_gps_lng,delivery_gps_lat,ds"
)
D_ROW = (
    "12,10,Chongqing,73,108.71571,30.90228,50,14,10-22 10:26:00,10-22 10:26:00,108.71826,30.95587,"
    "10-22 17:04:00,10-22 17:04:00,108.66361,30.96702,1022"
)


def utc_ms(year: int, text: str) -> int:
    local = dt.datetime.strptime(f"{year}-{text}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=CHINA)
    return int(local.timestamp() * 1000)


@pytest.fixture(scope="module")
def rows(data_folder: Path) -> list[dict]:
    return pq.read_table(data_folder / "lade" / FILE).to_pylist()


@pytest.fixture(scope="module")
def real(data_folder: Path, read: Callable):
    return read("lade", data_folder / "lade")


def test_each_order_is_accepted_and_picked_up(real, rows: list[dict]) -> None:
    expected = {(str(row["order_id"]), "accepted"): utc_ms(2022, row["accept_time"]) for row in rows}
    expected |= {(str(row["order_id"]), "picked_up"): utc_ms(2022, row["pickup_time"]) for row in rows}
    found = {(scan["number"], scan["code"]): scan["at_ms"] for scan in real.scans}
    assert len(real.scans) == len(expected) == 12_380
    assert found == expected
    assert real.refusals == []
    assert {scan["time_flags"] for scan in real.scans} == {TimeFlag.YEAR_ASSUMED}
    assert {(scan["offset_min"], scan["offset_source"]) for scan in real.scans} == {(480, OffsetSource.CARRIER)}


def test_the_year_is_an_option(data_folder: Path, read: Callable, rows: list[dict]) -> None:
    found = read("lade", data_folder / "lade" / FILE, year="2023")
    assert found.scans[0]["at_ms"] == utc_ms(2023, rows[0]["accept_time"])
    with pytest.raises(BadInput, match="option year: 'soon' is no year from 2015 to 2048"):
        read("lade", data_folder / "lade" / FILE, year="soon")


def test_areas_are_coarse_and_nobody_is_named(real, rows: list[dict]) -> None:
    points: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        points[f"{row['city']}/{row['region_id']}/{row['aoi_id']}"].append((row["lat"], row["lng"]))
    places = {facility.code: facility.place for facility in real.facilities}
    assert set(places) == set(points)
    for code, found in points.items():
        place = places[code]
        assert (round(place.latitude, 2), round(place.longitude, 2)) == (place.latitude, place.longitude)
        assert min(abs(place.latitude - latitude) for latitude, _ in found) <= 0.0051
        assert (place.country, place.zone, place.city) == ("CN", "Asia/Shanghai", code.split("/")[0])
    assert places["Hangzhou/" + next(c for c in places if c.startswith("Hangzhou/"))[9:]].region == "Zhejiang"
    assert {scan["facility"] for scan in real.scans if scan["code"] == "accepted"} == {None}
    assert {scan["facility"] for scan in real.scans if scan["code"] == "picked_up"} == set(places)


def test_parcels_of_pick_ups_have_an_origin_and_their_window(real, rows: list[dict]) -> None:
    assert len(real.parcels) == len(rows) == 6_190
    row, parcel = rows[0], real.parcels[0]
    assert (parcel.waybill.number, parcel.order_number) == (str(row["order_id"]),) * 2
    assert (parcel.origin.city, parcel.destination) == (row["city"], None)
    assert parcel.note == f"pick-up window {row['time_window_start']} to {row['time_window_end']}"


def test_csv_and_parquet_say_the_same(real, data_folder: Path, tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "lade_p.csv"
    pyarrow.csv.write_csv(pq.read_table(data_folder / "lade" / FILE), path)
    found = read("lade", path)
    key = ("number", "code", "at_ms", "facility")
    assert Counter(tuple(scan[name] for name in key) for scan in found.scans) == Counter(
        tuple(scan[name] for name in key) for scan in real.scans
    )
    assert found.facilities == real.facilities
    assert found.parcels == real.parcels


def test_deliveries_are_told_by_their_columns(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "delivery_cq.csv"
    path.write_text(f"{D_HEAD}\n{D_ROW}\n", "utf-8")
    found = read("lade", path)
    assert [(scan["number"], scan["code"], scan["at_ms"], scan["facility"]) for scan in found.scans] == [
        ("D12", "delivery_accepted", utc_ms(2022, "10-22 10:26:00"), None),
        ("D12", "delivered", utc_ms(2022, "10-22 17:04:00"), "Chongqing/10/50"),
    ]
    (parcel,) = found.parcels
    assert (parcel.order_number, parcel.origin, parcel.destination.city) == ("12", None, "Chongqing")
    (facility,) = found.facilities
    assert (facility.place.latitude, facility.place.longitude) == (30.9, 108.72)


@pytest.mark.parametrize(
    ("row", "refusal", "scans"),
    [
        (D_ROW.replace("10-22 17:04:00,", "02-29 17:04:00,", 1), ("delivery_time", "names a date that does not"), 1),
        (D_ROW.replace("10-22 17:04:00,", "tomorrow,", 1), ("delivery_time", "is not a date and time"), 1),
        (D_ROW.removeprefix("12"), ("order_id", "is missing"), 0),
        (D_ROW.replace("Chongqing", ""), ("city", "is missing"), 0),
        (D_ROW.replace("30.90228", "north"), ("lat", "is no pair of degrees"), 2),
        (D_ROW + ",1", ("", "has 18 fields where the header has 17: a comma too many"), 0),
    ],
)
def test_bad_rows(tmp_path: Path, read: Callable, row: str, refusal: tuple[str, str], scans: int) -> None:
    path = tmp_path / "delivery_cq.csv"
    path.write_text("\n".join([D_HEAD, row, D_ROW.replace("12,", "13,", 1)]) + "\n", "utf-8")
    found = read("lade", path)
    ((line, field, reason),) = found.told()
    assert (line, field) == (2, refusal[0])
    assert reason.startswith(refusal[1])
    assert Counter(scan["number"] for scan in found.scans) == Counter({"D12": scans, "D13": 2}) + Counter()


def test_a_stamp_in_a_refusal_is_the_one_of_the_file(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "delivery_cq.csv"
    path.write_text(f"{D_HEAD}\n{D_ROW.replace('10-22 17:04:00,', '13-01 17:04:00,', 1)}\n", "utf-8")
    assert [refusal.value for refusal in read("lade", path).refusals] == ["13-01 17:04:00"]


def test_the_code_of_an_area_can_be_kept(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "delivery_cq.csv"
    row = D_ROW.replace(",50,", ",50\x85,")
    path.write_text(f"{D_HEAD}\n{row}\n", "utf-8")
    found = read("lade", path)
    assert [check_facility(facility).code for facility in found.facilities] == ["Chongqing/10/50"]


def test_columns_that_are_not_needed_are_not_read(tmp_path: Path, read: Callable) -> None:
    path, row = tmp_path / "delivery.parquet", dict(zip(D_HEAD.split(","), D_ROW.split(","), strict=True))
    table = pa.table({name: [value] for name, value in row.items()})
    pq.write_table(
        table.append_column("route", [[["a"]]]).append_column("raw", pa.array([b"1234"], pa.binary(4))), path
    )
    assert [scan["number"] for scan in read("lade", path).scans] == ["D12", "D12"]
    pq.write_table(table.set_column(0, "order_id", pa.array([b"1234"], pa.binary(4))), path)
    with pytest.raises(BadInput, match=r"column 'order_id' is fixed_size_binary\[4\]; it has to be text"):
        read("lade", path)


def test_long_texts_that_many_rows_name_are_refused(tmp_path: Path, read: Callable) -> None:
    path, row = tmp_path / "delivery.parquet", dict(zip(D_HEAD.split(","), D_ROW.split(","), strict=True))
    row["city"] = "x" * 100_000
    table = pa.table({name: pa.array([value]).take(pa.array([0] * 1000)) for name, value in row.items()})
    pq.write_table(table, path)
    assert path.stat().st_size < 20_000
    with pytest.raises(TooLarge, match=r"delivery\.parquet: 1000 rows from row 1 on hold more than 64 MiB of text"):
        read("lade", path)


def test_neither_of_the_two(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "other.csv"
    path.write_text("order_id,region_id,city,lng,lat,aoi_id,accept_time\n", "utf-8")
    with pytest.raises(BadInput, match=r"other\.csv: is neither LaDe-P nor LaDe-D; columns found: order_id, region_id"):
        read("lade", path)
