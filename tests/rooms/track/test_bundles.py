"""Which scans belong to which parcel, also where numbers are shared, and how much is read to find out."""

from collections.abc import Callable

import pyarrow as pa
import pytest
from tests.rooms.track.way import ms

from waypost.model.scans import ScanEvent
from waypost.store.protocols import Memory
from waypost.testing import World, scan
from waypost.track.parcels import Filters
from waypost.track.views import WaybillView


def test_a_handover_joins_two_carriers_into_one_parcel(memory: Memory) -> None:
    world = World(
        memory,
        """
        yto/YT1    2026-11-20 10:00        GOT
                   2026-11-22 09:00        DEPARTURE
        ctt/LX9PT  2026-11-25 08:00+00:00  arrived_at_destination
                   2026-11-26 15:00+00:00  delivered
        """,
    )
    parcel = world.book("YT1", promised_ms=ms("2026-11-27T18:00:00Z"))
    world.link(parcel, "LX9PT", "ctt", None, None)
    for asked in ("YT1", "LX9PT", "lx9pt"):
        view = world.parcel(asked)
        assert (view.carrier, view.number, view.status, view.scans) == ("yto", "YT1", "delivered", 4)
        assert view.numbers == [WaybillView("yto", "YT1"), WaybillView("ctt", "LX9PT")]
        assert (view.first_at, view.last_at) == ("2026-11-20T10:00:00+08:00", "2026-11-26T15:00:00+00:00")
        assert view.promised_by == "2026-11-27T18:00:00+00:00"
    for carrier, number in (("yto", "YT1"), ("ctt", "LX9PT")):
        codes = [each.code for each in world.timeline(number, carrier)]
        assert codes == ["delivered", "arrived_at_destination", "DEPARTURE", "GOT"]


def _reused(memory: Memory) -> World:
    """`sto/77` was borne by YT1 until June, by YT2 from October on, and by somebody else in between."""
    world = World(
        memory,
        """
        YT1     2026-05-01 10:00  GOT
        sto/77  2026-05-03 10:00  delivered
                2026-08-01 10:00  picked_up
                2026-10-05 10:00  in_transit
        YT2     2026-10-01 10:00  GOT
        """,
    )
    world.link(world.book("YT1", order_number="O-1"), "77", "sto", None, ms("2026-06-01T00:00:00Z"))
    world.link(world.book("YT2", order_number="O-2"), "77", "sto", ms("2026-10-01T00:00:00Z"), None)
    return world


def test_a_number_that_is_used_again_is_split_by_date(memory: Memory) -> None:
    world = _reused(memory)
    [found] = world.tracker.find(["77"])
    assert [(view.number, view.status, view.scans) for view in found.parcels] == [
        ("77", "picked_up", 1),
        ("YT1", "delivered", 2),
        ("YT2", "in_transit", 2),
    ]
    assert len({view.id for view in found.parcels}) == 3


def test_a_link_holds_from_an_instant_to_before_another(memory: Memory) -> None:
    world = World(memory, "".join(f"sto/77  2026-05-03 10:0{minute}+00:00  in_transit\n" for minute in range(6)))
    world.link(world.book("YT1"), "77", "sto", ms("2026-05-03T10:01:00Z"), ms("2026-05-03T10:04:00Z"))
    world.link(world.book("YT2"), "77", "sto", ms("2026-05-03T10:04:00Z"), None)
    minutes = [[view.at[15] for view in world.timeline(number)] for number in ("YT1", "YT2")]
    assert minutes == [["3", "2", "1"], ["5", "4"]]


@pytest.mark.parametrize(
    ("asked", "status", "scans"),
    [("YT1", "delivered", 2), ("O-1", "delivered", 2), ("YT2", "in_transit", 2), ("O-2", "in_transit", 2)],
)
def test_a_split_does_not_depend_on_what_was_asked(memory: Memory, asked: str, status: str, scans: int) -> None:
    view = _reused(memory).parcel(asked)
    assert (view.status, view.scans) == (status, scans)


@pytest.mark.parametrize(
    ("carrier", "number", "codes"),
    [
        ("yto", "YT1", ["delivered", "GOT"]),
        ("yto", "YT2", ["in_transit", "GOT"]),
        ("sto", "77", ["picked_up"]),  # of the one that was accepted under it
    ],
)
def test_the_timelines_of_a_number_that_is_used_again(
    memory: Memory, carrier: str, number: str, codes: list[str]
) -> None:
    assert [view.code for view in _reused(memory).timeline(number, carrier)] == codes


@pytest.mark.parametrize("asked", ["YT1", "O-1", "A7", "O-A7", "Z7", "O-Z7"])
@pytest.mark.parametrize("later", ["A7", "Z7"])
def test_a_waybill_number_that_another_parcel_bears_later_is_split_too(memory: Memory, asked: str, later: str) -> None:
    """Whichever of the two sorts first, and whichever of their numbers is asked for."""
    world = World(
        memory,
        f"""
        YT1       2026-05-01 10:00  GOT
                  2026-10-05 10:00  DEPARTURE
        {later}   2026-10-01 10:00  GOT
        """,
    )
    world.book("YT1", order_number="O-1")
    world.link(world.book(later, order_number=f"O-{later}"), "YT1", "yto", ms("2026-10-01T00:00:00Z"), None)
    [found] = world.tracker.find([asked])
    scans = {view.number: view.scans for view in found.parcels}
    expected = {"YT1": {"YT1": 1, later: 2}, "O-1": {"YT1": 1}, later: {later: 2}, f"O-{later}": {later: 2}}
    assert scans == expected.get(asked, {})


# Bounds


def read_rows(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Notes how many rows each look-up in the index gives."""
    rows: list[int] = []

    def noting(read: Callable[..., pa.Table]) -> Callable[..., pa.Table]:
        def asked(*args: object, **options: object) -> pa.Table:
            found = read(*args, **options)
            rows.append(found.num_rows)
            return found

        return asked

    for name in ("states", "timelines"):
        monkeypatch.setattr(memory.index, name, noting(getattr(memory.index, name)))
    return rows


def heavy(carriers: int, scans: int) -> list[ScanEvent]:
    return [
        scan("YT1", "GOT", f"2026-11-20 10:{minute:02}+08:00", carrier=f"c{carrier:03}")
        for carrier in range(carriers)
        for minute in range(scans)
    ]


def test_one_number_of_very_many_carriers_is_read_in_part(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.track.parcels.MOST_BEARING", 10)
    monkeypatch.setattr("waypost.track.parcels.MOST_PARCELS", 4)
    world = World(memory, heavy(30, 2))
    rows = read_rows(memory, monkeypatch)
    [found] = world.tracker.find(["YT1"])
    assert [parcel.carrier for parcel in found.parcels] == ["c000", "c001", "c002", "c003"]
    assert [parcel.scans for parcel in found.parcels] == [2] * 4
    assert found.more == 6  # of the ten that were looked at
    assert sum(rows) == 10 + 4 + 4 * 2


def test_a_parcel_beyond_those_is_found_by_its_carrier(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.track.parcels.MOST_BEARING", 10)
    world = World(memory, heavy(30, 2))
    parcel, scans = world.tracker.get_parcel("c029", "YT1")
    assert (parcel.carrier, len(scans)) == ("c029", 2)
    [(found, _)] = world.tracker.find_timelines(["YT1"], "c029")
    assert [each.carrier for each in found.parcels] == ["c029"]
    page = world.tracker.list_parcels(Filters(carrier="c029"), None, 100)
    assert [each.carrier for each in page.parcels] == ["c029"]


def test_a_parcel_of_very_many_scans_is_read_in_part(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.track.bundles.MOST_SCANS", 5)
    world = World(memory, heavy(1, 60))
    rows = read_rows(memory, monkeypatch)
    parcel, scans = world.tracker.get_parcel("c000", "YT1")
    assert (parcel.scans, [view.at[11:16] for view in scans]) == (60, ["10:59", "10:58", "10:57", "10:56", "10:55"])
    assert max(rows) == 5


def test_parcels_of_many_scans_share_what_is_read_and_few_are_read_whole(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waypost.track.bundles.MOST_SCANS", 40)
    monkeypatch.setattr("waypost.track.bundles.FEWEST_SCANS", 4)
    monkeypatch.setattr("waypost.track.bundles.MOST_ROWS", 70)
    world = World(memory, heavy(6, 50))
    world.keep([scan("YT2", code, "2026-11-20 10:00") for code in ("GOT", "SIGNED")])
    rows = read_rows(memory, monkeypatch)
    one, other = world.tracker.find_timelines(["YT1", "YT2"])
    assert sorted(rows)[-6:] == [10] * 6  # 40 and 20 each would be more than 70 in all
    assert [len(timeline.scans) for timeline in one[1]] == [10] * 6
    assert [len(timeline.scans) for timeline in other[1]] == [2]
    assert [parcel.scans for parcel in one[0].parcels] == [50] * 6


def test_of_no_parcel_less_than_the_fewest_is_read(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.track.bundles.MOST_SCANS", 10)
    monkeypatch.setattr("waypost.track.bundles.FEWEST_SCANS", 6)
    monkeypatch.setattr("waypost.track.bundles.MOST_ROWS", 1)
    [(_, timelines)] = World(memory, heavy(3, 20)).tracker.find_timelines(["YT1"])
    assert [len(timeline.scans) for timeline in timelines] == [6] * 3


def test_an_answer_shows_so_many_scans_in_all(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.track.parcels.MOST_SHOWN", 12)
    world = World(memory, heavy(5, 20))
    [(found, timelines)] = world.tracker.find_timelines(["YT1"])
    assert [len(timeline.scans) for timeline in timelines] == [2] * 5
    assert [parcel.scans for parcel in found.parcels] == [20] * 5
    assert len(world.timeline("YT1", "c000")) == 12
