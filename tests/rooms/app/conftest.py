from pathlib import Path

import pytest
from tests.rooms.app.commands import Commands


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path / "home")
