"""How parcels ended, under whichever of their numbers."""

from tests.rooms.track.way import ms

from waypost.model.carriage import Parcel, Waybill
from waypost.store.protocols import Memory
from waypost.testing import World, scan
from waypost.track.endings import Ending, Endings
from waypost.track.records import keep_link, keep_parcels


def test_each_parcel_is_told_how_far_it_is(memory: Memory) -> None:
    world = World(
        memory,
        [
            scan("YT1", "GOT", "2026-11-20 10:00"),
            scan("YT1", "SIGNED", "2026-11-22 10:00"),
            scan("YT2", "GOT", "2026-11-20 10:00"),
            scan("YT2", "SENT_SCAN", "2026-11-21 11:00"),
            scan("YT3", "GOT", "2026-11-20 10:00"),
        ],
    )
    asked = [Waybill("yto", f"YT{each}") for each in range(1, 5)] + [Waybill("sto", "YT1")]
    assert Endings(world.tracker).find(asked) == {
        asked[0]: Ending(True, ms("2026-11-22T10:00:00+08:00")),
        asked[1]: Ending(False, ms("2026-11-21T11:00:00+08:00")),
        asked[2]: Ending(False, ms("2026-11-20T10:00:00+08:00")),
    }
    assert Endings(world.tracker).find([]) == {}


def test_the_number_of_another_carrier_tells_too(memory: Memory) -> None:
    world = World(memory, [scan("YT1", "GOT", "2026-11-20 10:00"), scan("YT9", "SIGNED", "2026-11-22 10:00")])
    first = Waybill("yto", "YT1")
    with memory.records.begin() as connection:
        keep_parcels(connection, [Parcel(id="par_1", waybill=first)])
        keep_link(connection, "par_1", Waybill("yto", "YT9"))
    assert Endings(world.tracker).find([first]) == {first: Ending(True, ms("2026-11-22T10:00:00+08:00"))}
