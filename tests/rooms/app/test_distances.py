"""`waypost distances`."""

import pytest
from tests.rooms.app.commands import Commands
from tests.rooms.feeds.fake_roads import osrm, valhalla
from tests.rooms.feeds.services import Answers, serve

PLACES = ("a=0,0", "b=-85,0", "c=1,2")


def test_without_a_service_great_circles_are_shown(commands: Commands) -> None:
    found = commands.ask("distances", "sao-paulo=-23.55,-46.63", "rio=-22.91,-43.17")
    assert found == {
        "distances": [
            {"origin": start, "destination": end, "km": 360.6, "minutes": None, "by_road": False}
            for start, end in (("sao-paulo", "rio"), ("rio", "sao-paulo"))
        ],
        "told": [],
    }


@pytest.mark.parametrize(("name", "answers"), [("osrm", osrm), ("valhalla", valhalla)])
def test_the_service_of_the_settings_is_asked(commands: Commands, name: str, answers: Answers) -> None:
    with serve(answers) as service:
        commands.environ |= {"WAYPOST_ROADS_SERVICE": name, "WAYPOST_ROADS_URL": service.url}
        found = commands.ask("distances", *PLACES)
        done = commands.call("distances", *PLACES)
    roads = {(each["origin"], each["destination"]): each for each in found["distances"]}
    assert (roads["a", "c"]["km"], roads["a", "c"]["minutes"], roads["a", "c"]["by_road"]) == (3, 3, True)
    assert (roads["a", "b"]["km"], roads["a", "b"]["minutes"], roads["a", "b"]["by_road"]) == (9451.6, None, False)
    told = "Great circles instead of roads for 5 of 9 pairs: no way is known."
    assert found["told"] == [told]
    assert told in done.stderr.decode()
    assert "great circle" in done.stdout.decode()
    assert "by road" in done.stdout.decode()


def test_a_service_that_is_not_there_is_told(commands: Commands) -> None:
    with serve(osrm) as service:
        commands.environ |= {"WAYPOST_ROADS_SERVICE": "osrm", "WAYPOST_ROADS_URL": service.url}
    found = commands.ask("distances", *PLACES)
    assert not any(each["by_road"] for each in found["distances"])
    assert "[roads]: no answer" in found["told"][0]


@pytest.mark.parametrize(
    ("environ", "places", "told"),
    [
        ({}, ("a=0,0",), "it takes two places"),
        ({}, ("a=0,0", "b=91,0"), "off the globe"),
        ({}, ("a=0,0", "b=0"), "'b=0' is no place"),
        ({"WAYPOST_ROADS_SERVICE": "osrm"}, PLACES, "[roads] url: '' is no address"),
        ({"WAYPOST_ROADS_SERVICE": "mules"}, PLACES, "mules"),
        ({"WAYPOST_ROADS_PROFILE": "a/b"}, PLACES, "[roads] profile: 'a/b' is none"),
    ],
)
def test_what_cannot_be_is_said(
    commands: Commands, environ: dict[str, str], places: tuple[str, ...], told: str
) -> None:
    commands.environ |= environ
    assert told in commands.fail("distances", *places, code=2)
