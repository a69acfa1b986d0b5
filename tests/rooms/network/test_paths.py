"""Paths through timetables: one feature a picture, and whatever is drawn by chance against every way there is."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rooms.network.pictures import MONDAY, NOVEMBER, at, draw, list_ways, tell

from waypost.model.errors import BadInput, NotFound
from waypost.model.measures import Money
from waypost.network.paths import Path, Terms, find_arrivals, find_earliest, find_latest
from waypost.network.services import Call, Mode, Service, Stretch
from waypost.network.timetable import Timetable, expand

CHAIN = """
    |         | A     | B           | C     |
    | road/T1 | 08:00 | 09:00-09:10 | 10:00 |
    | road/T2 | 09:00 | 10:00-10:10 | 11:00 |
    | rail/R1 |       | 09:30       | 09:50 |
"""


def earliest(timetable: Timetable, ready: str = "07:00", way: str = "AC", terms: Terms | None = None) -> str:
    origin, destination = (f"net/{place}" for place in way)
    return tell(find_earliest(timetable, origin, destination, at(ready), terms or Terms()))


def latest(timetable: Timetable, due: str, way: str = "AC", terms: Terms | None = None) -> str:
    origin, destination = (f"net/{place}" for place in way)
    return tell(find_latest(timetable, origin, destination, at(due), terms or Terms()))


def test_what_stays_aboard_needs_no_dwell() -> None:
    timetable = draw(CHAIN.replace("rail/R1", "rail/R1x").replace("09:50", "10:30"), usual_min=60)
    assert earliest(timetable) == "A 08:00 T1 10:00 C"


def test_a_faster_departure_is_changed_to() -> None:
    assert earliest(draw(CHAIN, usual_min=30)) == "A 08:00 T1 09:00 B, B 09:30 R1 09:50 C"


def test_a_change_takes_the_dwell_of_its_facility() -> None:
    assert earliest(draw(CHAIN, dwell_min={"B": 31}, usual_min=5)) == "A 08:00 T1 10:00 C"


def test_the_next_departure_is_taken_when_one_is_gone() -> None:
    assert earliest(draw(CHAIN), ready="08:01") == "A 09:00 T2 11:00 C"
    assert earliest(draw(CHAIN), ready="09:01") == "no way"
    assert earliest(draw(CHAIN, days=2), ready="09:01") == "A Tue 08:00 T1 Tue 09:00 B, B Tue 09:30 R1 Tue 09:50 C"


def test_a_facility_takes_nothing_after_the_cut_off() -> None:
    timetable = draw(CHAIN.replace("| 08:00", "| 08:00 x45"))
    assert earliest(timetable, ready="07:15").startswith("A 08:00 T1")
    assert earliest(timetable, ready="07:16") == "A 09:00 T2 11:00 C"


def test_a_cut_off_on_the_way_does_not_concern_what_is_aboard() -> None:
    assert earliest(draw(CHAIN.replace("09:00-09:10", "09:00-09:10 x60").replace("09:50", "10:30"))) == (
        "A 08:00 T1 10:00 C"
    )


def test_something_that_is_there_needs_no_legs() -> None:
    assert find_earliest(draw(CHAIN), "net/A", "net/A", at("07:00")) == Path(legs=())
    assert find_latest(draw(CHAIN), "net/A", "net/A", at("07:00")) == Path(legs=())


@pytest.mark.parametrize(
    ("terms", "way"),
    [
        (Terms(carriers=frozenset({"road"})), "A 08:00 T1 10:00 C"),
        (Terms(modes=frozenset({Mode.TRUCK})), "A 08:00 T1 10:00 C"),
        (Terms(modes=frozenset({Mode.RAIL})), "no way"),
        (Terms(services=frozenset({("road", "T2")})), "A 09:00 T2 11:00 C"),
        (Terms(services=frozenset({("road", "R1")})), "no way"),
    ],
)
def test_only_what_is_allowed_is_used(terms: Terms, way: str) -> None:
    assert earliest(draw(CHAIN), terms=terms) == way
    assert latest(draw(CHAIN), "11:00", terms=terms) in (way, "A 09:00 T2 11:00 C")


def test_what_is_too_heavy_waits_for_a_larger_departure() -> None:
    timetable = draw(CHAIN.replace("| 08:00", "| 08:00 5kg"))
    assert earliest(timetable, terms=Terms(weight_g=5000)).startswith("A 08:00 T1")
    assert earliest(timetable, terms=Terms(weight_g=5001)) == "A 09:00 T2 11:00 C"


def test_the_latest_departure_still_arrives_in_time() -> None:
    assert latest(draw(CHAIN), "11:00") == "A 09:00 T2 11:00 C"
    assert latest(draw(CHAIN), "10:59") == "A 08:00 T1 10:00 C"
    assert latest(draw(CHAIN), "09:59") == "A 08:00 T1 09:00 B, B 09:30 R1 09:50 C"
    assert latest(draw(CHAIN, usual_min=31), "09:59") == "no way"


def test_all_facilities_are_reached_at_once() -> None:
    arrivals = find_arrivals(draw(CHAIN), "net/A", at("08:30"))
    assert arrivals.list_arrivals_ms() == {"net/A": at("08:30"), "net/B": at("10:00"), "net/C": at("11:00")}
    assert tell(arrivals.find_path("net/C")) == "A 09:00 T2 11:00 C"
    back = find_arrivals(draw(CHAIN), "net/C", at("08:30"))
    assert back.list_arrivals_ms() == {"net/C": at("08:30")}
    assert back.find_path("net/A") is None


def test_legs_say_what_they_cost() -> None:
    picture = """
        |         | A              | B                | C     |
        | road/T1 | 08:00 200EUR 7g | 09:00-09:10 30EUR | 10:00 |
    """
    path = find_earliest(draw(picture), "net/A", "net/C", at("07:00"))
    assert path is not None
    assert [(leg.cost, leg.co2_g) for leg in path.legs] == [(Money(230, "EUR"), 7)]


def test_a_facility_that_nothing_calls_at_is_named() -> None:
    with pytest.raises(NotFound, match="no service calls at 'net/X'"):
        find_earliest(draw(CHAIN), "net/A", "net/X", at("07:00"))


PLACES = "ABCDE"


@st.composite
def timetables(draws: st.DrawFn) -> Timetable:
    """A few services that call at a few facilities, some twice, with dwell and cut-offs."""
    services = []
    for number in range(draws(st.integers(1, 7))):
        minute, calls = draws(st.integers(0, 120)), list[Call]()
        places = draws(st.lists(st.sampled_from(PLACES), min_size=2, max_size=4))
        for place in places:
            leaves = minute + draws(st.sampled_from([0, 0, 5, 30]))
            calls.append(Call(facility=f"net/{place}", zone="UTC", arrives_min=minute, departs_min=leaves))
            minute = leaves + draws(st.sampled_from([1, 10, 10, 60]))
        stretches = tuple(
            Stretch(
                cut_off_min=draws(st.sampled_from([0, 0, 10])),
                cost_minor=draws(st.integers(0, 3)),
                co2_g=draws(st.integers(0, 3)),
            )
            for _ in calls[1:]
        )
        carrier = draws(st.sampled_from(["road", "rail"]))
        services.append(
            Service(
                carrier=carrier,
                code=str(number),
                mode=Mode.TRUCK,
                days=NOVEMBER,
                calls=tuple(calls),
                stretches=stretches,
                currency="EUR",
            )
        )
    dwell = {f"net/{place}": draws(st.sampled_from([0, 0, 10])) for place in PLACES}
    return expand(services, MONDAY, MONDAY + dt.timedelta(days=draws(st.integers(0, 1))), dwell, 0)


TERMS = st.sampled_from([Terms(), Terms(carriers=frozenset({"rail"}))])


def check_legs(timetable: Timetable, path: Path, origin: str, destination: str, ready_ms: int) -> None:
    """That each leg is one departure, taken in time where the one before ended."""
    place, ready, each = origin, ready_ms, timetable.connections
    for leg in path.legs:
        assert leg.origin == place
        assert ready <= leg.closes_ms <= leg.departs_ms < leg.arrives_ms
        row = leg.boarded
        while row != leg.left:
            row = int(each.following[row])
            assert row >= 0
        place = leg.destination
        ready = leg.arrives_ms + int(timetable.dwell_ms[timetable.place(place)])
    assert place == destination


@settings(max_examples=150, deadline=None)
@given(timetables(), st.integers(0, 180), TERMS)
def test_no_way_arrives_earlier(timetable: Timetable, minute: int, terms: Terms) -> None:
    ready_ms = at("00:00") + minute * 60_000
    start = timetable.facilities[0]
    arrivals = find_arrivals(timetable, start, ready_ms, terms)
    for name in timetable.facilities[1:]:
        path = find_earliest(timetable, start, name, ready_ms, terms)
        ways = list_ways(timetable, start, name, ready_ms, terms)
        if path is None:
            assert ways == []
            assert arrivals.find_path(name) is None
            continue
        check_legs(timetable, path, start, name, ready_ms)
        assert path.legs[-1].arrives_ms == min(timetable.connections.arrives_ms[way[-1][1]] for way in ways)
        assert arrivals.list_arrivals_ms()[name] == path.legs[-1].arrives_ms


@settings(max_examples=150, deadline=None)
@given(timetables(), st.integers(0, 400), TERMS)
def test_no_way_begins_later(timetable: Timetable, minute: int, terms: Terms) -> None:
    due_ms = at("00:00") + minute * 60_000
    start, each = timetable.facilities[0], timetable.connections
    for name in timetable.facilities[1:]:
        path = find_latest(timetable, start, name, due_ms, terms)
        ways = [
            way
            for way in list_ways(timetable, start, name, at("00:00", 1), terms)
            if each.arrives_ms[way[-1][1]] <= due_ms
        ]
        if path is None:
            assert ways == []
            continue
        check_legs(timetable, path, start, name, path.legs[0].closes_ms)
        assert path.legs[-1].arrives_ms <= due_ms
        assert path.legs[0].closes_ms == max(each.closes_ms[way[0][0]] for way in ways)
        forth = find_earliest(timetable, start, name, path.legs[0].closes_ms, terms)
        assert forth is not None
        assert forth.legs[-1].arrives_ms <= due_ms
        gone = find_earliest(timetable, start, name, path.legs[0].closes_ms + 1, terms)
        assert gone is None or gone.legs[-1].arrives_ms > due_ms


def test_no_instant_is_refused() -> None:
    with pytest.raises(BadInput, match="ready_ms"):
        find_earliest(draw(CHAIN), "net/A", "net/C", 1 << 62)
