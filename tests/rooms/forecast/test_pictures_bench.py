"""The pictures of promises: drawn from figures, told in words too, and measured on made-up orders."""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.pictures import Figures, draw, measure_ablation, measure_stretches
from benchmarks.promise import NOW, draw_trips

from waypost.forecast.circumstances import Kind
from waypost.forecast.trips import make_trips
from waypost.model.instants import DAY_MS

STARTS = ("2018-02-25", "2018-04-15")
TREES = ("lightgbm", "lightgbm_conformal", "lightgbm_recalibrated")


def curve(levels: list[float], off: float) -> list[dict[str, float]]:
    return [{"level": level, "held": round(level + off, 4), "mean_days": 20 * level + 2} for level in levels]


@pytest.fixture
def figures() -> Figures:
    """As they would be of promises that hold, and of trees whose promises hold less often than they say."""
    three = [0.5, 0.8, 0.9]
    found: dict[str, Any] = {
        "orders": 4000,
        "reliability": {"model": curve([0.3, *three, 0.99], 0.0)} | {name: curve(three, -0.08) for name in TREES},
        "at_olists_late_rate": {"late_rate": 0.11, "olist_mean_days": 23.3, "spent_evenly": {"mean_days": 21.4}},
    }
    runs = [
        {"left_out": kind, "seed": seed, "scores": {day: {"mae_days": error, "pinball": error / 2} for day in STARTS}}
        for kind, seed, error in (("", 0, 5.0), ("lately", 0, 5.2), ("trends", 0, 5.01), ("", 1, 5.04))
    ]
    return Figures(dict.fromkeys(STARTS, found), runs)


def test_pictures_say_in_words_what_they_show(figures: Figures, tmp_path: Path) -> None:
    drawn = draw(figures, tmp_path)
    assert [path.name for path in drawn] == ["reliability.svg", "windows.svg", "ablation.svg"]
    told = {}
    for path in drawn:
        sheet = ET.parse(path).getroot()
        told[path.stem] = sheet.findtext("{*}desc") or ""
        assert sheet.findtext("{*}title") in {element.text for element in sheet.findall("{*}text")}
        assert all(day in told[path.stem] for day in STARTS)
        assert "prefers-color-scheme:dark" in (sheet.findtext("{*}style") or "")
    assert "Waypost held 50 % at 50 %, 80 % at 80 %, 90 % at 90 %; LightGBM held 42 % at 50 %" in told["reliability"]
    assert "Olist promised 23.3 days, of which 89 % held." in told["windows"]
    assert (
        "mean error in days of orders from 2018-04-15 on: nothing left out 5.020, without lately 5.200"
        in told["ablation"]
    )


def test_marks_stand_in_their_panels_and_a_run_that_is_missing_has_none(figures: Figures, tmp_path: Path) -> None:
    draw(figures, tmp_path)
    for name in ("reliability", "windows", "ablation"):
        sheet = ET.parse(tmp_path / f"{name}.svg").getroot()
        height = float((sheet.get("viewBox") or "").split()[3])
        marks = sheet.findall("{*}circle")
        assert len(marks) > 1
        for mark in marks:
            assert 0 < float(mark.get("cx") or -1) < 760
            assert 0 < float(mark.get("cy") or -1) < height
    shapes = [element.get("class") for element in ET.parse(tmp_path / "ablation.svg").iter()]
    # One of each in the legend; in each of four panels three runs with seed 0 and one with seed 1.
    assert (shapes.count("circle"), shapes.count("diamond")) == (1 + 4 * 3, 1 + 4)


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_made_up_orders_are_measured_once(tmp_path: Path) -> None:
    """Made-up parcels, all promised for the ninth day by their shop."""
    drawn = draw_trips(2000, 6, 20, 50, seed=1)
    columns = {name: drawn.table.column(name) for name in drawn.table.schema.names}
    promised = np.round((np.floor(drawn.ordered) + 9) * DAY_MS).astype("datetime64[ms]")
    trips = make_trips(columns | {"promised_at": promised})
    starts, found, saved = {"2024-09-21": NOW - 13.0}, Figures(), []
    for _ in range(2):  # the second time all is there
        measure_stretches(trips, starts, found, lambda: saved.append("stretch"))
        measure_ablation(trips, starts, 1, found, lambda: saved.append("run"), [Kind.LATELY])
    assert saved == ["stretch", "run", "run"]
    whole = found.stretches["2024-09-21"]
    assert [run["left_out"] for run in found.runs] == ["", "lately"]
    every, without = (run["scores"]["2024-09-21"] for run in found.runs)
    assert every == {name: whole["model"][name] for name in every}
    assert every["orders"] == without["orders"] == whole["orders"] > 50
    assert every["pinball"] != without["pinball"]
    assert len(draw(found, tmp_path)) == 3
