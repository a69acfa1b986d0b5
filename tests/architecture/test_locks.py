"""The locks name every package with its hashes and no address, and hold all that the code asks for."""

import ast
import inspect
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import distributions, packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ["run", "dev"]

#: Modules of later Pythons than the one that runs these tests may be.
PYTHONS_OWN = sys.stdlib_module_names | {"compression"}


def read_lock(repo: Path, name: str) -> dict[str, tuple[Requirement, int]]:
    """Each locked requirement, and how many hashes it has, by its canonical name."""
    text = (repo / "requirements" / f"{name}.txt").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    locked = [(Requirement(line.split("--hash=")[0]), line.count("--hash=sha256:")) for line in lines]
    return {canonicalize_name(requirement.name): (requirement, hashes) for requirement, hashes in locked}


@pytest.fixture(scope="module")
def project(repo_folder: Path) -> dict[str, Any]:
    return tomllib.loads((repo_folder / "pyproject.toml").read_text("utf-8"))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_no_address(repo_folder: Path, lock: str) -> None:
    text = (repo_folder / "requirements" / f"{lock}.txt").read_text("utf-8")
    assert re.findall(r"^.*(?:://|^\s*-(?!-hash=)).*$", text, re.MULTILINE) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_and_hashed(repo_folder: Path, lock: str) -> None:
    locked = read_lock(repo_folder, lock)
    assert len(locked) > 20
    loose = [
        name
        for name, (requirement, hashes) in locked.items()
        if hashes == 0 or requirement.url or [part.operator for part in requirement.specifier] != ["=="]
    ]
    assert loose == []


def is_locked(asked: str, locked: dict[str, tuple[Requirement, int]]) -> bool:
    wanted = Requirement(asked)
    entry = locked.get(canonicalize_name(wanted.name))
    return entry is not None and all(part.version in wanted.specifier for part in entry[0].specifier)


def test_every_direct_dependency_is_locked(repo_folder: Path, project: dict[str, Any]) -> None:
    run = project["project"]["dependencies"] + project["build-system"]["requires"]
    extras = project["project"]["optional-dependencies"]
    assert [asked for asked in run if not is_locked(asked, read_lock(repo_folder, "run"))] == []
    dev = [*run, *extras["test"], *extras["check"], *extras["karrio"]]
    assert [asked for asked in dev if not is_locked(asked, read_lock(repo_folder, "dev"))] == []


def test_the_notice_names_what_we_build_on(repo_folder: Path, project: dict[str, Any]) -> None:
    notice = (repo_folder / "NOTICE").read_text("utf-8")
    extras = project["project"]["optional-dependencies"]
    asked = [
        *project["project"]["dependencies"],
        *project["build-system"]["requires"],
        *extras["test"],
        *extras["check"],
        *extras["karrio"],
    ]
    named = re.compile(r"^    ([\w-]+) +\S", re.MULTILINE).findall(notice)
    assert [one for one in asked if Requirement(one).name not in named] == []


def test_dev_holds_all_of_run(repo_folder: Path) -> None:
    run, dev = (read_lock(repo_folder, lock) for lock in LOCKS)
    assert {name: dev.get(name) for name in run} == run


def list_imports(files: Iterable[Path]) -> dict[str, str]:
    """Each imported top-level name that is not Python's own, and one place that imports it."""
    found: dict[str, str] = {}
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Import(names=names):
                    modules = [alias.name for alias in names]
                case ast.ImportFrom(module=str(module), level=0):
                    modules = [module]
                case _:
                    continue
            found.update({module.split(".")[0]: f"{path}:{node.lineno}" for module in modules})
    return {name: place for name, place in found.items() if name not in PYTHONS_OWN}


def list_owners() -> dict[str, set[str]]:
    """The distributions of each top-level name; Python 3.11 does not tell those of compiled modules in no package."""
    found = {name: set(owners) for name, owners in packages_distributions().items()}
    for distribution in distributions():
        for file in distribution.files or ():
            if len(file.parts) == 1 and (name := inspect.getmodulename(file.name)):
                found.setdefault(name, set()).add(distribution.name)
    return found


@pytest.mark.parametrize(("lock", "folders"), [("run", ["src"]), ("dev", ["src", "tests", "benchmarks"])])
def test_what_is_imported_is_locked(repo_folder: Path, lock: str, folders: list[str]) -> None:
    files = [path for folder in folders for path in (repo_folder / folder).rglob("*.py")]
    ours = {"waypost", *folders}
    locked = read_lock(repo_folder, lock)
    owners = list_owners()
    missing = {
        name: place
        for name, place in list_imports(files).items()
        if name not in ours and not any(canonicalize_name(owner) in locked for owner in owners.get(name, ()))
    }
    assert missing == {}
