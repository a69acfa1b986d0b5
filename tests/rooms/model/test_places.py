"""Places: what one reads as, and which cannot be."""

import math

import msgspec
import pytest

from waypost.model.errors import BadInput
from waypost.model.places import Facility, FacilityKind, Lane, Place, check_place

HANGZHOU = Place(city="杭州", region="Zhejiang", country="CN", latitude=30.27, longitude=120.15, zone="Asia/Shanghai")


def test_a_place_that_can_be_comes_back_as_it_is() -> None:
    assert check_place(HANGZHOU, "x") is HANGZHOU
    assert check_place(Place(), "x") == Place()


@pytest.mark.parametrize(("latitude", "longitude"), [(0, 0), (90, 180), (-90, -180), (-23.55, -46.63)])
def test_the_whole_globe_counts(latitude: float, longitude: float) -> None:
    place = Place(latitude=latitude, longitude=longitude)
    assert check_place(place, "x") is place


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("latitude", 90.001, "latitude 90.001 is off the globe"),
        ("latitude", -91, "latitude -91 is off the globe"),
        ("latitude", math.nan, "latitude nan is off the globe"),
        ("latitude", math.inf, "latitude inf is off the globe"),
        ("longitude", 180.5, "longitude 180.5 is off the globe"),
        ("longitude", math.nan, "longitude nan is off the globe"),
        ("longitude", -math.inf, "longitude -inf is off the globe"),
        ("country", "", "no ISO 3166-1 alpha-2"),
        ("country", "cn", "no ISO 3166-1 alpha-2"),
        ("country", "CHN", "no ISO 3166-1 alpha-2"),
        ("country", "1A", "no ISO 3166-1 alpha-2"),
        ("country", "中国", "no ISO 3166-1 alpha-2"),
        ("country", "B\n", "no ISO 3166-1 alpha-2"),
        ("country", "x" * 10_000, "no ISO 3166-1 alpha-2"),
        ("zone", "", "unknown time zone ''"),
        ("zone", "Mars/Olympus", "unknown time zone 'Mars/Olympus'"),
        ("zone", "../../etc/passwd", "unknown time zone"),
    ],
)
def test_a_place_that_cannot_be_is_refused_with_its_position(field: str, value: object, why: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_place(msgspec.structs.replace(HANGZHOU, **{field: value}), "line 7")
    assert caught.value.where == "line 7"
    assert caught.value.message.startswith("line 7: ")
    assert why in caught.value.message
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (HANGZHOU, "杭州, Zhejiang, CN"),
        (Place(city="Singapore", country="SG"), "Singapore, SG"),
        (Place(region="SP"), "SP"),
        (Place(), ""),
    ],
)
def test_how_a_place_reads(place: Place, text: str) -> None:
    assert str(place) == text


def test_kinds_of_facilities_are_stored_by_name() -> None:
    assert {kind.value for kind in FacilityKind} == {
        *("outlet", "station", "locker", "hub", "gateway", "customs", "airport", "area"),
    }
    hub = Facility(carrier="yto", code="HGH-01", name="Hangzhou hub", kind=FacilityKind("hub"))
    assert hub.place == Place()


def test_lanes_are_keys() -> None:
    there = Lane(carrier="yto", origin="CN-Zhejiang", destination="CN-Shanghai")
    back = Lane(carrier="yto", origin="CN-Shanghai", destination="CN-Zhejiang")
    assert len({there, back, Lane(carrier="yto", origin="CN-Zhejiang", destination="CN-Shanghai")}) == 2
