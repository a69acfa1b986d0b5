"""The benchmark of arrivals: it measures what it prints, and draws what it watched."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from benchmarks.arrivals import World, measure
from benchmarks.arriving.picture import draw


@pytest.fixture(scope="module")
def world() -> World:
    return World(5000, 60, seed=1)


def test_figures_are_those_of_the_world(world: World) -> None:
    figures = measure([world])
    assert figures["parcels"] == 5000
    assert figures["scans"] == len(world.steps)
    errors = [each["mae_hours"] for each in figures["by_scan"] if each["way"] == "straight"]
    assert len(errors) == 5
    assert errors[-1] < errors[0] / 2
    assert figures["at_scans"]["etas"] > figures["overdue"]["etas"] > 100
    assert 0.8 < figures["at_scans"]["coverage_p90"] < 0.97
    assert [each["risk_above"] for each in figures["losses"]] == [0.2, 0.5, 0.8]
    assert figures["losses"][-1]["precision"] > 0.8
    assert figures["warnings"]["warned_before_the_promise"] > 0.9
    assert figures["groups"]["stuck_trucks"] == 5
    assert figures["groups"]["halts"] == 1
    assert figures["groups"]["strange"] <= figures["groups"]["told"]
    assert [each["batch"] for each in figures["speeds"]] == [100, 1000, len(set(world.steps.known_at(20442.0).parcel))]
    assert all(rate > 0 for each in figures["speeds"] for rate in each.values())


def test_a_picture_of_a_parcel_whose_truck_got_stuck(world: World, tmp_path: Path) -> None:
    path = tmp_path / "eta.svg"
    draw(world, path)
    words = [element.text for element in ET.parse(path).iter() if element.tag.endswith("text")]
    assert {"delivered", "promised", "1", "2"} <= set(words)
    assert any("delivered H" in (text or "") for text in words)
    again = tmp_path / "again.svg"
    draw(world, again)
    assert path.read_text("utf-8") == again.read_text("utf-8")
