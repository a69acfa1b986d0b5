"""The window of an arrival, in words."""

import datetime as dt

import pytest

from waypost.web.pages.eta import say_window
from waypost.web.pages.languages import get_language


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        ("2026-11-26T14:05+08:00", "2026-11-26T17:40+08:00", "Arrives Thu 26 Nov, 14:00–18:00 UTC+8"),
        ("2026-11-26T14:05+08:00", "2026-11-26T23:10+08:00", "Arrives Thu 26 Nov, 14:00–24:00 UTC+8"),
        ("2026-11-26T20:05+08:00", "2026-11-27T09:10+08:00", "Thu 26 Nov, 20:00 and Fri 27 Nov, 10:00 UTC+8"),
        ("2026-11-26T14:05+08:00", "2026-11-28T09:10+08:00", "Thu 26 Nov and Sat 28 Nov"),
        ("2026-11-26T14:05+08:00", "2026-11-28T22:59+08:00", "Thu 26 Nov and Sat 28 Nov"),
        ("2026-11-26T14:05+08:00", "2026-11-28T23:10+08:00", "Thu 26 Nov and Sat 28 Nov"),
        ("2026-11-26T14:05+08:00", "2026-11-29T00:00+08:00", "Thu 26 Nov and Sat 28 Nov"),
        ("2026-11-26T14:05+08:00", "2026-11-29T00:01+08:00", "Thu 26 Nov and Sun 29 Nov"),
        ("2026-11-26T14:05+05:30", "2026-11-26T17:40+05:30", "Arrives Thu 26 Nov, 14:00–18:00 UTC+5:30"),
    ],
)
def test_a_window_is_told_outwards(since: str, until: str, said: str) -> None:
    begin, end = (dt.datetime.fromisoformat(each) for each in (since, until))
    assert said in say_window(begin, end, get_language("en"))
