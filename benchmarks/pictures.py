"""Pictures of how promises did on real orders: how often they held, how long they were, what each circumstance brings.

The first two need what `waypost backtest olist` tells of each stretch; the third lives through the first stretch once
for each kind that is left out, and each seed, without the peers. All of it takes more than half an hour of one
processor: figures are kept after each run, and a run whose figures are kept is not made again.
"""

import argparse
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console

from benchmarks.picturing.ablation import draw_ablation
from benchmarks.picturing.promises import draw_reliability, draw_windows
from waypost.app.olist_backtest import backtest, find_end, find_midnight
from waypost.feeds.olist_trips import read_olist_trips
from waypost.forecast.circumstances import LEARNT, Kind, describe
from waypost.forecast.rolling import at_level, roll
from waypost.forecast.scores import LEVELS, score
from waypost.forecast.trips import Trips

#: Weather is left to `waypost backtest olist --weather`: it needs files of its own.
KINDS = tuple(kind for kind in LEARNT if kind is not Kind.WEATHER)
_TOLD = ("orders", "model", "baselines", "at_olists_late_rate", "reliability")


class Figures(msgspec.Struct):
    """What was measured so far.

    Attributes:
        stretches: by the day from which orders are promised, what the back-test tells of them all.
        runs: one a kind that is left out and a seed, with scores by that day.
    """

    stretches: dict[str, dict[str, Any]] = {}
    runs: list[dict[str, Any]] = []


def measure_stretches(trips: Trips, starts: Mapping[str, float], figures: Figures, save: Callable[[], None]) -> None:
    """Promise each stretch beside the peers, as `waypost backtest olist` does."""
    for day, start in starts.items():
        if day not in figures.stretches:
            found = backtest(trips, start, find_end(trips), KINDS, None, 0, 1, lambda label: lambda share: None)
            figures.stretches[day] = {name: found[name] for name in _TOLD}
            save()


def measure_ablation(
    trips: Trips,
    starts: Mapping[str, float],
    seeds: int,
    figures: Figures,
    save: Callable[[], None],
    kinds: Sequence[Kind] = KINDS,
) -> None:
    """Promise the first stretch without each kind, and score that; the later ones are its ends."""
    facts, end, first = describe(trips), find_end(trips), min(starts.values())
    done = {(run["left_out"], run["seed"]) for run in figures.runs}
    asked = trips.between(first, end)
    rows = asked[np.isfinite(trips.delivered[asked])]
    taken, ordered = (trips.delivered - trips.ordered)[rows], trips.ordered[rows]
    for seed in range(seeds):
        for left_out in ("", *kinds):
            if (left_out, seed) in done:
                continue
            learnt = [kind for kind in KINDS if kind != left_out]
            windows = roll(facts, trips, first, end, kinds=learnt, seed=seed)[rows]
            promised = np.column_stack([at_level(windows, level) for level in LEVELS])
            scores = {day: score(taken[ordered >= start], promised[ordered >= start]) for day, start in starts.items()}
            figures.runs.append({"left_out": str(left_out), "seed": seed, "scores": scores})
            save()


def draw(figures: Figures, folder: Path) -> list[Path]:
    """All three pictures, as far as there are figures."""
    drawn = []
    if figures.stretches:
        drawn += [folder / "reliability.svg", folder / "windows.svg"]
        draw_reliability(figures.stretches, drawn[0])
        draw_windows(figures.stretches, drawn[1])
    if figures.runs:
        drawn.append(folder / "ablation.svg")
        draw_ablation(figures.runs, drawn[-1])
    return drawn


def main() -> None:
    """Run, keep, draw."""
    args = _read_arguments()
    console = Console(stderr=True)
    trips, _ = read_olist_trips(args.data)
    starts = {day.isoformat(): find_midnight(day) for day in sorted(args.test_from)}
    figures = msgspec.json.decode(args.keep.read_bytes(), type=Figures) if args.keep.exists() else Figures()

    def save() -> None:
        args.keep.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))
        console.print(f"{len(figures.stretches)} stretches and {len(figures.runs)} runs are kept in {args.keep}")

    measure_stretches(trips, starts, figures, save)
    measure_ablation(trips, starts, args.seeds, figures, save)
    for path in draw(figures, args.to):
        console.print(f"drawn: {path}")


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench pictures", description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="the folder with Olist's files")
    days = [dt.date(2018, 2, 25), dt.date(2018, 4, 15)]
    add(
        "--test-from", type=dt.date.fromisoformat, nargs=2, default=days, metavar="DAY",
        help="two stretches, each from that day to the end (default: 2018-02-25 2018-04-15)",
    )  # fmt: skip
    add("--seeds", type=int, default=2, help="so many for each kind that is left out (default: %(default)s)")
    add("--keep", type=Path, default=Path("pictures.json"), help="where figures are kept (default: %(default)s)")
    add("--to", type=Path, default=Path("."), help="the folder that pictures go to (default: this one)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
