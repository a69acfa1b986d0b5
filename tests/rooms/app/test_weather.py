"""Weather on the command line: it comes in from files and from a service, and is shown."""

import json
from pathlib import Path

import pytest
from tests.rooms.app.commands import Commands
from tests.rooms.feeds.fake_open_meteo import answer
from tests.rooms.feeds.services import serve
from tests.rooms.feeds.test_ghcn import HEAD as GHCN_HEAD
from tests.rooms.feeds.test_ghcn import row
from tests.rooms.feeds.test_inmet import GOOD, write
from tests.rooms.feeds.test_open_meteo import DAYS


def test_files_of_stations_are_kept_once_and_shown(commands: Commands, tmp_path: Path) -> None:
    path = str(write(tmp_path, GOOD + GOOD.replace("01:00", "02:00")))
    for _ in range(2):
        told = commands.ask("weather", "import", "inmet", path)
        assert told == {"dry_run": False, "rows": 2, "places": ["inmet/A701"], "refused": 0, "refusals": []}
    assert commands.ask("weather", "show") == [
        {
            "place": "inmet/A701",
            "is_forecast": False,
            "latitude": -23.48333333,
            "longitude": -46.61666666,
            "rows": 2,
            "begins_at": "2018-01-01T00:00:00Z",
            "ends_at": "2018-01-01T02:00:00Z",
            "known_at": "2018-01-01T02:00:00Z",
        }
    ]
    assert b"inmet/A701  measured  2" in commands.call("weather", "show").stdout


def test_what_is_refused_is_told_and_the_rest_kept(commands: Commands, tmp_path: Path) -> None:
    path = str(write(tmp_path, GOOD + GOOD.replace("1,2", "wet")))
    told = commands.ask("weather", "import", "inmet", path, code=1)
    assert (told["rows"], told["refused"], told["refusals"][0]["line"]) == (1, 1, 11)
    done = commands.call("weather", "import", "inmet", path)
    assert done.returncode == 1
    assert "A701.csv:11 PRECIPITACAO TOTAL, HORARIO (MM): is no number (wet)" in done.stdout.decode()
    assert done.stdout.decode().endswith("kept: 1 rows of 1 places\n")


def test_a_dry_run_keeps_nothing(commands: Commands, tmp_path: Path) -> None:
    told = commands.ask("weather", "import", "inmet", str(write(tmp_path, GOOD)), "--dry-run")
    assert (told["dry_run"], told["rows"]) == (True, 1)
    assert "nothing is kept" in commands.fail("weather", "show", code=1)


def test_days_of_noaa_and_answers_of_open_meteo_are_kept_beside_each_other(commands: Commands, tmp_path: Path) -> None:
    days, kept = tmp_path / "USW00094728.csv", tmp_path / "answer.json"
    days.write_text(GHCN_HEAD + row())
    kept.write_text(json.dumps(DAYS))
    commands.ask("weather", "import", "ghcn", str(days), "--zone", "America/New_York")
    commands.ask("weather", "import", "open-meteo", str(kept), "--issued", "2018-03-02T12:00:00Z")
    shown = commands.ask("weather", "show")
    assert [(each["place"], each["is_forecast"]) for each in shown] == [
        ("ghcn/USW00094728", False),
        ("open-meteo/-23.5149,-46.6102", False),
        ("open-meteo/-23.5149,-46.6102", True),
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("moon",), "unknown kind of weather 'moon'"),
        (("ghcn",), "--zone: days of ghcn are those of clocks there"),
        (("ghcn", "--zone", "Nowhere/City"), "Nowhere/City"),
        (("inmet", "--zone", "UTC"), "--zone: files of inmet say themselves when it was"),
        (("inmet", "--issued", "2018-01-01T00:00:00Z"), "--issued: files of inmet hold what was measured"),
        (("open-meteo", "--issued", "noon"), "--issued"),
    ],
)
def test_what_cannot_be_read_so_is_said(commands: Commands, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    kind, *options = words
    assert told in commands.fail("weather", "import", kind, str(write(tmp_path, GOOD)), *options, code=2)


def test_the_service_of_the_settings_is_asked(commands: Commands) -> None:
    with serve(answer) as service:
        commands.environ |= {"WAYPOST_WEATHER_URL": service.url, "WAYPOST_WEATHER_ARCHIVE_URL": service.url}
        place = "sao-paulo=-23.55,-46.63"
        told = commands.ask("weather", "fetch", place, "--from", "2018-03-01", "--until", "2018-03-02")
        assert (told["rows"], told["places"], told["refused"]) == (48, ["sao-paulo"], 0)
        assert commands.ask("weather", "fetch", place, "--days", "3", "--dry-run")["rows"] == 72
        assert [path for _, path, _, _ in service.asked] == ["/v1/archive", "/v1/forecast"]
    assert "[weather] url: no answer" in commands.fail("weather", "fetch", place, code=2)
    [shown] = commands.ask("weather", "show")
    assert (shown["rows"], shown["is_forecast"], shown["begins_at"]) == (48, False, "2018-02-28T23:00:00Z")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("here=1,2",), "[weather] url is empty"),
        (("here=1,2", "--from", "2018-03-01", "--until", "2018-03-02"), "[weather] archive_url is empty"),
        (("here=1,2", "--from", "2018-03-01"), "--from and --until go together"),
        (("here=1,2", "--from", "1.3.2018"), "write it as 2018-02-25"),
    ],
)
def test_nobody_is_asked_without_an_address_or_for_half_a_span(
    commands: Commands, words: tuple[str, ...], told: str
) -> None:
    assert told in commands.fail("weather", "fetch", *words, code=2)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("here",), "'here' is no place: write it as sao-paulo=-23.55,-46.63"),
        (("here=1,200",), "off the globe"),
        (("here=1,2", "--from", "2018-03-02", "--until", "2018-03-01"), "--from: 2018-03-02 is after 2018-03-01"),
    ],
)
def test_what_cannot_be_asked_is_said(commands: Commands, words: tuple[str, ...], told: str) -> None:
    address = "http://127.0.0.1:1"
    commands.environ |= {"WAYPOST_WEATHER_URL": address, "WAYPOST_WEATHER_ARCHIVE_URL": address}
    assert told in commands.fail("weather", "fetch", *words, code=2)


def test_an_address_that_is_none_is_refused_with_the_settings(commands: Commands) -> None:
    commands.environ |= {"WAYPOST_WEATHER_URL": "api.open-meteo.com"}
    assert "[weather] url: 'api.open-meteo.com' is no address" in commands.fail("weather", "fetch", "a=1,2", code=2)
