"""The course of a load: how far it had come at which moment, and so how fast it was over any stretch of it."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Course:
    """Moments of a load: seconds since its beginning, scans that look-ups show, and seconds of CPU by then."""

    seconds: list[float] = field(default_factory=lambda: [0.0])
    scans: list[int] = field(default_factory=lambda: [0])
    cpu_s: list[float] = field(default_factory=lambda: [0.0])

    def note(self, seconds: float, scans: int, cpu_s: float = 0.0) -> None:
        """Add a moment, unless nothing has moved since the last."""
        if scans > self.scans[-1]:
            self.seconds.append(seconds)
            self.scans.append(scans)
            self.cpu_s.append(cpu_s)

    def seconds_at(self, scans: float) -> float:
        """When so many were in."""
        return float(np.interp(scans, self.scans, self.seconds))

    def per_s(self, start: float, stop: float) -> int:
        """Scans a second from one count to another."""
        took_s = self.seconds_at(stop) - self.seconds_at(start)
        return round((stop - start) / took_s) if took_s > 0 else 0

    def cpu_us(self, start: float, stop: float) -> float:
        """Microseconds of CPU a scan from one count to another."""
        used_s = np.interp([start, stop], self.scans, self.cpu_s)
        return round(float(used_s[1] - used_s[0]) / (stop - start) * 1e6, 2)

    def stretches(self, many: int) -> list[dict[str, float]]:
        """The load cut into so many equal stretches: how many scans were in at the end of each, rate and cost in it."""
        ends = np.linspace(0, self.scans[-1], many + 1)
        return [
            {"scans": round(stop), "per_s": self.per_s(start, stop), "cpu_us_per_scan": self.cpu_us(start, stop)}
            for start, stop in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
        ]
