"""An import keeps to the pace of the index, and its bar says so."""

import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console
from tests.rooms.app.commands import Commands

from waypost.app import importing
from waypost.app.settings import read_settings
from waypost.app.wiring import open_house
from waypost.feeds.kinds import open_feed
from waypost.track.feed import ImportReport


def write_scans(file: Path, scans: int) -> Path:
    rows = [
        {
            "carrier": "yto",
            "number": f"YT{row % 50}",
            "code": "GOT",
            "at": f"2026-11-20T10:{row // 60:02}:{row % 60:02}Z",
        }
        for row in range(scans)
    ]
    file.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return file


def test_an_import_at_the_pace_of_the_index_brings_all_in(commands: Commands, tmp_path: Path) -> None:
    commands.environ["WAYPOST_LIMITS_BULK_LAG"] = "1"
    report = commands.ask("import", "scans", str(write_scans(tmp_path / "scans.ndjson", 600)))
    assert (report["scans_read"], report["scans_new"], report["parcels"]) == (600, 600, 50)


@pytest.mark.parametrize(
    ("lag", "told"), [(2_300_000, "12 scans, waiting for the index: 2,300,000 to go"), (0, "12 scans")]
)
def test_the_bar_says_that_it_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lag: int, told: str) -> None:
    terminal = Console(file=io.StringIO(), force_terminal=True, width=160)
    given: dict[str, Any] = {}

    def wait(*_: object, **more: Any) -> ImportReport:
        given.update(more)
        more["progress"](0.5, 12)
        more["waiting"](lag)
        return ImportReport()

    monkeypatch.setattr(importing, "aside", terminal)
    monkeypatch.setattr(importing, "import_feed", wait)
    settings = read_settings({"WAYPOST_LIMITS_BULK_LAG": "777"}, home=tmp_path / "home")
    with open_house(settings) as house:
        feed = open_feed("scans", write_scans(tmp_path / "scans.ndjson", 1), {})
        report = importing.import_into(house, feed, label="scans")
    assert msgspec.structs.replace(report, seconds=0.0) == ImportReport()
    assert given["bulk_lag"] == 777
    assert isinstance(terminal.file, io.StringIO)
    assert told in terminal.file.getvalue()
    assert ("waiting" in terminal.file.getvalue()) == (lag > 0)
