"""The two kinds of run, and that CI lets no skip pass: tests/conftest.py, tried on a small suite of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import os

import pytest

def test_light(heavy):
    print("heavy is", heavy)

@pytest.mark.heavy
def test_long(heavy):
    assert heavy

def test_settings_of_the_user_stay_outside():
    assert "WAYPOST_HOME" not in os.environ
"""
SKIPS = """
import pytest

def test_lacks_something():
    pytest.skip("no moon tonight")

@pytest.mark.skip(reason="closed today")
def test_is_closed():
    raise AssertionError

@pytest.mark.xfail(raises=ZeroDivisionError)
def test_declares_a_gap():
    1 / 0
"""
SKIPS_WHOLE = """
import pytest

pytest.importorskip("a_module_that_is_nowhere")
"""


@pytest.fixture
def folder(repo_folder: Path, tmp_path: Path) -> Path:
    (tmp_path / "tests").mkdir()
    shutil.copy(repo_folder / "tests/conftest.py", tmp_path / "tests")
    shutil.copy(repo_folder / "pyproject.toml", tmp_path)
    return tmp_path


def run(folder: Path, suite: str, *arguments: str, ci: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "tests/test_suite.py").write_text(suite)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-p", "pytest_timeout", *arguments],
        cwd=folder,
        env={**os.environ, "CI": ci, "WAYPOST_HOME": "/nowhere", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("arguments", "closing", "said"),
    [
        ([], "2 passed, 1 deselected", "heavy is False"),
        (["--heavy"], "3 passed", "heavy is True"),
        (["--heavy", "-m", "heavy"], "1 passed, 2 deselected", "test_long"),
    ],
)
def test_heavy_tests_run_when_asked_for(folder: Path, arguments: list[str], closing: str, said: str) -> None:
    result = run(folder, SUITE, *arguments)
    assert result.returncode == 0, result.stdout
    assert result.stdout.splitlines()[-1].startswith(closing)
    assert said in result.stdout


def test_a_skip_passes_at_home(folder: Path) -> None:
    result = run(folder, SKIPS)
    assert result.returncode == 0
    assert result.stdout.splitlines()[-1].startswith("2 skipped, 1 xfailed")


def test_a_skip_fails_in_ci(folder: Path) -> None:
    result = run(folder, SKIPS, ci="true")
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1].startswith("1 failed, 1 xfailed, 1 error")
    assert "test_lacks_something: not allowed in CI: Skipped: no moon tonight" in result.stdout
    assert "test_is_closed: not allowed in CI: Skipped: closed today" in result.stdout


def test_a_whole_file_skipped_fails_in_ci(folder: Path) -> None:
    assert run(folder, SUITE + SKIPS_WHOLE).returncode == 5
    result = run(folder, SUITE + SKIPS_WHOLE, ci="true")
    assert result.returncode == 2
    assert "not allowed in CI" in result.stdout
    assert "a_module_that_is_nowhere" in result.stdout


def test_no_test_at_all_is_a_failure(folder: Path) -> None:
    assert run(folder, SUITE, "-k", "moon", ci="true").returncode == 5
