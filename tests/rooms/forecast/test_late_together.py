"""What late parcels have in common."""

import numpy as np
import pytest
from tests.rooms.forecast.watching import DAYS, HALT, KNOWN, imagined, silence, steps

from waypost.forecast.late_together import LateTogether, find_late_together
from waypost.forecast.reasons import ReasonCode, Weather
from waypost.forecast.trips import NEVER
from waypost.model.instants import DAY_MS
from waypost.testing.trips import FIRST_DAY


def late(now: float, weather: Weather | None = None) -> list[LateTogether]:
    return find_late_together(silence(), steps().known_at(now), now, weather=weather)


def storm(*facilities: str, begins: float = HALT.begins, ends: float = HALT.ends) -> Weather:
    def ask(facility: str, since_ms: int, until_ms: int) -> ReasonCode | None:
        hit = facility in facilities and since_ms < ends * DAY_MS and until_ms > begins * DAY_MS
        return ReasonCode.STORM if hit else None

    return ask


@pytest.mark.parametrize("number", [1, 2, 3])  # the first has seven parcels: too few to be sure
def test_a_stuck_truck_is_the_likeliest_cause(number: int) -> None:
    truck = imagined().stuck[number]
    ends = f"imagined/H{truck.origin}", f"imagined/H{truck.destination}"
    now = truck.arrived - 0.02
    causes = [each.causes[0] for each in late(now)]
    [cause] = [each for each in causes if (each.facility, each.towards) == ends]
    assert cause.kind == "departure"
    assert cause.departed == pytest.approx(truck.departed, abs=0.02)
    assert cause.weight > 0.5


def test_a_hub_that_halts_is_named_by_its_name_or_by_the_storm_over_it() -> None:
    now, hub = HALT.ends - 0.05, f"imagined/H{HALT.hub}"
    plain = late(now)[0]
    assert (plain.causes[0].kind, plain.causes[0].facility, plain.causes[0].weather) == ("hub", hub, None)
    assert plain.silent > 4 * plain.expected
    assert plain.since == pytest.approx(HALT.begins, abs=0.5)
    [cause, *others] = late(now, storm(hub))[0].causes
    assert (cause.kind, cause.facility, cause.weather, cause.carrier) == ("weather", hub, "storm", None)
    assert "hub" in {each.kind for each in others}


def test_a_storm_elsewhere_explains_nothing() -> None:
    now = HALT.ends - 0.05
    elsewhere = late(now, storm("imagined/H0", "imagined/H1"))[0].causes[0]
    before = late(now, storm(f"imagined/H{HALT.hub}", begins=FIRST_DAY, ends=HALT.begins - 3))[0].causes[0]
    assert elsewhere.kind == before.kind == "hub"


def test_who_was_late_and_has_been_scanned_since_counts_for_a_day() -> None:
    hub = f"imagined/H{HALT.hub}"
    after = [each for each in late(HALT.ends + 0.2) if each.causes[0].facility == hub]
    assert after
    assert after[0].silent < len(after[0].rows)
    slow = steps().known_at(HALT.ends + 0.2).following[after[0].rows]
    assert (slow[slow != NEVER] > HALT.ends - 1.0).all()
    assert [each for each in late(HALT.ends + 3.5) if each.causes[0].facility == hub] == []


def test_in_quiet_times_hardly_anything_is_told() -> None:
    trucks = {f"imagined/H{each.origin}" for each in imagined().stuck} | {f"imagined/H{HALT.hub}"}
    told = [each for day in np.arange(KNOWN + 1, FIRST_DAY + DAYS, 2.5) for each in late(day)]
    strange = [each.causes[0] for each in told if each.causes[0].facility not in trucks]
    assert len(strange) <= 2


def test_before_anything_came_nothing_is_late() -> None:
    assert late(FIRST_DAY + 0.01) == []
