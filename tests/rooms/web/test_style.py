"""The tokens of the stylesheet: contrast by WCAG 2, and distance for people who see fewer colours.

Colour vision by Machado, Oliveira and Fernandes (2009), full severity; distance by CIE 1976.
"""

import re
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

STATUSES = ("moving", "done", "risk", "late", "stop", "idle")
TOLD_APART = ("moving", "done", "risk", "late", "stop")
VISIONS = {
    "usual": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])

Colour = npt.NDArray[np.float64]


SHEETS = {"pages": "src/waypost/web/static/style.css", "console": "ui/src/style.css"}


def read_tokens(repo: Path, sheet: str, theme: str) -> dict[str, str]:
    """The colours of a stylesheet, light ones in its first block and dark ones in its second."""
    blocks = re.findall(r":root(?:\[[^]]*\])? \{(.*?)\}", (repo / SHEETS[sheet]).read_text("utf-8"), re.DOTALL)
    return dict(re.findall(r"--([a-z0-9-]+): #([0-9A-F]{6})", blocks[0 if theme == "light" else 1]))


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=SHEETS)
def tokens(request: pytest.FixtureRequest, repo_folder: Path, theme: str) -> dict[str, Colour]:
    return {name: linear(value) for name, value in read_tokens(repo_folder, request.param, theme).items()}


@pytest.fixture
def map_tokens(repo_folder: Path, theme: str) -> dict[str, Colour]:
    return {name: linear(value) for name, value in read_tokens(repo_folder, "console", theme).items()}


def linear(value: str) -> Colour:
    """Linear RGB of six hexadecimal digits."""
    parts = np.array([int(value[place : place + 2], 16) / 255 for place in (0, 2, 4)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one: Colour, other: Colour) -> float:
    light, dark = sorted((float(TO_XYZ[1] @ each) for each in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lab(colour: Colour) -> Colour:
    ratio = TO_XYZ @ np.clip(colour, 0, 1) / WHITE
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        *(("text", "bg"), ("text", "card"), ("text", "tint"), ("muted", "bg"), ("muted", "card")),
        *(("link", "bg"), ("link", "card"), ("on-link", "link")),
    ],
)
def test_text_can_be_read(tokens: dict[str, Colour], ink: str, ground: str) -> None:
    assert contrast(tokens[ink], tokens[ground]) >= 4.5


@pytest.mark.parametrize("status", STATUSES)
def test_signs_can_be_seen(tokens: dict[str, Colour], status: str) -> None:
    assert contrast(tokens[status], tokens["card"]) >= 3
    if status != "idle":  # hollow: nothing stands on it
        assert contrast(tokens["on-risk" if status == "risk" else "on-sign"], tokens[status]) >= 3


def test_borders_of_controls_can_be_seen(tokens: dict[str, Colour]) -> None:
    assert contrast(tokens["idle"], tokens["card"]) >= 3


@pytest.mark.parametrize("vision", VISIONS)
def test_statuses_can_be_told_apart(tokens: dict[str, Colour], vision: str) -> None:
    seen = {name: lab(VISIONS[vision] @ tokens[name]) for name in TOLD_APART}
    distances = {pair: float(np.linalg.norm(seen[pair[0]] - seen[pair[1]])) for pair in combinations(TOLD_APART, 2)}
    assert min(distances.values()) >= 25, distances


def test_the_console_looks_like_the_pages(repo_folder: Path, theme: str) -> None:
    pages, console = (read_tokens(repo_folder, sheet, theme) for sheet in SHEETS)
    assert {name: console[name] for name in pages if name != "bar"} == {
        name: value for name, value in pages.items() if name != "bar"
    }


STEPS = [f"step-{step}" for step in range(5)]


@pytest.mark.parametrize("ground", ["land", "sea"])
def test_steps_of_load_and_delay_are_seen_on_the_map(map_tokens: dict[str, Colour], ground: str) -> None:
    against = [contrast(map_tokens[step], map_tokens[ground]) for step in STEPS]
    assert against[0] >= 2.5
    assert against == sorted(against), "the more the stronger"


@pytest.mark.parametrize("vision", VISIONS)
def test_steps_can_be_told_apart(map_tokens: dict[str, Colour], vision: str) -> None:
    seen = [lab(VISIONS[vision] @ map_tokens[step]) for step in STEPS]
    assert min(float(np.linalg.norm(one - other)) for one, other in pairwise(seen)) >= 9
