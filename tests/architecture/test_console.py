"""The console is built from what is locked, names no address, and comes quickly."""

import gzip
import json
import re
from pathlib import Path

import pytest

#: What a browser fetches before the control tower is there, packed: 0.6 MB. The map under it is data, and comes later.
MOST_BYTES = 600_000


@pytest.fixture(scope="module")
def built(repo_folder: Path) -> Path:
    place = repo_folder / "src/waypost/web/static/console"
    if not (place / "index.html").exists():
        pytest.skip("the console is not built: ./scripts/setup console")
    return place


def test_the_lock_says_nowhere_where_packages_are_fetched(repo_folder: Path) -> None:
    lock = repo_folder / "ui/package-lock.json"
    assert '"resolved"' not in lock.read_text("utf-8")
    assert "omit-lockfile-registry-resolved=true" in (repo_folder / "ui/.npmrc").read_text("utf-8").splitlines()
    packages = json.loads(lock.read_text("utf-8"))["packages"]
    loose = [name for name, told in packages.items() if name and "integrity" not in told]
    assert loose == []
    assert len(packages) > 50


def test_what_is_shipped_is_pinned_and_in_the_notice(repo_folder: Path) -> None:
    told = json.loads((repo_folder / "ui/package.json").read_text("utf-8"))
    notice = (repo_folder / "NOTICE").read_text("utf-8")
    named = re.compile(r"^    (@?[\w/-]+) +\S", re.MULTILINE).findall(notice)
    assert [name for name in [*told["dependencies"], "world-atlas"] if name not in named] == []
    assert [name for name, version in told["dependencies"].items() if not re.fullmatch(r"[\d.]+", version)] == []


def test_it_comes_quickly(built: Path) -> None:
    files = {path.name: path.read_bytes() for path in (built / "assets").iterdir() if path.suffix in (".js", ".css")}
    first = {
        name
        for name in files
        if not re.match(r"(chart|lanes|forecast|whatif|carriers|shipments|create|batch|doing|es|pt|zh-Han[st])-", name)
    }
    assert any(name.startswith("map-") for name in first)
    sizes = {name: len(gzip.compress(files[name], 9)) for name in first}
    assert sum(sizes.values()) < MOST_BYTES, sizes


def test_large_files_are_packed(built: Path) -> None:
    plain = [
        path for path in built.rglob("*") if path.suffix in (".js", ".css", ".json") and path.stat().st_size > 1024
    ]
    assert plain
    assert [path.name for path in plain if not Path(f"{path}.br").exists() or not Path(f"{path}.gz").exists()] == []
    for path in plain:
        assert gzip.decompress(Path(f"{path}.gz").read_bytes()) == path.read_bytes()
