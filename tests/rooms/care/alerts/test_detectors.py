"""What each detector finds."""

from typing import Any

import numpy as np
import pytest
from tests.rooms.forecast.watching import HALT, KNOWN, steps, watch

from waypost.care.alerts.findings import AlertKind, Finding, Severity
from waypost.care.alerts.loads import watch_hubs, watch_lanes
from waypost.care.alerts.rounds import seldom
from waypost.care.alerts.silence import watch_silence
from waypost.care.alerts.unknown_codes import watch_unknown_codes
from waypost.care.alerts.weather_ahead import watch_weather_ahead
from waypost.forecast.lookout import Lookout
from waypost.forecast.reasons import ReasonCode
from waypost.model.instants import DAY_MS
from waypost.network.areas import Areas
from waypost.track.live_views import LiveFacility, LiveFlow
from waypost.track.overview import UnknownCode

NOW = 1_780_000_000_000
HOUR = 3_600_000


@pytest.fixture(scope="module")
def lookout() -> Lookout:
    now = HALT.ends - 0.05
    return Lookout(watch(), steps().known_at(now), now, Areas([]))


def test_parcels_that_fell_silent_together_are_found_with_the_causes(lookout: Lookout) -> None:
    detect = watch_silence(lambda: lookout, 3, 40)
    first = (detect(NOW) or [])[0]
    assert (first.kind, first.facility, first.severity) == (
        AlertKind.SILENCE,
        f"imagined/H{HALT.hub}",
        Severity.CRITICAL,
    )
    assert first.subject.startswith(f"hub imagined imagined/H{HALT.hub} - -")
    assert (len(first.numbers), first.numbers) == (first.parcels, sorted(set(first.numbers)))
    assert first.causes[0].kind == "hub"
    assert sum(cause.weight for cause in first.causes) == pytest.approx(1, abs=0.03)
    assert first.since_ms == pytest.approx(HALT.begins * DAY_MS, abs=DAY_MS / 2)
    assert watch_silence(lambda: lookout, 1000, 2000)(NOW) == []
    assert (watch_silence(lambda: lookout, 3, 1000)(NOW) or [])[0].severity is Severity.WARNING
    assert watch_silence(lambda: None, 3, 40)(NOW) is None


def test_of_a_share_of_the_parcels_each_stands_for_others(lookout: Lookout) -> None:
    plain = (watch_silence(lambda: lookout, 3, 200)(NOW) or [])[0]
    lookout.shares = 10
    try:
        many = (watch_silence(lambda: lookout, 3, 200)(NOW) or [])[0]
    finally:
        lookout.shares = 1
    assert (many.parcels, many.numbers, many.severity) == (10 * plain.parcels, plain.numbers, Severity.CRITICAL)


def test_foul_weather_is_told_where_parcels_go(lookout: Lookout) -> None:
    begins = NOW + 10 * HOUR

    def foretell(facility: str, since_ms: int, until_ms: int) -> ReasonCode | None:
        return ReasonCode.SNOW if facility == "imagined/H2" and until_ms > begins else None

    [found] = watch_weather_ahead(lambda: lookout, lambda now_ms: foretell, 3, 10_000, 24)(NOW) or []
    assert (found.kind, found.facility, found.words["weather"]) == (AlertKind.WEATHER_AHEAD, "imagined/H2", "snow")
    assert NOW < found.since_ms <= begins < found.since_ms + 6 * HOUR
    assert found.parcels == len(found.numbers) == len(lookout.heading["imagined/H2"])
    assert found.severity is Severity.WARNING
    assert watch_weather_ahead(lambda: lookout, lambda now_ms: foretell, 3, 10_000, 3)(NOW) == []
    assert watch_weather_ahead(lambda: lookout, lambda now_ms: foretell, 10_000, 20_000, 24)(NOW) == []
    assert watch_weather_ahead(lambda: None, lambda now_ms: foretell, 3, 10, 24)(NOW) is None
    assert watch_weather_ahead(lambda: None, lambda now_ms: None, 3, 10, 24)(NOW) == []


def test_who_heads_where_are_those_that_are_there_or_go_there_next(lookout: Lookout) -> None:
    rows = lookout.heading["imagined/H2"]
    assert len(np.unique(rows)) == len(rows)
    there = set(lookout.name(rows))
    last = [each for each in lookout.find([name.partition("/")[2] for name in sorted(there)])]
    assert {"imagined/H2"} < {each.facility for each in last}
    known = {f"imagined/{each.number}" for each in last if each.facility == "imagined/H2"}
    assert known < there
    assert lookout.now > KNOWN


def test_codes_that_no_table_knows() -> None:
    codes = [UnknownCode("yto", "X9", 20, "2026-11-22T10:00:00Z"), UnknownCode("sf", "Q", 19, "2026-11-22T10:00:00Z")]
    asked: list[int] = []

    def list_codes(since_ms: int) -> list[UnknownCode]:
        asked.append(since_ms)
        return codes

    [found] = watch_unknown_codes(list_codes, 20, 24)(NOW) or []
    assert asked == [NOW - 24 * HOUR]
    assert (found.subject, found.carrier, found.figures, found.words) == (
        "yto X9",
        "yto",
        {"scans": 20},
        {"code": "X9"},
    )


def make_hub(**told: Any) -> LiveFacility:
    unknown = dict.fromkeys(("kind", "city", "country", "latitude", "longitude", "load", "last_at"))
    return LiveFacility(**{"carrier": "zto", "name": "Shanghai hub", "arrived_24h": 900, **unknown, **told})


@pytest.mark.parametrize(
    ("arrived", "capacity", "severity"),
    [
        (99, 100.0, None),
        (100, 100.0, Severity.WARNING),
        (130, 100.0, Severity.CRITICAL),
        (500, None, None),
        (5, 0.0, None),
    ],
)
def test_a_hub_with_more_than_it_can_take(arrived: int, capacity: float | None, severity: Severity | None) -> None:
    hub = make_hub(facility="SHA", inside=700, arrived_1h=arrived, departed_1h=60, capacity_per_hour=capacity)
    found = watch_hubs(lambda: [hub], 1.0, 1.25)(NOW) or []
    assert [each.severity for each in found] == ([] if severity is None else [severity])
    for each in found:
        assert (each.kind, each.facility, each.parcels) == (AlertKind.HUB_OVERLOAD, "zto/SHA", 700)
        assert each.figures["load"] == arrived / 100
    assert watch_hubs(lambda: None, 1.0, 1.25)(NOW) is None


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({}, True),
        ({"hours": 29.9}, False),
        ({"moved_24h": 29}, False),
        ({"hours": None}, False),
        ({"usual_hours": None}, False),
        ({"delayed": None}, True),
    ],
)
def test_a_lane_that_takes_much_longer_than_usual(more: dict[str, Any], found: bool) -> None:
    told = {
        "carrier": "zto",
        "origin": "SHA",
        "destination": "CAN",
        "moved_24h": 80,
        "hours": 30.0,
        "usual_hours": 20.0,
    }
    lane = LiveFlow(**told | {"delayed": 0.5} | more)
    listed: list[Finding] = watch_lanes(lambda: [lane], 30, 1.5, 60)(NOW) or []
    assert bool(listed) == found
    if "delayed" in more:
        assert (listed[0].parcels, listed[0].severity) == (80, Severity.CRITICAL)
    elif found:
        assert (listed[0].parcels, listed[0].severity, listed[0].subject) == (40, Severity.WARNING, "zto/SHA zto/CAN")
    assert watch_lanes(lambda: None, 30, 1.5, 60)(NOW) is None


def test_what_takes_long_is_looked_for_seldom_but_again_at_once_where_nothing_could_be_said() -> None:
    looks: list[int] = []
    said: list[list[Finding] | None] = [None, [], []]

    def detect(now_ms: int) -> list[Finding] | None:
        looks.append(now_ms)
        return said.pop(0)

    rare = seldom(detect, 1000)
    assert [rare(NOW + at) for at in (0, 10, 500, 1009, 1010)] == [None, [], [], [], []]
    assert looks == [NOW, NOW + 10, NOW + 1010]
