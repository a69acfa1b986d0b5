"""How a parcel stands, by its scans and by its states."""

import random
from typing import Any

import pytest
from tests.rooms.track.random_worlds import CODES, random_world
from tests.rooms.track.way import FACILITIES, WAY, ms

from waypost.model.carriage import Waybill, parcel_id
from waypost.model.places import Place
from waypost.model.scans import VOID
from waypost.store.protocols import Memory
from waypost.testing import World, scan
from waypost.track.statuses import get_status
from waypost.track.views import Freshness, MilestoneView, ParcelView, PlaceView, WaybillView


def test_a_parcel_as_it_stands(memory: Memory) -> None:
    world = World(memory, WAY, FACILITIES)
    world.book(
        "YT1",
        order_number="ORDER-7",
        origin=Place(city="Hangzhou", region="Zhejiang", country="CN"),
        destination=Place(city="Shanghai", country="CN"),
        promised_ms=ms("2026-11-22T12:00:00Z"),
        weight_g=1250,
        note="fragile",
    )
    assert world.parcel("YT1") == ParcelView(
        id=parcel_id(Waybill("yto", "YT1")),
        carrier="yto",
        carrier_name="YTO Express",
        number="YT1",
        numbers=[WaybillView("yto", "YT1")],
        order_number="ORDER-7",
        status="delivered",
        status_at="2026-11-21T11:30:00+08:00",
        group="delivery",
        shape="done",
        place=PlaceView(facility="PVG", name="Shanghai hub", city="Shanghai", region="Shanghai", country="CN"),
        origin=PlaceView(city="Hangzhou", region="Zhejiang", country="CN"),
        destination=PlaceView(city="Shanghai", country="CN"),
        first_at="2026-11-20T10:00:00+08:00",
        last_at="2026-11-21T11:30:00+08:00",
        promised_by="2026-11-22T20:00:00+08:00",
        milestones=[
            MilestoneView("accepted", "2026-11-20T10:00:00+08:00"),
            MilestoneView("departed", "2026-11-20T22:10:00+08:00"),
            MilestoneView("arrived", "2026-11-21T06:20:00+08:00"),
            MilestoneView("out_for_delivery", "2026-11-21T08:00:00+08:00"),
            MilestoneView("delivered", "2026-11-21T11:30:00+08:00"),
        ],
        scans=5,
        weight_g=1250,
        note="fragile",
        flags=[],
        complete=True,
    )
    assert world.tracker.freshness() == Freshness.between(5, 5)


def test_a_parcel_that_nobody_booked_is_known_by_its_scans(memory: Memory) -> None:
    parcel = World(memory, WAY).parcel("YT1")
    assert parcel.id == parcel_id(Waybill("yto", "YT1"))
    assert (parcel.status, parcel.scans) == ("delivered", 5)
    assert (parcel.order_number, parcel.origin, parcel.promised_by, parcel.weight_g, parcel.note) == (None,) * 5


def test_a_parcel_that_nobody_scanned_is_known_by_its_record(memory: Memory) -> None:
    world = World(memory)
    world.book("YT9", order_number="O-9", promised_ms=ms("2026-11-22T12:00:00Z"))
    parcel = world.parcel("YT9")
    assert (parcel.status, parcel.group, parcel.shape, parcel.scans) == ("unknown", "none", "idle", 0)
    assert (parcel.status_at, parcel.first_at, parcel.last_at, parcel.place) == (None, None, None, None)
    assert parcel.promised_by == "2026-11-22T12:00:00+00:00"
    assert (parcel.milestones, parcel.flags) == ([], [])
    assert world.timeline("YT9") == []


def test_scans_that_nobody_withdrew_say_how_a_parcel_stands(memory: Memory) -> None:
    wrong = scan("YT1", "SIGNED", "2026-11-21 11:30", at="PVG")
    got = scan("YT1", "GOT", "2026-11-20 10:00", at="HGH")
    world = World(memory, [got, wrong])
    assert world.parcel("YT1").status == "delivered"
    world.keep([scan("YT1", VOID, "2026-11-21 12:00", corrects=wrong)])
    parcel = world.parcel("YT1")
    assert (parcel.status, parcel.status_at) == ("picked_up", "2026-11-20T10:00:00+08:00")
    assert [each.name for each in parcel.milestones] == ["accepted"]
    assert (parcel.last_at, parcel.scans, parcel.flags) == ("2026-11-20T10:00:00+08:00", 3, ["corrected"])
    assert parcel.place == PlaceView(facility="HGH")
    world.keep([scan("YT1", VOID, "2026-11-21 12:00", corrects=got)])
    parcel = world.parcel("YT1")
    assert (parcel.status, parcel.status_at, parcel.last_at, parcel.place) == ("unknown", None, None, None)


def test_the_view_and_the_index_agree_on_the_status(memory: Memory) -> None:
    """The one reads the timeline, the other folds scans one by one."""
    rng = random.Random(7)
    scans = [
        scan(f"YT{rng.randrange(20)}", rng.choice(CODES), f"2026-11-{rng.randrange(1, 4):02} 10:{rng.randrange(20):02}")
        for _ in range(150)
    ]
    scans += [scan(each.number, VOID, "2026-11-05 10:00", corrects=each) for each in rng.sample(scans, 15)]
    world = World(memory, scans)
    states = memory.index.states([f"YT{number}" for number in range(20)]).to_pylist()
    assert len(states) == 20
    for state in states:
        parcel = world.parcel(state["number"])
        assert parcel.status == get_status(state["status"]).code, state
        if parcel.last_at is not None:
            assert ms(parcel.last_at) == state["last_at"]


# Where not all scans are read


def test_the_state_says_what_the_scans_left_out_would(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.track.bundles.MOST_SCANS", 2)
    further = "".join(f"             2026-11-{day} 10:00  ARRIVAL    PVG\n" for day in (22, 23, 24))
    world = World(memory, WAY + further, FACILITIES)
    parcel = world.parcel("YT1")
    assert (parcel.scans, parcel.status, parcel.status_at) == (8, "delivered", "2026-11-21T11:30:00+08:00")
    assert (parcel.first_at, parcel.last_at) == ("2026-11-20T10:00:00+08:00", "2026-11-24T10:00:00+08:00")
    assert parcel.place == PlaceView(
        facility="PVG", name="Shanghai hub", city="Shanghai", region="Shanghai", country="CN"
    )
    assert parcel.milestones == [  # the hub was first reached on the 21st, and delivered it may have been before
        MilestoneView(name, None) for name in ("accepted", "departed", "arrived", "out_for_delivery", "delivered")
    ]
    assert parcel.complete
    assert [view.at[:10] for view in world.timeline("YT1")] == ["2026-11-24", "2026-11-23"]


def test_a_correction_that_is_left_out_still_counts_for_status_and_milestones(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waypost.track.bundles.MOST_SCANS", 1)
    wrong = scan("YT1", "SIGNED", "2026-11-21 11:30")
    got = scan("YT1", "GOT", "2026-11-20 10:00")
    world = World(memory, [got, wrong, scan("YT1", VOID, "2026-11-21 11:00", corrects=wrong)])
    parcel = world.parcel("YT1")
    assert (parcel.status, parcel.last_at, parcel.scans) == ("picked_up", "2026-11-20T10:00:00+08:00", 3)
    assert parcel.flags == ["corrected"]
    assert parcel.milestones == [MilestoneView("accepted", None)]
    assert [(view.code, view.flags) for view in world.timeline("YT1")] == [("SIGNED", [])]  # as documented


@pytest.mark.parametrize(
    ("flooded", "milestones"),
    [
        ("2026-11-25 08:00+00:00  departed_from_hub", ["accepted 20", "departed 22", "arrived", "delivered"]),
        ("2026-11-21 08:00+00:00  departed_from_hub", ["accepted 20", "departed", "arrived", "delivered"]),
        ("2026-11-21 08:00+00:00  notice", ["accepted 20", "departed 22", "arrived", "delivered"]),
    ],
)
def test_when_a_milestone_was_reached_is_told_where_nothing_left_out_came_before(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, flooded: str, milestones: list[str]
) -> None:
    world = World(
        memory,
        f"""
        yto/YT1    2026-11-20 10:00        GOT
                   2026-11-22 09:00        DEPARTURE
        ctt/LX9PT  {flooded}
                   2026-11-25 09:00+00:00  arrived_at_destination
                   2026-11-26 15:00+00:00  delivered
                   2026-11-27 15:00+00:00  arrived_at_destination
        """,
    )
    world.link(world.book("YT1"), "LX9PT", "ctt", None, None)
    monkeypatch.setattr("waypost.track.bundles.MOST_SCANS", 2)
    reached = world.parcel("YT1").milestones
    assert [f"{each.name} {each.at[8:10]}" if each.at else each.name for each in reached] == milestones


def test_milestones_and_status_are_of_one_moment(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scans that come between the reading of the states and of the timelines count for neither."""
    world = World(
        memory,
        """
        yto/YT1    2026-11-20 10:00        GOT
        ctt/LX9PT  2026-11-25 09:00+00:00  arrived_at_destination
                   2026-11-25 10:00+00:00  arrived_at_destination
                   2026-11-25 11:00+00:00  arrived_at_destination
        """,
    )
    world.link(world.book("YT1"), "LX9PT", "ctt", None, None)
    read = memory.index.timelines

    def late(*asked: Any) -> Any:
        world.keep([scan("YT1", "SIGNED", "2026-11-26 10:00")])
        return read(*asked)

    monkeypatch.setattr("waypost.track.bundles.MOST_SCANS", 2)
    monkeypatch.setattr(memory.index, "timelines", late)
    parcel = world.parcel("YT1")
    assert parcel.status == "arrived_at_destination"
    assert [each.name for each in parcel.milestones] == ["accepted", "arrived"]


@pytest.mark.parametrize("seed", range(30, 36))
def test_status_milestones_and_instants_are_the_same_however_few_scans_are_read(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    world = random_world(memory, seed)
    reached: dict[str, dict[str, str | None]] = {}

    def told() -> dict[str, tuple[object, ...]]:
        found = world.tracker.find([*(f"N{number}" for number in range(12)), "VOID-ONLY"])
        for each in found:
            for parcel in each.parcels:
                reached[parcel.id] = {milestone.name: milestone.at for milestone in parcel.milestones}
        return {
            parcel.id: (
                parcel.status,
                *(at and ms(at) for at in (parcel.status_at, parcel.first_at, parcel.last_at)),
                parcel.scans,
            )
            for each in found
            for parcel in each.parcels
        }

    whole, wholly = told(), dict(reached)
    assert len(whole) > 5
    for most in (1, 3):
        monkeypatch.setattr("waypost.track.bundles.MOST_SCANS", most)
        assert told() == whole
        for parcel, names in reached.items():
            assert set(names) == set(wholly[parcel])
            assert {name: at for name, at in names.items() if at}.items() <= wholly[parcel].items()


def test_states_of_several_numbers_are_united(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(
        memory,
        """
        yto/YT1    2026-11-20 10:00        GOT
                   2026-11-22 09:00        DEPARTURE
        ctt/LX9PT  2026-11-25 08:00+00:00  delivered
                   2026-11-26 15:00+00:00  arrived_at_destination
        """,
    )
    world.link(world.book("YT1"), "LX9PT", "ctt", None, None)
    whole = world.parcel("YT1")
    monkeypatch.setattr("waypost.track.bundles.MOST_SCANS", 1)
    parcel = world.parcel("LX9PT")
    assert (parcel.status, parcel.scans, parcel.numbers) == ("delivered", 4, whole.numbers)
    assert [at and ms(at) for at in (parcel.status_at, parcel.first_at, parcel.last_at)] == [
        at and ms(at) for at in (whole.status_at, whole.first_at, whole.last_at)
    ]


def test_of_a_number_that_parcels_share_nothing_is_said_by_its_state(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state of the number knows of another parcel's delivery; only the scans that were read say whose they are.

    So the parcel is not complete: those that were not read might be its own.
    """
    monkeypatch.setattr("waypost.track.bundles.MOST_SCANS", 2)
    world = World(
        memory,
        """
        sto/77  2026-05-03 10:00  delivered
                2026-10-05 10:00  picked_up
                2026-10-06 10:00  in_transit
        YT2     2026-10-01 10:00  GOT
        """,
    )
    world.link(world.book("YT2"), "77", "sto", ms("2026-10-01T00:00:00Z"), None)
    parcel = world.parcel("YT2")
    assert (parcel.status, parcel.scans, parcel.complete) == ("in_transit", 3, False)
    [alone] = world.tracker.find(["77"])[0].parcels
    assert (alone.id, alone.complete) == (parcel.id, False)
    monkeypatch.setattr("waypost.track.bundles.MOST_SCANS", 3)
    assert world.parcel("YT2").complete
