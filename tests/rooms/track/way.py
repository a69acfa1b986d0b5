"""A parcel's way from Hangzhou to Shanghai, and its two places."""

from waypost.model.instants import parse_instant
from waypost.testing import facility

WAY = """
    YT1      2026-11-20 10:00  GOT        HGH
             2026-11-20 22:10  DEPARTURE  HGH
             2026-11-21 06:20  ARRIVAL    PVG
             2026-11-21 08:00  SENT_SCAN  PVG
             2026-11-21 11:30  SIGNED     PVG
"""
FACILITIES = [
    facility("HGH", "CN-Zhejiang", city="Hangzhou", zone="Asia/Shanghai"),
    facility("PVG", "CN-Shanghai", city="Shanghai", zone="Asia/Shanghai"),
]


def ms(text: str) -> int:
    return parse_instant(text).at_ms
