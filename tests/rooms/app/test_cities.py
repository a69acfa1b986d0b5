from collections.abc import Iterator

import pytest

from waypost.app.cities import open_cities
from waypost.engines.sql.records import SqlRecords
from waypost.model.places import Facility, FacilityKind, Place
from waypost.network.facilities import Facilities


@pytest.fixture
def facilities() -> Iterator[Facilities]:
    records = SqlRecords("sqlite://")
    yield Facilities(records)
    records.close()


def keep(facilities: Facilities, code: str, **place: object) -> None:
    place = {"zone": "Asia/Shanghai"} | place
    facilities.keep(
        [Facility(carrier="yto", code=code, name=code, kind=FacilityKind.HUB, place=Place(**place))]  # type: ignore[arg-type]
    )


def test_cities_of_the_register(facilities: Facilities) -> None:
    keep(facilities, "A", city="杭州市", region="浙江省", country="CN", latitude=30.25, longitude=120.17)
    keep(facilities, "B", city="杭州市", region="浙江省", country="CN", latitude=1.0, longitude=1.0)
    keep(facilities, "C", city="宁波市", region="浙江省", country="CN")
    find = open_cities(facilities)
    assert find("CN", "浙江", "杭州") == (30.25, 120.17)
    assert find("CN", "浙江", "宁波") is None
    assert find("TW", "浙江", "杭州") is None


def test_municipalities_of_brazil(facilities: Facilities) -> None:
    find = open_cities(facilities)
    sao_paulo = find("BR", "SP", "Sao Paulo")
    assert sao_paulo is not None
    assert abs(sao_paulo[0] + 23.5) < 0.2
    assert find("BR", "SP", "Atlantis") is None
    assert find("PT", "SP", "São Paulo") is None
