"""A picture of what each kind of circumstance brings: how promises were without it, for each seed."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.picturing.sheet import Panel, write_sheet

_SEEDS = ("circle", "diamond", "octagon", "triangle", "square")
_FIGURES = {"mae_days": "mean error in days", "pinball": "pinball loss"}
_LEFTS, _WIDTH, _ROW = (132.0, 456.0), 276.0, 22.0

#: Of each the kind `left_out` ("" for none), its `seed`, and `scores` by the day from which orders are promised.
Runs = Sequence[Mapping[str, Any]]


def draw_ablation(runs: Runs, path: Path) -> None:
    """Each figure of each stretch in a panel of its own, a row a kind, a mark a seed."""
    kinds = list(dict.fromkeys(run["left_out"] for run in runs))
    seeds = sorted({run["seed"] for run in runs})
    tall = _ROW * len(kinds)
    panels, told = [], []
    for row, (figure, name) in enumerate(_FIGURES.items()):
        for left, start in zip(_LEFTS, runs[0]["scores"], strict=False):
            values = {
                kind: {run["seed"]: run["scores"][start][figure] for run in runs if run["left_out"] == kind}
                for kind in kinds
            }
            panel = _draw_panel((left, 108 + row * (tall + 62), _WIDTH, tall), values, named=left == _LEFTS[0])
            panel.head(f"{name}, from {start}")
            panels.append(panel)
            means = {kind: sum(each.values()) / len(each) for kind, each in values.items()}
            told.append(
                f"{name} of orders from {start} on: "
                + ", ".join(f"{_say(kind)} {mean:.3f}" for kind, mean in means.items())
                + "."
            )
    title = "What each kind of circumstance brings: promises of Olist's orders without it"
    first = "Grey: from the least to the most of the seeds with nothing left out. Further right is worse."
    legend = [(_SEEDS[seed], f"seed {seed}") for seed in seeds]
    write_sheet(path, 108 + 2 * (tall + 62) - 18, title, [first, *told], legend, panels)


def _draw_panel(
    box: tuple[float, float, float, float], values: Mapping[str, Mapping[int, float]], *, named: bool
) -> Panel:
    every = [value for each in values.values() for value in each.values()]
    step = _step(max(every) - min(every))
    low, high = math.floor(min(every) / step) * step, math.ceil(max(every) / step) * step
    low, high = (low, high) if low < high else (low - step, high + step)
    panel = Panel(box, (low, high), (len(values), 0))
    ticks = [low + step * number for number in range(round((high - low) / step) + 1)]
    panel.scale_x(ticks, lambda value: f"{value:.2f}")
    if "" in values:
        ends = min(values[""].values()), max(values[""].values())
        panel.band([(ends[0], 0), (ends[1], 0), (ends[1], len(values)), (ends[0], len(values))])
    for row, (kind, each) in enumerate(values.items()):
        panel.row(row + 0.5, _say(kind) if named else "")
        for seed, value in each.items():
            panel.mark((value, row + 0.5), _SEEDS[seed], 4)
    return panel


def _say(kind: str) -> str:
    return f"without {kind}" if kind else "nothing left out"


def _step(wide: float) -> float:
    """A round one, of which about five fit in."""
    return next((step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if wide / step <= 6), 1.0)
