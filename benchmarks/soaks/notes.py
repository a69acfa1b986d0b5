"""What is noted during a soak, and whether it creeps up."""

import threading
from array import array
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]

#: What counts as flat: in the last third not more than so many times the first, and a little more that is noise.
_FLAT = 1.25
_NOISE = {"rss_anon_mb": 64.0, "lookup_p50_ms": 0.5, "lookup_p99_ms": 2.0, "lag_s": 0.5}


class Note(msgspec.Struct, frozen=True):
    """What a stretch of the soak came to.

    Attributes:
        seconds: its end, since the beginning of the soak.
        sent: scans acknowledged until then.
        sent_per_s: in it.
        behind_s: how late the senders were at its end.
        lag: scans acknowledged but not shown, at its end.
        lookups: how many parcels were looked up in it.
        lookup_p50_ms, lookup_p99_ms, lookup_most_ms: how long that took.
        accept_p99_ms: from a body to its acknowledgement.
        question_s: the longest answer from history that ended in it; None if none did.
        rss_anon_mb, rss_file_mb: memory of this process: its own, and views of files.
        disk_mb: all files of the home.
        cpu: of this process, in cores.
    """

    seconds: float
    sent: int
    sent_per_s: int
    behind_s: float
    lag: int
    lookups: int
    lookup_p50_ms: float | None
    lookup_p99_ms: float | None
    lookup_most_ms: float | None
    accept_p99_ms: float | None
    question_s: float | None
    rss_anon_mb: float
    rss_file_mb: float
    disk_mb: float
    cpu: float


class Times:
    """Durations, each with the moment at which it ended. Any thread may add."""

    def __init__(self) -> None:
        self.ends_s = array("d")
        self.took = array("d")
        self._adding = threading.Lock()

    def add(self, end_s: float, took: float) -> None:
        """One more."""
        with self._adding:
            self.ends_s.append(end_s)
            self.took.append(took)

    def between(self, start_s: float, stop_s: float) -> F64:
        """Those that ended in a stretch."""
        with self._adding:
            ends_s, took = np.array(self.ends_s), np.array(self.took)
        return took[(ends_s >= start_s) & (ends_s < stop_s)]


def find_trends(notes: Sequence[Note], lookup_ms: Times, rate: int) -> dict[str, dict[str, Any]]:
    """Of each of what should be flat: its first and its last third, its rise in an hour, and whether it is flat."""
    if len(notes) < 3:
        return {}
    seconds = np.array([note.seconds for note in notes])
    thirds = [(0.0, seconds[-1] / 3), (seconds[-1] * 2 / 3, seconds[-1] + 1)]
    courses = {
        "rss_anon_mb": np.array([note.rss_anon_mb for note in notes]),
        "lag_s": np.array([note.lag / rate for note in notes]),
        "lookup_p50_ms": np.array([note.lookup_p50_ms or 0.0 for note in notes]),
        "lookup_p99_ms": np.array([note.lookup_p99_ms or 0.0 for note in notes]),
    }
    percents = {"lookup_p50_ms": 50, "lookup_p99_ms": 99}
    trends = {}
    for name, values in courses.items():
        if name in percents:  # of all look-ups of a third, which is steadier than of its stretches
            first, last = (percentile(lookup_ms.between(*third), percents[name]) or 0.0 for third in thirds)
        else:
            first, last = (float(np.median(values[(seconds >= low) & (seconds < high)])) for low, high in thirds)
        trends[name] = {
            "first_third": round(first, 3),
            "last_third": round(last, 3),
            "per_hour": round(float(np.polyfit(seconds / 3600, values, 1)[0]), 3),
            "flat": last <= first * _FLAT + _NOISE[name],
        }
    return trends


def percentile(took: F64, percent: float) -> float | None:
    """To microseconds or so; None of none."""
    return round(float(np.percentile(took, percent)), 3) if len(took) else None
