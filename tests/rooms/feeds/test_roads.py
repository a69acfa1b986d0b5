"""Road distances of OSRM and Valhalla, over HTTP."""

from collections.abc import Callable

import numpy as np
import pytest
from tests.rooms.feeds.fake_roads import osrm, valhalla
from tests.rooms.feeds.services import Answers, serve

from waypost.feeds.asking import Asker
from waypost.feeds.roads import OsrmRoads, ValhallaRoads
from waypost.model.errors import BadInput, Unreachable
from waypost.network.distances import RoadDistances

Open = Callable[[Asker], RoadDistances]
BOTH = pytest.mark.parametrize(("answers", "roads"), [(osrm, OsrmRoads), (valhalla, ValhallaRoads)])


@BOTH
def test_kilometres_and_minutes_come_from_each_to_each(answers: Answers, roads: Open) -> None:
    with serve(answers) as service:
        found = roads(Asker("roads", service.url)).measure(
            [(-23.5, -46.6), (0.0, 0.0)], [(-22.5, -46.6), (-23.5, -43.1)]
        )
    assert found.km.tolist() == [pytest.approx([1.0, 3.5]), pytest.approx([69.1, 66.6])]
    assert found.minutes.tolist() == [pytest.approx(row) for row in found.km.tolist()]
    assert found.by_road.all()
    assert found.told == ()


@BOTH
def test_no_way_is_no_distance(answers: Answers, roads: Open) -> None:
    with serve(answers) as service:
        found = roads(Asker("roads", service.url)).measure([(0.0, 0.0)], [(-85.0, 0.0), (1.0, 0.0)])
    assert found.by_road.tolist() == [[False, True]]
    assert np.isnan(found.km).tolist() == np.isnan(found.minutes).tolist() == [[True, False]]


@BOTH
def test_many_are_asked_for_in_blocks_that_servers_take(answers: Answers, roads: Open) -> None:
    origins, destinations = [(0.0, each / 10) for each in range(120)], [(1.0, each / 10) for each in range(51)]
    with serve(answers) as service:
        found = roads(Asker("roads", service.url)).measure(origins, destinations)
        assert len(service.asked) == 6
    expected = 1 + np.abs(np.arange(120)[:, None] - np.arange(51)) / 10
    assert found.km == pytest.approx(expected)


@BOTH
def test_nobody_is_asked_for_nothing(answers: Answers, roads: Open) -> None:
    with serve(answers) as service:
        assert roads(Asker("roads", service.url)).measure([], [(0.0, 0.0)]).km.shape == (0, 1)
        assert service.asked == []


def test_what_the_server_refuses_is_told_in_its_words() -> None:
    with serve(osrm) as service, pytest.raises(BadInput, match="roads: InvalidUrl: URL string malformed"):
        OsrmRoads(Asker("roads", service.url), "no/profile").measure([(0.0, 0.0)], [(1.0, 1.0)])
    with serve(valhalla) as service, pytest.raises(BadInput, match="roads: No costing method found for 'rocket'"):
        ValhallaRoads(Asker("roads", service.url), "rocket").measure([(0.0, 0.0)], [(1.0, 1.0)])


@pytest.mark.parametrize(
    ("roads", "body", "told"),
    [
        (OsrmRoads, b"<html>", "not in the way of such a service"),
        (OsrmRoads, b'{"code": "Ok"}', "not a distance and a time for each pair"),
        (OsrmRoads, b'{"code": "Ok", "distances": [[1]], "durations": [["fast"]]}', "not in the way"),
        (OsrmRoads, b'{"code": "Ok", "distances": [[1], [2]], "durations": [[1]]}', "not a distance and a time"),
        (ValhallaRoads, b'{"sources_to_targets": [[{}, {}]]}', "not a distance and a time for each pair"),
        (ValhallaRoads, b'{"sources_to_targets": [[{}], []]}', "is no table"),
        (ValhallaRoads, b"[]", "not in the way of such a service"),
    ],
)
def test_an_odd_answer_is_no_answer(roads: Open, body: bytes, told: str) -> None:
    with serve(lambda *_: (200, body)) as service, pytest.raises(Unreachable, match=told):
        roads(Asker("roads", service.url)).measure([(0.0, 0.0)], [(1.0, 1.0)])
