"""Scans one after another."""

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from waypost.engines.reference import open_reference
from waypost.forecast.steps import (
    BOOKED_SCHEMA,
    LOST_DAYS,
    MOST_LOST_DAYS,
    Steps,
    make_steps,
    place_steps,
    read_steps,
)
from waypost.model.errors import BadInput
from waypost.model.instants import DAY_MS, Instant, OffsetSource
from waypost.model.places import Facility, FacilityKind, Place
from waypost.model.scans import ScanEvent
from waypost.network.areas import Areas
from waypost.testing import World, scan
from waypost.testing.trips import OFFSET_MIN, imagine_trips
from waypost.track.fold import StatusFold
from waypost.track.statuses import get_status
from waypost.track.tables import bundled_tables

NOW_MS = 1_780_000_000_000  # 2026-05-28T20:26:40Z

SCANS = """
    YT1  2026-05-20 10:00  GOT        Hangzhou
         2026-05-20 22:00  DEPARTURE  Hangzhou
         2026-05-22 09:30  SIGNED     Shanghai
    YT2  2026-05-21 18:00  GOT        Hangzhou
    YT3  2026-03-01 10:00  GOT        Hangzhou
    YT4  2026-05-20 10:00  GOT        Shanghai
         2026-05-21 10:00  returned_to_sender  Shanghai
"""

PLACES = [
    Facility(
        carrier="yto",
        code="Hangzhou",
        name="Hangzhou",
        kind=FacilityKind.HUB,
        place=Place(country="CN", region="ZJ", latitude=30.3, longitude=120.2),
    )
]

BOOKED = pa.table(
    [["yto"], ["YT1"], ["CN-SH"], [31.2], [121.5], [1_779_440_000_000]], schema=BOOKED_SCHEMA
)  # 2026-05-22T08:53:20Z


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World(open_reference(StatusFold(bundled_tables())), SCANS, PLACES)
    wrong = scan("YT2", "SIGNED", "2026-05-21 19:00", at="Hangzhou")
    world.keep([wrong, scan("YT2", "void", "2026-05-21 19:05", corrects=wrong)])
    yield world
    world.memory.close()


def read(world: World, days: int = 20, most: int = 1000, now_ms: int = NOW_MS) -> Steps:
    memory, tables = world.memory, world.tables
    return read_steps(memory.history, tables, world.facilities, now_ms=now_ms, days=days, booked=BOOKED, most=most)


def day(text: str) -> float:
    """An instant by the clock of Shanghai, in days since 1970."""
    moment = dt.datetime.fromisoformat(f"{text}+08:00")
    return moment.timestamp() * 1000 / DAY_MS


def test_scans_of_a_parcel_follow_one_another(world: World) -> None:
    found = read(world)
    rows = [number == "YT1" for number in found.table.column("number").to_pylist()]
    first, second, last = (day(f"2026-05-{text}") for text in ("20 10:00", "20 22:00", "22 09:30"))
    assert found.at[rows] == pytest.approx([first, second, last])
    assert found.following[rows] == pytest.approx([second, last, np.inf])
    assert found.previous[rows] == pytest.approx([np.nan, first, second], nan_ok=True)
    assert found.first[rows] == pytest.approx([first] * 3)
    assert found.delivered[rows] == pytest.approx([last] * 3)
    assert found.status[rows].tolist() == [
        get_status(code).number for code in ("picked_up", "departed_from_hub", "delivered")
    ]
    assert found.local[rows] == pytest.approx(np.array([first, second, last]) + 8 / 24)


def test_places_and_bookings_are_told_where_they_are_known(world: World) -> None:
    found = read(world)
    told = {name: found.table.column(name).to_pylist() for name in ("number", "facility", "area", "destination_area")}
    rows = [row for row in zip(*told.values(), strict=True) if row[0] == "YT1"]
    assert rows == [
        ("YT1", "yto/Hangzhou", "CN-ZJ", "CN-SH"),
        ("YT1", "yto/Hangzhou", "CN-ZJ", "CN-SH"),
        ("YT1", "yto/Shanghai", None, "CN-SH"),
    ]
    others = [area for number, area in zip(told["number"], told["destination_area"], strict=True) if number != "YT1"]
    assert set(others) == {None}
    promised = [not np.isnan(each) for each in found.promised]
    assert promised == [number == "YT1" for number in told["number"]]


def test_what_was_withdrawn_is_no_scan(world: World) -> None:
    found = read(world)
    rows = [number == "YT2" for number in found.table.column("number").to_pylist()]
    assert found.status[rows].tolist() == [get_status("picked_up").number]
    assert found.delivered[rows].tolist() == [np.inf]


def test_imagined_trips_come_out_of_a_history_as_they_went_in() -> None:
    imagined = imagine_trips(120, 6, hubs=4, stuck=0, lost=0.05)
    told = imagined.steps()
    rows = told.table.select(["number", "status", "facility", "area", "latitude", "longitude"]).to_pylist()
    scans = [
        ScanEvent(
            carrier="imagined",
            number=row["number"],
            code=row["status"],
            at=Instant(round(at * DAY_MS), OFFSET_MIN, OffsetSource.REPORTED),
            facility=row["facility"].partition("/")[2],
        )
        for row, at in zip(rows, told.at.tolist(), strict=True)
    ]
    hubs = {row["facility"]: row for row in rows}
    facilities = [
        Facility(
            carrier="imagined",
            code=name.partition("/")[2],
            name=name,
            kind=FacilityKind.HUB,
            place=Place(country="XX", region=row["area"][3:], latitude=row["latitude"], longitude=row["longitude"]),
        )
        for name, row in hubs.items()
    ]
    world = World(open_reference(StatusFold(bundled_tables())), scans, facilities)
    booked = told.table.select(BOOKED_SCHEMA.names).take(pa.array(np.flatnonzero(told.is_last)))
    now_ms = round(told.at.max() * DAY_MS) + 1
    found = read_steps(world.memory.history, world.tables, world.facilities, now_ms=now_ms, days=40, booked=booked)
    numbers = [f"P{number:07}" for number in range(120)]
    _, followed = world.tracker.find_followed(numbers, None, 1)
    looked_up = place_steps(followed.scans, world.facilities, Areas(world.facilities.list_all()), booked)
    world.memory.close()
    order = [("number", "ascending"), ("at", "ascending")]
    for each in (found, looked_up):
        assert each.table.sort_by(order).equals(told.table.sort_by(order))
        assert np.sort(each.delivered).tolist() == np.sort(told.delivered).tolist()


def test_only_parcels_of_the_last_days_come(world: World) -> None:
    assert set(read(world).table.column("number").to_pylist()) == {"YT1", "YT2", "YT4"}
    assert read(world, days=7).table.column("number").to_pylist() == ["YT1"] * 3  # also its scans before
    assert read(world, days=1).table.num_rows == 0


def test_of_too_many_a_share_of_the_parcels_comes_whole(world: World) -> None:
    whole, some = read(world), read(world, most=3)
    assert some.table.num_rows < whole.table.num_rows
    kept = set(some.table.column("number").to_pylist())
    rows = [number in kept for number in whole.table.column("number").to_pylist()]
    assert sum(rows) == some.table.num_rows
    assert (whole.shares, some.shares, some.known_at(day("2026-05-21 20:00")).shares) == (1, 3, 3)


def test_nothing_is_known_before_it_comes(world: World) -> None:
    before = day("2026-05-21 20:00")
    found, read_then = read(world).known_at(before), read(world, now_ms=round(before * DAY_MS))
    assert found.table.num_rows == read_then.table.num_rows == 5
    for each in (found, read_then):
        assert not np.isfinite(each.delivered).any()
        assert sorted(each.following.tolist())[0] < np.inf
    assert len(found.on_their_way()) == 2  # the fourth was sent back


def test_who_was_not_scanned_for_long_is_given_up(world: World) -> None:
    found = read(world)
    number = np.array(found.table.column("number").to_pylist())
    late = day("2026-05-21 18:00") + LOST_DAYS
    assert not found.is_given_up(late - 0.1).any()
    assert set(number[found.is_given_up(late + 0.1)]) == {"YT2"}


def test_a_carrier_with_few_scans_is_waited_for_as_long_as_its_gaps_last() -> None:
    chance = np.random.default_rng(1)

    def follow(carrier: str, most_days: float, parcels: int = 300) -> dict[str, list[object]]:
        gaps = np.round(chance.uniform(0, most_days, parcels) * DAY_MS).astype(np.int64)
        begun = np.full(parcels, 1_780_000_000_000)
        return {
            "carrier": [carrier] * 2 * parcels,
            "number": [f"{carrier}{row}" for row in range(parcels)] * 2,
            "status": ["picked_up"] * parcels + ["delivered"] * parcels,
            "at": [*begun.tolist(), *(begun + gaps).tolist()],
        }

    told = [follow("rare", 30), follow("dense", 3), follow("ages", 90), follow("few", 30, 50)]
    columns = {name: [each for part in told for each in part[name]] for name in told[0]}
    columns["at"] = np.array(columns["at"]).astype("datetime64[ms]")
    steps = make_steps(columns | {"offset_min": np.zeros(len(columns["number"]), np.int16)})
    days = dict(zip(steps.table.column("carrier").to_pylist(), steps.patience().tolist(), strict=True))
    assert days["rare"] == pytest.approx(30, abs=1)
    assert (days["dense"], days["ages"], days["few"]) == (LOST_DAYS, MOST_LOST_DAYS, LOST_DAYS)
    waiting = steps.known_at(float(steps.at.min()) + 1e-6)
    assert waiting.is_given_up(waiting.at[0] + 20).all(), "no gap has been seen to end"
    given_up = waiting.is_given_up(waiting.at[0] + 20, steps.find_patience())
    assert set(waiting.table.column("carrier").filter(pa.array(given_up)).to_pylist()) == {"dense", "few"}


def test_scans_of_one_instant_stand_as_in_a_parcels_life() -> None:
    found = make_steps(
        {
            "carrier": ["c"] * 3,
            "number": ["1"] * 3,
            "status": ["out_for_delivery", "picked_up", "arrived_at_hub"],
            "at": np.array([5, 5, 5], "datetime64[ms]"),
            "offset_min": np.zeros(3, np.int16),
        }
    )
    assert found.table.column("status").to_pylist() == ["picked_up", "arrived_at_hub", "out_for_delivery"]
    assert found.is_last.tolist() == [False, False, True]


def test_no_steps_at_all() -> None:
    nothing = make_steps({"carrier": [], "number": [], "status": [], "at": [], "offset_min": np.zeros(0, np.int16)})
    assert len(nothing) == len(nothing.previous) == len(nothing.on_their_way()) == 0


def test_other_columns_are_refused() -> None:
    with pytest.raises(BadInput, match="steps have the columns"):
        Steps(pa.table({"number": ["1"]}))
