"""A picture of courses: a figure against scans loaded, as SVG, without a library."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

#: Of each curve its name and its points: scans loaded, and the figure there.
Curves = Mapping[str, Sequence[tuple[float, float]]]

_WIDTH, _HEIGHT = 760, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 150, 48, 52
_COLOURS = ("#0b6e4f", "#c1440e", "#2f5aa8", "#8a6d00", "#7a3b8f")
_STYLE = "text{font:13px system-ui,sans-serif;fill:#333}.axis{stroke:#999}.grid{stroke:#e4e4e4}.title{font-weight:600}"


def draw(curves: Curves, title: str, path: Path) -> None:
    """Write the picture. Figures stand on a logarithmic axis, so that equal gaps are equal ratios."""
    points = [point for curve in curves.values() for point in curve if point[1] > 0]
    most = max(scans for scans, _ in points)
    lowest = math.floor(math.log10(min(rate for _, rate in points)))
    highest = max(math.ceil(math.log10(max(rate for _, rate in points))), lowest + 1)

    def x(scans: float) -> float:
        return round(_LEFT + scans / most * (_WIDTH - _LEFT - _RIGHT), 1)

    def y(rate: float) -> float:
        share = (math.log10(rate) - lowest) / (highest - lowest)
        return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text class="title" x="{_LEFT}" y="26">{escape(title)}</text>',
        *_scales(x, y, most, lowest, highest),
    ]
    floor = 0.0
    ends = sorted(((y(curve[-1][1]), name) for name, curve in curves.items()))
    for height, name in ends:
        colour = _COLOURS[list(curves).index(name) % len(_COLOURS)]
        line = " ".join(f"{x(scans)},{y(rate)}" for scans, rate in curves[name] if rate > 0)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        floor = max(height + 4, floor + 16)  # names of curves that end at one height stand below one another
        parts.append(f'<text x="{_WIDTH - _RIGHT + 12}" y="{floor:.0f}" style="fill:{colour}">{escape(name)}</text>')
    path.write_text("\n".join((*parts, "</svg>", "")), "utf-8")


def _scales(
    x: Callable[[float], float], y: Callable[[float], float], most: float, lowest: int, highest: int
) -> Iterator[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    for power in range(lowest, highest + 1):
        for rate in (10**power, 2 * 10**power, 5 * 10**power):
            if rate <= 10**highest:
                yield f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y(rate)}" y2="{y(rate)}"/>'
                yield f'<text x="{_LEFT - 8}" y="{y(rate) + 4}" text-anchor="end">{_short(rate)}</text>'
    for fifth in range(6):
        scans = most * fifth / 5
        yield f'<text x="{x(scans)}" y="{bottom + 20}" text-anchor="middle">{_short(scans)}</text>'
    yield f'<path class="axis" d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none"/>'
    yield f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 10}" text-anchor="middle">scans loaded</text>'


def _short(number: float) -> str:
    """A number with at most three figures: 20k, 1.5M."""
    for size, sign in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.3g}{sign}"
    return f"{number:.3g}"
