"""Lanes are the same on every engine."""

import msgspec
from tests.conformance.engines import Opened
from tests.rooms.forecast.test_lanes import PLACES, SCANS, SHANGHAI, read

from waypost.engines.reference import open_reference
from waypost.forecast.lanes import read_lane, read_lanes
from waypost.testing import World
from waypost.track.fold import StatusFold
from waypost.track.tables import bundled_tables


def told(world: World) -> bytes:
    for number in ("YT1", "YT3"):
        world.book(number, destination=SHANGHAI, promised_ms=1_793_700_000_000)
    reader = read(world)
    return msgspec.json.encode([read_lanes(reader), read_lane(reader, "CN-ZJ", "CN-SH")])


def test_all_engines_tell_the_same(opened: Opened) -> None:
    reference = World(open_reference(StatusFold(bundled_tables())), SCANS, PLACES)
    try:
        expected = told(reference)
    finally:
        reference.memory.close()
    assert told(World(opened.memory, SCANS, PLACES)) == expected
    assert b'"parcels":4' in expected
