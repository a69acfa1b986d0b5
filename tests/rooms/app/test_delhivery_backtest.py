"""`waypost backtest delhivery`."""

from pathlib import Path

import pytest
from tests.rooms.app.commands import Commands
from tests.rooms.feeds.test_delhivery_legs import LEG, write


def test_real_legs_are_foretold_better_than_was_published(commands: Commands, data_folder: Path) -> None:
    found = commands.ask("backtest", "delhivery", "--data", str(data_folder / "delhivery"))
    assert (found["legs"], found["trips"], found["cold_legs"], found["refused_rows"]) == (7421, 4163, 432, 0)
    scores = {each["name"]: each for each in found["methods"]}
    published = {"OSRM": (107.39, 190.90), "published corridor lookup": (35.75, 55.57)}
    published |= {"published gradient boosting": (34.35, 53.37), "published boosting with a graph": (34.41, 53.48)}
    for name, (leg, trip) in published.items():
        assert (scores[name]["leg_mae_min"], scores[name]["trip_mae_min"]) == (leg, trip), name
    assert scores["waypost"]["leg_mae_min"] < 0.93 * 34.35
    assert scores["waypost"]["trip_mae_min"] < 0.93 * 53.37
    cold = {name: each["cold_mae_min"] for name, each in scores.items() if "leaks" not in name}
    assert min(cold, key=lambda name: cold[name]) == "waypost"


def test_people_get_a_table(commands: Commands, data_folder: Path) -> None:
    done = commands.call("backtest", "delhivery", "--data", str(data_folder / "delhivery"))
    assert done.returncode == 0
    told = done.stdout.decode().splitlines()
    assert told[0].startswith("7421 legs of 4163 trips, 432 on corridors that nobody drove before")
    assert told[-1].split() == ["OSRM", "107.39", "190.90", "106.53", "121.30", "4.5%"]


@pytest.mark.parametrize(
    ("legs", "told"),
    [(LEG, "there are 1 corridors; it takes 50"), (LEG.replace("40.0", "-"), "no leg can be foretold")],
)
def test_too_little_is_said(commands: Commands, tmp_path: Path, legs: str, told: str) -> None:
    assert told in commands.fail("backtest", "delhivery", "--data", str(write(tmp_path, legs=legs)), code=2)
