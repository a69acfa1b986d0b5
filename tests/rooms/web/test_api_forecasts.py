"""Forecasts of volumes over HTTP, beside what came since."""

import msgspec
import pytest
from tests.rooms.web.conftest import NOW, World, scan

from waypost.access.keys import Role
from waypost.forecast.calendars import Mark
from waypost.forecast.counts import By
from waypost.forecast.error_card import ErrorCard
from waypost.forecast.overload import Overload
from waypost.forecast.parcels import DayForecast, Line, ParcelForecast
from waypost.forecast.volume_shelf import MOST_KEPT, KeptForecast
from waypost.model.instants import DAY_MS

DAYS = ("2026-11-19", "2026-11-20", "2026-11-21")
NODES = [("network", None, None), ("carrier", "sf", None), ("hub", "sf", "A"), ("carrier", "yto", None)]
NODES += [("hub", "yto", "A"), ("hub", "yto", "others")]
VOLUME = "/v1/forecasts/volume"


def kept(id_: str = "fct_1", made_ms: int = NOW - DAY_MS, by: By = "hub") -> KeptForecast:
    days = [DayForecast(day, 2.0, 1.0, 2.0, 3.0) for day in DAYS]
    lines = [Line(*node, days) for node in NODES]
    told = ParcelForecast(by=by, learnt_from="2026-01-01", learnt_to="2026-11-18", position=9, lines=lines)
    full = Overload(carrier="sf", hub="A", hour="2026-11-20T21:00", parcels=9, p90=12, capacity=8, expected=True)
    return KeptForecast(
        id=id_,
        made_ms=made_ms,
        scans_end_ms=made_ms - DAY_MS,
        forecast=told,
        marks=[Mark("2026-11-20", "BR", "holiday", "Consciência Negra")],
        card=ErrorCard("2026-11-16", "2026-11-18", []),
        overloads=[full],
    )


@pytest.fixture
def served(world: World) -> World:
    world.volumes.keep(kept())
    world.keep(
        *(scan(f"S{n}", "50", f"2026-11-19T10:0{n}:00+08:00", "A", "sf") for n in range(3)),
        scan("Y1", "GOT", "2026-11-19T10:00:00+08:00", "A", "yto"),
        scan("Y2", "GOT", "2026-11-20T10:00:00+08:00", "B", "yto"),
    )
    return world


def test_without_one_it_says_how_to_make_one(world: World) -> None:
    reply = world.get(f"{VOLUME}?by=lane", key=world.operator)
    assert (reply.status, reply.json["mend"]) == (404, "`waypost forecast volume --by lane --keep` makes one.")
    assert world.get("/v1/forecasts", key=world.operator).json == {"forecasts": []}


def test_what_came_stands_beside_what_was_foreseen(served: World) -> None:
    told = served.get(VOLUME, key=served.operator).json
    came = {(line["carrier"], line["name"]): [day["came"] for day in line["days"]] for line in told["lines"]}
    assert came == {
        (None, None): [4, 3, None],  # two of another carrier: they are of the network too
        ("sf", None): [3, 0, None],
        ("sf", "A"): [3, 0, None],
        ("yto", None): [1, 1, None],
        ("yto", "A"): [1, 0, None],
        ("yto", "others"): [0, 1, None],
    }
    assert (told["id"], told["age_h"], told["warning"], told["learnt_to"]) == ("fct_1", 24.0, None, "2026-11-18")
    assert told["marks"] == [{"day": "2026-11-20", "country": "BR", "kind": "holiday", "name": "Consciência Negra"}]
    assert told["card"]["first"] == "2026-11-16"


def test_pages_stay_with_their_forecast(served: World) -> None:
    first = served.get(f"{VOLUME}?limit=4", key=served.operator).json
    served.volumes.keep(kept("fct_2", NOW))
    second = served.get(f"{VOLUME}?limit=4&after={first['next']}", key=served.operator).json
    assert (second["id"], second["next"]) == ("fct_1", None)
    names = [(line["level"], line["carrier"], line["name"]) for line in first["lines"] + second["lines"]]
    assert names == NODES
    assert served.get(VOLUME, key=served.operator).json["id"] == "fct_2"
    assert served.get(f"{VOLUME}?forecast=fct_1", key=served.operator).json["id"] == "fct_1"


def test_only_what_is_asked_for(served: World) -> None:
    told = served.get(f"{VOLUME}?carrier=yto&name=A&days=2", key=served.operator).json
    assert [(line["carrier"], line["name"], len(line["days"])) for line in told["lines"]] == [("yto", "A", 2)]
    assert served.get(f"{VOLUME}?by=planet", key=served.operator).status == 422


def test_a_lane_is_found_however_its_areas_are_spelled(world: World) -> None:
    lanes = kept(by="lane")
    line = Line("lane", "yto", "BR-São Paulo > BR-PR", lanes.forecast.lines[0].days)
    told = msgspec.structs.replace(lanes.forecast, lines=[*lanes.forecast.lines, line])
    world.volumes.keep(msgspec.structs.replace(lanes, forecast=told))
    found = world.get(f"{VOLUME}?by=lane&name=br-sao%20paulo%20%3E%20BR-pr", key=world.operator).json["lines"]
    assert [each["name"] for each in found] == ["BR-São Paulo > BR-PR"]


def test_a_carrier_sees_its_own_lines(served: World) -> None:
    key = served.keys.make(Role.CARRIER, "k", served.now_ms, ["yto"])
    told = served.get(VOLUME, key=key).json
    assert {line["carrier"] for line in told["lines"]} == {"yto"}
    assert (told["overloads"], told["card"]) == ([], None)
    assert served.get(VOLUME, key=served.carrier).status == 403


def test_scans_that_ended_long_ago_are_said_to_have(served: World) -> None:
    served.now_ms = NOW + 30 * DAY_MS
    warning = served.get(VOLUME, key=served.operator).json["warning"]
    assert warning == "The scans it knew end 32 days ago, on 2026-11-20: all of its days have passed."


def test_the_last_few_are_kept(served: World) -> None:
    for number in range(2, MOST_KEPT + 4):
        served.volumes.keep(kept(f"fct_{number}", NOW + number))
    served.volumes.keep(kept("fct_c", NOW, "carrier"))
    listed = served.get("/v1/forecasts", key=served.operator).json["forecasts"]
    assert [each["id"] for each in listed] == ["fct_8", "fct_7", "fct_6", "fct_5", "fct_4", "fct_c"]
    assert (listed[0]["by"], listed[0]["first"], listed[0]["last"]) == ("hub", DAYS[0], DAYS[-1])
    assert served.get(f"{VOLUME}?forecast=fct_1", key=served.operator).status == 404
