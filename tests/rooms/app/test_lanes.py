"""`waypost lanes` over a home."""

import json
from pathlib import Path

import pytest
from tests.rooms.app.commands import Commands

FACILITIES = """carrier,code,name,kind,region,country,zone
waypost,A,Curitiba hub,hub,PR,BR,America/Sao_Paulo
waypost,B,Guarulhos hub,hub,SP,BR,America/Sao_Paulo
"""
SCANS = [
    {"carrier": "waypost", "number": number, "code": code, "at": at, "facility": facility}
    for number, days in (("W1", 1), ("W2", 3))
    for code, at, facility in (
        ("picked_up", "2019-03-04T10:00:00-03:00", "A"),
        ("delivered", f"2019-03-{4 + days:02}T10:00:00-03:00", "B"),
    )
]


@pytest.fixture
def home(tmp_path: Path) -> Commands:
    made = Commands(tmp_path / "home")
    (tmp_path / "facilities.csv").write_text(FACILITIES)
    (tmp_path / "scans.ndjson").write_text("\n".join(map(json.dumps, SCANS)))
    made.ask("import", "facilities", str(tmp_path / "facilities.csv"))
    made.ask("import", "scans", str(tmp_path / "scans.ndjson"))
    return made


def test_lanes_are_listed_and_one_is_told(home: Commands) -> None:
    [row] = home.ask("lanes")["lanes"]
    assert (row["origin"], row["destination"], row["times"]["p50_h"], row["times"]["p90_h"]) == (
        "BR-PR",
        "BR-SP",
        24.0,
        72.0,
    )
    lane = home.ask("lanes", "--from", "BR-PR", "--to", "BR-SP")
    assert [week["week"] for week in lane["carriers"][0]["weeks"]] == ["2019-03-04"]
    said = home.call("lanes", "--from", "BR-PR", "--to", "BR-SP")
    assert "2019-03-04" in said.stdout.decode()
    assert "days ago, with one of 2019-03-07" in said.stderr.decode()


def test_areas_are_found_however_they_are_spelled(home: Commands) -> None:
    assert home.ask("lanes", "--from", "br-pr", "--to", "BR-sp") == home.ask(
        "lanes", "--from", "BR-PR", "--to", "BR-SP"
    )
    assert [row["destination"] for row in home.ask("lanes", "--to", "br-sp")["lanes"]] == ["BR-SP"]


def test_a_lane_without_parcels_is_said(home: Commands) -> None:
    assert "no parcel was handed over on such a lane" in home.fail("lanes", "--from", "CN", code=1)
