"""A house takes what carriers put into the folders of their accounts, and says so if such a folder is none."""

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from waypost.app.settings import Settings, Store
from waypost.app.wiring import open_house
from waypost.model.errors import SettingsError

ACCOUNT = {"carrier": "ruralpost", "adapter": "neutral"}


def settings(home: Path, **more: Any) -> Settings:
    return Settings(home=home, accounts={"rural": ACCOUNT | more})


@pytest.mark.parametrize("folder", ["relative", "/no/such/folder"])
def test_a_folder_that_is_none_is_refused_at_the_start(tmp_path: Path, folder: str) -> None:
    with open_house(settings(tmp_path / "home", folder=folder)) as house:
        house.open_accounts()
        with pytest.raises(SettingsError, match=r"\[accounts.rural\] folder"):
            house.watch_folders(lambda why, name: None)


def test_a_folder_is_for_nothing_else(tmp_path: Path) -> None:
    """What lies in it is moved about: the home would be taken apart."""
    home, archive, shared = tmp_path / "home", tmp_path / "archive", tmp_path / "shared"
    for folder in (archive, shared):
        folder.mkdir()
    store = Store(log_days=1, archive=archive)
    for folder in (home, home / "log", tmp_path, archive):
        chosen = msgspec.structs.replace(settings(home, folder=str(folder)), store=store)
        with open_house(chosen) as house:
            house.open_accounts()
            with pytest.raises(SettingsError, match="a place of its own"):
                house.watch_folders(lambda why, name: None)
    two = {name: ACCOUNT | {"folder": str(shared)} for name in ("rural", "other")}
    with open_house(Settings(home=home, accounts=two)) as house:
        house.open_accounts()
        with pytest.raises(SettingsError, match="the folder of rural"):
            house.watch_folders(lambda why, name: None)


def test_a_file_is_taken_while_the_house_is_open(tmp_path: Path) -> None:
    folder = tmp_path / "rural"
    folder.mkdir()
    (folder / "a.csv").write_text("number,code,at,zone\nX1,delivered,2026-01-10 10:00,Asia/Shanghai\n")
    told: list[tuple[str, str]] = []
    with open_house(settings(tmp_path / "home", folder=str(folder))) as house:
        house.open_accounts()
        house.watch_folders(lambda why, name: told.append((why, name)))
        until = time.monotonic() + 60
        while (folder / "a.csv").exists() and time.monotonic() < until:
            time.sleep(0.1)  # the folder's own thread works
        [filed] = house.files.list_newest(["ruralpost"], 9)
    assert (filed.name, filed.scans, filed.refused, filed.source) == ("a.csv", 1, 0, "rural")
    assert told == []
    (folder / "b.csv").write_text("left alone")  # nobody looks any more
    assert (folder / "b.csv").exists()
