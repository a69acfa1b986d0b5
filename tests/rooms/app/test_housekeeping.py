"""What a server sees to now and then: pushes are forgotten when the settings say so, and a failure ends nothing."""

import io
import json
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.rooms.app.commands import Commands

from waypost.app.housekeeping import Housekeeping, chores_of
from waypost.app.settings import Settings, Track
from waypost.app.wiring import House, open_house
from waypost.model.instants import DAY_MS
from waypost.testing import Clock
from waypost.track.carriers import Asked, Push
from waypost.track.pushes import Arrived, Outcome
from waypost.track.watches import Told
from waypost.web.journal import open_journal


def keep(house: House, body: bytes, received_ms: int, account: str = "yto-main") -> None:
    push = Push(headers={}, query="", body=body, received_ms=received_ms)
    house.pushes.raw.keep([Arrived(account, push, Outcome.TAKEN, scans=1)])


def test_bodies_of_pushes_go_after_their_days(tmp_path: Path) -> None:
    clock = Clock()
    with open_house(Settings(home=tmp_path, track=Track(push_days=7))) as house:
        chore = chores_of(house, clock)["forget old pushes"]
        keep(house, b"first", clock())
        clock.move(days=5)
        keep(house, b"second", clock())
        assert chore() == 0
        clock.move(days=2, hours=1)
        assert chore() == 1
        assert [each.received_ms for each in house.pushes.raw.list_page(None, None, None, 9)[0]] == [
            clock() - 2 * DAY_MS - DAY_MS // 24
        ]
        clock.move(days=100)
        assert chore() == 1
        assert house.pushes.raw.count() == 0


def test_what_else_carriers_handed_in_goes_too(tmp_path: Path) -> None:
    clock = Clock()
    with open_house(Settings(home=tmp_path, track=Track(push_days=7))) as house:
        sheet = tmp_path / "scans.csv"
        sheet.write_text("number,code,at\nX1,delivered,2026-11-01T10:00:00Z\n,,\n")
        house.files.take(sheet, name="scans.csv", carrier="own", source="own", now_ms=clock())
        house.watches.begin("own", [Asked(number="X1"), Asked(number="X2")], clock())
        [first, _] = house.watches.find("own", ["X1", "X2"])
        house.watches.keep([msgspec.structs.replace(first, next_ms=None, told=Told.ENDED)])
        chores = chores_of(house, clock)
        assert [chore() for chore in chores.values()] == [0] * 10
        clock.move(days=8)
        assert {name: chore() for name, chore in chores.items()} == {
            "forget old deliveries": 0,
            "forget old notices": 0,
            "forget old alerts": 0,
            "learn sort codes": 0,
            "erase people from old orders": 0,
            "forget old proofs": 0,
            "forget old pushes": 0,
            "forget old labels": 0,
            "forget old files": 1,
            "forget watches that have ended": 1,
        }
        assert [watch.number for watch in house.watches.list_next("own", 9)] == ["X2"]


def test_with_no_days_they_stay_for_ever(tmp_path: Path) -> None:
    with open_house(Settings(home=tmp_path, track=Track(push_days=0))) as house:
        of_their_own = [
            "forget old deliveries",
            "forget old notices",
            "forget old alerts",
            "learn sort codes",
            "erase people from old orders",
            "forget old proofs",
        ]  # which have days of their own
        assert list(chores_of(house, Clock())) == of_their_own


def wait_for(event: threading.Event) -> None:
    assert event.wait(60)


def test_a_chore_that_fails_is_told_and_the_others_are_done() -> None:
    journal, done, told = io.StringIO(), threading.Event(), []

    def fail() -> int:
        raise OSError("no room")

    def work() -> int:
        told.append(1)
        if len(told) == 2:
            done.set()
        return 3

    chores: dict[str, Callable[[], int]] = {"fail": fail, "work": work}
    keeping = Housekeeping(chores, open_journal(journal), every_s=0.001)
    wait_for(done)
    keeping.stop()
    lines = [json.loads(line) for line in journal.getvalue().splitlines()]
    assert [(line["event"], line["chore"]) for line in lines[:3]] == [
        ("a chore failed", "fail"),
        ("chore", "work"),
        ("a chore failed", "fail"),
    ]
    assert lines[1]["done"] == 3
    assert "no room" in lines[0]["exception"]


def test_what_is_stopped_does_no_more() -> None:
    begun, may_end, runs = threading.Event(), threading.Event(), []

    def work() -> int:
        runs.append(1)
        begun.set()
        wait_for(may_end)
        return 0

    keeping = Housekeeping({"work": work}, open_journal(io.StringIO()))
    wait_for(begun)
    may_end.set()
    keeping.stop()
    assert len(runs) == 1


@pytest.fixture
def pushed(commands: Commands) -> Path:
    """A home with three pushes of two accounts."""
    home = Path(commands.environ["WAYPOST_HOME"])
    with open_house(Settings(home=home)) as house:
        for place, account in enumerate(["yto-main", "yto-main", "sto-main"]):
            keep(house, b"%d" % place, Clock()() - place * DAY_MS, account)
    return home


def test_pushes_are_forgotten_on_request(pushed: Path, commands: Commands) -> None:
    ask = ("admin", "forget-pushes", "--account", "yto-main")
    would = commands.ask(*ask, "--dry-run")
    assert would == {"pushes": 2, "before": None, "account": "yto-main", "forgotten": False}
    assert commands.ask(*ask)["pushes"] == 2
    assert commands.ask(*ask)["pushes"] == 0
    assert commands.ask("admin", "forget-pushes", "--before", "2049-01-01")["pushes"] == 1


def test_beside_a_server_too(pushed: Path, commands: Commands) -> None:
    with open_house(Settings(home=pushed)):
        assert commands.ask("admin", "forget-pushes", "--account", "sto-main")["pushes"] == 1


def test_what_is_meant_has_to_be_said(pushed: Path, commands: Commands, tmp_path: Path) -> None:
    assert "neither --before nor --account" in commands.fail("admin", "forget-pushes", code=2)
    assert "'tomorrow' is no day" in commands.fail("admin", "forget-pushes", "--before", "tomorrow", code=2)
    nowhere = ("--home", str(tmp_path / "nowhere"))
    assert "nothing is kept" in commands.fail("admin", "forget-pushes", "--account", "x", *nowhere, code=1)
