"""Closures and delays change the ways at once, and only the ways they concern."""

import datetime as dt

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rooms.network.pictures import MONDAY, at, draw, read, tell
from tests.rooms.network.test_paths import check_legs, timetables

from waypost.model.errors import BadInput, NotFound
from waypost.network.changes import Closure, Delay, amend
from waypost.network.paths import find_earliest
from waypost.network.timetable import Timetable, expand

PICTURE = """
    |         | A     | B           | C     |
    | road/T1 | 08:00 | 09:00-09:10 | 10:00 |
    | road/T2 | 08:30 | 09:30-09:40 | 11:00 |
    | rail/R1 |       | 09:20       | 09:50 |
"""


def way(timetable: Timetable, ready: str = "07:00") -> str:
    return tell(find_earliest(timetable, "net/A", "net/C", at(ready)))


def closed(facility: str, since: str, until: str, destination: str | None = None) -> Closure:
    towards = None if destination is None else f"net/{destination}"
    return Closure(facility=f"net/{facility}", since_ms=at(since), until_ms=at(until), destination=towards)


def late(service: str, minutes: int, call: int = 0, day: dt.date = MONDAY) -> Delay:
    carrier, code = service.split("/")
    return Delay(carrier=carrier, service=code, day=day, minutes=minutes, call=call)


def test_a_closed_facility_is_neither_left_nor_reached() -> None:
    timetable = draw(PICTURE)
    assert way(timetable) == "A 08:00 T1 09:00 B, B 09:20 R1 09:50 C"
    assert way(amend(timetable, [closed("A", "08:00", "08:01")])) == "A 08:30 T2 11:00 C"
    assert way(amend(timetable, [closed("B", "09:00", "09:01")])) == "A 08:30 T2 11:00 C"
    assert way(amend(timetable, [closed("B", "09:01", "09:20")])) == "A 08:00 T1 09:00 B, B 09:20 R1 09:50 C"
    assert way(amend(timetable, [closed("C", "09:50", "10:01")])) == "A 08:30 T2 11:00 C"
    assert way(amend(timetable, [closed("C", "09:00", "12:00")])) == "no way"


def test_a_closed_lane_leaves_the_others_open() -> None:
    timetable = draw(PICTURE)
    assert way(amend(timetable, [closed("B", "09:30", "09:31", "C")])) == "A 08:30 T2 11:00 C"
    assert way(amend(timetable, [closed("B", "07:00", "09:00", "C")])) == way(timetable)
    assert way(amend(timetable, [closed("A", "07:00", "12:00", "C")])) == way(timetable)


def test_what_is_late_leaves_arrives_and_is_waited_for_later() -> None:
    timetable = draw(PICTURE)
    assert way(amend(timetable, delays=[late("road/T1", 25)])) == "A 08:25 T1 10:25 C"
    assert way(amend(timetable, delays=[late("rail/R1", 30)])) == "A 08:00 T1 10:00 C"
    assert way(amend(timetable, delays=[late("road/T1", 25), late("rail/R1", 5)])) == (
        "A 08:25 T1 09:25 B, B 09:25 R1 09:55 C"
    )
    assert way(amend(timetable, delays=[late("road/T1", 25)]), ready="08:20").startswith("A 08:25 T1")


def test_a_delay_may_begin_on_the_way_and_be_made_up() -> None:
    timetable = draw(PICTURE.replace("rail/R1", "rail/R9").replace("09:20       | 09:50", "09:05       | 09:15"))
    assert way(amend(timetable, delays=[late("road/T1", 30, call=1), late("rail/R9", 600)])) == "A 08:00 T1 10:30 C"
    caught = amend(timetable, delays=[late("road/T1", 5), late("road/T1", 0, call=1), late("rail/R9", 600)])
    assert way(caught) == "A 08:05 T1 10:00 C"
    with pytest.raises(BadInput, match="road/T1: by its delays it leaves net/B before it arrived"):
        amend(timetable, delays=[late("road/T1", 11), late("road/T1", 0, call=1)])


def test_a_delay_concerns_one_day() -> None:
    timetable = amend(draw(PICTURE, days=2), delays=[late("road/T1", 600), late("road/T2", 600)])
    assert way(timetable, "13:00") == "A 18:00 T1 20:00 C"
    assert "Tue 08:00 T1" in way(timetable, "19:00")


def test_what_comes_late_into_a_closure_is_closed_out() -> None:
    shut = [closed("B", "09:25", "09:26")]
    assert way(amend(draw(PICTURE), shut)).startswith("A 08:00 T1")
    assert way(amend(draw(PICTURE), shut, [late("road/T1", 25)])) == "A 08:30 T2 11:00 C"


def test_the_planned_timetable_stays_as_it_is() -> None:
    timetable = draw(PICTURE)
    before = [column.copy() for column in msgspec.structs.astuple(timetable.connections)]
    amend(timetable, [closed("B", "00:00", "12:00")], [late("road/T1", 25)])
    after = msgspec.structs.astuple(timetable.connections)
    assert all((one == other).all() for one, other in zip(before, after, strict=True))


def test_what_there_is_not_is_told() -> None:
    timetable = draw(PICTURE)
    with pytest.raises(NotFound, match="no service calls at 'net/X'"):
        amend(timetable, [closed("X", "09:00", "10:00")])
    with pytest.raises(NotFound, match="no service 'road/T9'"):
        amend(timetable, delays=[late("road/T9", 5)])
    with pytest.raises(BadInput, match="departs from no call 2"):
        amend(timetable, delays=[late("road/T1", 5, call=2)])
    with pytest.raises(BadInput, match="ends before it begins"):
        amend(timetable, [closed("B", "10:00", "09:00")])
    longer = expand(read(PICTURE), dt.date(2026, 10, 30), MONDAY, {}, 0)
    with pytest.raises(NotFound, match="'road/T1' does not run on 2026-10-31"):
        amend(longer, delays=[late("road/T1", 5, day=dt.date(2026, 10, 31))])
    elsewhere = late("road/T1", 5, day=dt.date(2026, 11, 20))
    assert way(amend(timetable, delays=[elsewhere])) == way(timetable)


@settings(max_examples=80, deadline=None)
@given(timetables(), st.data())
def test_an_amended_timetable_holds_together(timetable: Timetable, data: st.DataObject) -> None:
    services = st.sampled_from(timetable.services)
    delays = [
        Delay(carrier=one.carrier, service=one.code, day=MONDAY, minutes=data.draw(st.integers(-30, 90)))
        for one in data.draw(st.lists(services, max_size=3))
    ]
    shut = [
        Closure(facility=name, since_ms=at("00:30"), until_ms=at("01:30"))
        for name in data.draw(st.lists(st.sampled_from(timetable.facilities), max_size=2))
    ]
    amended = amend(timetable, shut, delays)
    each = amended.connections
    assert (each.departs_ms[1:] >= each.departs_ms[:-1]).all()
    for row, before in enumerate(each.previous.tolist()):
        if before >= 0:
            assert before < row
            assert each.following[before] == row
            assert each.destination[before] == each.origin[row]
    for one in shut:
        place = amended.place(one.facility)
        assert not ((each.origin == place) & (each.departs_ms >= one.since_ms) & (each.departs_ms < one.until_ms)).any()
    for name in amended.facilities[1:]:
        path = find_earliest(amended, amended.facilities[0], name, at("00:00", 1))
        if path is not None:
            check_legs(amended, path, amended.facilities[0], name, at("00:00", 1))
