"""Choices by arrival, cost and CO2: one feature a picture, and all of them against every way there is."""

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rooms.network.pictures import MONDAY, at, draw, list_ways, read, tell
from tests.rooms.network.test_paths import TERMS, check_legs, timetables

from waypost.model.errors import BadInput, NotFound
from waypost.network.choices import find_choices
from waypost.network.paths import Path, Terms
from waypost.network.services import Call, Service, Stretch
from waypost.network.timetable import Timetable, expand

DAY_MS = 86_400_000
PICTURE = """
    |         | A               | B                 | C     |
    | air/F1  | 08:00 900EUR 90g |                   | 09:00 |
    | road/T1 | 08:00 100EUR 50g | 10:00-10:10 50EUR 20g | 12:00 |
    | rail/R1 |                 | 11:00 60EUR 5g    | 13:00 |
    | road/T2 | 08:30 100EUR 50g | 10:30 60EUR 30g   | 12:30 |
"""


def values(path: Path) -> tuple[int, int, int]:
    return path.legs[-1].arrives_ms, sum(leg.cost.minor for leg in path.legs), sum(leg.co2_g for leg in path.legs)


def test_each_choice_is_best_in_something() -> None:
    found = find_choices(draw(PICTURE), "net/A", "net/C", at("07:00"), DAY_MS)
    assert [tell(path) for path in found] == [
        "A 08:00 F1 09:00 C",
        "A 08:00 T1 12:00 C",
        "A 08:00 T1 10:00 B, B 11:00 R1 13:00 C",
    ]
    assert [values(path)[1:] for path in found] == [(900, 90), (150, 70), (160, 55)]


def test_what_arrives_too_late_is_no_choice() -> None:
    found = find_choices(draw(PICTURE), "net/A", "net/C", at("07:00"), 3 * 3_600_000)
    assert [path.legs[-1].arrives_ms for path in found] == [at("09:00"), at("12:00")]


def test_only_what_is_allowed_is_chosen_from() -> None:
    terms = Terms(carriers=frozenset({"road"}))
    found = find_choices(draw(PICTURE), "net/A", "net/C", at("07:00"), DAY_MS, terms)
    assert [tell(path) for path in found] == ["A 08:00 T1 12:00 C"]


def test_the_dwell_where_it_ends_does_not_count() -> None:
    timetable = draw(PICTURE, usual_min=50)
    assert len(find_choices(timetable, "net/A", "net/C", at("07:00"), DAY_MS)) == 3
    assert len(find_choices(draw(PICTURE, usual_min=61), "net/A", "net/C", at("07:00"), DAY_MS)) == 2


def test_there_may_be_nothing_to_choose() -> None:
    assert find_choices(draw(PICTURE), "net/C", "net/A", at("07:00"), DAY_MS) == []
    assert find_choices(draw(PICTURE), "net/A", "net/A", at("07:00"), DAY_MS) == [Path(legs=())]
    with pytest.raises(NotFound, match="net/X"):
        find_choices(draw(PICTURE), "net/A", "net/X", at("07:00"), DAY_MS)


def test_currencies_are_not_held_against_one_another() -> None:
    services = read(PICTURE)
    calls = (
        Call(facility="net/A", zone="UTC", departs_min=0),
        Call(facility="net/C", zone="UTC", arrives_min=9),
    )
    paid = Service(
        carrier="ship",
        code="S",
        mode=services[0].mode,
        days=services[0].days,
        calls=calls,
        stretches=(Stretch(cost_minor=1),),
        currency="USD",
    )
    timetable = expand([*services, paid], MONDAY, MONDAY + dt.timedelta(days=1), {}, 0)
    with pytest.raises(BadInput, match="costs in EUR, USD cannot"):
        find_choices(timetable, "net/A", "net/C", at("07:00"), DAY_MS)
    alone = Terms(carriers=frozenset({"ship"}))
    assert len(find_choices(timetable, "net/A", "net/C", at("07:00"), DAY_MS, alone)) == 1


@settings(max_examples=200, deadline=None)
@given(timetables(), st.integers(0, 120), TERMS)
def test_no_other_way_is_as_good_and_all_that_are_best_are_there(
    timetable: Timetable, minute: int, terms: Terms
) -> None:
    ready_ms = at("00:00") + minute * 60_000
    start, each, sections = timetable.facilities[0], timetable.connections, timetable.sections
    for name in timetable.facilities[1:]:
        ways = set()
        for way in list_ways(timetable, start, name, ready_ms, terms):
            used = [number for boarded, left in way for number in range(each.section[boarded], each.section[left] + 1)]
            cost, co2 = int(sections.cost_minor[used].sum()), int(sections.co2_g[used].sum())
            ways.add((int(each.arrives_ms[way[-1][1]]), cost, co2))
        best = {one for one in ways if not any(other != one and all(map(int.__le__, other, one)) for other in ways)}
        found = find_choices(timetable, start, name, ready_ms, 10 * DAY_MS, terms)
        for path in found:
            check_legs(timetable, path, start, name, ready_ms)
        assert sorted(map(values, found)) == sorted(best)
