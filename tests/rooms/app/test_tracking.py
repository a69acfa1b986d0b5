from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from waypost.app import tracking
from waypost.model.errors import HomeInUse, StorageFull, StoreError


@pytest.mark.parametrize("error", [HomeInUse("in use"), StorageFull("No room left")])
def test_a_home_that_cannot_be_written_to_is_looked_at(
    error: StoreError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    behind = SimpleNamespace(tracker=SimpleNamespace(freshness=lambda: SimpleNamespace(lag=3)), close=lambda: None)

    def open_house(settings: Any, *, read_only: bool = False) -> Any:
        if not read_only:
            raise error
        return behind

    monkeypatch.setattr(tracking, "open_house", open_house)
    assert tracking.open_to_read(tmp_path) is behind
    told = capsys.readouterr().err
    assert ("Shown as far as it was indexed. No room left" in told) == isinstance(error, StorageFull)
