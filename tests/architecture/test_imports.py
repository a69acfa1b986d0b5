"""The house stands on one line: the import contracts hold, cover every room, and catch who breaks them."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def house(repo_folder: Path, tmp_path: Path) -> Path:
    """A copy of the source and its contracts, to break at will."""
    shutil.copytree(repo_folder / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(repo_folder / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(house: Path) -> subprocess.CompletedProcess[str]:
    # PYTHONPATH stands before the installed package, so that the copy is what is read.
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache"],
        cwd=house,
        env={**os.environ, "PYTHONPATH": str(house / "src"), "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def list_contracts(repo_folder: Path) -> dict[str, dict[str, Any]]:
    settings = tomllib.loads((repo_folder / "pyproject.toml").read_text("utf-8"))
    return {one["id"]: one for one in settings["tool"]["importlinter"]["contracts"]}


def test_the_contracts_hold(house: Path) -> None:
    result = lint_imports(house)
    assert result.returncode == 0, result.stdout
    assert f"{len(list_contracts(house))} kept, 0 broken" in result.stdout


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("model/broken.py", "import waypost.web", "waypost.model is not allowed to import waypost.web"),
        ("store/broken.py", "import waypost.track", "waypost.store is not allowed to import waypost.track"),
        ("feeds/broken.py", "import waypost.engines", "waypost.feeds is not allowed to import waypost.engines"),
        ("web/broken.py", "from waypost import app", "waypost.web is not allowed to import waypost.app"),
        ("client/broken.py", "import waypost.booking", "waypost.client is not allowed to import waypost.booking"),
        ("track/broken.py", "import duckdb", "waypost.track is not allowed to import duckdb"),
        ("store/broken.py", "import fastapi", "waypost.store is not allowed to import fastapi"),
    ],
)
def test_a_broken_contract_is_caught(house: Path, file: str, line: str, complaint: str) -> None:
    (house / "src/waypost" / file).write_text(line + "\n")
    result = lint_imports(house)
    assert result.returncode != 0
    assert complaint in result.stdout
    assert "1 broken" in result.stdout


def test_a_room_that_is_not_drawn_is_caught(house: Path) -> None:
    room = house / "src/waypost/payments"
    room.mkdir()
    (room / "__init__.py").write_text('"""A room that nobody drew."""\n')
    result = lint_imports(house)
    assert result.returncode != 0
    assert "payments" in result.stdout


def test_a_drawn_room_may_come_later(house: Path) -> None:
    room = house / "src/waypost/hub"
    room.mkdir(exist_ok=True)
    (room / "__init__.py").write_text('"""A room that is drawn."""\n')
    (room / "floor.py").write_text("import waypost.model\n")
    assert lint_imports(house).returncode == 0
    (room / "floor.py").write_text("import waypost.web\n")
    result = lint_imports(house)
    assert result.returncode != 0
    assert "waypost.hub is not allowed to import waypost.web" in result.stdout


def test_the_doors_stand_side_by_side_and_app_above_all(repo_folder: Path) -> None:
    house = list_contracts(repo_folder)["house"]
    assert house["exhaustive"] is True
    assert house["layers"][0] == "app"
    assert house["layers"][-1] == "model"
    doors = house["layers"][1]
    assert {door.strip(" ()") for door in doors.split("|")} == {
        *("web", "carriers", "feeds", "engines", "twin", "client", "testing")
    }


def test_every_room_below_the_doors_is_kept_from_machines(repo_folder: Path) -> None:
    below = {layer.strip("()") for layer in list_contracts(repo_folder)["house"]["layers"][2:]}
    rooms = {folder.parent.name for folder in (repo_folder / "src/waypost").glob("*/__init__.py")}
    kept = set(list_contracts(repo_folder)["machines"]["source_modules"])
    assert {f"waypost.{room}" for room in below & rooms} == kept
