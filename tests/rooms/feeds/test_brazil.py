import csv
from pathlib import Path

import pytest

from waypost.feeds.brazil import find_municipality, find_zone, tidy_city
from waypost.model.instants import get_zone, offset_in_zone, parse_instant


@pytest.mark.parametrize(
    ("text", "state", "city"),
    [
        ("sao paulo", "SP", "São Paulo"),
        ("SÃO PAULO", "SP", "São Paulo"),
        ("sao paulo - sp", "SP", "São Paulo"),
        ("andira-pr", "PR", "Andirá"),
        ("embu-guacu", "SP", "Embu-Guaçu"),
        ("mogi-guacu", "SP", "Mogi Guaçu"),
        ("santa barbara d´oeste", "SP", "Santa Bárbara d'Oeste"),
        ("rio de janeiro \\rio de janeiro", "RJ", "Rio de Janeiro"),
        ("arraial d'ajuda (porto seguro)", "BA", "Arraial d'Ajuda"),
        ("vila do conde", "PA", "Vila do Conde"),
        ("someone@example.com", "PR", None),
        ("04482255", "RJ", None),
        ("sp / sp", "SP", None),
        ("", "SP", None),
    ],
)
def test_cities_get_their_own_writing(text: str, state: str, city: str | None) -> None:
    assert tidy_city(text, state) == city


@pytest.mark.parametrize(
    ("name", "state", "offset_h"),
    [
        # In January 2018 the south kept summer time and the north-east did not; Acre lies furthest west.
        ("São Paulo", "SP", -2),
        ("Salvador", "BA", -3),
        ("Palmas", "TO", -3),
        ("Cuiabá", "MT", -3),
        ("Campo Grande", "MS", -3),
        ("Manaus", "AM", -4),
        ("Porto Velho", "RO", -4),
        ("Boa Vista", "RR", -4),
        ("Rio Branco", "AC", -5),
        ("Tabatinga", "AM", -5),
    ],
)
def test_municipalities_keep_their_clocks(name: str, state: str, offset_h: int) -> None:
    found = find_municipality(name, state)
    assert found is not None
    assert offset_in_zone(parse_instant("2018-01-15T12:00:00Z").at_ms, found.zone) == offset_h * 60


def test_every_state_has_a_zone_and_no_other_letters_have(repo_folder: Path) -> None:
    with (repo_folder / "src/waypost/feeds/data/brazil.csv").open(encoding="utf-8", newline="") as file:
        states = {row["state"] for row in csv.DictReader(file)}
    assert len(states) == 27
    for state in states:
        assert get_zone(find_zone(state) or "").key.startswith("America/")
    assert [find_zone(state) for state in ("XX", "sp", "")] == [None] * 3


def test_the_table_is_what_the_script_makes_of_its_source(data_folder: Path, repo_folder: Path) -> None:
    source = data_folder / "brazil_municipios" / "municipios.csv"
    with source.open(encoding="utf-8-sig", newline="") as file:
        theirs = {(row["nome"], round(float(row["latitude"]), 3)) for row in csv.DictReader(file)}
    with (repo_folder / "src/waypost/feeds/data/brazil.csv").open(encoding="utf-8", newline="") as file:
        ours = {(row["name"], float(row["latitude"])) for row in csv.DictReader(file)}
    assert len(ours) > 5500
    assert ours == theirs
