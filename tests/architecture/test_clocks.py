"""Rooms below the doors take the time, the settings and the seeds as arguments; they never fetch them."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

# What a call may not end in, and the modules that are nothing but chance.
FETCHES = {
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.sleep"),
    *("os.getenv", "os.environ", "os.environb", "os.urandom", "uuid.uuid1", "uuid.uuid4"),
    *("numpy.random", "np.random"),
}
CHANCE = {"random", "secrets"}


def find_fetches(source: str) -> list[str]:
    """Each place that reads a clock, the environment or chance, as `line: name`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute():
                names = [".".join(ast.unparse(node).split(".")[-2:])]
            case ast.Import(names=aliases):
                names = [alias.name for alias in aliases]
            case ast.ImportFrom(module=str(module), level=0):
                names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
            case _:
                continue
        found += [f"{node.lineno}: {name}" for name in names if name in FETCHES | CHANCE]
    return found


def test_no_room_below_the_doors_fetches_time_settings_or_chance(repo_folder: Path) -> None:
    contracts = tomllib.loads((repo_folder / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(one["layers"] for one in contracts["contracts"] if one["id"] == "house")
    below = [re.sub(r"\W", "", layer) for layer in layers[2:]]
    files = [path for room in below for path in (repo_folder / "src/waypost" / room).rglob("*.py")]
    assert files
    fetches = [
        f"{path.relative_to(repo_folder)}:{place}" for path in files for place in find_fetches(path.read_text("utf-8"))
    ]
    assert fetches == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("seen = datetime.now(UTC)", "1: datetime.now"),
        ("seen = datetime.datetime.now()", "1: datetime.now"),
        ("home = os.environ['HOME']", "1: os.environ"),
        ("from os import environ", "1: os.environ"),
        ("from time import monotonic", "1: time.monotonic"),
        ("import secrets", "1: secrets"),
        ("from random import choice", "1: random"),
        ("keys = np.random.default_rng()", "1: np.random"),
    ],
)
def test_a_fetch_is_found(line: str, found: str) -> None:
    assert find_fetches(line) == [found]


@pytest.mark.parametrize(
    "line", ["seen = now", "late = clock.now()", "from datetime import datetime", "time.strftime('%Y')"]
)
def test_an_argument_is_no_fetch(line: str) -> None:
    assert find_fetches(line) == []
