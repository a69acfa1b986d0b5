"""Bars drawn on the server, as SVG with a title and a description. Colours come from the stylesheet."""

import datetime as dt
from collections.abc import Sequence

import msgspec
from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 10, 24


class Bar(msgspec.Struct, frozen=True):
    """One bar: an hour, its count, and what the tooltip says."""

    hour: dt.datetime
    count: int
    title: str


def fill_gaps(hours: Sequence[tuple[dt.datetime, int]], most: int) -> list[tuple[dt.datetime, int]]:
    """The last hours, each in its place: those without a scan are put in as 0, unless the gaps are too wide to show."""
    if not hours:
        return []
    counts = dict(hours)
    end = hours[-1][0]
    span = int((end - hours[0][0]).total_seconds() // 3600) + 1
    if span > most:
        return list(hours[-most:])
    return [
        (hour, counts.get(hour, 0)) for hour in (end - dt.timedelta(hours=back) for back in range(span - 1, -1, -1))
    ]


def draw_bars(bars: Sequence[Bar], title: str, description: str, tick: str, ticks: Sequence[str]) -> Markup:
    """A bar chart over hours.

    Args:
        tick: what stands at the top of the scale; the greatest count, written out.
        ticks: a text under the bars here and there: one for each bar, empty for none.
    """
    greatest = max((bar.count for bar in bars), default=0) or 1
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(bars), 1)
    height = _HEIGHT - _TOP - _BOTTOM
    parts = []
    for place, bar in enumerate(bars):
        tall = max(height * bar.count / greatest, 1.0 if bar.count else 0.0)
        left = _LEFT + place * step
        parts.append(
            f'<rect class="bar-fill" x="{left + step * 0.1:.1f}" y="{_TOP + height - tall:.1f}" '
            f'width="{max(step * 0.8, 0.8):.1f}" height="{tall:.1f}"><title>{escape(bar.title)}</title></rect>'
        )
        if ticks[place]:
            parts.append(
                f'<line class="axis" x1="{left:.1f}" x2="{left:.1f}" y1="{_TOP + height}" y2="{_TOP + height + 4}"/>'
            )
            end = ' text-anchor="end"' if left > 0.9 * _WIDTH else ""
            parts.append(
                f'<text x="{_WIDTH if end else left:.1f}" y="{_HEIGHT - 6}"{end}>{escape(ticks[place])}</text>'
            )
    lines = [f'x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"' for y in (_TOP, _TOP + height / 2)]
    scale = "".join(f'<line class="grid-line" {line}/>' for line in lines)
    return Markup(
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="chart-title chart-about">'
        f'<title id="chart-title">{escape(title)}</title><desc id="chart-about">{escape(description)}</desc>{scale}'
        f'<text class="scale" x="{_LEFT - 6}" y="{_TOP + 8}">{escape(tick)}</text>'
        f'<text class="scale" x="{_LEFT - 6}" y="{_TOP + height}">0</text>{"".join(parts)}'
        f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_TOP + height}" y2="{_TOP + height}"/></svg>'
    )
