"""Parcels by any number they bear, and as a list that shows each of them exactly once."""

from typing import Any

import msgspec
import pytest
from tests.rooms.track.way import FACILITIES, WAY, ms

from waypost.model.cursors import write_cursor
from waypost.model.errors import BadInput, NotFound
from waypost.store.protocols import Memory
from waypost.testing import World, scan
from waypost.track.parcels import Filters
from waypost.track.statuses import get_status
from waypost.track.views import Found, Freshness, ParcelView


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


@pytest.mark.parametrize(
    ("kept", "typed", "found"),
    [
        ("ORDER 7A", "ORDER 7A", True),
        ("ORDER 7A", " order 7a ", True),
        ("order 7-a", "ORDER 7-A", True),
        ("ORDER 7A", "ORDER7A", False),
        ("Order 7a", "Order 7a", True),
        ("Order 7a", "ORDER 7A", False),
        ("订单 7788", "订单 7788", True),
        ("订单\u30007788", "订单\u30007788", True),
        ("x" * 62 + " 7", "x" * 62 + " 7", True),
    ],
)
def test_an_order_number_is_found_as_it_was_kept(memory: Memory, kept: str, typed: str, found: bool) -> None:
    world = World(memory, WAY)
    world.book("YT1", order_number=kept)
    [answer] = world.tracker.find([typed])
    assert (numbers(answer), answer.carriers) == (["yto/YT1"] if found else [], [])


@pytest.mark.parametrize(("carrier", "number"), [("sto", "YT1"), ("yto", "YT2"), ("", ""), ("yto", "\0")])
def test_a_timeline_that_is_not_there_is_missing(memory: Memory, carrier: str, number: str) -> None:
    with pytest.raises(NotFound, match="no parcel of"):
        World(memory, WAY).timeline(number, carrier)


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


def test_a_list_is_in_the_order_of_the_index(memory: Memory) -> None:
    world = World(memory, [scan(number, "GOT", "2026-11-20 10:00") for number in ("b", "A", "a", "B", "10", "9")])
    order = memory.index.page(None, 10).column("number").to_pylist()
    assert sorted(order) == ["10", "9", "A", "B", "a", "b"]
    assert [parcel.number for parcel in list_all(world, Filters(), 2)] == order


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_numbers_that_begin_alike_are_in_their_order_then_by_carrier(memory: Memory, limit: int) -> None:
    numbers = ["Yb", "YA", "Ya", "YB", "Y10", "Y9", "Y", "Y~", "X", "Z", "y1", "AY1"]
    scans = [scan(number, "GOT", "2026-11-20 10:00") for number in numbers]
    scans += [scan("YA", "delivered", "2026-11-20 10:00", carrier=carrier) for carrier in ("zto", "sto")]
    parcels = list_all(World(memory, scans), Filters(prefix="Y"), limit)
    assert [(parcel.number, parcel.carrier) for parcel in parcels] == [
        *((number, "yto") for number in ("Y", "Y10", "Y9")),
        *(("YA", carrier) for carrier in ("sto", "yto", "zto")),
        *((number, "yto") for number in ("YB", "Ya", "Yb", "Y~")),
    ]


@pytest.mark.parametrize("prefix", ["%", "_", "Y%", "Y_", "\\", "'", "Y'1", "*", "?", "[", "Y.", "^"])
def test_a_prefix_is_taken_as_it_is(memory: Memory, prefix: str) -> None:
    """Nothing in it is a pattern, and nothing in it ends a text."""
    world = World(memory, [scan(number, "GOT", "2026-11-20 10:00") for number in ("YT1", "1", f"{prefix}1", prefix)])
    assert [parcel.number for parcel in list_all(world, Filters(prefix=prefix), 1)] == [prefix, f"{prefix}1"]


def test_a_list_of_nothing_is_empty(memory: Memory) -> None:
    page = World(memory).tracker.list_parcels(Filters(), None, 10)
    assert (page.parcels, page.next, page.as_of) == ([], None, Freshness.between(0, 0))


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
    [
        "",
        "x",
        "!!!!",
        "%00",
        "//8A",
        "Zm9v" * 1000,
        *(write_cursor(key) for key in [(), ("a",), ("a", "b", "c"), (1, "b")]),
    ],
)
def test_a_cursor_that_is_none_of_ours_is_refused(memory: Memory, cursor: str) -> None:
    with pytest.raises(BadInput, match="this cursor is none of ours") as caught:
        World(memory, WAY).tracker.list_parcels(Filters(), cursor, 10)
    assert caught.value.where == "after"
    assert caught.value.mend


def test_a_cursor_goes_on_where_the_page_ended_also_if_parcels_came_since(memory: Memory) -> None:
    world = World(memory, [scan(f"P{number}", "GOT", "2026-11-20 10:00") for number in range(4)])
    page = world.tracker.list_parcels(Filters(), None, 2)
    assert [parcel.number for parcel in page.parcels] == ["P0", "P1"]
    world.keep([scan("P00", "GOT", "2026-11-20 10:00"), scan("P11", "GOT", "2026-11-20 10:00")])
    page = world.tracker.list_parcels(Filters(), page.next, 2)
    assert [parcel.number for parcel in page.parcels] == ["P11", "P2"]
    assert page.next is not None
    assert page.as_of == Freshness.between(6, 6)


def test_views_are_ready_for_json(memory: Memory) -> None:
    world = World(memory, WAY, FACILITIES)
    sent = msgspec.json.decode(msgspec.json.encode(world.tracker.find(["YT1"])))
    assert sent[0]["parcels"][0]["place"]["city"] == "Shanghai"
    assert msgspec.json.decode(msgspec.json.encode(world.tracker.list_parcels(Filters(), None, 1)))["next"] is None


# Parcels with their scans


@pytest.mark.parametrize("numbers_asked", [["YT1"], ["773300", "YT1", "nothing", "YT1"], [], ["é"]])
def test_timelines_come_with_what_was_found(memory: Memory, numbers_asked: list[str]) -> None:
    world = World(memory, WAY, FACILITIES)
    world.keep(
        [scan("773300", "GOT", "2026-11-20 10:00"), scan("773300", "delivered", "2026-11-20 11:00", carrier="sto")]
    )
    told = world.tracker.find_timelines(numbers_asked)
    assert [found for found, _ in told] == world.tracker.find(numbers_asked)
    for found, timelines in told:
        assert [(each.parcel_id, each.carrier, each.number) for each in timelines] == [
            (parcel.id, parcel.carrier, parcel.number) for parcel in found.parcels
        ]
        for parcel, timeline in zip(found.parcels, timelines, strict=True):
            assert world.tracker.get_parcel(parcel.carrier, parcel.number) == (parcel, timeline.scans)
            assert len(timeline.scans) == parcel.scans > 0


def test_timelines_of_one_carrier_and_of_few_parcels(memory: Memory) -> None:
    carriers = ("best", "sto", "yto")
    world = World(memory, [scan("773300", "GOT", "2026-11-20 10:00", carrier=carrier) for carrier in carriers])
    world.link(world.book("YT9"), "773300", "sto", None, None)

    def told(carrier: str | None, most: int | None) -> tuple[list[str], int]:
        [(found, timelines)] = world.tracker.find_timelines(["773300"], carrier, most)
        assert [each.parcel_id for each in timelines] == [each.id for each in found.parcels]
        return numbers(found), found.more

    assert told(None, None) == (["best/773300", "yto/773300", "yto/YT9"], 0)
    assert told(None, 1) == (["best/773300"], 2)
    assert told("sto", None) == (["yto/YT9"], 0)
    assert told("yto", 1) == (["yto/773300"], 1)
    assert told("zto", None) == ([], 0)


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


def test_a_list_never_claims_more_than_it_read(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(memory, WAY)
    read = memory.index.timelines

    def late(*asked: Any) -> Any:
        found = read(*asked)
        world.keep([scan("YT1", "ARRIVAL", "2026-11-23 10:00")])
        return found

    monkeypatch.setattr(memory.index, "timelines", late)
    page = world.tracker.list_parcels(Filters(), None, 10)
    assert (page.parcels[0].scans, page.as_of) == (5, Freshness.between(5, 5))
