"""A world in a few lines, over any memory."""

from collections.abc import Iterator

import msgspec
import pytest

from waypost.engines.reference import open_reference
from waypost.model.errors import StoreError
from waypost.store.protocols import Memory
from waypost.testing import World, facility, scan
from waypost.track.fold import StatusFold
from waypost.track.tables import CodeTables, bundled_tables


@pytest.fixture
def memory() -> Iterator[Memory]:
    memory = open_reference(StatusFold(bundled_tables()))
    yield memory
    memory.close()


def test_a_parcel_and_its_way(memory: Memory) -> None:
    world = World(
        memory,
        """
        YT1  2026-11-20 10:00  GOT     HGH
             2026-11-21 09:30  SIGNED  PVG
        """,
        [facility("HGH", "CN-Zhejiang", city="Hangzhou")],
    )
    assert world.parcel("YT1").status == "delivered"
    assert [(view.code, view.place and view.place.city) for view in world.timeline("YT1")] == [
        ("SIGNED", None),
        ("GOT", "Hangzhou"),
    ]
    world.keep([scan("YT2", "GOT", "2026-11-20 10:00")])
    assert (world.overview().parcels, world.overview().scans) == (2, 3)


def test_a_parcel_may_be_booked_and_linked(memory: Memory) -> None:
    world = World(memory, [scan("LX1", "delivered", "2026-11-20T10:00:00Z", carrier="ctt")])
    world.link(world.book("YT1", order_number="O-1"), "LX1", "ctt", None, None)
    assert (world.parcel("O-1").number, world.parcel("O-1").status) == ("YT1", "delivered")


def test_only_one_parcel_is_the_parcel(memory: Memory) -> None:
    world = World(memory, "yto/1  2026-11-20 10:00  GOT\nsto/1  2026-11-20 10:00  picked_up")
    for number in ("1", "nobody's"):
        with pytest.raises(ValueError, match="unpack"):
            world.parcel(number)


def test_other_tables_than_those_of_the_package(memory: Memory) -> None:
    world = World(memory, "YT1  2026-11-20 10:00  GOT", tables=CodeTables([], {}))
    assert world.timeline("YT1")[0].status == "unknown"


def test_an_index_that_does_not_catch_up_is_told(memory: Memory) -> None:
    class Slow:
        def catch_up(self, position: int, timeout_s: float) -> bool:
            return False

    with pytest.raises(StoreError, match="did not catch up"):
        World(msgspec.structs.replace(memory, index=Slow()), "YT1  2026-11-20 10:00  GOT")
