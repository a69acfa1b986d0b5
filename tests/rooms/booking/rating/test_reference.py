"""The pages about rate cards name what there is."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from waypost.booking.rating import cards
from waypost.booking.rating.auditing import Verdict
from waypost.booking.rating.quotes import Prefer

DOCS = Path(__file__).parents[4] / "docs"
REFERENCE = (DOCS / "reference/rate-cards.md").read_text("utf-8")
SOURCE = Path(cards.__file__).parent
STRUCTS = [each for each in vars(cards).values() if isinstance(each, type) and issubclass(each, msgspec.Struct)]


@pytest.mark.parametrize("kind", STRUCTS)
def test_every_field_is_told(kind: Any) -> None:
    names = {field.encode_name for field in msgspec.structs.fields(kind)}
    assert len(STRUCTS) > 10
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", REFERENCE)] == []


def test_every_code_is_told() -> None:
    told = set(re.findall(r"`(\w+)`", REFERENCE.split("## Why there is no price")[1]))
    sources = "".join((SOURCE / f"{name}.py").read_text("utf-8") for name in ("tariffs", "quotes"))
    used = set(re.findall(r'Declined\("(\w+)"', sources)) | set(re.findall(r'_unquoted\([^"\n]*"(\w+)"', sources))
    assert len(used) > 8
    assert told == used


def test_every_verdict_is_told() -> None:
    told = (DOCS / "how-to/quote.md").read_text("utf-8").split("## Check a bill")[1].split("\n## ")[0]
    assert set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|([^|]*)\|", told, re.M)))) == {
        each.value for each in Verdict
    }


def test_every_preference_is_told() -> None:
    for page in ("reference/http.md", "reference/commands.md"):
        assert all(f"`{each}`" in (DOCS / page).read_text("utf-8") for each in Prefer)
