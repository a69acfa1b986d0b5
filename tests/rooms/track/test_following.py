"""Scans of looked-up parcels as columns, held against those that history tells of the same."""

from collections.abc import Iterator

import pyarrow as pa
import pytest

from waypost.engines.reference import open_reference
from waypost.model.places import Place
from waypost.testing import World, scan
from waypost.track.fold import StatusFold
from waypost.track.following import FOLLOWED_SCHEMA
from waypost.track.records import TOLD_SCHEMA, list_all_links, list_told
from waypost.track.standing import read_standing
from waypost.track.tables import bundled_tables

SCANS = """
    YT1  2026-05-20 10:00  GOT        Hangzhou
         2026-05-20 22:00  DEPARTURE  Hangzhou
         2026-05-20 22:00  nobody_knows_this  Hangzhou
         2026-05-22 09:30  SIGNED     Shanghai
    YT2  2026-05-21 18:00  GOT
    YT3  2026-05-20 10:00  GOT        Shanghai
    YT9  2026-05-20 11:00  ARRIVAL    Ningbo
         2026-05-28 11:00  GOT        Ningbo
"""
LINK_ENDS_MS = 1_779_638_400_000  # 2026-05-24T16:00:00Z
NUMBERS = ["YT1", "YT2", "YT3", "YT9", "none"]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World(open_reference(StatusFold(bundled_tables())), SCANS)
    wrong = scan("YT2", "SIGNED", "2026-05-21 19:00", at="Hangzhou")
    world.keep([wrong, scan("YT2", "void", "2026-05-21 19:05", corrects=wrong)])
    first = world.book("YT1", destination=Place(country="CN", region="SH"), promised_ms=1_779_440_000_000)
    world.book("YT2", destination=Place(country="CN"))
    world.book("YT3", promised_ms=1_779_450_000_000)
    world.link(first, "YT9", "yto", None, LINK_ENDS_MS)
    yield world
    world.memory.close()


def test_they_are_those_of_history(world: World) -> None:
    _, followed = world.tracker.find_followed(NUMBERS)
    with world.memory.records.read() as connection:
        links = list_all_links(connection)
    standing = read_standing(world.memory.history, world.tables, links)

    def ask(scans: object) -> object:
        rows = standing(scans)
        rows = rows.filter(rows["rank"] >= 0)
        return rows.select(
            "parcel_carrier", "carrier", "status", "facility", "at", "offset_min", number=rows.parcel_number
        )

    told = world.memory.history.run(ask).select(FOLLOWED_SCHEMA.names).cast(FOLLOWED_SCHEMA)
    order = [(name, "ascending") for name in FOLLOWED_SCHEMA.names]
    assert followed.scans.sort_by(order).equals(told.sort_by(order))
    assert sorted(followed.scans.column("number").to_pylist()) == ["YT1"] * 4 + ["YT2", "YT3", "YT9"]


def test_what_was_told_of_them_is_that_of_the_records(world: World) -> None:
    _, followed = world.tracker.find_followed(NUMBERS)
    with world.memory.records.read() as connection:
        told = list_told(connection)
    order = [("told_number", "ascending")]
    assert followed.told.sort_by(order).equals(told.sort_by(order))
    assert followed.told.schema == TOLD_SCHEMA
    assert followed.told.num_rows == 2


def test_they_come_with_what_is_shown(world: World) -> None:
    answers, _ = world.tracker.find_followed(NUMBERS, None, 3)
    assert answers == world.tracker.find_timelines(NUMBERS, None, 3)
    parcel, scans, followed = world.tracker.get_followed("yto", "YT1")
    assert (parcel, scans) == world.tracker.get_parcel("yto", "YT1")
    assert set(followed.scans.column("number").to_pylist()) == {"YT1"}


def test_nothing_follows_from_nobody(world: World) -> None:
    _, followed = world.tracker.find_followed(["none"])
    assert followed.scans.equals(FOLLOWED_SCHEMA.empty_table())
    assert followed.told.equals(pa.table([[]] * len(TOLD_SCHEMA), TOLD_SCHEMA))
