import datetime as dt
import re
from xml.etree import ElementTree

from waypost.web.pages.chart import Bar, draw_bars, fill_gaps

START = dt.datetime(2026, 11, 20, 22, tzinfo=dt.UTC)


def hour(later: int) -> dt.datetime:
    return START + dt.timedelta(hours=later)


def test_hours_without_scans_are_put_in() -> None:
    assert fill_gaps([(hour(0), 5), (hour(3), 7)], 72) == [(hour(0), 5), (hour(1), 0), (hour(2), 0), (hour(3), 7)]


def test_gaps_too_wide_to_show_are_left_out() -> None:
    far = [(hour(0), 5), (hour(20_000), 7)]
    assert fill_gaps(far, 72) == far
    assert fill_gaps([], 72) == []


def test_the_bars_are_as_tall_as_their_counts() -> None:
    bars = [Bar(hour(place), count, f"<{count}>") for place, count in enumerate([10, 5, 0])]
    svg = str(draw_bars(bars, "Scans & hours", "From <a> to <b>", "10", ["20 Nov", "", ""]))
    root = ElementTree.fromstring(svg)
    tall = [float(bar.attrib["height"]) for bar in root.findall("rect")]
    assert tall[0] == 2 * tall[1] > 0
    assert tall[2] == 0
    assert root.find("title").text == "Scans & hours"  # type: ignore[union-attr]
    assert root.find("desc").text == "From <a> to <b>"  # type: ignore[union-attr]
    assert [bar.find("title").text for bar in root.findall("rect")] == ["<10>", "<5>", "<0>"]  # type: ignore[union-attr]
    assert root.attrib["role"] == "img"
    assert "style=" not in svg
    assert not re.search(r"\bon\w+=", svg)
