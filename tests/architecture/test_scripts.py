"""The scripts start anywhere, say how to use them, and keep an environment only while it is what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = ["scripts/demo", "scripts/test", "scripts/check", "scripts/bench", "scripts/setup", "scripts/lock", ".ci/run"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_and_says_what_it_is_for(repo_folder: Path, name: str) -> None:
    path = repo_folder / name
    lines = path.read_text("utf-8").splitlines()
    assert os.access(path, os.X_OK)
    assert lines[0] == "#!/usr/bin/env bash"
    assert lines[1].startswith("# ")
    assert "set -euo pipefail" in lines
    subprocess.run(["bash", "-n", path], check=True, timeout=10)


def test_bench_without_a_name_lists_the_benchmarks(repo_folder: Path, tmp_path: Path) -> None:
    result = subprocess.run([repo_folder / "scripts/bench"], cwd=tmp_path, capture_output=True, text=True, timeout=10)
    names = {path.stem for path in (repo_folder / "benchmarks").glob("[!_]*.py")}
    assert result.returncode == 2
    assert names <= set(result.stderr.split())


def test_bench_refuses_a_name_that_is_not_there(repo_folder: Path) -> None:
    result = subprocess.run([repo_folder / "scripts/bench", "moon"], capture_output=True, text=True, timeout=10)
    assert result.returncode == 2
    assert "There is no benchmark moon" in result.stderr


def test_setup_refuses_words_it_does_not_know(repo_folder: Path) -> None:
    result = subprocess.run([repo_folder / "scripts/setup", "all"], capture_output=True, text=True, timeout=10)
    assert result.returncode == 2
    assert "usage: scripts/setup" in result.stderr


def shell(repo_folder: Path, commands: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f'. "{repo_folder}/scripts/setup"\nvenv="{sys.prefix}"\n{commands}'],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_step_keeps_quiet_unless_it_fails(repo_folder: Path) -> None:
    good = shell(repo_folder, 'step "counting" echo one two')
    assert (good.returncode, good.stdout) == (0, "")
    assert re.fullmatch(r"counting \.\.\. \d+ s\n", good.stderr)
    bad = shell(repo_folder, 'step "counting" bash -c "echo three; exit 7"; echo after')
    assert (bad.returncode, bad.stdout) == (7, "")
    assert re.fullmatch(r"counting \.\.\. failed after \d+ s\nthree\n", bad.stderr)


def test_a_python_that_is_too_old_is_named(repo_folder: Path, tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    result = shell(repo_folder, "get_python", PYTHON=str(old))
    assert result.returncode == 1
    assert "Waypost needs Python 3.11 or newer" in result.stderr
    assert str(old) in result.stderr


@pytest.mark.parametrize(
    ("stamped", "asked", "ready"),
    [("run", "run", True), ("dev", "dev", True), ("dev", "run", True), ("run", "dev", False)],
)
def test_an_environment_is_kept_while_nothing_changed(
    repo_folder: Path, tmp_path: Path, stamped: str, asked: str, ready: bool
) -> None:
    says = f"if is_ready {asked}; then echo ready; else echo changed; fi"
    same = f'stamp="{tmp_path}/stamp"; stamp_text {stamped} >"$stamp"; {says}'
    assert shell(repo_folder, same).stdout == ("ready\n" if ready else "changed\n")
    other = f'stamp="{tmp_path}/stamp"; {{ stamp_text {stamped}; echo more; }} >"$stamp"; {says}'
    assert shell(repo_folder, other).stdout == "changed\n"
