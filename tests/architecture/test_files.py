"""Rules for files that no linter knows: names, places, versions, and what must not be written down."""

import ast
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

PASSED_OVER = {".git", ".venv", "var", "dist", "__pycache__", "node_modules"}
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "base", "manager", "managers", "common", "misc"}
PAPERS = [
    *("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "NOTICE"),
    *("docs/glossary.md", "docs/decisions.md"),
]
# Written so that no pattern finds itself here.
REGISTRIES = re.compile(
    r"pypi\.org|python[h]osted|registry\.npmjs|registry\.yarn|deb\.debian|crates\.io|proxy\.golang|repo1?\.maven"
)
MACHINE_PATHS = re.compile(r"(?<![\w./-])/(?:work|root|Users|home/\w+)/")


def list_files(repo: Path) -> list[Path]:
    """What belongs to the project: what git knows or would take; without git, all but what is made."""
    if (repo / ".git").exists() and shutil.which("git"):
        command = [
            "git",
            "-c",
            f"safe.directory={repo}",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]
        names = subprocess.run(command, cwd=repo, check=True, capture_output=True, text=True).stdout.split("\0")
        return [repo / name for name in names if name and (repo / name).is_file()]
    found = []
    for folder, folders, names in os.walk(repo):
        folders[:] = [name for name in folders if name not in PASSED_OVER and not name.endswith("_cache")]
        found += [Path(folder, name) for name in names]
    return found


@pytest.fixture(scope="module")
def files(repo_folder: Path) -> list[Path]:
    found = list_files(repo_folder)
    assert repo_folder / "pyproject.toml" in found
    return found


@pytest.fixture(scope="module")
def rooms(repo_folder: Path) -> list[str]:
    return sorted(path.parent.name for path in (repo_folder / "src/waypost").glob("*/__init__.py"))


@pytest.fixture(scope="module")
def architecture_rows(repo_folder: Path) -> list[str]:
    """The rooms that the table of ARCHITECTURE.md has a row for, from top to bottom."""
    layers = drawn_layers(repo_folder)
    drawn = {room for layer in layers for room in layer}
    cells = re.findall(r"^\|([^|]*)\|", (repo_folder / "ARCHITECTURE.md").read_text("utf-8"), re.MULTILINE)
    names = [re.findall(r"[a-z_]+", cell) for cell in cells]
    return [words[0] for words in names if words and words[0] in drawn]


def drawn_layers(repo: Path) -> list[list[str]]:
    contracts = tomllib.loads((repo / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(one["layers"] for one in contracts if one["id"] == "house")
    return [re.findall(r"\w+", layer) for layer in layers]


def find_lines(files: list[Path], repo: Path, pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(repo)}:{number}: {found.group()}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if (found := pattern.search(line))
    ]


def test_no_file_names_a_registry(files: list[Path], repo_folder: Path) -> None:
    assert find_lines(files, repo_folder, REGISTRIES) == []


def test_no_file_names_a_path_of_one_machine(files: list[Path], repo_folder: Path) -> None:
    assert find_lines(files, repo_folder, MACHINE_PATHS) == []


def test_modules_have_telling_names(files: list[Path], repo_folder: Path) -> None:
    inside = [path.relative_to(repo_folder) for path in files]
    vague = [path for path in inside if VAGUE_NAMES & {path.stem.lower(), *map(str.lower, path.parts[:-1])}]
    assert vague == []


def test_init_files_only_hand_names_on(files: list[Path], repo_folder: Path) -> None:
    def hands_on(statement: ast.stmt) -> bool:
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
                return True
            case ast.Assign(targets=[ast.Name(id=name)]):
                return name.startswith("__")
        return False

    inits = [path for path in files if path.name == "__init__.py" and path.is_relative_to(repo_folder / "src")]
    assert inits
    doing = [
        f"{path.relative_to(repo_folder)}:{statement.lineno}"
        for path in inits
        for statement in ast.parse(path.read_text("utf-8")).body
        if not hands_on(statement)
    ]
    assert doing == []


def test_tests_mirror_the_rooms(repo_folder: Path, rooms: list[str]) -> None:
    folders = {path.name for path in (repo_folder / "tests/rooms").iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders - set(rooms) == set()


@pytest.mark.parametrize("paper", PAPERS)
def test_the_papers_are_there(repo_folder: Path, paper: str) -> None:
    path = repo_folder / paper
    assert path.is_file(), f"{paper} is missing"
    assert path.read_text("utf-8").strip(), f"{paper} is empty"


def test_every_room_has_its_row(architecture_rows: list[str], rooms: list[str]) -> None:
    assert sorted(set(rooms) - set(architecture_rows)) == []
    assert len(architecture_rows) == len(set(architecture_rows)), "a room has two rows"


def test_the_rows_stand_in_the_order_of_the_house(architecture_rows: list[str], repo_folder: Path) -> None:
    height = {room: number for number, layer in enumerate(drawn_layers(repo_folder)) for room in layer}
    assert architecture_rows == sorted(architecture_rows, key=height.__getitem__)


def test_the_version_is_the_newest_of_the_changelog(repo_folder: Path) -> None:
    version = tomllib.loads((repo_folder / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    headings = re.findall(r"^## \[?(\d+\.\d+\.\d+)", (repo_folder / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings, "CHANGELOG.md has no heading like: ## [0.1.0] - 2026-01-31"
    assert headings[0] == version


def test_links_between_papers_lead_somewhere(files: list[Path], repo_folder: Path) -> None:
    broken = [
        f"{path.relative_to(repo_folder)}: {target}"
        for path in files
        if path.suffix == ".md"
        for target in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", path.read_text("utf-8"))
        if not (path.parent / target).exists()
    ]
    assert broken == []


def test_the_notice_names_files_that_are_there(repo_folder: Path) -> None:
    named = re.findall(r"\b(?:src|scripts)/[\w/.]*\w", (repo_folder / "NOTICE").read_text("utf-8"))
    assert named
    assert [name for name in named if not (repo_folder / name).exists()] == []
