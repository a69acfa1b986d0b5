"""How likely paths hold: against all that can happen, one case after another."""

import itertools
from collections.abc import Mapping

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rooms.network.pictures import at, draw

from waypost.model.errors import BadInput
from waypost.model.instants import MINUTE_MS
from waypost.network.chances import Spread, judge_path, spread_at, spread_of
from waypost.network.paths import Leg, Path, Terms, find_earliest
from waypost.network.timetable import Timetable

PICTURE = """
    |         | A     | B     | C     |
    | road/T1 | 08:00 | 09:00 |       |
    | rail/R1 |       | 09:30 | 10:00 |
    | road/R2 |       | 09:50 | 10:30 |
"""


class Known(msgspec.Struct):
    """Delays by the code of a service; what is not named is on time."""

    departs: Mapping[str, Spread] = {}
    takes: Mapping[str, Spread] = {}
    handles: Spread = spread_at(0)

    def departing(self, leg: Leg) -> Spread:
        return self.departs.get(leg.service, spread_at(0))

    def travelling(self, leg: Leg) -> Spread:
        return self.takes.get(leg.service, spread_at(0))

    def handling(self, facility: str, at_ms: int) -> Spread:
        return self.handles


def way(timetable: Timetable) -> Path:
    path = find_earliest(timetable, "net/A", "net/C", at("07:30"))
    assert path is not None
    return path


def test_all_is_certain_while_nothing_is_late() -> None:
    timetable = draw(PICTURE)
    outlook = judge_path(timetable, way(timetable), at("07:30"), Known())
    assert (outlook.legs, outlook.holds, outlook.stranded) == ((1.0, 1.0), 1.0, 0.0)
    assert outlook.quantile_ms(0.01) == outlook.quantile_ms(0.99) == outlook.expected_ms() == at("10:00")


def test_a_missed_departure_is_made_up_for_by_the_next() -> None:
    timetable = draw(PICTURE)
    late = Known(takes={"T1": Spread(0, np.array([0.75] + [0.0] * 39 + [0.25]))})  # 40 minutes late, one day in four
    outlook = judge_path(timetable, way(timetable), at("07:30"), late)
    assert outlook.legs == (1.0, 0.75)
    assert outlook.holds == 0.75
    assert outlook.quantile_ms(0.75) == at("10:00")
    assert outlook.quantile_ms(0.76) == at("10:30")
    assert outlook.chance_by(at("10:29")) == 0.75
    assert outlook.chance_by(at("10:30")) == 1.0
    assert outlook.expected_ms() == at("10:00") + 30 * MINUTE_MS // 4


def test_the_next_departure_has_to_be_allowed() -> None:
    timetable = draw(PICTURE)
    late = Known(takes={"T1": spread_at(40)})
    outlook = judge_path(timetable, way(timetable), at("07:30"), late, Terms(services=frozenset({("rail", "R1")})))
    assert outlook.stranded == 1.0
    assert outlook.quantile_ms(0.5) is outlook.expected_ms() is None


def test_a_departure_that_is_late_is_caught_by_what_is_late_and_arrives_late() -> None:
    timetable = draw(PICTURE)
    late = Known(departs={"R1": Spread(0, np.array([0.5] + [0.0] * 9 + [0.5]))}, takes={"T1": spread_at(35)})
    outlook = judge_path(timetable, way(timetable), at("07:30"), late)
    assert outlook.holds == 0.5
    assert [outlook.quantile_ms(share) for share in (0.5, 0.9)] == [at("10:10"), at("10:30")]


def test_handling_and_the_cut_off_take_their_time() -> None:
    timetable = draw(PICTURE.replace("| 09:30", "| 09:30 x10"))
    for minutes, holds in ((20, 1.0), (21, 0.0)):
        assert judge_path(timetable, way(timetable), at("07:30"), Known(handles=spread_at(minutes))).holds == holds


def test_the_last_departure_may_be_missed() -> None:
    timetable = draw(PICTURE)
    late = Known(takes={"T1": spread_of([0, 0, 0, 100])})
    outlook = judge_path(timetable, way(timetable), at("07:30"), late)
    assert outlook.stranded == 0.25
    assert outlook.quantile_ms(0.75) == at("10:00")
    assert outlook.quantile_ms(0.76) is None


def test_a_spread_is_what_was_seen() -> None:
    seen = spread_of([-2.4, 3.0, 3.2, 1])
    assert (seen.first_min, seen.chances.tolist()) == (-2, [0.25, 0, 0, 0.25, 0, 0.5])
    with pytest.raises(BadInput, match="at least one number"):
        spread_of([])
    with pytest.raises(BadInput, match="finite"):
        spread_of([1.0, float("nan")])


def test_nothing_can_be_missed_without_legs() -> None:
    with pytest.raises(BadInput, match="without legs"):
        judge_path(draw(PICTURE), Path(legs=()), at("07:30"), Known())


SPREADS = st.builds(
    lambda first, weights: Spread(first, np.array(weights) / sum(weights)),
    st.integers(-10, 10),
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
)


def stretch(spread: Spread) -> list[tuple[int, float]]:
    return [(spread.first_min + place, chance) for place, chance in enumerate(spread.chances.tolist()) if chance]


@settings(max_examples=60, deadline=None)
@given(SPREADS, SPREADS, SPREADS, SPREADS, SPREADS, st.integers(0, 35))
def test_chances_are_those_of_all_that_can_happen(
    first: Spread, way_there: Spread, second: Spread, third: Spread, handles: Spread, slack: int
) -> None:
    timetable = draw(PICTURE)
    handles = Spread(abs(handles.first_min) + slack, handles.chances)
    late = Known({"T1": first, "R1": second, "R2": third}, {"T1": way_there}, handles)
    outlook = judge_path(timetable, way(timetable), at("08:00"), late)
    holds, arrivals = 0.0, dict[int | None, float]()
    for cases in itertools.product(*map(stretch, (first, way_there, handles, second, third))):
        (leaves, takes, handled, later, last), chance = (
            [case[0] for case in cases],
            float(np.prod([case[1] for case in cases])),
        )
        begin = at("08:00") // MINUTE_MS
        arrives = None
        if leaves >= 0:
            ready = begin + leaves + 60 + takes + handled
            if ready <= begin + 90 + later:
                holds += chance
                arrives = begin + 120 + later
            elif ready <= begin + 110 + last:
                arrives = begin + 150 + last
        arrivals[arrives] = arrivals.get(arrives, 0.0) + chance
    assert outlook.holds == pytest.approx(holds, abs=1e-9)
    assert outlook.stranded == pytest.approx(arrivals.pop(None, 0.0), abs=1e-8)
    found = {minute: chance for minute, chance in stretch(outlook.arrives) if chance > 1e-9}
    assert found == pytest.approx({m: c for m, c in arrivals.items() if m and c > 1e-9}, abs=1e-8)
