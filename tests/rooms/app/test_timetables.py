"""Timetables on the command line: services come in, and ways through them come out."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from tests.rooms.app.commands import Commands
from tests.rooms.feeds.test_gtfs import write
from tests.rooms.feeds.test_ssim import leg

from waypost.app.settings import Settings
from waypost.app.wiring import open_house
from waypost.forecast.steps import LATELY_DAYS
from waypost.model.instants import parse_instant

EXAMPLE = Path(__file__).parents[3] / "examples/timetables/timetable.csv"
FACILITIES = """carrier,code,name,kind,zone
hilltop,CWB,Curitiba hub,hub,America/Sao_Paulo
hilltop,GRU,Guarulhos hub,hub,America/Sao_Paulo
hilltop,MAO,Manaus station,station,America/Manaus
"""
SUNDAY = "2026-11-22T12:00:00-03:00"


@pytest.fixture
def home(tmp_path: Path) -> Commands:
    made = Commands(tmp_path / "home")
    file = tmp_path / "facilities.csv"
    file.write_text(FACILITIES)
    made.ask("import", "facilities", str(file))
    return made


@pytest.fixture
def filled(home: Commands) -> Commands:
    told = home.ask("timetable", "import", "csv", str(EXAMPLE))
    assert told == {
        "dry_run": False,
        "services": 4,
        "carriers": ["azul", "hilltop"],
        "replaced": [],
        "facilities": 0,
        "dwells": 0,
        "refused": 0,
        "refusals": [],
    }
    return home


def way(path: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(leg["service"], leg["departs_at"], leg["arrives_at"]) for leg in path["legs"]]


def test_the_first_arrival_is_found_in_local_times(filled: Commands) -> None:
    path = filled.ask("timetable", "path", "hilltop/CWB", "hilltop/MAO", "--ready", SUNDAY)
    assert way(path) == [
        ("CWB-GRU", "2026-11-22T20:00:00-03:00", "2026-11-23T02:30:00-03:00"),
        ("AD2410", "2026-11-23T06:00:00-03:00", "2026-11-23T08:55:00-04:00"),
    ]
    assert path["legs"][0]["closes_at"] == "2026-11-22T19:00:00-03:00"
    assert [(leg["cost_minor"], leg["currency"]) for leg in path["legs"]] == [(180, "BRL"), (2900, "BRL")]
    told = filled.call("timetable", "path", "hilltop/CWB", "hilltop/MAO", "--ready", SUNDAY).stdout.decode()
    assert told.splitlines()[0] == (
        "2026-11-22T20:00:00-03:00  hilltop/CWB  hilltop/CWB-GRU (truck), until 2026-11-22T19:00:00-03:00"
    )
    assert told.splitlines()[-1] == "2026-11-23T08:55:00-04:00  hilltop/MAO"


def test_the_last_way_that_is_in_time_is_found(filled: Commands) -> None:
    path = filled.ask("timetable", "path", "hilltop/CWB", "hilltop/MAO", "--by", "2026-11-24T09:00:00-04:00")
    assert way(path)[0][1] == "2026-11-23T20:00:00-03:00"


def test_only_what_is_asked_for_is_used(filled: Commands) -> None:
    ask = ("timetable", "path", "hilltop/CWB", "hilltop/MAO", "--ready", SUNDAY)
    assert [leg["mode"] for leg in filled.ask(*ask, "--mode", "truck")["legs"]] == ["truck", "truck"]
    assert [leg["carrier"] for leg in filled.ask(*ask, "--carrier", "hilltop")["legs"]] == ["hilltop", "hilltop"]
    assert len(filled.ask(*ask, "--weight-g", "900000")["legs"]) == 2
    assert [leg["mode"] for leg in filled.ask(*ask, "--weight-g", "900001")["legs"]] == ["truck", "truck"]
    tuesday = (*ask[:5], "2026-11-24T12:00:00-03:00", "--mode", "truck")  # the next truck leaves on Thursday
    assert len(filled.ask(*tuesday, "--days", "2")["legs"]) == 2
    assert "by departures of 1 days" in filled.fail(*tuesday, "--days", "1", code=1)
    assert "--mode: is none of truck" in filled.fail(*ask, "--mode", "lorry", code=2)
    assert "no service calls at 'hilltop/XXX'" in filled.fail(*ask[:3], "hilltop/XXX", code=1)
    assert "not both" in filled.fail(*ask, "--by", SUNDAY, code=2)
    assert "--ready" in filled.fail(*ask[:5], "tomorrow", code=2)


def test_choices_cost_less_or_come_sooner(filled: Commands) -> None:
    ask = ("timetable", "path", "hilltop/CWB", "hilltop/MAO", "--ready", SUNDAY)
    choices = filled.ask(*ask, "--choices", "120")["choices"]
    assert [path["legs"][-1]["service"] for path in choices] == ["AD2410", "AD4002", "GRU-MAO"]
    assert len(filled.ask(*ask, "--choices", "0")["choices"]) == 1
    assert filled.call(*ask, "--choices", "120").stdout.decode().count("\n\n") == 2
    assert "found forward" in filled.fail(*ask[:4], "--by", SUNDAY, "--choices", "1", code=2)


def test_services_and_departures_are_shown(filled: Commands) -> None:
    assert [each["code"] for each in filled.ask("timetable", "show", "--carrier", "hilltop")] == [
        "CWB-GRU",
        "GRU-MAO",
    ]
    told = filled.call("timetable", "show").stdout.decode()
    assert "azul/AD2410" in told
    assert "hilltop/GRU 06:00 hilltop/MAO 08:55" in told
    [departure] = filled.ask("timetable", "show", "hilltop/CWB", "--at", SUNDAY)
    assert departure == {
        "service": "hilltop/CWB-GRU",
        "mode": "truck",
        "closes_at": "2026-11-22T19:00:00-03:00",
        "departs_at": "2026-11-22T20:00:00-03:00",
        "to": "hilltop/GRU",
        "arrives_at": "2026-11-23T02:30:00-03:00",
    }
    assert "to hilltop/GRU at" in filled.call("timetable", "show", "hilltop/CWB", "--at", SUNDAY).stdout.decode()
    assert "needs a facility" in filled.fail("timetable", "show", "--at", SUNDAY, code=2)
    assert "without a facility" in filled.fail("timetable", "show", "hilltop/CWB", "--carrier", "azul", code=2)


def test_what_is_refused_is_told_and_hinders_no_other(home: Commands, tmp_path: Path) -> None:
    file = tmp_path / "timetable.csv"
    file.write_text(EXAMPLE.read_text("utf-8").replace("06:00", "6 am"), "utf-8")
    told = home.ask("timetable", "import", "csv", str(file), "--dry-run", code=1)
    assert (told["services"], told["refused"]) == (3, 1)
    assert told["refusals"][0]["field"] == "departs"
    assert home.ask("timetable", "show") == []
    done = home.call("timetable", "import", "csv", str(file))
    assert done.returncode == 1
    assert "timetable.csv:4 departs: is no time of day" in done.stdout.decode()
    assert "kept: 3 services of azul, hilltop" in done.stdout.decode()


def test_a_newer_file_takes_the_place_of_what_it_names(filled: Commands, tmp_path: Path) -> None:
    lines = EXAMPLE.read_text("utf-8").splitlines()
    file = tmp_path / "timetable.csv"
    file.write_text("\n".join([lines[0], lines[1].replace("20:00", "21:00"), ""]), "utf-8")
    filled.ask("timetable", "import", "csv", str(file))
    assert len(filled.ask("timetable", "show")) == 4
    assert filled.ask("timetable", "import", "csv", str(file), "--replace")["replaced"] == ["hilltop"]
    kept = filled.ask("timetable", "show")
    assert [(each["carrier"], each["code"]) for each in kept] == [
        ("azul", "AD2410"),
        ("azul", "AD4002"),
        ("hilltop", "CWB-GRU"),
    ]
    assert kept[-1]["calls"][0]["departs_min"] == 21 * 60


def test_nothing_is_replaced_away_where_a_row_was_refused(filled: Commands, tmp_path: Path) -> None:
    file = tmp_path / "timetable.csv"
    file.write_text(EXAMPLE.read_text("utf-8").replace("20:00", "21:00").replace("06:00", "6 am"), "utf-8")
    before = [each["code"] for each in filled.ask("timetable", "show")]
    told = filled.ask("timetable", "import", "csv", str(file), "--replace", code=1)
    assert (told["services"], told["refused"], told["replaced"]) == (3, 1, [])
    kept = {each["code"]: each for each in filled.ask("timetable", "show")}
    assert list(kept) == before
    assert kept["CWB-GRU"]["calls"][0]["departs_min"] == 21 * 60  # what is good is brought up to date
    done = filled.call("timetable", "import", "csv", str(file), "--replace")
    assert "Nothing was removed: rows were refused" in done.stderr.decode()


def test_a_departure_that_cannot_be_is_told_and_hinders_no_other(filled: Commands, tmp_path: Path) -> None:
    """From 18 February to 25 March 2018 clocks in Foz do Iguaçu and Ciudad del Este showed the same."""
    file = tmp_path / "timetable.csv"
    zones = "America/Sao_Paulo,America/Asuncion,2018-01-01"
    file.write_text(
        "carrier,service,mode,origin,destination,departs,arrives,days,origin_zone,destination_zone,first,last\n"
        f"ponte,FOZ-CDE,truck,FOZ,CDE,10:00,09:30,1234567,{zones},2018-12-31\n"
        "ponte,FOZ-CWB,truck,FOZ,CWB,10:00,20:00,1234567,America/Sao_Paulo,America/Sao_Paulo,2018-01-01,2018-12-31\n"
    )
    filled.ask("timetable", "import", "csv", str(file))
    ask = ("timetable", "path", "ponte/FOZ", "ponte/CWB", "--ready", "2018-03-01T08:00:00-03:00", "--days", "1")
    done = filled.call(*ask)
    assert done.returncode == 0
    told = "Left out: ponte/FOZ-CDE on 2018-03-01: arrives at ponte/CDE before it leaves, as the zones are then."
    assert told in done.stderr.decode()
    assert "2018-03-01T20:00:00-03:00  ponte/CWB" in done.stdout.decode()
    january = ("timetable", "path", "ponte/FOZ", "ponte/CDE", "--ready", "2018-01-10T08:00:00-02:00", "--days", "1")
    assert [leg["service"] for leg in filled.ask(*january)["legs"]] == ["FOZ-CDE"]


def test_gtfs_brings_its_facilities_and_ssim_its_airlines(home: Commands, tmp_path: Path) -> None:
    folder = str(write(tmp_path / "gtfs"))
    told = home.ask("timetable", "import", "gtfs", folder, "--carrier", "db")
    assert (told["services"], told["facilities"], told["dwells"]) == (4, 3, 1)
    path = home.ask("timetable", "path", "db/A", "db/C", "--ready", "2026-11-03T12:00:00+01:00")
    assert way(path) == [("T1", "2026-11-03T23:00:00+01:00", "2026-11-04T01:10:00+01:00")]
    assert "--carrier: gtfs needs the code" in home.fail("timetable", "import", "gtfs", folder, code=2)
    assert "Known: csv, gtfs, ssim" in home.fail("timetable", "import", "hafas", folder, code=2)
    schedule = tmp_path / "schedule.ssim"
    schedule.write_text(leg() + "\n")
    assert home.ask("timetable", "import", "ssim", str(schedule))["carriers"] == ["ca"]
    assert "name their carriers" in home.fail("timetable", "import", "csv", folder, "--carrier", "db", code=2)


def test_what_the_register_says_of_a_stop_stays(home: Commands, tmp_path: Path) -> None:
    file = tmp_path / "known.csv"
    file.write_text("carrier,code,name,kind,city,zone\ndb,B,Bonn parcel gateway,gateway,Bonn,Europe/Paris\n")
    home.ask("import", "facilities", str(file))
    home.ask("timetable", "import", "gtfs", str(write(tmp_path / "gtfs")), "--carrier", "db")
    with open_house(Settings(home=home.home)) as house:
        known = house.facilities.find("db", "B")
        new = house.facilities.find("db", "A")
    assert known is not None
    assert (known.name, known.kind, known.place.zone) == ("Bonn parcel gateway", "gateway", "Europe/Paris")
    assert new is not None
    assert new.name == "Aachen"


def test_closures_and_delays_hold_until_they_are_lifted(filled: Commands) -> None:
    soon = ("--from", "2026-01-01T00:00:00Z", "--why", "flooded")
    closed = filled.ask("timetable", "close", "hilltop/GRU", *soon)
    way = ("timetable", "path", "hilltop/CWB", "hilltop/MAO", "--ready", SUNDAY)
    assert "no way from" in filled.fail(*way, code=1)
    assert [each["id"] for each in filled.ask("timetable", "changes")] == [closed["id"]]
    assert "hilltop/GRU closed" in filled.call("timetable", "changes").stdout.decode()
    assert filled.ask("timetable", "lift", closed["id"]) == {"lifted": closed["id"]}
    assert len(filled.ask(*way)["legs"]) == 2
    assert "no closure or delay" in filled.fail("timetable", "lift", "chg_0", code=1)
    assert "write carrier/code" in filled.fail(
        "timetable", "delay", "X", "5", "--day", "2026-11-23", "--why", "x", code=2
    )
    late = ("timetable", "delay", "azul/NONE", "-5", "--day", "2099-11-23", "--why", "x")
    assert "no service 'azul/NONE'" in filled.fail(*late, code=1)


def test_departures_of_the_last_weeks_are_held_against_scans(filled: Commands, tmp_path: Path) -> None:
    """As those who watch parcels ask for them, to say which cut-off one missed."""
    at_ms = parse_instant(SUNDAY).at_ms
    with open_house(Settings(home=filled.home)) as house:
        departures = house.read_departures(at_ms)
        assert departures is not None
        assert "hilltop/CWB" in departures.places
        assert departures.first <= dt.date(2026, 11, 22) - dt.timedelta(days=LATELY_DAYS)
        assert departures.last >= dt.date(2026, 11, 22)
        assert len(departures.connections.departs_ms) > LATELY_DAYS
    with open_house(Settings(home=tmp_path / "without")) as house:
        assert house.read_departures(at_ms) is None


def test_a_file_that_is_not_there_makes_no_home(tmp_path: Path) -> None:
    nowhere = Commands(tmp_path / "none")
    missing = str(tmp_path / "missing.csv")
    for more in ((), ("--dry-run",)):
        assert missing in nowhere.fail("timetable", "import", "csv", missing, *more, code=2)
    schedule = tmp_path / "schedule.ssim"
    schedule.write_text(leg() + "\n")
    assert nowhere.ask("timetable", "import", "ssim", str(schedule), "--dry-run")["services"] == 1
    assert not (tmp_path / "none").exists()


def test_a_schedule_without_flights_is_refused(home: Commands, tmp_path: Path) -> None:
    schedule = tmp_path / "schedule.ssim"
    schedule.write_text("1AIRLINE STANDARD SCHEDULE DATA SET\n")
    assert "holds no flight" in home.fail("timetable", "import", "ssim", str(schedule), code=2)


def test_a_leg_from_a_facility_to_itself_is_refused(home: Commands, tmp_path: Path) -> None:
    file = tmp_path / "timetable.csv"
    lines = EXAMPLE.read_text("utf-8").splitlines()
    file.write_text("\n".join([lines[0], lines[1].replace("CWB,GRU", "GRU,GRU"), ""]), "utf-8")
    told = home.ask("timetable", "import", "csv", str(file), code=1)
    assert "from hilltop/GRU to itself" in told["refusals"][0]["reason"]


def test_refusals_that_last_can_be_passed_over(filled: Commands, tmp_path: Path) -> None:
    file = tmp_path / "timetable.csv"
    lines = EXAMPLE.read_text("utf-8").splitlines()
    broken = lines[2].replace("05:00", "5 am")
    file.write_text("\n".join([lines[0], lines[1], broken, ""]), "utf-8")
    assert "goes with --replace" in filled.fail("timetable", "import", "csv", str(file), "--despite-refusals", code=2)
    told = filled.ask("timetable", "import", "csv", str(file), "--replace", "--despite-refusals", code=1)
    assert (told["refused"], told["replaced"]) == (1, ["hilltop"])
    assert [each["code"] for each in filled.ask("timetable", "show", "--carrier", "hilltop")] == ["CWB-GRU"]


def test_zones_are_looked_at_in_every_year(home: Commands, tmp_path: Path) -> None:
    """Brazil has had no summer time since 2019, so that from then on Paraguay was as far east in its summers."""
    file = tmp_path / "timetable.csv"
    head = "carrier,service,mode,origin,destination,departs,arrives,days,origin_zone,destination_zone,first,last\n"
    row = "ponte,CDE-FOZ,truck,FOZ,CDE,10:00,09:30,1234567,America/Sao_Paulo,America/Asuncion,2018-01-01,{}-12-31\n"
    file.write_text(head + row.format(2018))
    assert home.ask("timetable", "import", "csv", str(file))["services"] == 1
    file.write_text(head + row.format(2020))
    [refusal] = home.ask("timetable", "import", "csv", str(file), code=1)["refusals"]
    assert "on 2020-01-01 it takes -30 minutes" in refusal["reason"]
