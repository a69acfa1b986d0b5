"""`waypost backtest`, over a few series that are made up."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from tests.rooms.app.commands import Commands


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Hours of a day and a week, more and less noisy."""
    chance = np.random.default_rng(5)
    hour = np.arange(24 * 7 * 5)
    lines = ["id"]
    for place in range(8):
        mean = 100 + 60 * np.sin(hour * 2 * np.pi / 24 + place) + 30 * (hour // 24 % 7 < 5)
        lines.append(
            ",".join([f"H{place}", *(f"{value:.1f}" for value in mean * chance.lognormal(0, 0.05, len(hour)))])
        )
    (tmp_path / "Hourly-train.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_it_is_scored_beside_the_seasonal_naive(commands: Commands, data: Path) -> None:
    told = commands.ask("backtest", "volume", "--data", str(data), "--group", "hourly", "--without-peers")
    [group] = told["groups"]
    assert (group["group"], group["series"], group["horizon"]) == ("hourly", 8, 48)
    assert group["held_out"] == "the last 48 values of each series of Hourly-train.csv"
    own, naive = group["methods"]
    assert (own["name"], naive["name"]) == ("waypost", "seasonal naive")
    assert own["owa"] < naive["owa"]
    assert [each["level"] for each in own["coverage"]] == [0.1, 0.5, 0.9]
    assert len(own["coverage"][0]["by_step"]) == 48
    assert 0.5 < own["within_p10_p90"] < 0.98
    assert own["cpu_s"] > 0


def test_people_get_a_table_the_best_first(commands: Commands, data: Path) -> None:
    done = commands.call("backtest", "volume", "--data", str(data), "--group", "hourly", "--without-peers")
    head, columns, best, *_ = done.stdout.decode().splitlines()
    assert head == "hourly: 8 series, 48 ahead, against the last 48 values of each series of Hourly-train.csv"
    assert columns.split()[:2] == ["method", "OWA"]
    assert best.split()[0] == "waypost"


def test_peers_are_scored_too(commands: Commands, data: Path) -> None:
    lines = (data / "Hourly-train.csv").read_text().splitlines()[:3]
    few = data / "few"
    few.mkdir()
    (few / "Hourly-train.csv").write_text("\n".join(lines) + "\n")
    told = commands.ask("backtest", "volume", "--data", str(few), "--group", "hourly")
    names = [each["name"] for each in told["groups"][0]["methods"]]
    assert names == ["waypost", "seasonal naive", "AutoETS", "AutoTheta"]
    assert all(each["owa"] < 1.5 for each in told["groups"][0]["methods"])


def test_missing_peers_are_told_with_how_to_get_them(
    commands: Commands, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    said = commands.fail("backtest", "volume", "--data", str(data), code=2)
    assert "pip install statsforecast" in said
    assert "--without-peers" in said


def test_a_folder_without_the_files(commands: Commands, tmp_path: Path) -> None:
    assert "Weekly-train.csv" in commands.fail(
        *("backtest", "volume", "--data", str(tmp_path), "--group", "weekly", "--without-peers"), code=1
    )
