"""What is looked up is what one who looks back finds."""

import numpy as np
import pytest
from tests.rooms.forecast.worlds import START, imagine

from waypost.forecast.circumstances import LEARNT, describe
from waypost.forecast.moment import Moment
from waypost.forecast.trips import TRIP_SCHEMA, Trips, make_trips, number_rows


def join(first: Trips, second: Trips) -> Trips:
    columns = {
        name: [*first.table.column(name).to_pylist(), *second.table.column(name).to_pylist()]
        for name in TRIP_SCHEMA.names
    }
    return make_trips(columns)


def test_what_is_looked_up_is_what_looking_back_finds() -> None:
    known = imagine(1500, 60)
    now = START + 60
    asked = imagine(200, 1, seed=1).at(np.arange(200), now)
    together = join(known, asked)
    rows = np.flatnonzero(together.ordered == now)
    assert len(rows) == 200
    words = describe(known).words
    whole = describe(together, words=words)
    looked_up = describe(asked, recents=Moment(known, now).look_up(asked), words=words)
    for name in whole.names(LEARNT):
        assert looked_up.columns[name] == pytest.approx(whole.columns[name][rows], nan_ok=True), name


def test_where_nobody_has_been_it_is_as_around_there() -> None:
    known = imagine(1500, 60)
    columns = {
        "number": number_rows(3),
        "ordered_at": np.full(3, round((START + 60) * 86_400_000)).astype("datetime64[ms]"),
        "offset_min": np.zeros(3, np.int16),
        "is_void": np.zeros(3, np.bool_),
        "origin_region": ["r0", "elsewhere", "r0"],
        "destination_region": ["r1", "r1", "nowhere"],
        "shipper": ["s1", "new", None],
    }
    asked = make_trips(columns)
    found = {name: each.values for name, each in Moment(known, START + 60).look_up(asked).items()}
    assert found["whole_lane_45"][0] != found["whole_region_45"][0]
    assert found["whole_lane_45"][1] == found["whole_region_45"][1] == found["whole_region_45"][0]
    assert found["whole_lane_45"][2] == found["whole_region_45"][2] == found["whole_45"][2]
    assert found["shipper_parcels"].tolist()[1:] == [0, 0]
    assert found["waited_shipper_14"][1] == found["waited_14"][1]
