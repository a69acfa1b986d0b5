"""Alerts on the command line, and the thread that looks for them."""

import io
import json
import threading
from pathlib import Path

import pytest
from tests.rooms.app.commands import Commands

from waypost.app.alerting import Alerting, detectors_of
from waypost.app.settings import Alerts, Settings
from waypost.app.wiring import open_house
from waypost.care.alerts.findings import AlertKind, Finding, Severity
from waypost.care.alerts.words import Wanted
from waypost.model.errors import Closed, StoreError
from waypost.web.journal import open_journal

NOW = 1_780_000_000_000


def found(now_ms: int) -> list[Finding]:
    told = Finding(kind=AlertKind.SILENCE, subject="x", severity=Severity.WARNING, since_ms=NOW, parcels=4)
    return [told]


@pytest.fixture
def alert(commands: Commands) -> str:
    with open_house(Settings(home=commands.home)) as house:
        [id_] = house.alerts.note([], found(NOW), NOW).raised
    return id_


def test_an_alert_is_listed_shown_and_worked_off(commands: Commands, alert: str) -> None:
    assert [each["id"] for each in commands.ask("alerts", "list")] == [alert]
    assert commands.ask("alerts", "acknowledge", alert)["state"] == "acknowledged"
    assert commands.ask("alerts", "assign", alert, "night")["assignee"] == "night"
    assert commands.ask("alerts", "list", "--assignee", "night", "--kind", "silence")[0]["id"] == alert
    assert commands.ask("alerts", "snooze", alert, "--until", "2020-01-01T00:00:00Z", code=2)["detail"].startswith(
        "until"
    )
    assert commands.ask("alerts", "resolve", alert, "--note", "fog")["state"] == "resolved"
    assert commands.ask("alerts", "list") == []
    assert commands.ask("alerts", "reopen", alert)["version"] == 5
    told = commands.ask("alerts", "show", alert)
    assert [(act["what"], act["who"]) for act in told["acts"][1:]] == [
        (what, "command") for what in ("acknowledged", "assigned", "resolved", "reopened")
    ]
    said = commands.call("alerts", "show", alert).stdout.decode()
    assert "resolved by command fog" in said
    assert "4 parcels, 4 at most" in said
    assert alert in commands.call("alerts", "list").stdout.decode()


def test_wrong_words_are_said(commands: Commands, alert: str) -> None:
    assert "none of open" in commands.fail("alerts", "list", "--state", "lost", code=2)
    assert "none of hub_overload" in commands.fail("alerts", "list", "--kind", "fire", code=2)
    assert "--until" in commands.fail("alerts", "snooze", alert, "--until", "later", code=2)
    assert "no alert" in commands.fail("alerts", "show", "alr_x", code=1)


def test_a_home_without_a_model_looks_for_nothing_and_is_well(tmp_path: Path) -> None:
    with open_house(Settings(home=tmp_path / "home")) as house:
        alerting = Alerting(detectors_of(house), house.alerts, 60, lambda: NOW, open_journal(io.StringIO()))
        alerting.look()
        assert alerting.list_failures() == []
        assert house.alerts.count() == {}


def test_rounds_go_on_and_what_fails_is_told_once_until_it_is_well_again(tmp_path: Path) -> None:
    journal, broken = io.StringIO(), [StoreError("the disk is gone")] * 2

    def detect(now_ms: int) -> list[Finding]:
        if broken:
            raise broken.pop()
        return found(now_ms)

    with open_house(Settings(home=tmp_path / "home", alerts=Alerts(every_s=0.01))) as house:
        alerting = Alerting({AlertKind.SILENCE: detect}, house.alerts, 0.01, lambda: NOW, open_journal(journal))
        alerting.look()
        assert alerting.list_failures() == ["silence: the disk is gone"]
        alerting.start()
        raised = threading.Event()
        while not raised.wait(0.01):
            if house.alerts.list_page(Wanted(), None, 1)[0]:
                raised.set()
        alerting.stop()
        assert alerting.list_failures() == []
    told = [json.loads(line) for line in journal.getvalue().splitlines()]
    assert [line["event"] for line in told] == ["alerts are not looked for", "an alert was raised"]
    assert told[0]["why"] == "the disk is gone"


def test_a_home_that_closes_is_no_failure(tmp_path: Path) -> None:
    def detect(now_ms: int) -> list[Finding]:
        raise Closed("it is closed")

    with open_house(Settings(home=tmp_path / "home")) as house:
        alerting = Alerting({AlertKind.SILENCE: detect}, house.alerts, 0, lambda: NOW, open_journal(io.StringIO()))
        alerting.start()  # never, by its settings
        alerting.look()
        alerting.stop()
        assert alerting.list_failures() == []
