"""`waypost carriers score`, and how long a server remembers scorecards."""

import time

import msgspec
import pytest
from tests.rooms.app.commands import Commands

from waypost.app.scores import Scores, scores_of
from waypost.app.settings import Settings
from waypost.app.wiring import now_ms, open_house
from waypost.model.instants import DAY_MS
from waypost.testing import World, scan
from waypost.track.scorecards import Scorecards


def fill(commands: Commands) -> None:
    day = time.strftime("%Y-%m-%d", time.gmtime(now_ms() / 1000 - 3 * 86_400))
    old = time.strftime("%Y-%m-%d", time.gmtime(now_ms() / 1000 - 50 * 86_400))
    with open_house(Settings(home=commands.home)) as house:
        scans = [scan("YT1", code, f"{day} 10:0{place}") for place, code in enumerate(["GOT", "SIGNED", "WHO_KNOWS"])]
        World(house.memory, [*scans, scan("ST1", "picked_up", f"{old} 10:00", carrier="sto")])


def test_the_cards_are_those_of_the_days(commands: Commands) -> None:
    fill(commands)
    told = commands.ask("carriers", "score")
    assert [(each["carrier"], each["scans"]) for each in told["carriers"]] == [("yto", 3)]
    assert told["carriers"][0]["unknown"] == {"count": 1, "of": 3, "share": 0.3333}
    far = commands.ask("carriers", "score", "--days", "60")
    assert [each["carrier"] for each in far["carriers"]] == ["yto", "sto"]


def test_people_get_a_table(commands: Commands) -> None:
    fill(commands)
    done = commands.call("carriers", "score")
    assert done.returncode == 0
    head, row = done.stdout.decode().splitlines()
    assert head.split()[:3] == ["carrier", "parcels", "scans"]
    assert row.split()[:3] == ["yto", "1", "3"]
    assert "33.3%" in row
    assert "too few" in row


def test_without_a_home_or_scans(commands: Commands) -> None:
    assert "nothing is kept" in commands.fail("carriers", "score", code=1)
    with open_house(Settings(home=commands.home)):
        pass
    done = commands.call("carriers", "score")
    assert (done.returncode, done.stdout) == (0, b"")
    assert "No carrier sent a scan" in done.stderr.decode()


def test_an_answer_is_remembered_for_its_stretch_only(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int | None]] = []
    ticks = [100.0]
    monkeypatch.setattr("waypost.app.remembering.time.monotonic", lambda: ticks[0])
    with open_house(Settings(home=commands.home)) as house:
        counted = scores_of(house)(now_ms() - DAY_MS, None)

        def count(since_ms: int, until_ms: int | None) -> Scorecards:
            asked.append((since_ms, until_ms))
            return msgspec.structs.replace(counted)

        scores = Scores(count, 300)
        since = now_ms() - DAY_MS
        first = scores(since, None)
        assert scores(since, None) is first
        scores(since, since + 1)
        assert asked == [(since, None), (since, since + 1)]
        ticks[0] += 301
        assert scores(since, None) is not first
        for place in range(20):
            scores(since - place, None)
        assert len(scores._answers) <= 8
