"""How far it is: by road, by great circle, and never one taken for the other."""

from collections.abc import Sequence

import numpy as np
import pytest

from waypost.model.errors import BadInput, Unreachable
from waypost.network.distances import (
    Distances,
    GreatCircles,
    Position,
    RememberedRoads,
    RoadsOrCircles,
    great_circle_km,
)

SAO_PAULO, RIO, MANAUS = (-23.55, -46.63), (-22.91, -43.17), (-3.1, -60.02)


class Roads:
    """Twice as far as great circles, a minute a kilometre; no way from or to Manaus."""

    def __init__(self, *, is_there: bool = True) -> None:
        self.is_there = is_there
        self.asked: list[tuple[int, int]] = []

    def measure(self, origins: Sequence[Position], destinations: Sequence[Position]) -> Distances:
        self.asked.append((len(origins), len(destinations)))
        if not self.is_there:
            raise Unreachable("roads: no answer.")
        km = 2 * GreatCircles().measure(origins, destinations).km
        lost = np.array([[MANAUS in (start, end) for end in destinations] for start in origins], np.bool_)
        lost = lost.reshape(km.shape)
        km = np.where(lost, np.nan, km)
        return Distances(km, km, ~lost)


def test_distances_are_those_of_the_globe() -> None:
    assert great_circle_km(*SAO_PAULO, *RIO) == pytest.approx(361, abs=1)
    assert great_circle_km(0, 0, 0, 180) == pytest.approx(20_015, abs=1)
    assert great_circle_km(*RIO, *RIO) == 0


def test_great_circles_have_no_minutes_and_are_no_roads() -> None:
    found = GreatCircles().measure([SAO_PAULO], [RIO, SAO_PAULO, MANAUS])
    assert found.km.tolist() == [pytest.approx([361, 0, 2690], abs=2)]
    assert np.isnan(found.minutes).all()
    assert not found.by_road.any()
    assert found.told == ()


def test_where_no_way_is_known_the_great_circle_counts_and_that_is_told() -> None:
    found = RoadsOrCircles(Roads()).measure([SAO_PAULO], [RIO, MANAUS])
    assert found.km.tolist() == [pytest.approx([722, 2690], abs=2)]
    assert found.by_road.tolist() == [[True, False]]
    assert np.isnan(found.minutes).tolist() == [[False, True]]
    assert found.told == ("Great circles instead of roads for 1 of 2 pairs: no way is known.",)
    assert RoadsOrCircles(Roads()).measure([SAO_PAULO], [RIO]).told == ()


def test_a_service_that_is_not_there_is_told() -> None:
    found = RoadsOrCircles(Roads(is_there=False)).measure([SAO_PAULO], [RIO])
    assert found.told == ("Great circles instead of roads: roads: no answer.",)
    assert not found.by_road.any()
    assert found.km[0, 0] == pytest.approx(361, abs=1)


def test_each_pair_is_asked_for_once() -> None:
    roads = Roads()
    remembered = RememberedRoads(roads)
    first = remembered.measure([SAO_PAULO, RIO], [RIO])
    again = remembered.measure([SAO_PAULO, RIO], [RIO, MANAUS])
    assert roads.asked == [(2, 1), (2, 1)]
    assert again.km[:, :1].tolist() == first.km.tolist()
    assert again.by_road.tolist() == [[True, False], [True, False]]
    remembered.measure([RIO, (-23.55001, -46.63001)], [MANAUS, RIO])
    assert len(roads.asked) == 2


def test_what_failed_is_asked_for_again() -> None:
    roads = Roads(is_there=False)
    remembered = RememberedRoads(roads)
    with pytest.raises(Unreachable):
        remembered.measure([SAO_PAULO], [RIO])
    roads.is_there = True
    assert remembered.measure([SAO_PAULO], [RIO]).by_road.all()


def test_no_more_is_remembered_than_was_said() -> None:
    roads = Roads()
    remembered = RememberedRoads(roads, most=2)
    for _ in range(2):
        assert remembered.measure([SAO_PAULO], [SAO_PAULO, RIO]).by_road.all()
    assert roads.asked == [(1, 2)]
    assert remembered.measure([SAO_PAULO, RIO], [SAO_PAULO, RIO]).by_road.all()
    assert roads.asked[1:] == [(1, 2)]  # only what was new, for which all else was forgotten
    remembered.measure([SAO_PAULO], [RIO])
    assert roads.asked[2:] == [(1, 1)]


@pytest.mark.parametrize("position", [(91.0, 0.0), (0.0, -181.0), (float("nan"), 0.0)])
def test_a_position_off_the_globe_is_refused(position: Position) -> None:
    with pytest.raises(BadInput, match=r"position 2: .* is no latitude and longitude"):
        GreatCircles().measure([RIO], [RIO, position])


def test_nothing_is_nothing_from_anywhere() -> None:
    for roads in (GreatCircles(), RoadsOrCircles(Roads()), RememberedRoads(Roads())):
        assert roads.measure([], [RIO]).km.shape == (0, 1)
