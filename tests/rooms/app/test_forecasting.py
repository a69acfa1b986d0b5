"""`waypost forecast volume`, over a home with some months of scans."""

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.rooms.app.commands import Commands

from waypost.app.settings import Settings
from waypost.app.volume_forecast import volumes_of
from waypost.app.wiring import open_house
from waypost.forecast.volumes_since import put_beside
from waypost.testing import World, scan

FIRST, DAYS = dt.date(2026, 3, 2), 84


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hubs, few parcels on Sundays; in Hangzhou all come in the hour from nine."""
    chance = np.random.default_rng(7)
    scans = []
    for place in range(DAYS):
        day = FIRST + dt.timedelta(days=place)
        for hub, many in (("Hangzhou", 12), ("Shanghai", 6)):
            for piece in range(chance.poisson(many * (0.2 if day.weekday() == 6 else 1.0))):
                number = f"{hub[0]}{place:03}{piece:02}"
                scans.append(scan(number, "GOT", f"{day} 09:{piece:02}", at=hub))
    scans.append(scan("H99999", "GOT", f"{FIRST + dt.timedelta(days=DAYS + 1)} 09:00", at="Hangzhou"))  # all is over
    home = tmp_path_factory.mktemp("months") / "home"
    with open_house(Settings(home=home)) as house:
        World(house.memory, scans)
    return home


@pytest.fixture
def filled(commands: Commands, months: Path) -> Commands:
    shutil.copytree(months, commands.home)
    return commands


def test_hubs_add_up(filled: Commands) -> None:
    told = filled.ask("forecast", "volume", "--days", "7")["forecast"]
    assert (told["by"], told["learnt_from"], told["learnt_to"]) == ("hub", "2026-03-02", "2026-05-24")
    names = [(each["level"], each["name"]) for each in told["lines"]]
    assert names == [("network", None), ("carrier", None), ("hub", "Hangzhou"), ("hub", "Shanghai")]
    network, _, hangzhou, shanghai = ([day["parcels"] for day in each["days"]] for each in told["lines"])
    assert [day["day"] for day in told["lines"][0]["days"]][::6] == ["2026-05-25", "2026-05-31"]
    assert network == pytest.approx([one + other for one, other in zip(hangzhou, shanghai, strict=True)], abs=1e-4)
    assert min(hangzhou[:6]) > 2 * hangzhou[6]
    assert 6 < np.mean(hangzhou[:6]) < 16


def test_a_single_day_of_a_few_hubs_can_be_asked_for(filled: Commands) -> None:
    told = filled.ask("forecast", "volume", "--days", "1")["forecast"]
    assert [len(each["days"]) for each in told["lines"]] == [1, 1, 1, 1]
    assert 12 < told["lines"][0]["days"][0]["parcels"] < 24


def test_full_hours_are_told(filled: Commands, tmp_path: Path) -> None:
    file = tmp_path / "capacities.csv"
    file.write_text("carrier,facility,parcels_per_hour\nyto,Hangzhou,4\nyto,Shanghai,500\n")
    found = filled.ask("forecast", "volume", "--days", "7", "--capacity", str(file))["overloads"]
    assert {(each["hub"], each["hour"][11:]) for each in found} == {("Hangzhou", "09:00")}
    assert [each["hour"][:10] for each in found if each["expected"]][:6] == [f"2026-05-{day}" for day in range(25, 31)]
    shown = filled.call("forecast", "volume", "--days", "7", "--capacity", str(file)).stdout.decode()
    assert "2026-05-25T09:00 yto/Hangzhou" in shown


def test_only_what_was_known_then_counts(filled: Commands) -> None:
    told = filled.ask("forecast", "volume", "--days", "3", "--by", "carrier", "--until", "2026-05-11")["forecast"]
    assert told["learnt_to"] == "2026-05-10"
    assert [each["level"] for each in told["lines"]] == ["network", "carrier"]


def test_people_get_a_table(filled: Commands) -> None:
    done = filled.call("forecast", "volume", "--days", "9")
    head, first, *_ = done.stdout.decode().splitlines()
    assert head.split() == ["carrier", "hub", *(f"2026-05-{day}" for day in range(25, 32)), "all", "9", "days"]
    assert first.split()[0] == "all"
    assert "Learnt from 2026-03-02 to 2026-05-24" in done.stderr.decode()


def test_one_is_kept_with_how_far_such_were_off(filled: Commands) -> None:
    told = filled.ask("forecast", "volume", "--days", "7", "--until", "2026-05-20", "--keep")
    assert told["scans_end"].startswith("2026-05-26")
    card = told["card"]
    assert (card["first"], card["last"]) == ("2026-05-13", "2026-05-19")
    assert [each["level"] for each in card["levels"]] == ["network", "carrier", "hub"]
    assert all(0 < each["mae"] < each["mean"] for each in card["levels"])
    with open_house(Settings(home=filled.home)) as house:
        kept, counts = volumes_of(house)("hub", None)
        assert (kept.id, kept.card is not None) == (told["kept"], True)
        beside = put_beside(kept.forecast.lines[0], counts, 7)
    came = [day.came for day in beside.days]
    assert all(each is not None and 8 < each < 40 for each in came[:4])
    assert came[5:] == [None, None]  # scans of the 25th may still come, and the 26th is not over


def test_what_cannot_be_is_refused(filled: Commands, tmp_path: Path) -> None:
    file = tmp_path / "capacities.csv"
    file.write_text("carrier,facility,parcels_per_hour\nyto,Wuhan,5\n")
    volume = ("forecast", "volume")
    assert "yto/Wuhan" in filled.fail(*volume, "--capacity", str(file), code=2)
    assert "--by hub" in filled.fail(*volume, "--by", "lane", "--capacity", str(file), code=2)
    assert "'soon' is no date" in filled.fail(*volume, "--until", "soon", code=2)
    assert "No parcel was counted by lane" in filled.fail(*volume, "--by", "lane", code=1)
    assert "come back when" in filled.fail(*volume, "--until", "2026-03-20", code=2)


def test_without_a_home(commands: Commands) -> None:
    assert "nothing is kept" in commands.fail("forecast", "volume", code=1)
