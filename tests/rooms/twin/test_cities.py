import pytest

from waypost.model.instants import get_zone
from waypost.twin.cities import CITIES, distance_km, get_city, nearest_hub


def test_distances_are_those_of_the_globe() -> None:
    assert distance_km(get_city("上海"), get_city("北京")) == pytest.approx(1067, rel=0.01)
    assert distance_km(get_city("香港"), get_city("Los Angeles")) == pytest.approx(11_660, rel=0.01)
    assert distance_km(get_city("São Paulo"), get_city("São Paulo")) == 0


def test_parcels_are_sorted_in_the_nearest_hub_of_the_country() -> None:
    assert nearest_hub(get_city("苏州")).name == "上海"
    assert nearest_hub(get_city("杭州")).name == "杭州"
    assert nearest_hub(get_city("Seattle")).country == "US"
    assert all(nearest_hub(city).is_hub for city in CITIES)


def test_cities_have_zones_and_names_of_their_own() -> None:
    assert len({city.name for city in CITIES}) == len(CITIES)
    for city in CITIES:
        assert get_zone(city.zone).key == city.zone
