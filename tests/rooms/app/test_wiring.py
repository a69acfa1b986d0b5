"""The house as it is joined from its rooms."""

import json
from pathlib import Path

import pyarrow as pa

from waypost.app.scores import scores_of
from waypost.app.settings import Settings
from waypost.app.wiring import open_house
from waypost.testing.clock import Clock
from waypost.track.wire import read_json_array


def test_all_in_a_house_goes_by_its_clock(tmp_path: Path) -> None:
    clock = Clock("2031-05-06T07:08:09Z")
    rows = [{"carrier": "yto", "number": "YT1", "code": "GOT", "at": "2031-05-06T15:00:00+08:00"}]
    with open_house(Settings(home=tmp_path / "home"), clock=clock) as house:
        house.reception.receive(read_json_array(json.dumps(rows).encode(), 10))
        [frame] = house.memory.log.read(0)
        assert frame.scans.column("recorded_at").cast(pa.int64()).to_pylist() == [clock.now_ms]
        house.memory.index.catch_up(1, 30)
        told = scores_of(house)(clock.now_ms - 3_600_000, None)
        assert [(card.carrier, card.scans) for card in told.carriers] == [("yto", 1)]
