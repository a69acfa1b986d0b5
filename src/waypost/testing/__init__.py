"""For us and for users: a clock that a test moves, and worlds in a few lines."""

from waypost.testing.clock import Clock
from waypost.testing.timetable import facility, scan, timetable
from waypost.testing.world import World

__all__ = ["Clock", "World", "facility", "scan", "timetable"]
