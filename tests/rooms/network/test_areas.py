"""Areas as people spell them."""

import pyarrow as pa

from waypost.model.places import Facility, FacilityKind, Place
from waypost.network.areas import Areas, is_within, plain_area, plain_area_of, plain_lane


def at(code: str, region: str | None, country: str | None = "BR") -> Facility:
    place = Place(country=country, region=region)
    return Facility(carrier="correios", code=code, name=code, kind=FacilityKind.HUB, place=place)


AREAS = Areas([at("1", "Sao Paulo"), at("2", "São Paulo"), at("3", "São Paulo"), at("4", None), at("5", "PR", None)])


def test_plain_areas_are_the_same_however_they_are_spelled() -> None:
    assert {plain_area(each) for each in ("BR-São Paulo", "br-sao paulo", "BR- SAO PAULO ")} == {"BR-sao paulo"}
    assert plain_area("br") == "BR"
    assert plain_area(plain_area("CN-浙江省")) == "CN-浙江"
    assert (plain_area_of("BR", None), plain_area_of(None, "SP")) == ("BR-", None)
    assert plain_lane("br-SP > BR-rio") == plain_lane("BR-sp > br-Rio") == "BR-sp > BR-rio"


def test_an_area_is_within_itself_and_its_country() -> None:
    assert is_within("BR-SP", "br-sp")
    assert is_within("BR-SP", "br")
    assert not is_within("BR-SPX", "BR-SP")
    assert not is_within("BR-SP", "B")


def test_areas_are_spelled_as_most_facilities_do() -> None:
    assert AREAS.spell("br-SAO PAULO") == "BR-São Paulo"
    assert AREAS.spell("BR-unknown") == "BR-unknown"
    assert AREAS.spell_lane("BR-sao paulo > BR-PR") == "BR-São Paulo > BR-PR"
    assert AREAS.of_place(Place(country="BR", region="sao paulo")) == "BR-São Paulo"
    assert AREAS.of_place(Place(country="BR")) is None
    assert Areas([at("1", "b"), at("2", "B")]).spell("BR-b") == "BR-B", "of as many the first by the alphabet"


def test_facilities_of_one_area_are_told_under_one_name() -> None:
    assert AREAS.table().column("facility").to_pylist() == ["1", "2", "3"]
    assert set(AREAS.table().column("area").to_pylist()) == {"BR-São Paulo"}


def test_a_column_keeps_what_nobody_knows() -> None:
    column = pa.chunked_array([["BR-sao paulo", None], ["BR-X"]], pa.string())
    assert AREAS.spell_column(column).to_pylist() == ["BR-São Paulo", None, "BR-X"]
    assert AREAS.spell_column(pa.chunked_array([], pa.string())).to_pylist() == []
