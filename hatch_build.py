"""Builds the console into the wheel and the source distribution; where it lies there already, node is not needed."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConsoleHook(BuildHookInterface):
    """Runs before each build. An editable install builds nothing: `./scripts/setup console` does, when it is wanted."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what is missing."""
        root = Path(self.root)
        if version == "editable" or (root / "src/waypost/web/static/console/index.html").exists():
            return
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError("the console cannot be built: npm is missing. Install node 20.19 or newer, with npm.")
        for arguments in (["ci", "--ignore-scripts", "--no-audit", "--no-fund"], ["run", "build"]):
            subprocess.run([npm, *arguments], cwd=root / "ui", check=True)
