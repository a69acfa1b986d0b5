"""A parcel's way on a map: what is drawn, and that it tells no more than the city."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from waypost.model.errors import BadInput
from waypost.model.places import Facility, FacilityKind, Place
from waypost.track.views import PlaceView
from waypost.web.desk import Site
from waypost.web.pages.map import Cities, Stop, draw_map, join_stops, read_outlines

HANGZHOU, BEIJING = Stop("Hangzhou", 30.2741, 120.1551), Stop("Beijing", 39.9042, 116.4074)
SQUARE = [[-10.0, 40.0], [10.0, 40.0], [10.0, 60.0], [-10.0, 60.0], [-10.0, 40.0]]
BASEMAP: dict[str, Any] = {
    "type": "FeatureCollection",
    "source": "Somebody & sons",
    "features": [
        {"properties": {"kind": "land"}, "geometry": {"type": "MultiPolygon", "coordinates": [[SQUARE]]}},
        {"properties": {"kind": "border"}, "geometry": {"type": "LineString", "coordinates": [[0, 40], [0, 60]]}},
    ],
}


def test_places_are_told_to_a_tenth_of_a_degree_and_each_once_in_turn() -> None:
    near = Stop("Hangzhou again", 30.2801, 120.1601)
    assert join_stops([HANGZHOU, near, BEIJING]) == [Stop("Hangzhou", 30.3, 120.2), Stop("Beijing", 39.9, 116.4)]


def test_a_way_over_the_line_of_dates_goes_the_short_way() -> None:
    assert [stop.longitude for stop in join_stops([HANGZHOU, Stop("Los Angeles", 33.9, -118.4)])] == [120.2, 241.6]
    assert [stop.longitude for stop in join_stops([Stop("Suva", -18.1, 178.4), Stop("Apia", -13.8, -171.8)])] == [
        178.4,
        188.2,
    ]


def facility(code: str, city: str | None, north: float | None, east: float | None) -> Facility:
    place = Place(city=city, region="SH", country="CN", latitude=north, longitude=east)
    return Facility(carrier="yto", code=code, name=code, kind=FacilityKind.OUTLET, place=place)


def shown(city: str | None) -> PlaceView:
    return PlaceView(facility="x", name="A depot", city=city, region="SH", country="CN")


def test_a_city_is_told_and_never_which_depot_of_it() -> None:
    known = [
        facility("A", "Shanghai", 31.0, 121.0),
        facility("B", "Shanghai", 31.4, 121.6),
        facility("C", "Shanghai", None, None),
        facility("D", "Shanghai", float("nan"), 121.0),
        facility("E", None, 30.0, 120.0),
    ]
    cities = Cities(lambda: known, lambda: 0)
    found = cities.find(shown("Shanghai"))
    assert found is not None
    assert (found.name, round(found.latitude, 6), round(found.longitude, 6)) == ("Shanghai", 31.2, 121.3)
    assert join_stops([found, found]) == [Stop("Shanghai", 31.2, 121.3)]
    assert [cities.find(each) for each in (shown(None), shown("Nowhere"), None)] == [None, None, None]


def test_cities_are_read_again_after_an_hour() -> None:
    now, reads = [0], []
    cities = Cities(lambda: reads.append(1) or [], lambda: now[0])  # type: ignore[func-returns-value]
    for now[0] in (0, 1000, 3_600_001, 3_600_002):
        cities.find(shown("Shanghai"))
    assert len(reads) == 2


def test_where_the_newest_place_is_not_known_no_stop_is_marked_as_it() -> None:
    assert "is-now" not in draw_map(join_stops([HANGZHOU]), None, "", is_there=False)


@pytest.mark.parametrize(
    "document",
    [
        {"features": [{"properties": None, "geometry": {"type": "LineString", "coordinates": [["x", 1]]}}]},
        {"features": [{"geometry": {"type": "Polygon", "coordinates": [[1, 2], [3, 4]]}}]},
        {"features": [{"geometry": {"type": "Polygon"}}]},
        {"features": [3]},
        {"features": [{"geometry": {"type": "LineString", "coordinates": [[1], [2]]}}]},
    ],
)
def test_a_map_that_is_none_is_refused(document: Any) -> None:
    with pytest.raises(BadInput, match="no GeoJSON of lines and areas"):
        read_outlines(json.dumps(document).encode())


@pytest.mark.parametrize(
    "feature",
    [
        {"properties": None, "geometry": {"type": "Point", "coordinates": [1.0, 2.0]}},
        {"properties": {}, "geometry": None},
        {"geometry": {"type": "MultiPolygon", "coordinates": [[[]]]}},
        {"geometry": {"type": "LineString", "coordinates": [[1, 2, 30], [3, 4]]}},
    ],
)
def test_what_is_no_line_is_left_out_and_the_rest_is_drawn(feature: Any) -> None:
    outlines = read_outlines(json.dumps(BASEMAP | {"features": [feature, *BASEMAP["features"]]}).encode())
    assert re.search(r'class="map-land" d="M[^"]', draw_map(join_stops([Stop("London", 51.5, -0.1)]), outlines, ""))


def test_all_stops_lie_inside_the_picture_and_the_last_is_where_it_is() -> None:
    drawn = draw_map(join_stops([HANGZHOU, BEIJING]), None, "Hangzhou → Beijing")
    places = np.array([[int(x), int(y)] for x, y in re.findall(r'cx="(-?\d+)" cy="(-?\d+)"', drawn)])
    assert len(places) == 2
    assert (places > 0).all()
    assert (places < [1280, 720]).all()
    assert places[1][1] < places[0][1]  # north is up
    assert drawn.count("is-now") == 1
    assert "Hangzhou → Beijing" in drawn


def test_land_beside_the_way_is_drawn_and_land_elsewhere_is_not() -> None:
    outlines = read_outlines(json.dumps(BASEMAP).encode())
    beside = draw_map(join_stops([Stop("London", 51.5, -0.1)]), outlines, "")
    away = draw_map(join_stops([BEIJING]), outlines, "")
    assert re.search(r'class="map-land" d="M[^"]', beside)
    assert re.search(r'class="map-border" d="M[^"]', beside)
    assert 'class="map-land" d=""' in away
    assert "Somebody &amp; sons" in away


def test_names_cannot_bring_markup() -> None:
    drawn = draw_map(join_stops([Stop("<script>", 1.0, 1.0)]), None, "</title><b>")
    assert "<script>" not in drawn
    assert "<b>" not in drawn


def test_the_page_shows_it_when_asked(make_world: Callable[..., Any]) -> None:
    assert "known well enough" in make_world().get("/track/WP100000001BR?map=1").text
    world = make_world()
    plain = world.get("/track/WP100000001BR").text
    assert "#map" in plain
    assert '<svg class="map"' not in plain
    for each in world.facilities.list_all():
        north, east = {"CAN": (23.39, 113.31), "GRU": (-23.43, -46.48)}[each.code]
        place = msgspec.structs.replace(each.place, latitude=north, longitude=east)
        world.facilities.keep([msgspec.structs.replace(each, place=place)])
    shown = world.get("/track/WP100000001BR?map=1").text
    assert '<svg class="map"' in shown
    assert "A map of its way: Guangzhou → São Paulo" in shown
    assert "#map" not in shown
    assert "is-now" in shown


def test_the_page_is_shown_where_the_map_cannot_be_drawn(
    make_world: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    basemap = tmp_path / "map.json"
    basemap.write_text(json.dumps(BASEMAP))
    world = make_world(site=Site(basemap=str(basemap)))
    for each in world.facilities.list_all():
        place = msgspec.structs.replace(each.place, latitude=51.5, longitude=-0.1)
        world.facilities.keep([msgspec.structs.replace(each, place=place)])
    assert "Somebody &amp; sons" in world.get("/track/WP100000001BR?map=1").text
    other = make_world(site=Site(basemap=str(basemap)))
    for each in other.facilities.list_all():
        place = msgspec.structs.replace(each.place, latitude=51.5, longitude=-0.1)
        other.facilities.keep([msgspec.structs.replace(each, place=place)])
    assert other.get("/").status == 200
    basemap.unlink()
    reply = other.get("/track/WP100000001BR?map=1")
    assert reply.status == 200
    assert '<svg class="map"' not in reply.text


def test_a_number_that_nobody_knows_has_none(world: Any) -> None:
    reply = world.get("/track/NOBODYKNOWS1?map=1")
    assert reply.status == 200
    assert '<svg class="map"' not in reply.text
