"""Scans by place and time: newest first, filtered, and page by page each exactly once."""

import random
from collections.abc import Callable, Sequence
from typing import Any

import ibis
import pyarrow as pa
import pytest

from waypost.model.cursors import write_cursor
from waypost.model.errors import BadInput
from waypost.model.instants import EARLIEST_MS, LATEST_MS, Instant, OffsetSource, parse_instant
from waypost.model.scans import SCAN_SCHEMA, VOID, ScanEvent
from waypost.store.protocols import Memory
from waypost.testing import World, facility, scan
from waypost.track.scan_search import ScanFilters
from waypost.track.views import Freshness, PlaceView, ScanView
from waypost.track.wire import LONGEST

FACILITIES = [
    facility("HGH", "CN-Zhejiang", city="Hangzhou", zone="Asia/Shanghai"),
    facility("PVG", "CN-Shanghai", city="Shanghai", zone="Asia/Shanghai"),
    facility("GRU", "BR-SP", city="São Paulo", zone="America/Sao_Paulo", carrier="correios"),
]
WAYS = """
    YT1              2026-11-20 10:00        GOT        HGH
                     2026-11-20 22:10        DEPARTURE  HGH
                     2026-11-21 06:20        ARRIVAL    PVG
    YT2              2026-11-20 11:00        GOT        PVG
                     2026-11-20 23:00        WHO_KNOWS  X
                     2026-11-21 11:30        SIGNED
    correios/LB1BR   2026-11-21 10:00        delivered  GRU
"""


def ms(text: str) -> int:
    return parse_instant(text).at_ms


def at(at_ms: int, offset_min: int = 480) -> Instant:
    return Instant(at_ms, offset_min, OffsetSource.CARRIER)


def list_all(world: World, filters: ScanFilters, limit: int) -> list[ScanView]:
    scans, cursor = [], None
    for _ in range(1000):
        page = world.search.list_scans(filters, cursor, limit)
        assert len(page.scans) <= limit
        scans += page.scans
        cursor = page.next
        if cursor is None:
            return scans
    raise AssertionError("the pages do not end")


def codes(world: World, **filters: Any) -> list[str | None]:
    return [view.code for view in list_all(world, ScanFilters(**filters), 2)]


def test_scans_are_listed_newest_first(memory: Memory) -> None:
    world = World(memory, WAYS, FACILITIES)
    page = world.search.list_scans(ScanFilters(), None, 10)
    assert [(view.number, view.at) for view in page.scans] == [
        ("LB1BR", "2026-11-21T10:00:00-03:00"),
        ("YT2", "2026-11-21T11:30:00+08:00"),
        ("YT1", "2026-11-21T06:20:00+08:00"),
        ("YT2", "2026-11-20T23:00:00+08:00"),
        ("YT1", "2026-11-20T22:10:00+08:00"),
        ("YT2", "2026-11-20T11:00:00+08:00"),
        ("YT1", "2026-11-20T10:00:00+08:00"),
    ]
    assert (page.next, page.as_of) == (None, Freshness.between(7, 7))
    assert page.scans[2].place == PlaceView(
        facility="PVG", name="Shanghai hub", city="Shanghai", region="Shanghai", country="CN"
    )
    assert (page.scans[3].status, page.scans[3].flags) == ("unknown", ["unknown_code"])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"carrier": "correios"}, ["delivered"]),
        ({"carrier": "nobody"}, []),
        ({"facility": "HGH"}, ["DEPARTURE", "GOT"]),
        ({"facility": "' OR 1=1; --"}, []),
        ({"city": "Shanghai"}, ["ARRIVAL", "GOT"]),
        ({"city": "sHANGHAI"}, ["ARRIVAL", "GOT"]),
        ({"city": "SÃO paulo"}, ["delivered"]),
        ({"city": "Atlantis"}, []),
        ({"country": "CN"}, ["ARRIVAL", "DEPARTURE", "GOT", "GOT"]),
        ({"country": "BR", "city": "Hangzhou"}, []),
        ({"status": "picked_up"}, ["GOT", "GOT"]),
        ({"status": "delivered"}, ["delivered", "SIGNED"]),
        ({"status": "unknown"}, ["WHO_KNOWS"]),
        ({"status": "picked_up", "facility": "PVG", "carrier": "yto"}, ["GOT"]),
        ({"since_ms": ms("2026-11-21T06:20:00+08:00")}, ["delivered", "SIGNED", "ARRIVAL"]),
        ({"until_ms": ms("2026-11-20T11:00:00+08:00")}, ["GOT"]),
        ({"since_ms": ms("2026-11-20T11:00:00+08:00"), "until_ms": ms("2026-11-20T11:00:00.001+08:00")}, ["GOT"]),
        ({"since_ms": ms("2026-11-21T00:00:00Z"), "city": "Shanghai"}, []),
    ],
    ids=str,
)
def test_filters(memory: Memory, filters: dict[str, str | int], expected: list[str]) -> None:
    assert codes(World(memory, WAYS, FACILITIES), **filters) == expected


def test_what_was_corrected_is_not_listed(memory: Memory) -> None:
    wrong = scan("YT1", "SIGNED", "2026-11-21 09:00", at="HGH")
    right = scan("YT1", "SIGNED", "2026-11-21 10:00", at="HGH", corrects=wrong)
    stranger = scan("YT2", VOID, "2026-11-21 11:00", corrects=wrong.id)
    world = World(memory, [right, wrong, stranger])
    assert [view.at for view in list_all(world, ScanFilters(facility="HGH"), 5)] == ["2026-11-21T10:00:00+08:00"]
    world.keep([scan("YT1", VOID, "2026-11-21 12:00", corrects=right)])
    assert list_all(world, ScanFilters(facility="HGH"), 5) == []


def test_duplicates_are_listed_once(memory: Memory) -> None:
    world = World(memory, WAYS)
    world.keep(WAYS)
    assert len(list_all(world, ScanFilters(), 3)) == 7


@pytest.mark.parametrize("limit", [1, 5, 23, 24, 25])
def test_all_pages_together_show_every_scan_exactly_once(memory: Memory, limit: int) -> None:
    """Also where instants are equal, or differ by less than a second."""
    rng = random.Random(limit)
    noon = ms("2026-11-21T12:00:00Z")
    scans = [
        ScanEvent(
            carrier="yto",
            number=f"YT{number}",
            code="GOT",
            at=Instant(noon + rng.choice([0, 1, 499, 500, 501, 999, 1000, 1500]), 480, OffsetSource.CARRIER),
        )
        for number in range(24)
    ]
    shown = list_all(World(memory, scans), ScanFilters(), limit)
    assert sorted(view.number for view in shown) == sorted(each.number for each in scans)
    assert [view.utc for view in shown] == sorted((view.utc for view in shown), key=ms, reverse=True)


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_scans_alike_in_all_but_one_thing_are_shown_each_once(memory: Memory, limit: int) -> None:
    """However they came: every part of what makes two scans different ones tells them apart in the list, too."""
    at_ms = ms("2026-11-21T12:00:00Z")
    plain: dict[str, Any] = {"carrier": "yto", "number": "YT1", "code": "GOT", "at": at(at_ms)}
    variants: list[dict[str, Any]] = [
        *({"number": number} for number in ("YT", "YT1", "YT1 ", "YT2", "yt1", "%", "'")),
        *({"carrier": carrier} for carrier in ("sto", "yt", "zto")),
        *({"code": code} for code in ("GO", "GOTT", "got", "签收", "\U0001f69a", "\uffff")),
        *({"facility": facility} for facility in ("HGH", "hgh", "杭州", "''")),
        *({"at": at(at_ms, offset_min)} for offset_min in (-720, -480, 0, 495, 840)),
        *({"corrects": corrects} for corrects in ("0" * 16, "f" * 16)),
        {"facility": "HGH", "corrects": "0" * 16},
        {"facility": "HGH", "code": "SIGNED"},
    ]
    scans = [ScanEvent(**plain | variant) for variant in variants]
    random.Random(limit).shuffle(scans)
    world = World(memory)
    for each in scans:
        world.keep([each])
    shown = list_all(world, ScanFilters(), limit)
    assert {view.id for view in shown} == {each.id for each in scans}
    assert len(shown) == len(scans)
    assert [view.id for view in shown] == [view.id for view in list_all(world, ScanFilters(), 1000)]


def test_scans_of_one_instant_stand_in_an_order_that_no_engine_decides(memory: Memory) -> None:
    """By number, carrier, code, facility, offset and what is corrected; by the bytes of texts, and none before all."""
    at_ms = ms("2026-11-21T12:00:00Z")
    keys = [
        ("YT1", "sto", "GOT", None, 480, None),
        ("YT1", "yto", "GOT", None, 0, None),
        ("YT1", "yto", "GOT", None, 480, None),
        ("YT1", "yto", "GOT", None, 480, "0" * 16),
        ("YT1", "yto", "GOT", "HGH", -60, None),
        ("YT1", "yto", "GOT", "hgh", -60, None),
        ("YT1", "yto", "got", None, 480, None),
        ("YT10", "aaa", "GOT", None, 480, None),
        ("YT2", "aaa", "GOT", None, 480, None),
    ]
    scans = [
        ScanEvent(number=number, carrier=carrier, code=code, facility=facility, at=at(at_ms, offset), corrects=corrects)
        for number, carrier, code, facility, offset, corrects in keys
    ]
    for limit in (1, 4, 100):
        assert [view.id for view in list_all(World(memory, reversed(scans)), ScanFilters(), limit)] == [
            each.id for each in scans
        ]


def test_the_cursor_of_the_longest_scan_is_taken_back(memory: Memory) -> None:
    """Of any scan that the doors let in."""
    of = {"number": "9", "carrier": "y", "code": "😀", "facility": "😀", "corrects": "f"}
    longest: dict[str, Any] = {name: sign * LONGEST[name] for name, sign in of.items()}
    scans = [ScanEvent(at=at(at_ms), **longest) for at_ms in (LATEST_MS, LATEST_MS - 1)]
    assert len(list_all(World(memory, scans), ScanFilters(), 1)) == 2


def test_a_half_second_counts_as_it_is(memory: Memory) -> None:
    at = ms("2026-11-21T12:00:00.500Z")
    one = ScanEvent(carrier="yto", number="YT1", code="GOT", at=Instant(at, 480, OffsetSource.CARRIER))
    world = World(memory, [one])
    assert codes(world, since_ms=at) == codes(world, until_ms=at + 1) == ["GOT"]
    assert codes(world, since_ms=at + 1) == codes(world, until_ms=at) == []


def test_a_cursor_goes_on_where_the_page_ended_also_if_scans_came_since(memory: Memory) -> None:
    world = World(memory, [scan(f"YT{hour}", "GOT", f"2026-11-20 {hour}:00") for hour in range(10, 14)])
    page = world.search.list_scans(ScanFilters(), None, 2)
    assert [view.number for view in page.scans] == ["YT13", "YT12"]
    world.keep([scan("YT99", "GOT", "2026-11-20 20:00"), scan("YT98", "GOT", "2026-11-20 10:30")])
    page = world.search.list_scans(ScanFilters(), page.next, 2)
    assert [view.number for view in page.scans] == ["YT11", "YT98"]


def test_nothing_is_listed_of_nothing(memory: Memory) -> None:
    page = World(memory).search.list_scans(ScanFilters(country="CN", status="delivered"), None, 10)
    assert (page.scans, page.next, page.as_of) == ([], None, Freshness.between(0, 0))


@pytest.mark.parametrize("status", ["flying", "", "DELIVERED", "x" * 10_000])
def test_an_unknown_status_is_refused(memory: Memory, status: str) -> None:
    with pytest.raises(BadInput, match="no status is called") as caught:
        World(memory).search.list_scans(ScanFilters(status=status), None, 10)
    assert len(str(caught.value)) < 100


MS = ms("2026-11-20T22:10:00+08:00")
OURS = (MS, "YT1", "yto", "DEPARTURE", "HGH", 480, "")


def _not_ours() -> list[Sequence[str | int]]:
    """Keys of other lengths, and with each part of one of ours replaced by what cannot stand there."""
    odd: list[list[str | int]] = [
        [str(MS), -1, 0, 9 * MS, EARLIEST_MS - 1, LATEST_MS + 1],
        [5],
        [5],
        [5],
        [5],
        ["480", 1 << 62, -(1 << 62)],
        [5],
    ]
    keys: list[Sequence[str | int]] = [(), (MS,), (MS, 2), (MS, 1 << 62), OURS[:-1], (*OURS, "")]
    keys += [(*OURS[:place], each, *OURS[place + 1 :]) for place, each_of in enumerate(odd) for each in each_of]
    return keys


def test_a_cursor_says_which_scan_was_shown_last(memory: Memory) -> None:
    page = World(memory, WAYS).search.list_scans(ScanFilters(), write_cursor(OURS), 10)
    assert [(view.number, view.code) for view in page.scans] == [("YT2", "GOT"), ("YT1", "GOT")]


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "!!!!", "é", "1763640000000.5", *(write_cursor(key) for key in _not_ours())],
)
def test_a_cursor_that_is_none_of_ours_is_refused(memory: Memory, cursor: str) -> None:
    with pytest.raises(BadInput, match="after: this cursor is none of ours"):
        World(memory, WAYS).search.list_scans(ScanFilters(), cursor, 10)


def test_a_list_never_claims_more_than_it_read(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(memory, WAYS)
    run = memory.history.run

    def late(ask: Callable[[Any], Any]) -> pa.Table:
        found = run(ask)
        world.keep([scan("YT1", f"C{memory.log.position()}", "2026-11-19 10:00")])
        return found

    monkeypatch.setattr(memory.history, "run", late)
    assert world.search.list_scans(ScanFilters(), None, 10).as_of.position == 7


def test_the_span_is_held_against_the_bare_instants(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """An expression over them would keep an engine from passing over what lies outside."""
    asked = []
    run = memory.history.run

    def note(ask: Callable[[Any], Any]) -> pa.Table:
        asked.append(ask)
        return run(ask)

    monkeypatch.setattr(memory.history, "run", note)
    filters = ScanFilters(since_ms=ms("2026-11-20T00:00:00.001Z"), until_ms=ms("2026-11-21T00:00:00Z"))
    World(memory, WAYS).search.list_scans(filters, None, 10)
    plain = ibis.table(ibis.Schema.from_pyarrow(SCAN_SCHEMA), name="scans")
    sql = ibis.to_sql(asked[-1](plain), dialect="duckdb")
    assert """"at" >= MAKE_TIMESTAMPTZ(2026, 11, 20, 0, 0, 0.001, 'UTC')""" in sql
    assert """"at" < MAKE_TIMESTAMPTZ(2026, 11, 21, 0, 0, 0.0, 'UTC')""" in sql
