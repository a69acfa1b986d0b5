"""A picture of one parcel's ETA as its scans come and time passes, as SVG, without a library."""

import datetime as dt
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np

from waypost.testing.trips import OFFSET_MIN

_WIDTH, _HEIGHT = 760, 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 24, 64, 74
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#333}.grid{stroke:#e4e4e4}.title{font-weight:600}"
    ".small{font-size:11px;fill:#666}.scan{stroke:#999;stroke-dasharray:2 3}"
)
_STEP_DAYS = 1 / 48
_OFFSET = OFFSET_MIN / 1440


def draw(world: Any, path: Path) -> None:
    """Draw the parcel of the first stuck truck that has the most scans, as it was watched.

    Args:
        world: a `benchmarks.arrivals.World`.
        path: where the picture goes.
    """
    steps, parcels = world.steps, world.parcels(world.steps)
    on_it = (world.imagined.stuck_parcels == 0) & ~np.isfinite(world.imagined.lost_after)
    scans = np.bincount(parcels, minlength=len(on_it))
    rows = np.flatnonzero(parcels == np.argmax(scans * on_it))
    delivered, promised = float(steps.delivered[rows[0]]), float(steps.promised[rows[0]])
    times, windows = _watch(world, rows, delivered)
    _write(path, times, windows, steps.at[rows], _labels(steps, rows), delivered, promised)


def _watch(world: Any, rows: np.ndarray, delivered: float) -> tuple[np.ndarray, np.ndarray]:
    """P50, P80 and P90 every half hour until it was there, with what was known in the morning of each scan's day."""
    steps, times, windows = world.steps, [], []
    for row, end in zip(rows[:-1], steps.at[rows[1:]], strict=True):
        morning = np.floor(steps.at[row])
        lately = world.watch.lately(steps.known_at(morning), morning)
        watched = world.watch.watch(steps, lately, np.array([row]))
        for now in np.arange(steps.at[row], min(end, delivered), _STEP_DAYS):
            times.append(now)
            windows.append(world.watch.arrivals(watched, now)[0])
    return np.array(times), np.array(windows)


def _labels(steps: Any, rows: np.ndarray) -> list[str]:
    told = steps.take(rows)
    pairs = zip(told.column("status").to_pylist(), told.column("facility").to_pylist(), strict=True)
    return [f"{status.replace('_', ' ')} {facility.partition('/')[2]}" for status, facility in pairs]


def _write(
    path: Path,
    times: np.ndarray,
    windows: np.ndarray,
    scans: np.ndarray,
    labels: list[str],
    delivered: float,
    promised: float,
) -> None:
    first, last = times[0], max(delivered, times[-1]) + 0.15
    low = min(windows.min(), promised, delivered) - 0.3
    high = max(np.quantile(windows[:, 2], 0.999), promised, delivered) + 0.3

    def x(at: float) -> float:
        return round(_LEFT + (at - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(at: float) -> float:
        return round(_HEIGHT - _BOTTOM - (min(at, high) - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM), 1)

    title = "One parcel's ETA as its scans come: its truck gets stuck, and silence moves the ETA on"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text class="title" x="{_LEFT}" y="22">{escape(title)}</text>',
        f'<text class="small" x="{_LEFT}" y="42">up: the day it is expected; to the right: when that was said. '
        "Line: P50; bands: to P80 and P90.</text>",
    ]
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for day in np.arange(np.ceil(low + _OFFSET), high + _OFFSET) - _OFFSET:
        name = _day(day)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y(day)}" y2="{y(day)}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y(day) + 4}" text-anchor="end">{name}</text>')
    for day in np.arange(np.ceil(first + _OFFSET), last + _OFFSET) - _OFFSET:
        parts.append(f'<text x="{x(day)}" y="{bottom + 18}" text-anchor="middle">{_day(day)}</text>')
    for column, colour in ((2, "#dcebe5"), (1, "#b5d6c8")):
        upper = [f"{x(at)},{y(window[column])}" for at, window in zip(times, windows, strict=True)]
        lower = [f"{x(at)},{y(window[0])}" for at, window in zip(times, windows, strict=True)]
        parts.append(f'<polygon points="{" ".join([*upper, *lower[::-1]])}" fill="{colour}"/>')
    line = " ".join(f"{x(at)},{y(window[0])}" for at, window in zip(times, windows, strict=True))
    parts.append(f'<polyline points="{line}" fill="none" stroke="#0b6e4f" stroke-width="2"/>')
    for at, name, colour in ((delivered, "delivered", "#2f5aa8"), (promised, "promised", "#c1440e")):
        parts.append(
            f'<line x1="{_LEFT}" x2="{right}" y1="{y(at)}" y2="{y(at)}" stroke="{colour}" stroke-dasharray="6 4"/>'
        )
        parts.append(f'<text x="{_LEFT + 6}" y="{y(at) - 5}" style="fill:{colour}">{name}</text>')
    for number, at in enumerate(scans):
        parts.append(f'<line class="scan" x1="{x(at)}" x2="{x(at)}" y1="{_TOP}" y2="{bottom}"/>')
        parts.append(f'<text class="small" x="{x(at)}" y="{_TOP - 4}" text-anchor="middle">{number + 1}</text>')
    half = -(-len(labels) // 2)
    for line, first in enumerate((0, half)):
        told = ", ".join(f"{first + place + 1} {label}" for place, label in enumerate(labels[first : first + half]))
        parts.append(f'<text class="small" x="{_LEFT}" y="{_HEIGHT - 26 + 16 * line}">{escape(told)}</text>')
    path.write_text("\n".join((*parts, "</svg>", "")), "utf-8")


def _day(at: float) -> str:
    """A day by the clock there, as it is written short."""
    moment = dt.datetime.fromtimestamp(at * 86_400, dt.timezone(dt.timedelta(minutes=OFFSET_MIN)))
    return f"{moment:%d %b}"
