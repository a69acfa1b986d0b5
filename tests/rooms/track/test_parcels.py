"""Parcels by any number they bear, and as a list that shows each of them exactly once."""

import base64
import random

import msgspec
import pytest

from waypost.model.carriage import Waybill, parcel_id
from waypost.model.errors import BadInput, NotFound
from waypost.model.instants import parse_instant
from waypost.model.places import Place
from waypost.model.scans import VOID
from waypost.store.protocols import Memory
from waypost.testing import World, facility, scan
from waypost.track.parcels import Filters
from waypost.track.statuses import get_status
from waypost.track.views import Found, Freshness, MilestoneView, ParcelView, PlaceView, WaybillView

WAY = """
    YT1      2026-11-20 10:00  GOT        HGH
             2026-11-20 22:10  DEPARTURE  HGH
             2026-11-21 06:20  ARRIVAL    PVG
             2026-11-21 08:00  SENT_SCAN  PVG
             2026-11-21 11:30  SIGNED     PVG
"""
FACILITIES = [
    facility("HGH", "CN-Zhejiang", city="Hangzhou", zone="Asia/Shanghai"),
    facility("PVG", "CN-Shanghai", city="Shanghai", zone="Asia/Shanghai"),
]


def ms(text: str) -> int:
    return parse_instant(text).at_ms


def numbers(found: Found) -> list[str]:
    return [f"{parcel.carrier}/{parcel.number}" for parcel in found.parcels]


def list_all(world: World, filters: Filters, limit: int) -> list[ParcelView]:
    parcels, cursor = [], None
    for _ in range(1000):
        page = world.tracker.list_parcels(filters, cursor, limit)
        parcels += page.parcels
        cursor = page.next
        if cursor is None:
            return parcels
    raise AssertionError("the pages do not end")


# One parcel


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
    )
    assert world.tracker.freshness() == Freshness(5, 5, 0)


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
    codes = [
        "GOT",
        "ARRIVAL",
        "DEPARTURE",
        "SENT_SCAN",
        "SIGNED",
        "FAILED",
        "TMS_RETURN",
        "WHO_KNOWS",
        "lost",
        "customs_held",
    ]
    scans = [
        scan(f"YT{rng.randrange(20)}", rng.choice(codes), f"2026-11-{rng.randrange(1, 4):02} 10:{rng.randrange(20):02}")
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


# Look-ups


def test_each_number_that_is_asked_for_is_answered_in_turn(memory: Memory) -> None:
    world = World(memory, WAY)
    answers = world.tracker.find(["1Z5R89390357567127", "YT1", "nothing", "YT1"])
    assert [answer.asked for answer in answers] == ["1Z5R89390357567127", "YT1", "nothing", "YT1"]
    assert [numbers(answer) for answer in answers] == [[], ["yto/YT1"], [], ["yto/YT1"]]
    assert [answer.carriers for answer in answers] == [["ups"], [], [], []]
    assert world.tracker.find([]) == []


@pytest.mark.parametrize(
    ("kept", "typed"),
    [
        ("YT1234", "yt1234"),
        ("YT1234", " YT 1234\n"),
        ("YT1234", "YT-12.34"),
        ("YT1234", "yt\u30001234"),
        ("yt1234", "YT1234"),
        ("YT-1234", "yt-1234"),
        ("YT.1234-5", "YT.1234-5"),
    ],
)
def test_a_number_is_found_however_it_is_spelled(memory: Memory, kept: str, typed: str) -> None:
    world = World(memory, [scan(kept, "GOT", "2026-11-20 10:00")])
    [found] = world.tracker.find([typed])
    assert (found.asked, numbers(found)) == (typed, [f"yto/{kept}"])


@pytest.mark.parametrize(
    "text", ["", " ", "-", "%", "YT_", "YT%", "x" * 10_000, "1" * 65, "\0", "\udcff", "YT1' OR '1'='1", "圆通"]
)
def test_what_nobody_bears_finds_nothing(memory: Memory, text: str) -> None:
    world = World(memory, [scan("YT1", "GOT", "2026-11-20 10:00"), scan("1" * 64, "GOT", "2026-11-20 10:00")])
    world.book("YT1", order_number="x" * 64)
    [found] = world.tracker.find([text])
    assert (found.asked, found.parcels) == (text, [])


def test_one_number_of_two_carriers_is_two_parcels(memory: Memory) -> None:
    world = World(
        memory,
        """
        yto/773300  2026-11-20 10:00  GOT
        sto/773300  2026-11-21 10:00  delivered
        """,
    )
    [found] = world.tracker.find(["773300"])
    assert [(parcel.carrier, parcel.status) for parcel in found.parcels] == [("sto", "delivered"), ("yto", "picked_up")]
    assert found.parcels[0].id != found.parcels[1].id
    assert [view.code for view in world.timeline("773300", "sto")] == ["delivered"]
    assert [view.code for view in world.timeline("773300", "yto")] == ["GOT"]


def test_an_order_number_finds_all_its_parcels(memory: Memory) -> None:
    world = World(memory, WAY)
    world.book("YT1", order_number="Order-7")
    world.book("YT2", order_number="Order-7")
    [found] = world.tracker.find(["Order-7"])
    assert numbers(found) == ["yto/YT1", "yto/YT2"]
    assert [parcel.scans for parcel in found.parcels] == [5, 0]


@pytest.mark.parametrize(("carrier", "number"), [("sto", "YT1"), ("yto", "YT2"), ("", ""), ("yto", "\0")])
def test_a_timeline_that_is_not_there_is_missing(memory: Memory, carrier: str, number: str) -> None:
    with pytest.raises(NotFound, match="no parcel of"):
        World(memory, WAY).timeline(number, carrier)


# Links


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


# Lists


def _many(memory: Memory) -> World:
    """30 waybills of three carriers on 28 parcels, of which some share numbers and some bear two."""
    scans = [
        scan(
            f"P{number:03}",
            ["picked_up", "in_transit", "delivered"][number % 3],
            f"2026-11-{1 + number % 20:02} 10:00",
            at=["HGH", "PVG", None][number % 3],
            carrier="sto" if number % 5 == 0 else "yto",
        )
        for number in range(24)
    ]
    scans += [scan(f"P{number:03}", "delivered", "2026-11-21 10:00", carrier="zto") for number in range(6)]
    world = World(memory, scans)
    world.link(world.book("P010", "sto"), "P020", "sto", None, None)
    world.link(world.book("P015", "sto"), "P001", "yto", None, None)
    return world


@pytest.mark.parametrize("limit", [1, 2, 7, 27, 28, 29, 500])
def test_all_pages_together_show_every_parcel_exactly_once(memory: Memory, limit: int) -> None:
    parcels = list_all(_many(memory), Filters(), limit)
    assert len(parcels) == len({parcel.id for parcel in parcels}) == 28
    shown = {(waybill.carrier, waybill.number) for parcel in parcels for waybill in parcel.numbers}
    assert len(shown) == 30


FILTERS = [
    Filters(carrier="sto"),
    Filters(carrier="nobody"),
    Filters(status="delivered"),
    Filters(group="transit"),
    Filters(status="delivered", group="delivery", carrier="zto"),
    Filters(group="pickup"),
    Filters(facility="HGH"),
    Filters(prefix="P00"),
    Filters(prefix="P01", status="in_transit"),
    Filters(prefix="Q"),
    Filters(prefix="A"),
    Filters(since_ms=ms("2026-11-15T02:00:00Z")),
    Filters(until_ms=ms("2026-11-15T02:00:00Z")),
    Filters(since_ms=ms("2026-11-15T02:00:00Z"), until_ms=ms("2026-11-16T02:00:00Z"), carrier="yto"),
]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
@pytest.mark.parametrize(
    ("limit", "step", "most"), [(1, 5000, 200_000), (3, 4, 200_000), (100, 30, 200_000), (3, 4, 7)]
)
def test_filters_show_what_fits_them(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, filters: Filters, limit: int, step: int, most: int
) -> None:
    """Also where it takes several steps to find enough, and where a page gives up on the way."""
    monkeypatch.setattr("waypost.track.parcels._STEP", step)
    monkeypatch.setattr("waypost.track.parcels._MOST_EXAMINED", most)
    world = _many(memory)
    parcels = list_all(world, filters, limit)
    assert len(parcels) == len({parcel.id for parcel in parcels})
    fitting = set()
    for state in memory.index.page(None, 1000).to_pylist():
        status = get_status(state["status"])
        if (
            filters.carrier in (None, state["carrier"])
            and filters.status in (None, status.code)
            and filters.group in (None, status.group)
            and filters.facility in (None, state["facility"])
            and state["number"].startswith(filters.prefix or "")
            and (filters.since_ms is None or state["last_at"] >= filters.since_ms)
            and (filters.until_ms is None or state["last_at"] < filters.until_ms)
        ):
            fitting.add((state["carrier"], state["number"]))
    shown = [{(each.carrier, each.number) for each in parcel.numbers} for parcel in parcels]
    assert all(parcel & fitting for parcel in shown)
    assert set().union(*shown) >= fitting


def test_a_list_is_in_the_order_of_numbers(memory: Memory) -> None:
    world = World(memory, [scan(number, "GOT", "2026-11-20 10:00") for number in ("b", "A", "a", "B", "10", "9")])
    assert [parcel.number for parcel in list_all(world, Filters(), 2)] == ["10", "9", "A", "B", "a", "b"]


def test_a_list_of_nothing_is_empty(memory: Memory) -> None:
    page = World(memory).tracker.list_parcels(Filters(), None, 10)
    assert (page.parcels, page.next, page.as_of) == ([], None, Freshness(0, 0, 0))


@pytest.mark.parametrize(
    ("filters", "why"),
    [
        (Filters(status="flying"), "no status fits status='flying'"),
        (Filters(group="flying"), "no status fits"),
        (Filters(status="delivered", group="transit"), "no status fits status='delivered' group='transit'"),
        (Filters(status="x" * 10_000), "no status fits"),
    ],
)
def test_a_filter_that_nothing_can_fit_is_refused(memory: Memory, filters: Filters, why: str) -> None:
    with pytest.raises(BadInput) as caught:
        World(memory).tracker.list_parcels(filters, None, 10)
    assert why in caught.value.message
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "!!!!", "%00", "é", "圆通", "YWJj", "Zm9v" * 1000, base64.urlsafe_b64encode(b"a\0b\0c").decode(), "//8A"],
)
def test_a_cursor_that_is_none_of_ours_is_refused(memory: Memory, cursor: str) -> None:
    with pytest.raises(BadInput, match="this cursor is none of ours") as caught:
        World(memory, WAY).tracker.list_parcels(Filters(), cursor, 10)
    assert caught.value.where == "cursor"
    assert caught.value.mend


def test_a_cursor_goes_on_where_the_page_ended_also_if_parcels_came_since(memory: Memory) -> None:
    world = World(memory, [scan(f"P{number}", "GOT", "2026-11-20 10:00") for number in range(4)])
    page = world.tracker.list_parcels(Filters(), None, 2)
    assert [parcel.number for parcel in page.parcels] == ["P0", "P1"]
    world.keep([scan("P00", "GOT", "2026-11-20 10:00"), scan("P11", "GOT", "2026-11-20 10:00")])
    page = world.tracker.list_parcels(Filters(), page.next, 2)
    assert [parcel.number for parcel in page.parcels] == ["P11", "P2"]
    assert page.next is not None
    assert page.as_of == Freshness(6, 6, 0)


def test_views_are_ready_for_json(memory: Memory) -> None:
    world = World(memory, WAY, FACILITIES)
    sent = msgspec.json.decode(msgspec.json.encode(world.tracker.find(["YT1"])))
    assert sent[0]["parcels"][0]["place"]["city"] == "Shanghai"
    assert msgspec.json.decode(msgspec.json.encode(world.tracker.list_parcels(Filters(), None, 1)))["next"] is None


# Bounds


def test_of_an_order_of_many_parcels_the_first_are_told(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.track.parcels.MOST_PARCELS", 2)
    world = World(memory, [scan(f"YT{number}", "GOT", "2026-11-20 10:00") for number in range(5)])
    for number in range(5):
        world.book(f"YT{number}", order_number="O-1")
    order, last = world.tracker.find(["O-1", "YT4"])
    assert (numbers(order), order.more, [parcel.scans for parcel in order.parcels]) == (
        ["yto/YT0", "yto/YT1"],
        3,
        [1, 1],
    )
    assert (numbers(last), last.more) == (["yto/YT4"], 0)
    assert [view.code for view in world.timeline("YT4")] == ["GOT"]


def test_of_very_many_scans_the_newest_are_shown_and_all_are_judged(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waypost.track.parcels.MOST_SCANS", 2)
    world = World(memory, WAY + "             2026-11-22 10:00  ARRIVAL    PVG\n")
    assert [(view.code, view.flags) for view in world.timeline("YT1")] == [("ARRIVAL", ["impossible"]), ("SIGNED", [])]
    parcel = world.parcel("YT1")
    assert (parcel.scans, parcel.status, parcel.flags) == (6, "delivered", ["impossible"])
    assert parcel.first_at == parcel.milestones[0].at == "2026-11-20T10:00:00+08:00"


def test_a_list_never_claims_more_than_it_read(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(memory, WAY)
    read = memory.index.timelines

    def late(asked: list[str]) -> object:
        found = read(asked)
        world.keep([scan("YT1", "ARRIVAL", "2026-11-23 10:00")])
        return found

    monkeypatch.setattr(memory.index, "timelines", late)
    page = world.tracker.list_parcels(Filters(), None, 10)
    assert (page.parcels[0].scans, page.as_of) == (5, Freshness(5, 5, 0))
