"""NOAA's days by station."""

import datetime as dt
from pathlib import Path

import pytest

from waypost.feeds.ghcn import GhcnFiles
from waypost.model.errors import BadInput

HEAD = (
    '"STATION","DATE","LATITUDE","LONGITUDE","ELEVATION","NAME",'
    '"PRCP","PRCP_ATTRIBUTES","TMAX","TMAX_ATTRIBUTES","WSF5"\n'
)
PARK = '"USW00094728","{}","40.77898","-73.96925","42.7","NY CITY CENTRAL PARK, NY US","{}","{}","{}",",,W","{}"\n'


def row(
    day: str = "2018-03-11", rain: str = "  191", attributes: str = ",,W,2400", heat: str = "-11", gust: str = ""
) -> str:
    return PARK.format(day, rain, attributes, heat, gust)


def read(folder: Path, rows: str, zone: str = "America/New_York") -> GhcnFiles:
    (folder / "USW00094728.csv").write_text(HEAD + rows)
    return GhcnFiles(folder, zone)


def test_a_day_is_one_of_the_clocks_there(tmp_path: Path) -> None:
    found = read(tmp_path, row(gust="134")).read()
    assert found.refused == []
    [told] = found.rows.to_pylist()
    assert told["place"] == "ghcn/USW00094728"
    assert (told["latitude"], told["longitude"], told["is_forecast"]) == (40.77898, -73.96925, False)
    assert (told["rain_mm"], told["temperature_max_c"], told["gust_mps"]) == (19.1, -1.1, 13.4)
    assert told["snow_mm"] is None
    assert told["begins_at"] == dt.datetime(2018, 3, 11, 5, tzinfo=dt.UTC)
    assert told["ends_at"] == told["known_at"] == dt.datetime(2018, 3, 12, 4, tzinfo=dt.UTC)  # clocks went forward


def test_what_failed_a_check_counts_as_not_measured(tmp_path: Path) -> None:
    [told] = read(tmp_path, row(attributes="T,X,W")).read().rows.to_pylist()
    assert (told["rain_mm"], told["temperature_max_c"]) == (None, -1.1)


@pytest.mark.parametrize(
    ("bad", "field", "reason"),
    [
        (row(day="2018-02-29"), "DATE", "is no day"),
        (row(rain="wet"), "PRCP", "is no number"),
        (row(heat="660"), "TMAX", "is not between -95 and 65"),
        (row().replace("40.77898", "140"), "LATITUDE", "no position"),
        (row().replace("USW00094728", ""), "STATION", "no name of a station"),
        ('"USW00094728","2018-03-13"\n', "LATITUDE", "has 2 fields where the header has 11"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_costs_no_other(
    tmp_path: Path, bad: str, field: str, reason: str
) -> None:
    found = read(tmp_path, row() + bad + row(day="2018-03-12")).read()
    assert [told["rain_mm"] for told in found.rows.to_pylist()] == [19.1, 19.1]
    [refusal] = found.refused
    assert (refusal.file, refusal.line, refusal.field) == ("USW00094728.csv", 3, field)
    assert reason in refusal.reason


def test_an_unknown_zone_and_another_layout_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="zone"):
        read(tmp_path, row(), "New York")
    (tmp_path / "USW00094728.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match="no file with the columns"):
        GhcnFiles(tmp_path, "America/New_York")
