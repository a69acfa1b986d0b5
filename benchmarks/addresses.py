"""How often the province, city and county of a Chinese address are read right, and how fast.

Imagined addresses over all counties (see `benchmarks.codes.china`): without the province or the city, by short names,
in swapped order, with names and telephones around. Beside it jionlp and cpca, if they are installed (`pip install
jionlp cpca`); they are given the text without name and telephone, which they do not take out of it.
"""

import argparse
import importlib
import importlib.util
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.codes.china import Written, build, write
from waypost.model.addresses import parse_chinese_address
from waypost.model.addresses.contacts import find_contacts

Levels = tuple[str | None, str | None, str | None]

CITIES = 330


def measure(folder: Path, count: int, seed: int) -> dict[str, dict[str, Any]]:
    """Waypost, and whoever is there to compare with."""
    chance = Random(seed)
    written = write(build(folder / "china_admin", CITIES, 4, chance), count, 0.0, True, chance)
    readers: dict[str, Callable[[str], Levels]] = {"waypost": _read}
    if importlib.util.find_spec("jionlp"):
        readers["jionlp"] = _make_jionlp()
    if importlib.util.find_spec("cpca"):
        readers["cpca"] = _make_cpca()
    return {name: _measure(reader, written, name == "waypost") for name, reader in readers.items()}


def _measure(read: Callable[[str], Levels], written: list[Written], whole: bool) -> dict[str, Any]:
    texts = [each.text if whole else find_contacts(each.text).rest for each in written]
    read(texts[0])  # tables are read at the first call
    begun = time.perf_counter()
    found = [read(text) for text in texts]
    seconds = time.perf_counter() - begun
    true = [(each.county.province, each.county.city, each.county.name) for each in written]
    share = {
        name: round(sum(a[level] == b[level] for a, b in zip(found, true, strict=True)) / len(true), 4)
        for level, name in enumerate(("province", "city", "county"))
    }
    wholly = sum(a == b for a, b in zip(found, true, strict=True)) / len(true)
    return {**share, "all_three": round(wholly, 4), "microseconds": round(seconds / len(texts) * 1e6, 1)}


def _read(text: str) -> Levels:
    found = parse_chinese_address(text)
    return found.province, found.city, found.county


def _make_jionlp() -> Callable[[str], Levels]:
    jionlp = importlib.import_module("jionlp")

    def read(text: str) -> Levels:
        found = jionlp.parse_location(text, town_village=True)
        return found["province"], found["city"], found["county"]

    return read


def _make_cpca() -> Callable[[str], Levels]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cpca = importlib.import_module("cpca")

    def read(text: str) -> Levels:
        found = cpca.transform([text]).iloc[0]
        city = found["市"] if found["市"] not in ("市辖区", "县") else found["省"]
        return found["省"], city, found["区"]

    return read


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="./scripts/bench addresses", description=__doc__)
    add = parser.add_argument
    given = os.environ.get("WAYPOST_TEST_DATA")
    default = Path(given) if given else Path(__file__).resolve().parents[1].parent / "shared" / "data"
    add("--data", type=Path, default=default, help="folder with china_admin (default: %(default)s)")
    add("--addresses", type=int, default=5_000)
    add("--seed", type=int, default=2)
    add("--json", action="store_true", help="print JSON")
    args = parser.parse_args()
    figures = measure(args.data, args.addresses, args.seed)
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
        return
    table = Table(
        "", "province", "city", "county", "all three", "µs each", title=f"{args.addresses:,} addresses read right"
    )
    for name, each in figures.items():
        shares = [f"{each[key]:.2%}" for key in ("province", "city", "county", "all_three")]
        table.add_row(name, *shares, f"{each['microseconds']:,}")
    Console().print(table)


if __name__ == "__main__":
    main()
