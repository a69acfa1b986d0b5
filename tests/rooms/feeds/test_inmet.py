"""INMET's files of stations."""

import datetime as dt
from pathlib import Path

import pytest

from waypost.feeds.inmet import InmetFiles
from waypost.model.errors import BadInput

HEAD = """REGIÃO:;SE
UF:;SP
ESTAÇÃO:;SAO PAULO - MIRANTE
CODIGO (WMO):;A701
LATITUDE:;-23,48333333
LONGITUDE:;-46,61666666
ALTITUDE:;792,06
DATA DE FUNDAÇÃO (YYYY-MM-DD):;2006-07-25
DATA (YYYY-MM-DD);HORA (UTC);PRECIPITAÇÃO TOTAL, HORÁRIO (mm);TEMPERATURA DO AR - BULBO SECO, HORARIA (°C);\
TEMPERATURA MÁXIMA NA HORA ANT. (AUT) (°C);TEMPERATURA MÍNIMA NA HORA ANT. (AUT) (°C);\
UMIDADE RELATIVA DO AR, HORARIA (%);VENTO, RAJADA MAXIMA (m/s);VENTO, VELOCIDADE HORARIA (m/s);
"""
GOOD = "2018-01-01;01:00;1,2;21,3;21,5;21;78;10,3;,9;\n"


def write(folder: Path, rows: str, encoding: str = "utf-8", name: str = "A701.csv", head: str = HEAD) -> Path:
    path = folder / name
    path.write_bytes((head + rows).encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("row", [GOOD, GOOD.replace("2018-01-01;01:00", "2018/01/01;0100 UTC"), GOOD[:-1] + "\r\n"])
def test_an_hour_is_that_which_ends_then(tmp_path: Path, encoding: str, row: str) -> None:
    found = InmetFiles(write(tmp_path, row, encoding)).read()
    assert found.refused == []
    [told] = found.rows.to_pylist()
    end = dt.datetime(2018, 1, 1, 1, tzinfo=dt.UTC)
    assert told == {
        "place": "inmet/A701",
        "is_forecast": False,
        "begins_at": end - dt.timedelta(hours=1),
        "ends_at": end,
        "known_at": end,
        "latitude": -23.48333333,
        "longitude": -46.61666666,
        "temperature_c": 21.3,
        "temperature_min_c": 21.0,
        "temperature_max_c": 21.5,
        "rain_mm": 1.2,
        "snow_mm": None,
        "wind_mps": 0.9,
        "gust_mps": 10.3,
        "humidity_pct": 78.0,
    }


def test_what_was_not_measured_is_null_and_hours_without_anything_are_left_out(tmp_path: Path) -> None:
    rows = "2018-01-01;01:00;-9999;21,3;;;;;;\n2018-01-01;02:00;-9999;-9999;-9999;-9999;-9999;-9999;-9999;\n"
    found = InmetFiles(write(tmp_path, rows)).read()
    assert found.refused == []
    assert [(row["rain_mm"], row["temperature_c"]) for row in found.rows.to_pylist()] == [(None, 21.3)]


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("2018-02-30;01:00;0;1;1;1;1;1;1;", "HORA", "no day and hour"),
        ("2018-01-01;25:00;0;1;1;1;1;1;1;", "HORA", "no day and hour"),
        ("2018-01-01;01:00;wet;1;1;1;1;1;1;", "PRECIPITACAO", "no number"),
        ("2018-01-01;01:00;0;99;1;1;1;1;1;", "TEMPERATURA DO AR", "not between -95 and 65"),
        ("2018-01-01;01:00;0;1;1;1;101;1;1;", "UMIDADE", "not between 0 and 100"),
        ("2018-01-01;01:00;0;1;", "", "has 5 fields where the header has 10"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_costs_no_other(
    tmp_path: Path, row: str, field: str, reason: str
) -> None:
    found = InmetFiles(write(tmp_path, GOOD + row + "\n\n" + GOOD.replace("01:00", "03:00"))).read()
    assert found.rows.num_rows == 2
    [refusal] = found.refused
    assert (refusal.file, refusal.line) == ("A701.csv", 11)
    assert refusal.field.startswith(field)
    assert reason in refusal.reason


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ("a,b\n1,2\n", "does not begin with code, latitude and longitude"),
        (HEAD.replace("LATITUDE:;-23,48333333", "LATITUDE:;north"), "does not begin with code"),
        (HEAD.replace("LATITUDE:;-23,48333333", "LATITUDE:;-123,5"), "off the globe"),
        (HEAD.replace("VENTO, RAJADA MAXIMA", "RAJADA"), "no column that begins with 'VENTO, RAJADA MAXIMA'"),
    ],
)
def test_another_layout_is_refused(tmp_path: Path, head: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        InmetFiles(write(tmp_path, GOOD, head=head)).read()


def test_the_real_station_is_read_whole(data_folder: Path) -> None:
    found = InmetFiles(data_folder / "weather_inmet_saopaulo").read()
    assert found.refused == []
    assert found.rows.num_rows == 26_165  # of 26,304 hours: in the others nothing was measured
    assert set(found.rows.column("place").to_pylist()) == {"inmet/A701"}
