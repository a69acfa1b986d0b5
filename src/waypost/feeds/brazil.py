"""Places in Brazil: municipalities by name, with their time zones.

The table is made by scripts/make_brazil_places.
"""

import csv
import functools
import re
import unicodedata
from collections import Counter
from importlib import resources

import msgspec

_STATE = re.compile(r"[A-Z]{2}")
#: Words that stay small inside a Portuguese name.
_SMALL = {"da", "das", "de", "do", "dos", "e"}
#: What people append to a city's name in a field of its own: its state, a district, the country.
_APPENDED = re.compile(r"\s*(?:[/\\,(]|\s-\s|-[a-z]{2}$).*")


class Municipality(msgspec.Struct, frozen=True):
    """One municipality: two letters of the state, name in local writing, degrees of its seat, IANA zone."""

    state: str
    name: str
    latitude: float
    longitude: float
    zone: str


def find_municipality(name: str, state: str) -> Municipality | None:
    """The municipality of that name, written with or without accents and capitals."""
    return _municipalities().get((state, _plain(name)))


def find_zone(state: str) -> str | None:
    """The zone that most municipalities of a state keep."""
    return _zones().get(state)


def tidy_city(text: str, state: str) -> str | None:
    """The name of a city in local writing, from what people typed; None if it is no name.

    Accents come back where the municipality is known; an appended state or country goes.
    """
    for name in (text, _APPENDED.sub("", text.lower())):
        if known := find_municipality(name, state):
            return known.name
    if len(name) < 3 or any(not (letter.isalpha() or letter in " '-.´") for letter in name):
        return None
    return " ".join(word if word in _SMALL else _capital(word) for word in name.lower().split())


def _capital(word: str) -> str:
    return "d'" + word[2:].capitalize() if word.startswith("d'") else word.capitalize()


@functools.lru_cache(maxsize=1 << 15)
def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return " ".join(re.findall("[a-z]+", letters))


@functools.cache
def _municipalities() -> dict[tuple[str, str], Municipality]:
    text = resources.files("waypost.feeds").joinpath("data/brazil.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    found = [
        Municipality(row["state"], row["name"], float(row["latitude"]), float(row["longitude"]), row["zone"])
        for row in rows
    ]
    return {(each.state, _plain(each.name)): each for each in found}


@functools.cache
def _zones() -> dict[str, str]:
    zones: dict[str, Counter[str]] = {}
    for each in _municipalities().values():
        zones.setdefault(each.state, Counter())[each.zone] += 1
    return {state: counted.most_common(1)[0][0] for state, counted in zones.items()}
