"""The twin's driver: what its carriers send comes in by the reception of a house."""

import datetime as dt
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from tests.rooms.app.commands import Commands

from waypost.app.settings import read_settings
from waypost.app.twin import Changes, drive, introduce
from waypost.app.wiring import open_house
from waypost.model.errors import BadInput
from waypost.model.instants import DAY_MS
from waypost.model.scans import join_batches
from waypost.twin.changes import CloseHub, MoveCutOff
from waypost.twin.run import Run
from waypost.twin.world import World, make_world

START_MS = int(dt.datetime(2026, 9, 8, tzinfo=dt.UTC).timestamp() * 1000)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(5, 1_000, 12)


def test_hands_in_all_scans_and_only_once(world: World, tmp_path: Path) -> None:
    sent = join_batches([batch for _, batch in Run(world, START_MS).scans(START_MS + 3 * DAY_MS)])
    with open_house(read_settings(home=tmp_path)) as house:
        for _ in range(2):  # a day that is replayed changes nothing
            run = Run(world, START_MS)
            introduce(house, world, run)
            handed = drive(house, run, START_MS + 3 * DAY_MS)
            assert (handed.scans, handed.refused) == (sent.num_rows, 0)
            assert house.memory.index.catch_up(house.memory.log.position(), 60)
        counted = house.memory.history.run(lambda scans: scans.aggregate(scans=scans.count()))
        assert counted.column("scans")[0].as_py() == sent.num_rows
        number = sent.column("number")[0].as_py()
        [found] = house.tracker.find([number])
        assert len(found.parcels) == 1
        facility = house.facilities.find("zto", "310101-1")
        assert facility is not None
        assert facility.place.city == "黄浦区"
        assert house.has_timetable()
        recorded = sent.column("recorded_at").cast(pa.int64())
        assert recorded[0].as_py() < START_MS + DAY_MS


def test_keeps_to_its_speed_and_stops_when_told(world: World, tmp_path: Path) -> None:
    stopping = threading.Event()
    with open_house(read_settings(home=tmp_path)) as house:
        handed = drive(house, Run(world, START_MS), START_MS + 1_200_000, speed=4_000)
        assert handed.seconds >= 0.3  # twenty minutes
        stopping.set()
        assert drive(house, Run(world, START_MS), START_MS + DAY_MS, stopping=stopping).now_ms < START_MS + 3_600_000


def test_reads_changes_and_says_how_to_write_them() -> None:
    changes = Changes(close=["zto/310000-H, 2, 8"], cut_off=["zto/310000-H,-30"])
    assert changes.read(0) == [
        CloseHub(hub="zto/310000-H", from_ms=7_200_000, until_ms=28_800_000),
        MoveCutOff(hub="zto/310000-H", minutes=-30),
    ]
    with pytest.raises(BadInput, match="cannot be read"):
        Changes(room=["zto/310000-H,2"]).read(0)
    with pytest.raises(BadInput, match="without end"):
        Changes(front=["1,2,3,4,inf"]).read(0)


def test_commands_answer_in_json(tmp_path: Path) -> None:
    commands = Commands(tmp_path / "home")
    small = ("--parcels-per-day", "500", "--prefectures", "8", "--from", "2026-09-08T00:00:00Z")
    handed = commands.ask("twin", "run", *small, "--days", "0.33", "--warm-up", "1")
    assert handed["scans"] > 100
    assert handed["refused"] == 0
    assert (tmp_path / "home" / "twin" / "log").is_dir()
    assert not (tmp_path / "home" / "log").exists(), "never among real parcels"
    found = commands.ask("twin", "what-if", *small, "--warm-up", "1", "--close", "zto/310000-H,0,24")
    assert found["later"] > 0
    assert found["changed"]["kept_share"] < found["base"]["kept_share"]
    said = commands.call("twin", "what-if", *small, "--warm-up", "1", "--close", "zto/310000-H,0,24")
    assert "zto/310000-H 上海市: most waiting" in said.stdout.decode()
    assert "no hub 'zto/nowhere'" in commands.fail("twin", "what-if", "--close", "zto/nowhere,0,1", code=2)
