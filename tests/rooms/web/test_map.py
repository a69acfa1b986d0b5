"""A parcel's way on a map: what is drawn, and that it tells no more than the city."""

import json
import re
from typing import Any

import msgspec
import numpy as np

from waypost.web.pages.map import Stop, draw_map, join_stops, read_outlines

HANGZHOU, BEIJING = Stop("Hangzhou", 30.2741, 120.1551), Stop("Beijing", 39.9042, 116.4074)
SQUARE = [[-10.0, 40.0], [10.0, 40.0], [10.0, 60.0], [-10.0, 60.0], [-10.0, 40.0]]
BASEMAP = {
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


def test_the_page_shows_it_when_asked(world: Any) -> None:
    plain = world.get("/track/WP100000001BR").text
    assert "#map" in plain
    assert '<svg class="map"' not in plain
    assert "known well enough" in world.get("/track/WP100000001BR?map=1").text
    for each in world.facilities.list_all():
        north, east = {"CAN": (23.39, 113.31), "GRU": (-23.43, -46.48)}[each.code]
        place = msgspec.structs.replace(each.place, latitude=north, longitude=east)
        world.facilities.keep([msgspec.structs.replace(each, place=place)])
    shown = world.get("/track/WP100000001BR?map=1").text
    assert '<svg class="map"' in shown
    assert "A map of its way: Guangzhou → São Paulo" in shown
    assert "#map" not in shown


def test_a_number_that_nobody_knows_has_none(world: Any) -> None:
    reply = world.get("/track/NOBODYKNOWS1?map=1")
    assert reply.status == 200
    assert '<svg class="map"' not in reply.text
