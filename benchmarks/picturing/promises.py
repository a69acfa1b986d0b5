"""Pictures of how promises held: the level against what held, and what windows cost in days."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.picturing.sheet import Panel, Points, percent, write_sheet

#: By method its shape and how it is called.
METHODS = {
    "model": ("circle", "Waypost"),
    "lightgbm": ("diamond", "LightGBM"),
    "lightgbm_conformal": ("triangle", "conformal"),
    "lightgbm_recalibrated": ("octagon", "recalibrated"),
}
_OLIST = ("ring", "Olist's own")
_EVENLY = ("square", "Waypost, spent evenly")
#: Of normal chance 95 % lies within so many deviations.
_DEVIATIONS = 1.96
_LEFTS, _WIDTH = (58.0, 428.0), 300.0
_MARKED = (0.5, 0.8, 0.9)

#: By the day from which orders are promised, what `waypost backtest olist --json` tells.
Stretches = Mapping[str, Mapping[str, Any]]


def draw_reliability(stretches: Stretches, path: Path) -> None:
    """Levels against the share that held, and below how far off that is, beside what chance alone does."""
    panels: list[Panel] = []
    for left, (start, found) in zip(_LEFTS, stretches.items(), strict=False):
        whole = Panel((left, 104, _WIDTH, 270), (0, 1), (0, 1))
        off = Panel((left, 432, _WIDTH, 140), (0, 1), (-0.25, 0.2))
        fifths = [fifth / 5 for fifth in range(6)]
        whole.scale_x(fifths, percent)
        whole.scale_y(fifths, percent)
        off.scale_x(fifths, percent, "promised to hold")
        off.scale_y([-0.2, -0.1, 0, 0.1, 0.2], lambda share: f"{share * 100:+.0f}" if share else "0")
        whole.head(f"held, of {found['orders']:,} orders from {start}")
        off.head("held beyond what was promised, points")
        whole.band(_by_chance(found["orders"], slope=1))
        off.band(_by_chance(found["orders"], slope=0))
        whole.line([(0, 0), (1, 1)], "ring", dashed=True)
        off.line([(0, 0), (1, 0)], "ring", dashed=True)
        for name, (shape, _) in METHODS.items():
            points = [(each["level"], each["held"]) for each in found["reliability"][name]]
            above = [(level, held - level) for level, held in points]
            for panel, line in ((whole, points), (off, above)):
                panel.line(line, shape)
                for point in line:
                    if point[0] in _MARKED:
                        panel.mark(point, shape)
        panels += [whole, off]
    title = "Promises of Olist's orders: how often they were to hold, and how often they did"
    told = ["On the dashed line promises hold as often as they say. Grey: where 95 % would lie by chance alone."]
    told += [_tell(start, found) for start, found in stretches.items()]
    write_sheet(path, 622, title, told, list(METHODS.values()), panels)


def _by_chance(orders: int, slope: int) -> Points:
    """Around a line with that slope, where shares of so many orders lie if each comes late on its own."""
    levels = [step / 100 for step in range(101)]
    far = [_DEVIATIONS * math.sqrt(level * (1 - level) / orders) for level in levels]
    upper = [(level, level * slope + off) for level, off in zip(levels, far, strict=True)]
    lower = [(level, level * slope - off) for level, off in zip(levels, far, strict=True)]
    return upper + lower[::-1]


def draw_windows(stretches: Stretches, path: Path) -> None:
    """The share that held against the mean days promised: further to the right and further down is better."""
    lowest, most = 0.4, 0.975
    points = [
        each["mean_days"]
        for found in stretches.values()
        for curve in found["reliability"].values()
        for each in curve
        if lowest <= each["held"] <= most
    ] + [found["at_olists_late_rate"]["olist_mean_days"] for found in stretches.values()]
    low, high = 5 * math.floor(min(points) / 5), 5 * math.ceil(max(points) / 5)
    panels: list[Panel] = []
    for left, (start, found) in zip(_LEFTS, stretches.items(), strict=False):
        panel = Panel((left, 104, _WIDTH, 320), (lowest, 1), (low, high))
        panel.scale_x([0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1], percent, "held")
        panel.scale_y(range(low, high + 1, 5), lambda days: f"{days:g}")
        panel.head(f"mean days, {found['orders']:,} orders from {start}")
        for name, (shape, _) in METHODS.items():
            curve = [each for each in found["reliability"][name] if lowest <= each["held"] <= most]
            panel.line([(each["held"], each["mean_days"]) for each in curve], shape, dashed=name != "model")
            for each in curve:
                if each["level"] in _MARKED:
                    panel.mark((each["held"], each["mean_days"]), shape)
        beside = found["at_olists_late_rate"]
        evenly = beside["spent_evenly"]["mean_days"]
        if evenly is not None:
            panel.mark((1 - beside["late_rate"], evenly), _EVENLY[0])
        panel.mark((1 - beside["late_rate"], beside["olist_mean_days"]), _OLIST[0], 6)
        panels.append(panel)
    title = "Promises of Olist's orders: how long they are, and how often they hold"
    first = (
        "To the right and down is better: kept more often, and shorter. "
        "Marks on lines: P50, P80, P90; others: as seldom late as Olist's."
    )
    told = [first]
    told += [_tell_days(start, found) for start, found in stretches.items()]
    legend = [*METHODS.values(), _OLIST, _EVENLY]
    write_sheet(path, 476, title, told, legend, panels)


def _tell(start: str, found: Mapping[str, Any]) -> str:
    return f"Of orders from {start} on " + "; ".join(
        f"{name} held "
        + ", ".join(f"{percent(each['held'])} at {percent(each['level'])}" for each in _marked(found, method))
        for method, (_, name) in METHODS.items()
    ) + "."  # fmt: skip


def _tell_days(start: str, found: Mapping[str, Any]) -> str:
    beside = found["at_olists_late_rate"]
    return (
        f"Of orders from {start} on "
        + "; ".join(
            f"{name} promised "
            + ", ".join(
                f"{each['mean_days']:.1f} days, of which {percent(each['held'])} held"
                for each in _marked(found, method)
            )
            for method, (_, name) in METHODS.items()
        )
        + f"; Olist promised {beside['olist_mean_days']:.1f} days, of which {percent(1 - beside['late_rate'])} held."
    )


def _marked(found: Mapping[str, Any], method: str) -> list[dict[str, float]]:
    return [each for each in found["reliability"][method] if each["level"] in _MARKED]
