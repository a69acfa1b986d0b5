"""`waypost backtest olist`."""

import json
from pathlib import Path

import pytest
from tests.rooms.app.commands import Commands
from tests.rooms.feeds.test_olist_trips import write


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--test-from", "25.2.2018"), "write it as 2018-02-25"),
        (("--test-from", "2018-02-25"), "There are 0 in all"),
        (
            ("--test-from", "2018-02-25", "--without", "moon"),
            "calendar, places, parcel, lately, trends, weather, promise",
        ),
        (("--test-from", "2018-02-25", "--weather", "nowhere"), "nowhere: no such file or folder"),
    ],
)
def test_what_cannot_be_done_is_said(commands: Commands, tmp_path: Path, options: tuple[str, ...], told: str) -> None:
    assert told in commands.fail("backtest", "olist", "--data", str(write(tmp_path)), *options, code=2)


def test_a_day_behind_the_last_order_is_said(commands: Commands, data_folder: Path) -> None:
    told = commands.fail("backtest", "olist", "--data", str(data_folder / "olist"), "--test-from", "2019-01-01", code=2)
    assert "no order was bought from 2019-01-01 on; the last was on 2018-05-24" in told


def test_the_earliest_day_that_works_is_told(commands: Commands, data_folder: Path) -> None:
    told = commands.fail("backtest", "olist", "--data", str(data_folder / "olist"), "--test-from", "2017-04-01", code=2)
    assert "Give a --test-from from 2017-06-" in told


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_real_orders_are_promised_better_than_by_trees_that_learnt_once(commands: Commands, data_folder: Path) -> None:
    """The last two months alone; ./docs/explanation says how it goes from February on.

    Weather is given, but not learnt from: it tells the parcels near to the station apart.
    """
    weather = ("--weather", str(data_folder / "weather_inmet_saopaulo"), "--without", "weather")
    done = commands.call(
        "backtest", "olist", "--data", str(data_folder / "olist"), "--test-from", "2018-04-15", *weather, "--json"
    )
    found = json.loads(done.stdout)
    assert "weather" not in found["model"]["learnt_from"]
    assert 0.3 * found["orders"] < found["by_destination"]["SP"]["model"]["orders"] < 0.6 * found["orders"]
    near = {part: each["model"]["orders"] for part, each in found["by_weather"].items()}
    assert 0.3 * found["orders"] < near["at_destination"] < near["at_either"] < found["orders"]
    model, peers = found["model"], found["baselines"]
    trees = {"lightgbm", "lightgbm_conformal", "lightgbm_recalibrated"}
    assert set(peers) == {"olist_promise", "global_median", "lane_median_45d", *trees}
    assert model["mae_days"] < peers["lightgbm"]["mae_days"] < peers["lane_median_45d"]["mae_days"]
    assert model["pinball"] < min(peers[name]["pinball"] for name in trees)
    beside = found["at_olists_late_rate"]
    assert model["shorter_than_olist"] == beside["spent_evenly"]["shorter"] > beside["shorter"] > 0
    assert 0.85 < model["coverage_p90"] < 0.95
    curves = found["reliability"]
    assert set(curves) == {"model", *trees}
    for name, curve in curves.items():
        assert [each["level"] for each in curve] == sorted({each["level"] for each in curve})
        assert [each["mean_days"] for each in curve] == sorted(each["mean_days"] for each in curve)
        scored = model if name == "model" else peers[name]
        for level in (0.5, 0.8, 0.9):
            [point] = [each for each in curve if each["level"] == level]
            assert point["held"] == scored[f"coverage_p{level * 100:.0f}"]
        assert point["mean_days"] == scored["mean_p90_days"]
    assert set(found["by_month"]) == {"2018-04", "2018-05"}
    assert model["orders"] == sum(each["model"]["orders"] for each in found["by_month"].values())
