"""Closures and delays that are kept change ways at once, end by themselves and can be lifted."""

import datetime as dt
from collections.abc import Iterator

import msgspec
import pytest
from tests.rooms.network.pictures import MONDAY, at, draw, tell

from waypost.access.trail import Trail, Wanted
from waypost.engines.reference import open_reference
from waypost.model.errors import BadInput, NotFound
from waypost.model.instants import DAY_MS
from waypost.network import choices, scanning
from waypost.network.change_book import ChangeBook, apply_changes
from waypost.network.changes import Closure, Delay
from waypost.network.paths import Terms
from waypost.network.shelf import Timetables
from waypost.network.ways import Asked, Seen, Ways, judge, make_ready, view_leg
from waypost.store.protocols import Records
from waypost.store.repeats import KeyReused
from waypost.track.fold import StatusFold
from waypost.track.tables import bundled_tables

PICTURE = """
    |         | A     | B           | C     |
    | road/T1 | 08:00 | 09:00-09:10 | 10:00 |
    | road/T2 | 08:30 | 09:30-09:40 | 11:00 |
    | rail/R1 |       | 09:20       | 09:50 |
"""
NOW = at("06:00")
BY_ROAD = Terms(carriers=frozenset({"road"}))


@pytest.fixture
def records() -> Iterator[Records]:
    memory = open_reference(StatusFold(bundled_tables()))
    Timetables(memory.records).keep(draw(PICTURE).services, {f"net/{each}": 0 for each in "ABC"})
    yield memory.records
    memory.close()


@pytest.fixture
def book(records: Records) -> ChangeBook:
    return ChangeBook(records)


@pytest.fixture
def ways(records: Records, book: ChangeBook) -> Ways:
    return Ways(Timetables(records).open, book)


def way(ways: Ways, ready: str = "07:00", now_ms: int = NOW) -> str:
    found = ways.find(Asked(origin="net/A", destination="net/C", ready_ms=at(ready), days=1), now_ms)
    return tell(found.paths[0])


def closure(facility: str = "B", since: str = "09:00", until: str = "09:01") -> Closure:
    return Closure(facility=f"net/{facility}", since_ms=at(since), until_ms=at(until))


def lane(to: str, *, days: int = 0, lasts: int = 400) -> Closure:
    since_ms = NOW + days * DAY_MS
    return Closure(facility="net/A", destination=f"net/{to}", since_ms=since_ms, until_ms=since_ms + lasts * DAY_MS)


def late(minutes: int, service: str = "T1", day: dt.date = MONDAY, call: int = 0) -> Delay:
    return Delay(carrier="road", service=service, day=day, minutes=minutes, call=call)


def test_a_closure_holds_until_it_is_lifted(ways: Ways, book: ChangeBook, records: Records) -> None:
    planned = way(ways)
    assert planned == "A 08:00 T1 09:00 B, B 09:20 R1 09:50 C"
    book.close("c1", closure(), "flooded", "command", NOW)
    assert way(ways) == "A 08:30 T2 11:00 C"
    book.lift("c1", None, "key:1", NOW + 1)
    assert way(ways) == planned
    deeds, _ = Trail(records).list_page(Wanted(of="c1"), None, 10)
    assert [(deed.who, deed.what) for deed in deeds] == [
        ("key:1", "timetable_change.lifted"),
        ("command", "timetable_change.made"),
    ]


def test_what_has_ended_holds_no_more_and_is_told_for_a_while(ways: Ways, book: ChangeBook) -> None:
    book.close("c1", closure("A", "05:00", "08:20"), "flooded", "command", NOW)
    assert book.list_page(None, None, 10, at("08:21")) == ([], None)
    assert [each.id for each in book.list_page(None, None, 10, at("08:21"), ended=True)[0]] == ["c1"]
    book.close("c2", closure("B", "09:00", "09:01"), "x", "command", NOW + 91 * DAY_MS - 90 * DAY_MS - DAY_MS)
    book.close("c3", Closure(facility="net/A", since_ms=NOW, until_ms=0), "x", "me", NOW + 91 * DAY_MS, lasting=True)
    assert [each.id for each in book.list_page(None, None, 10, NOW, ended=True)[0]] == ["c3"]
    [lasting] = book.list_live(NOW + 900 * DAY_MS)
    assert lasting.until_ms is None
    with pytest.raises(NotFound, match="no way"):
        way(ways)


def test_a_delay_is_waited_for_and_ends_with_its_departure(ways: Ways, book: ChangeBook) -> None:
    book.delay("d1", late(25), "snow", "command", NOW)
    assert way(ways) == "A 08:25 T1 10:25 C"
    assert [each.id for each in book.list_live(NOW)] == ["d1"]
    assert book.list_live(NOW + 4 * DAY_MS) == []
    with pytest.raises(BadInput, match="is over"):
        book.delay("d2", late(25), "snow", "command", NOW + 9 * DAY_MS)


def test_what_cannot_be_is_refused(book: ChangeBook) -> None:
    refused = [
        (lambda: book.close("x", closure("Z"), "why", "me", NOW), "no service calls"),
        (lambda: book.close("x", closure("A", "09:00", "08:00"), "why", "me", NOW), "ends before it begins"),
        (lambda: book.close("x", closure("A", "04:00", "05:00"), "why", "me", NOW), "has ended"),
        (lambda: book.close("x", lane("A"), "why", "me", NOW), "destination: a lane does not lead"),
        (lambda: book.close("x", lane("C"), "why", "me", NOW), "no service goes from 'net/A' to 'net/C' directly"),
        (lambda: book.close("x", lane("Z"), "why", "me", NOW), "no service calls"),
        (lambda: book.close("x", lane("B", days=4000), "why", "me", NOW), "since: it begins in more than"),
        (lambda: book.close("x", lane("B", lasts=4000), "why", "me", NOW), "until: it ends in more than"),
        (lambda: book.delay("x", late(0), "why", "me", NOW), "minutes: a delay of 0 minutes"),
        (lambda: book.delay("x", late(-1441), "why", "me", NOW), "minutes: 1441 minutes early"),
        (lambda: book.delay("x", late(90_000), "why", "me", NOW), "minutes: a delay of 90000"),
        (lambda: book.close("x", closure(), "", "me", NOW), "say why"),
        (lambda: book.close("x", closure(), "a\nb", "me", NOW), "say why"),
        (lambda: book.delay("x", late(5, "T9"), "why", "me", NOW), "no service 'road/T9'"),
        (lambda: book.delay("x", late(5, day=MONDAY + dt.timedelta(days=400)), "why", "me", NOW), "does not run"),
        (lambda: book.delay("x", late(-30, call=1), "why", "me", NOW), "before it arrived"),
        (lambda: book.delay("x", late(5, call=7), "why", "me", NOW), "call: service 'road/T1' departs from no call 7"),
        (lambda: book.lift("x", None, "me", NOW), "no closure or delay"),
    ]
    for ask, words in refused:
        with pytest.raises((BadInput, NotFound), match=words) as refusal:
            ask()
        assert refusal.value.mend or words in ("say why", "does not run", "before it arrived"), words
    assert book.list_live(NOW) == []


def test_a_road_may_have_been_closed_for_years(book: ChangeBook) -> None:
    book.close("c1", lane("B", days=-4000, lasts=4500), "landslide", "command", NOW)
    assert [each.id for each in book.list_live(NOW)] == ["c1"]


def test_delays_of_one_departure_are_checked_together(book: ChangeBook) -> None:
    book.delay("d1", late(30), "snow", "me", NOW)
    with pytest.raises(BadInput, match="before it arrived"):
        book.delay("d2", late(5, call=1), "it catches up", "me", NOW)
    book.delay("d3", late(25, call=1), "it catches up", "me", NOW)


def test_what_catches_up_is_on_time_from_there_on(book: ChangeBook, ways: Ways) -> None:
    book.delay("d1", late(5), "snow", "me", NOW)
    book.delay("d2", late(0, call=1), "it catches up", "me", NOW)
    asked = Asked(origin="net/A", destination="net/C", ready_ms=at("07:00"), days=1, terms=BY_ROAD)
    assert tell(ways.find(asked, NOW).paths[0]) == "A 08:05 T1 10:00 C"


def test_of_two_delays_the_newer_is_believed(book: ChangeBook, ways: Ways) -> None:
    book.delay("d9", late(40), "snow", "me", NOW)
    book.delay("d1", late(25), "less snow", "me", NOW + 1)
    assert way(ways) == "A 08:25 T1 10:25 C"


def test_what_is_asked_again_is_made_once(book: ChangeBook) -> None:
    first = book.close("c1", closure(), "flooded", "me", NOW, asked="a")
    assert book.close("c1", closure(), "flooded", "me", NOW + 5, asked="a") == first
    with pytest.raises(KeyReused):
        book.close("c1", closure("A"), "flooded", "me", NOW, asked="b")


def test_others_do_not_see_or_lift_it(book: ChangeBook) -> None:
    book.delay("d1", late(25), "snow", "me", NOW)
    book.close("c1", closure(), "flooded", "me", NOW)
    assert [each.id for each in book.list_page(["road"], None, 10, NOW)[0]] == ["d1"]
    with pytest.raises(NotFound):
        book.lift("d1", ["rail"], "me", NOW)
    book.lift("d1", ["road"], "me", NOW)


def test_pages_hold_each_once(book: ChangeBook) -> None:
    for number in range(5):
        book.close(f"c{number}", closure("A", f"0{number + 7}:00", "12:00"), "x", "me", NOW)
    seen: list[str] = []
    after: str | None = None
    while not seen or after is not None:
        page, after = book.list_page(None, after, 2, NOW)
        seen += [each.id for each in page]
    assert seen == [f"c{number}" for number in range(5)]


def test_a_change_that_fits_no_more_hinders_no_other(book: ChangeBook, records: Records, ways: Ways) -> None:
    book.delay("d1", late(25), "snow", "me", NOW)
    book.delay("d2", late(25, "T2"), "snow", "me", NOW)
    book.close("c1", closure("B", "09:00", "09:05"), "x", "me", NOW)
    kept = [each for each in draw(PICTURE).services if each.code != "T1"]
    Timetables(records).keep(kept, {}, replace=["road", "rail"])
    found = ways.find(Asked(origin="net/A", destination="net/C", ready_ms=at("07:00"), days=1), at("06:00"))
    assert (tell(found.paths[0]), found.misfits) == ("A 08:55 T2 11:25 C", ["d1"])


def test_of_delays_that_contradict_one_another_one_stays(book: ChangeBook) -> None:
    timetable = draw(PICTURE)
    book.delay("d1", late(30, call=0), "snow", "me", NOW)
    book.delay("d2", late(30, call=1), "snow", "me", NOW)
    book.lift("d1", None, "me", NOW)
    [back] = book.list_live(NOW)
    first = book.delay("d3", late(20, call=0), "snow", "me", NOW)
    worse = [*book.list_live(NOW)]
    amended, bad = apply_changes(timetable, worse)
    assert (len(amended.connections), bad) == (len(timetable.connections), [])
    early = msgspec.structs.replace(back, minutes=-60)
    _, bad = apply_changes(timetable, [first, early])
    assert bad == ["d2"]


def test_once_ready_no_question_waits_for_the_compiler(ways: Ways) -> None:
    def count() -> int:
        loops = [each for room in (choices, scanning) for each in vars(room).values() if hasattr(each, "signatures")]
        return sum(len(loop.signatures) for loop in loops)

    make_ready()
    before = count()
    asked = Asked(origin="net/A", destination="net/C", ready_ms=at("07:00"), days=1)
    for more in ({}, {"choices_within_h": 24}, {"ready_ms": None, "due_ms": at("12:00")}, {"terms": BY_ROAD}):
        question = msgspec.structs.replace(asked, **more)
        found = ways.find(question, NOW)
        assert judge(found, found.paths[0], Seen(travelling=(0, 25)), question.terms).holds > 0
    assert (before > 5, count()) == (True, before)


def test_chances_are_those_of_what_was_seen(ways: Ways) -> None:
    asked = Asked(origin="net/A", destination="net/C", ready_ms=at("07:00"), days=1)
    found = ways.find(asked, NOW)
    sure = judge(found, found.paths[0], Seen(), asked.terms)
    assert (sure.legs, sure.holds) == ((1.0, 1.0), 1.0)
    half = judge(found, found.paths[0], Seen(travelling=(0, 25)), asked.terms)
    assert half.legs == (1.0, 0.5)
    assert [view_leg(found.timetable, leg).service for leg in found.paths[0].legs] == ["T1", "R1"]
    with pytest.raises(BadInput):
        judge(found, found.paths[0], Seen(departing=(float("nan"),)), asked.terms)
