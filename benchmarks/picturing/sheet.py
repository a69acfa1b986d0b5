"""A sheet of panels as SVG, without a library: readable by light and in the dark, told apart by shape and by colour."""

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

#: Colours that the colour-blind tell apart, by light and in the dark, and the shape that goes with each.
_INKS = {
    "circle": ("#0064EB", "#298CE5"),
    "square": ("#0F523A", "#06E5AC"),
    "triangle": ("#C4830D", "#E09C03"),
    "diamond": ("#9B3508", "#E96349"),
    "octagon": ("#6D0F64", "#F3B4EC"),
    "ring": ("#5A6675", "#9FB0C6"),
}
_CORNERS = {"square": (4, 45), "triangle": (3, -90), "diamond": (4, 0), "octagon": (8, 22.5)}
_PLAIN = {
    "card": ("fill", "#FFFFFF", "#131C2E"),
    "band": ("fill", "#D9DFE6", "#2A3750"),
    "grid": ("stroke", "#E6EAEF", "#212D44"),
    "axis": ("stroke", "#9AA5B1", "#5A6B85"),
    "text": ("fill", "#1B2430", "#E6EDF7"),
    ".small": ("fill", "#5A6675", "#9FB0C6"),
}

Range = tuple[float, float]
Points = Sequence[tuple[float, float]]


def percent(share: float) -> str:
    return f"{share * 100:.0f} %"


class Panel:
    """A field of a sheet with a scale each way.

    Args:
        box: left, top, width and height.
        x: the least and the most that fit in, to the right.
        y: the same upwards.
    """

    def __init__(self, box: tuple[float, float, float, float], x: Range, y: Range) -> None:
        self.left, self.top, self.width, self.height = box
        self._x, self._y = x, y
        self.parts: list[str] = []

    def x(self, value: float) -> float:
        """Where a value stands across the sheet."""
        low, high = self._x
        return round(self.left + (value - low) / (high - low) * self.width, 1)

    def y(self, value: float) -> float:
        """Where a value stands down the sheet."""
        low, high = self._y
        return round(self.top + self.height - (value - low) / (high - low) * self.height, 1)

    def scale_x(self, ticks: Iterable[float], word: Callable[[float], str], name: str = "") -> None:
        """Lines and words below, and what they are."""
        bottom = self.top + self.height
        for tick in ticks:
            at = self.x(tick)
            self.parts.append(f'<line class="grid" x1="{at}" x2="{at}" y1="{self.top}" y2="{bottom}"/>')
            self._write(at, bottom + 16, word(tick), "middle")
        if name:
            self._write(self.left + self.width / 2, bottom + 34, name, "middle", "small")

    def scale_y(self, ticks: Iterable[float], word: Callable[[float], str]) -> None:
        """Lines and words to the left."""
        for tick in ticks:
            at = self.y(tick)
            self.parts.append(
                f'<line class="grid" x1="{self.left}" x2="{self.left + self.width}" y1="{at}" y2="{at}"/>'
            )
            self._write(self.left - 6, at + 4, word(tick), "end")

    def head(self, words: str) -> None:
        """What the panel shows, above it."""
        self._write(self.left, self.top - 8, words, "start", "strong")

    def row(self, height: float, words: str) -> None:
        """A line with words to its left, if there are any."""
        at = self.y(height)
        self.parts.append(f'<line class="grid" x1="{self.left}" x2="{self.left + self.width}" y1="{at}" y2="{at}"/>')
        if words:
            self._write(self.left - 8, at + 4, words, "end")

    def band(self, points: Points) -> None:
        """A grey field."""
        self.parts.append(f'<polygon class="band" points="{self._corners(points)}"/>')

    def line(self, points: Points, ink: str, *, dashed: bool = False) -> None:
        """A line in the colour of a shape."""
        broken = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(f'<polyline class="{ink}-line"{broken} points="{self._corners(points)}"/>')

    def mark(self, point: tuple[float, float], shape: str, size: float = 5) -> None:
        """A shape at a point."""
        self.parts.append(shape_at(self.x(point[0]), self.y(point[1]), shape, size))

    def _corners(self, points: Points) -> str:
        return " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)

    def _write(self, x: float, y: float, words: str, anchor: str, kind: str = "") -> None:
        named = f' class="{kind}"' if kind else ""
        self.parts.append(f'<text{named} x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>')


def shape_at(x: float, y: float, shape: str, size: float = 5) -> str:
    if shape in {"circle", "ring"}:
        return f'<circle class="{shape}" cx="{x:g}" cy="{y:g}" r="{size:g}"/>'
    many, turned = _CORNERS[shape]
    angles = [math.radians(turned + 360 * corner / many) for corner in range(many)]
    far = size * 1.25
    corners = " ".join(f"{x + far * math.cos(each):.1f},{y + far * math.sin(each):.1f}" for each in angles)
    return f'<polygon class="{shape}" points="{corners}"/>'


def write_sheet(
    path: Path,
    height: float,
    title: str,
    told: Sequence[str],
    legend: Sequence[tuple[str, str]],
    panels: Sequence[Panel],
) -> None:
    """Write the picture.

    Args:
        path: where it goes.
        height: of the sheet, which is 760 wide.
        title: what it is about, for those who hear it too.
        told: what it shows, in words; the first of them stands below the title, all are there for those who hear it.
        legend: shapes and what they stand for.
        panels: in any order.
    """
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {height:g}" role="img">',
        f"<title>{escape(title)}</title><desc>{escape(' '.join(told))}</desc><style>{_style()}</style>",
        f'<rect class="card" width="760" height="{height:g}" rx="8"/>',
        f'<text class="strong" x="24" y="26">{escape(title)}</text>',
        f'<text class="small" x="24" y="45">{escape(told[0])}</text>',
    ]
    across = 30.0
    for shape, words in legend:
        parts.append(shape_at(across, 66, shape))
        parts.append(f'<text x="{across + 11:g}" y="70">{escape(words)}</text>')
        across += 40 + 6.6 * len(words)
    for panel in panels:
        parts += panel.parts
    path.write_text("\n".join((*parts, "</svg>", "")), "utf-8")


def _style() -> str:
    always = "text{font:13px system-ui,sans-serif}.small{font-size:11px}.strong{font-weight:600}"
    return always + _colours(0) + f"@media(prefers-color-scheme:dark){{{_colours(1)}}}"


def _colours(dark: int) -> str:
    plain = "".join(
        f"{name if name in {'text', '.small'} else '.' + name}{{{what}:{inks[dark]}}}"
        for name, (what, *inks) in _PLAIN.items()
    )
    inks = "".join(
        f".{shape}{{fill:{'none' if shape == 'ring' else pair[dark]};stroke:{pair[dark]};stroke-width:1.5}}"
        f".{shape}-line{{fill:none;stroke:{pair[dark]};stroke-width:1.8}}"
        for shape, pair in _INKS.items()
    )
    return plain + inks
