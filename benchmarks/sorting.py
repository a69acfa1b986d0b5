"""How often an address gets the right sort code, how sure that is, and how many are left to a person for it.

Two worlds, each learnt from its past and asked about what came after: customers of Olist and the nearest of some hubs
(postcode, city and state, nothing else), and imagined addresses in real divisions of China, read from free text, down
to the courier. Beside it a nearest centroid and the longest prefix, on the same rows.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.codes.brazil import read_customers
from benchmarks.codes.china import Written, build, write
from benchmarks.codes.peers import longest_prefix, nearest_centroid, nearest_text_centroid
from waypost.booking.sorting import PLACES, Sorter, place_of
from waypost.model.addresses import ChineseAddress, parse_chinese_address
from waypost.model.instants import DAY_MS

Bools = npt.NDArray[np.bool_]

THRESHOLDS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
_LEARNT = 0.7
_START_MS = 1_791_763_200_000
_APART_KM = 60.0


def measure_brazil(folder: Path, hubs: int) -> dict[str, Any]:
    """The hub of Olist's customers, learnt from the first seven tenths of them by time."""
    customers = read_customers(folder / "olist", hubs, _APART_KM)
    deliveries = customers.deliveries
    cut = int(len(deliveries) * _LEARNT)
    past, later = deliveries.slice(0, cut), deliveries.slice(cut)
    codes, true = past["code"].to_pylist(), np.array(later["code"].to_pylist(), object)
    told = [
        pc.binary_join_element_wise(each["postcode"], each["city"], each["province"], " ").to_pylist()
        for each in (past, later)
    ]
    figures = _measure(past, later.select(PLACES.names), true)
    figures["peers"] = {
        "nearest centroid, told the coordinates": _share(
            np.array(nearest_centroid(customers.points[:cut], codes, customers.points[cut:]), object) == true
        ),
        "longest prefix of the postcode": _share(np.array(longest_prefix(told[0], codes, told[1]), object) == true),
    }
    is_new = ~np.isin(later["postcode"].to_numpy(), past["postcode"].to_numpy())
    return {
        "hubs": len(set(deliveries["code"].to_pylist())),
        "left_out": customers.left_out,
        "unseen_postcodes": _share(is_new),
        **figures,
    }


def measure_china(
    folder: Path, cities: int, roads: int, count: int, seed: int, tell: Callable[[int], None]
) -> dict[str, Any]:
    """The courier of imagined addresses: written, read, learnt, asked."""
    chance = Random(seed)
    counties = build(folder / "china_admin", cities, roads, chance)
    early = int(count * _LEARNT * 0.9)
    past = write(counties, early, 0.01, False, chance) + write(
        counties, int(count * _LEARNT) - early, 0.01, True, chance
    )
    later = write(counties, count - len(past), 0.0, True, chance)
    begun = time.perf_counter()
    read = _read_all(past, tell), _read_all(later, tell)
    reading_s = time.perf_counter() - begun
    days = np.sort(np.random.default_rng(seed).integers(0, 180, len(past)))
    learnt = _columns(read[0])
    codes = [each.code for each in past]
    learnt = learnt.append_column("code", pa.array(codes)).append_column(
        "delivered_ms", pa.array(_START_MS + days * DAY_MS)
    )
    true = np.array([each.true for each in later], object)
    figures = _measure(learnt, _columns(read[1]), true)
    texts = [[_plain(address) for address in each] for each in read]
    figures["peers"] = {
        "nearest centroid, pairs of letters": _share(
            np.array(nearest_text_centroid(texts[0], codes, texts[1]), object) == true
        ),
        "longest prefix of the parsed address": _share(
            np.array(longest_prefix(texts[0], codes, texts[1]), object) == true
        ),
        "longest prefix of the text": _share(
            np.array(longest_prefix([each.text for each in past], codes, [each.text for each in later]), object) == true
        ),
    }
    return {
        "codes": len({each.true for each in past}),
        "counties": len(counties),
        "read_right": _share(np.array([_is_read(a, b) for a, b in zip(later, read[1], strict=True)], bool)),
        "reads_per_s": round(count / reading_s),
        "new_estates": _share(np.array([each.is_new for each in later], bool)),
        **figures,
    }


def _measure(past: pa.Table, asked: pa.Table, true: npt.NDArray[np.object_]) -> dict[str, Any]:
    begun = time.perf_counter()
    sorter = Sorter.empty().learn(past)
    learnt = time.perf_counter()
    answers = sorter.assign(asked)
    answered = time.perf_counter()
    said = np.array(answers["code"].to_pylist(), object)
    right = said == true
    confidence = answers["confidence"].to_numpy()
    depths = {}
    for depth, name in enumerate(("hub", "outlet"), 1):
        begins = np.array(["-".join(str(code).split("-")[:depth]) for code in said], object)
        depths[name] = _share(begins == np.array(["-".join(code.split("-")[:depth]) for code in true], object))
    return {
        "learnt": len(past),
        "asked": len(asked),
        "right": _share(right),
        **{f"{name}_right": share for name, share in depths.items()},
        "curve": [_at(threshold, confidence, right) for threshold in THRESHOLDS],
        "calibration": _compare(confidence, right),
        "learns_per_s": round(len(past) / (learnt - begun)),
        "answers_per_s": round(len(asked) / (answered - learnt)),
        "bytes": len(sorter.to_bytes()),
    }


def _at(threshold: float, confidence: npt.NDArray[np.float64], right: Bools) -> dict[str, float]:
    """What is answered at a threshold, and how much of that is right."""
    sure = confidence >= threshold
    return {"threshold": threshold, "answered": _share(sure), "right": _share(right[sure]) if sure.any() else 1.0}


def _compare(confidence: npt.NDArray[np.float64], right: Bools) -> list[dict[str, float]]:
    """Told confidence beside the share that was right, in tenths of the rows from the least sure on."""
    return [
        {"told": round(float(confidence[part].mean()), 4), "right": _share(right[part])}
        for part in np.array_split(np.argsort(confidence, kind="stable"), 10)
        if len(part)
    ]


def _read_all(written: list[Written], tell: Callable[[int], None]) -> list[ChineseAddress]:
    read = []
    for place, each in enumerate(written, 1):
        read.append(parse_chinese_address(each.text))
        if place % 1000 == 0:
            tell(1000)
    return read


def _columns(addresses: list[ChineseAddress]) -> pa.Table:
    return pa.Table.from_pylist([place_of(address) for address in addresses], schema=PLACES)


def _plain(address: ChineseAddress) -> str:
    return "".join(place_of(address).values())


def _is_read(written: Written, read: ChineseAddress) -> bool:
    county = written.county
    return (read.province, read.city, read.county) == (county.province, county.city, county.name)


def _share(which: npt.NDArray[np.bool_]) -> float:
    return round(float(which.mean()), 4)


def main() -> None:
    """Run it."""
    args = _read_arguments()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("addresses read", total=args.addresses)
        figures = {
            "brazil": measure_brazil(args.data, args.hubs),
            "china": measure_china(
                args.data,
                args.cities,
                args.roads,
                args.addresses,
                args.seed,
                lambda count: progress.advance(task, count),
            ),
        }
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
    else:
        _print_tables(figures)


def _print_tables(figures: dict[str, Any]) -> None:
    console = Console()
    for name, each in figures.items():
        table = Table("", "answered", "right", title=f"{name}: {each['asked']:,} asked, {each['learnt']:,} learnt")
        for point in each["curve"]:
            table.add_row(f"confidence from {point['threshold']}", f"{point['answered']:.2%}", f"{point['right']:.2%}")
        for peer, share in each["peers"].items():
            table.add_row(peer, "100.00%", f"{share:.2%}")
        console.print(table)
        rest = {key: value for key, value in each.items() if not isinstance(value, list | dict)}
        console.print(", ".join(f"{key.replace('_', ' ')} {value:,}" for key, value in rest.items()))


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench sorting", description=__doc__)
    add = parser.add_argument
    given = os.environ.get("WAYPOST_TEST_DATA")
    default = Path(given) if given else Path(__file__).resolve().parents[1].parent / "shared" / "data"
    add("--data", type=Path, default=default, help="folder with olist and china_admin (default: %(default)s)")
    add("--hubs", type=int, default=60, help="in Brazil (default: %(default)s)")
    add("--cities", type=int, default=5, help="in China (default: %(default)s)")
    add("--roads", type=int, default=20, help="in each county (default: %(default)s)")
    add("--addresses", type=int, default=100_000, help="in China (default: %(default)s)")
    add("--seed", type=int, default=1)
    add("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
