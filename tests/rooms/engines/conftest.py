"""A home whose log has many segments, to be copied, and an archive beside the copy."""

import shutil
from pathlib import Path

import pytest
from tests.rooms.engines.homes import fill_runs, home_in, merge_soon
from tests.rooms.engines.trimming import SCANS, SEGMENT_BYTES

from waypost.engines.local import changes
from waypost.engines.local.catalogue import read_catalogue
from waypost.engines.local.segments import list_segments


@pytest.fixture
def trims_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    merge_soon(monkeypatch)
    monkeypatch.setattr(changes, "FILE_BYTES", 900)


@pytest.fixture(scope="session")
def long_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scans in many segments and change files, with packed and raw runs. To be copied, not opened."""
    path = tmp_path_factory.mktemp("whole") / "home"
    with pytest.MonkeyPatch.context() as patch:
        merge_soon(patch)
        patch.setattr(changes, "FILE_BYTES", 900)
        home = home_in(path, segment_bytes=SEGMENT_BYTES)
        for scans in (440, 440, SCANS - 880):  # two merges
            fill_runs(home, scans, 110)
        home.close()
    listed = read_catalogue(path / "index")
    assert listed is not None
    assert {run.raw for run in listed.runs} == {True, False}
    assert len(listed.changes) > 3
    assert len(list_segments(path / "log")) > 7
    return path


@pytest.fixture
def path(trims_soon: None, long_home: Path, tmp_path: Path) -> Path:
    """A copy of it, and an empty archive beside."""
    (tmp_path / "archive").mkdir()
    return Path(shutil.copytree(long_home, tmp_path / "home"))


@pytest.fixture
def archive(path: Path) -> Path:
    return path.with_name("archive")
