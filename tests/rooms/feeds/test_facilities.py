from collections.abc import Callable
from pathlib import Path

import pytest

from waypost.feeds.facilities import FIELDS
from waypost.model.errors import BadInput
from waypost.model.places import Facility, FacilityKind, Place

HEAD = ",".join(FIELDS)
ROW = "yto,571900,杭州转运中心,hub,杭州,浙江,CN,30.27,120.16,Asia/Shanghai"
HANGZHOU = Facility(
    carrier="yto",
    code="571900",
    name="杭州转运中心",
    kind=FacilityKind.HUB,
    place=Place(city="杭州", region="浙江", country="CN", latitude=30.27, longitude=120.16, zone="Asia/Shanghai"),
)


def test_csv_and_ndjson(tmp_path: Path, read: Callable) -> None:
    (tmp_path / "facilities.csv").write_text(f"{HEAD}\n{ROW}\n", "utf-8")
    (tmp_path / "facilities.ndjson").write_text(
        '{"carrier":"yto","code":"571900","name":"杭州转运中心","kind":"hub","city":"杭州","region":"浙江",'
        '"country":"CN","latitude":30.27,"longitude":120.16,"zone":"Asia/Shanghai"}\n',
        "utf-8",
    )
    assert read("facilities", tmp_path).facilities == [HANGZHOU, HANGZHOU]


def test_only_four_fields_are_needed(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "facilities.csv"
    path.write_text("kind,name,code,carrier\nlocker,A,1,sto\n", "utf-8")
    assert read("facilities", path).facilities == [
        Facility(carrier="sto", code="1", name="A", kind=FacilityKind.LOCKER)
    ]


@pytest.mark.parametrize(
    ("old", "new", "field", "reason"),
    [
        ("yto,", ",", "carrier", "is missing"),
        ("yto,", "Y<script>,", "carrier", "is no carrier code: up to 32 of a-z, 0-9, _ and -"),
        ("571900", "", "code", "is missing"),
        ("571900", "1" * 129, "code", "is longer than 128 characters"),
        ("杭州转运中心", "a\x00b", "name", "has control characters"),
        ("hub", "warehouse", "kind", "is none of outlet, station, locker, hub, gateway, customs, airport, area"),
        ("CN", "China", "country", "is no ISO 3166-1 alpha-2 country code: two letters such as CN"),
        ("30.27", "90.5", "latitude", "is off the globe: it lies between -90 and 90"),
        ("30.27", "nan", "latitude", "is off the globe: it lies between -90 and 90"),
        ("120.16", "east", "longitude", "is no number of degrees"),
        ("Asia/Shanghai", "Mars/Olympus", "zone", "unknown time zone 'Mars/Olympus'"),
    ],
)
def test_bad_rows(tmp_path: Path, read: Callable, old: str, new: str, field: str, reason: str) -> None:
    path = tmp_path / "facilities.csv"
    path.write_text(f"{HEAD}\n{ROW.replace(old, new, 1)}\n{ROW}\n", "utf-8")
    found = read("facilities", path)
    assert found.told() == [(2, field, reason)]
    assert found.facilities == [HANGZHOU]


def test_a_misspelt_column(tmp_path: Path, read: Callable) -> None:
    path = tmp_path / "facilities.csv"
    path.write_text(f"{HEAD},lattitude\n", "utf-8")
    with pytest.raises(BadInput, match="it does not know 'lattitude'"):
        read("facilities", path)
