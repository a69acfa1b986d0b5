"""How fast carriers are read: answers and pushes parsed on one core, karrio's parser beside ours, and pushes over HTTP.

Answers and pushes are those of the strict fakes, twelve scans a parcel. A core's figure is of the adapter's whole way
from the answer's bytes to rows, the writing and signing of the question included. Over HTTP `waypost serve` runs as a
process of its own; a push counts when it was thanked for: then its scans are on disk, and its body is kept sealed. In
the end the log is read: it has to hold each scan once.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.couriers.parsing import compare_usps, measure_all
from benchmarks.couriers.pushing import measure_pushes


def main() -> None:
    """Run and print."""
    args = _read_arguments()
    aside = Console(stderr=True)
    figures: dict[str, Any] = {}
    aside.print("reading answers and pushes")
    figures["scans_per_s_and_core"] = measure_all(args.seconds)
    aside.print("USPS beside karrio")
    figures["usps"] = compare_usps(args.seconds)
    if args.pushes:
        aside.print(f"{args.pushes:,} pushes of each carrier over HTTP")
        with tempfile.TemporaryDirectory(prefix="waypost-carriers-", dir=args.folder) as folder:
            figures["pushes"] = measure_pushes(args.carriers.split(","), args.pushes, args.connections, Path(folder))
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(figures)).decode())
    else:
        _print_tables(figures)


def _print_tables(figures: dict[str, Any]) -> None:
    out = Console()
    table = Table("carrier", "asked", "an answer", "pushed", "a push", title="scans a second and core")
    for name, told in figures["scans_per_s_and_core"].items():
        values = [told.get(each) for each in ("asked", "scans_an_answer", "pushed", "scans_a_push")]
        table.add_row(name, *("" if value is None else f"{value:,}" for value in values))
    out.print(table)
    table = Table("USPS answers", "scans a second and core")
    for name, value in figures["usps"].items():
        table.add_row(name, f"{value:,}" if isinstance(value, (int, float)) else value)
    out.print(table)
    if "pushes" in figures:
        pushes = {name: told for name, told in figures["pushes"].items() if name != "all"}
        table = Table("figure", *pushes, title="pushes over HTTP")
        for figure in next(iter(pushes.values())):
            table.add_row(figure, *(f"{told[figure]:,}" for told in pushes.values()))
        out.print(table)
        out.print(f"in the log, each once: {figures['pushes']['all']['in_the_log']:,}")


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench carriers", description=__doc__)
    add = parser.add_argument
    add("--seconds", type=float, default=3.0, help="of CPU for each carrier and way (default: %(default)s)")
    add("--pushes", type=int, default=20_000, help="of each carrier over HTTP; 0 for none (default: %(default)s)")
    add("--carriers", default="yto,zto", help="that push over HTTP (default: %(default)s)")
    add("--connections", type=int, default=128, help="that stay open and push (default: %(default)s)")
    add("--folder", type=Path, default=None, help="where the home lies while it runs (default: the temporary folder)")
    add("--json", action="store_true", help="print JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
